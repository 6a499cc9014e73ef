//! Runs a closure in a short-lived child that may neither eat the machine nor crash its caller.
//!
//! Owns the limits and the report of which one ended the child. Knows nothing of what is run in it: the work returns
//! bytes, the caller gives them a meaning.

use std::any::Any;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::WaitStatus;
use nix::unistd::{Pid, pipe2};

use super::arena;
use super::fork::{self, Forked};
use super::pidfd::poll_timeout;
use super::signals;

/// What a contained child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space, what the caller has mapped already included.
    pub address_space: u64,
    /// Bytes of stack of the calling thread.
    pub stack: u64,
    /// Processor time; counted in whole seconds, rounded up.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
}

/// Why a contained child gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ContainedError {
    /// The wall time was used up.
    #[error("took longer than {} seconds", .0.as_secs_f64())]
    Deadline(Duration),
    /// The processor time was used up.
    #[error("used more than {} seconds of processor time", .0.as_secs_f64())]
    Cpu(Duration),
    /// An allocation failed.
    #[error("used more than {0} bytes of memory")]
    Memory(u64),
    /// The stack overflowed.
    #[error("nested deeper than {0} bytes of stack allow")]
    Stack(u64),
    /// The work panicked.
    #[error("internal error: {0}")]
    Panic(String),
    /// A signal from elsewhere ended the child.
    #[error("was ended by signal {0}")]
    Signal(i32),
    /// The child ended without a result and without a signal.
    #[error("ended without a result, exit status {0}")]
    NoResult(i32),
    /// The child could not be started or read.
    #[error("cannot run a contained child: {0}")]
    Io(#[from] io::Error),
}

const RESULT: u8 = 0;
const PANIC: u8 = 1;

/// Runs `work` in a forked child under `limits` and returns its bytes.
///
/// The child has no output and ends with this thread at the latest. Fails without forking if the process has more than
/// one thread. Never waits longer than the wall limit, never polls.
pub fn run(limits: &Limits, work: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, ContainedError> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
    let parent = nix::unistd::getpid();
    match fork::fork()? {
        Forked::Child => {
            drop(reader);
            work_in_child(limits, parent, writer, work)
        }
        Forked::Parent(child) => {
            drop(writer);
            supervise(limits, child, reader)
        }
    }
}

fn work_in_child(limits: &Limits, parent: Pid, writer: OwnedFd, work: impl FnOnce() -> Vec<u8>) -> ! {
    let (tag, bytes) = match enter(limits, parent) {
        Ok(()) => match panic::catch_unwind(AssertUnwindSafe(work)) {
            Ok(bytes) => (RESULT, bytes),
            Err(payload) => (PANIC, panic_message(payload.as_ref()).into_bytes()),
        },
        Err(error) => (PANIC, format!("cannot set limits: {error}").into_bytes()),
    };
    let mut pipe = File::from(writer);
    let mut head = vec![tag];
    head.extend((bytes.len() as u64).to_le_bytes());
    let sent = pipe.write_all(&head).and_then(|()| pipe.write_all(&bytes));
    fork::exit_now(if sent.is_ok() { 0 } else { 1 })
}

/// Puts the limits in force, core dumps and output off, and faults back to plain death.
fn enter(limits: &Limits, parent: Pid) -> io::Result<()> {
    arena::enter(usize::try_from(limits.address_space / 4).unwrap_or(usize::MAX));
    fork::die_with_parent(parent)?;
    fork::silence_output()?;
    signals::reset_to_default(&[libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT])?;
    panic::set_hook(Box::new(|_| {}));
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    limit(Resource::RLIMIT_STACK, limits.stack, limits.stack)?;
    let seconds = (limits.cpu.as_secs_f64().ceil() as u64).max(1);
    limit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
    limit(Resource::RLIMIT_AS, limits.address_space, limits.address_space)
}

/// Lowers a limit; a hard limit that is lower already stays.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, highest) = nix::sys::resource::getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(highest), hard.min(highest))?)
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown panic".to_owned())
}

