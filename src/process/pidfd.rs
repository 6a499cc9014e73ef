//! A process held by descriptor: the number may be reused, the descriptor never is.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// An open process.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// Opens the process that has this number now; the caller proves that it is the one it means.
    pub fn open(pid: Pid) -> io::Result<PidFd> {
        // SAFETY: pidfd_open takes two integers and returns a new descriptor or an error.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
        // SAFETY: the descriptor is new, open, and owned by nothing else.
        Ok(PidFd(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    /// Sends a signal; says `false` if the process is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let nothing = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open; a null siginfo asks for what kill(2) would send.
        let result = unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal as libc::c_int, nothing, 0)
        };
        delivered(result)
    }

    /// Sends a signal with a value that its receiver can read; says `false` if the process is gone.
    pub fn signal_with(&self, signal: Signal, value: i32) -> io::Result<bool> {
        let info = Queued::new(signal, value);
        // SAFETY: the descriptor is open; the siginfo is of the size and form that the kernel reads.
        let result = unsafe {
            let (fd, number) = (self.0.as_raw_fd(), signal as libc::c_int);
            libc::syscall(libc::SYS_pidfd_send_signal, fd, number, &raw const info, 0)
        };
        delivered(result)
    }

    /// Waits until the process has ended, or until `deadline`; says whether it has. Does not reap it.
    pub fn wait_ended(&self, deadline: Option<Instant>) -> io::Result<bool> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], poll_timeout(left)) {
                Ok(0) if left.is_none_or(|left| !left.is_zero()) => {}
                Ok(count) => return Ok(count > 0),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn delivered(result: libc::c_long) -> io::Result<bool> {
    match Errno::result(result) {
        Ok(_) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The siginfo of sigqueue(3), as 64-bit Linux lays it out: the union of its second part begins at byte 16.
#[repr(C)]
struct Queued {
    signal: i32,
    errno: i32,
    code: i32,
    _gap: i32,
    pid: i32,
    uid: u32,
    value: i64,
    _rest: [u64; 12],
}

const _: () = assert!(size_of::<Queued>() == size_of::<libc::siginfo_t>());

impl Queued {
    fn new(signal: Signal, value: i32) -> Queued {
        let (pid, uid) = (Pid::this().as_raw(), nix::unistd::getuid().as_raw());
        let (signal, code, value) = (signal as i32, libc::SI_QUEUE, value.into());
        Queued { signal, errno: 0, code, _gap: 0, pid, uid, value, _rest: [0; 12] }
    }
}

/// Rounds a time up to what poll takes; none is for ever.
pub(crate) fn poll_timeout(left: Option<Duration>) -> PollTimeout {
    let Some(left) = left else { return PollTimeout::NONE };
    let millis = left.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A process that this one looks after: its own child, or one that was proven and opened.
#[derive(Debug)]
pub enum Supervised {
    /// A child that is not reaped yet, so that its number is its own.
    Child(Pid),
    /// A stranger's child.
    Adopted(PidFd),
}

impl Supervised {
    /// Sends a signal; says `false` if the process is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        match self {
            Supervised::Child(pid) => nix::sys::signal::kill(*pid, signal).map(|()| true).map_err(Into::into),
            Supervised::Adopted(pidfd) => pidfd.signal(signal),
        }
    }
}