fn supervise(limits: &Limits, child: Pid, reader: OwnedFd) -> Result<Vec<u8>, ContainedError> {
    let deadline = Instant::now() + limits.wall;
    let received = receive(reader, deadline);
    if !matches!(received, Ok(Some(_))) {
        // The child is not reaped yet, so the number is still its own.
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
    }
    let status = fork::reap(child)?;
    match received? {
        None => Err(ContainedError::Deadline(limits.wall)),
        Some(bytes) => judge(limits, &bytes, status),
    }
}

/// Reads until the child's end closes; nothing if the deadline comes first.
fn receive(reader: OwnedFd, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut pipe = File::from(reader);
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], poll_timeout(Some(left))) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match pipe.read(&mut chunk) {
            Ok(0) => return Ok(Some(bytes)),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Tells a whole result from the several ways to die.
fn judge(limits: &Limits, bytes: &[u8], status: WaitStatus) -> Result<Vec<u8>, ContainedError> {
    match status {
        WaitStatus::Exited(_, 0) => match split_message(bytes) {
            Some((RESULT, body)) => Ok(body.to_vec()),
            Some((_, body)) => Err(ContainedError::Panic(String::from_utf8_lossy(body).into_owned())),
            None => Err(ContainedError::NoResult(0)),
        },
        WaitStatus::Exited(_, code) => Err(ContainedError::NoResult(code)),
        WaitStatus::Signaled(_, signal, _) => Err(match signal as i32 {
            // Rust aborts on a failed allocation; nothing else in the child does.
            libc::SIGABRT => ContainedError::Memory(limits.address_space),
            libc::SIGSEGV | libc::SIGBUS => ContainedError::Stack(limits.stack),
            libc::SIGXCPU => ContainedError::Cpu(limits.cpu),
            other => ContainedError::Signal(other),
        }),
        _ => Err(ContainedError::NoResult(-1)),
    }
}

fn split_message(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (length, body) = rest.split_first_chunk::<8>()?;
    (u64::from_le_bytes(*length) == body.len() as u64).then_some((*tag, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::alone;

    const LIMITS: Limits = Limits {
        address_space: 1 << 30,
        stack: 8 << 20,
        cpu: Duration::from_secs(5),
        wall: Duration::from_secs(20),
    };

    fn sink(byte: u8) -> u8 {
        std::hint::black_box(byte)
    }

    // Not a tail call, or the compiler would make it a loop.
    #[allow(unconditional_recursion)]
    fn dive(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 64]);
        dive(depth + 1) + frame[(depth % 64) as usize]
    }

    #[test]
    fn the_bytes_of_the_work_come_back_whole() {
        alone(|| {
            let bytes = run(&LIMITS, || vec![7; 3_000_000]).unwrap();
            assert_eq!((bytes.len(), bytes[2_999_999]), (3_000_000, 7));
            assert!(run(&LIMITS, Vec::new).unwrap().is_empty());
        });
    }

    #[test]
    fn each_limit_is_told_apart() {
        alone(|| {
            let forever = Limits { wall: Duration::from_millis(50), ..LIMITS };
            let pause = || {
                std::thread::sleep(Duration::from_secs(60));
                Vec::new()
            };
            assert!(matches!(run(&forever, pause), Err(ContainedError::Deadline(_))));
            let hog = || vec![sink(1); 1 << 40];
            assert!(matches!(run(&LIMITS, hog), Err(ContainedError::Memory(_))));
            assert!(matches!(run(&LIMITS, || vec![dive(0) as u8]), Err(ContainedError::Stack(_))));
            let busy = Limits { cpu: Duration::from_secs(1), ..LIMITS };
            let spin = || loop {
                sink(1);
            };
            assert!(matches!(run(&busy, spin), Err(ContainedError::Cpu(_))));
        });
    }

    #[test]
    fn a_panic_comes_back_with_its_message() {
        alone(|| match run(&LIMITS, || panic!("no {}", "way")) {
            Err(ContainedError::Panic(message)) => assert_eq!(message, "no way"),
            other => panic!("{other:?}"),
        });
    }

    #[test]
    fn a_process_with_threads_is_refused() {
        alone(|| {
            let waiting = std::sync::Arc::new(std::sync::Barrier::new(2));
            let other = waiting.clone();
            let thread = std::thread::spawn(move || other.wait());
            assert!(matches!(run(&LIMITS, Vec::new), Err(ContainedError::Io(_))));
            waiting.wait();
            thread.join().unwrap();
        });
    }
}
