//! A small process that forks coordinators for a runner.
//!
//! A fork copies the page tables of who forks, and then each page that one of the two writes to. A runner's memory grows
//! with its task; this process has hardly any, so that a start of one process among fifty thousand costs what it costs
//! alone. It executes this program anew, is told what all coordinators of the task have in common, and forks on request.
//! What it forks are its siblings, the children of the runner. It ends when the runner does.
//!
//! The runner can do without it, and forks by itself where it has not started much yet, and where this process is not
//! ready, was killed, or does not answer.

use std::env;
use std::hash::RandomState;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::coordinator::{Assignment, Setup, coordinate};
use crate::process::fork::{Forked, OneThread, fork_sibling, leave_by};
use crate::process::identity::Moment;
use crate::process::signals;

/// The argument by which this program is such a process.
pub const ROLE: &str = "__fork-server";

/// How many coordinators a runner forks by itself before it has them forked: to execute a program costs more than what is
/// saved by then.
const FIRST: u32 = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of a message: what does not block who sends it, though nobody reads yet.
const LONGEST: usize = 64 << 10;

/// The answer that there is no longer anything to wait for; any other is the number of a process, or an error's.
const READY: i32 = 0;

/// Has coordinators forked once a runner has started a few.
#[derive(Debug, Default)]
pub(super) struct Forks {
    by_itself: u32,
    server: Option<ForkServer>,
}

impl Forks {
    /// Has a coordinator forked. Nothing if the runner is to fork it by itself.
    pub(super) fn ask(
        &mut self,
        setup: &Setup,
        assignment: impl FnOnce() -> Option<Assignment>,
    ) -> Option<io::Result<Pid>> {
        let Some(server) = &mut self.server else {
            self.by_itself = self.by_itself.saturating_add(1);
            if self.by_itself == FIRST {
                self.server = ForkServer::launch(setup).ok();
            }
            return None;
        };
        let asked = match server.is_ready() {
            Ok(true) => server.fork(&assignment()?),
            Ok(false) => return None,
            Err(error) => Err(error),
        };
        match asked {
            Ok(answer) => Some(answer),
            Err(_) => {
                // One that never was ready would not be the next time.
                self.by_itself = if server.is_ready { 0 } else { FIRST };
                self.server = None;
                None
            }
        }
    }

    /// Returns the process that forks, if there is one.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.server.as_ref().map(ForkServer::pid)
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.server = None;
    }
}

/// A runner's end of it.
#[derive(Debug)]
struct ForkServer {
    process: Child,
    stream: UnixStream,
    is_ready: bool,
}

impl ForkServer {
    /// Starts it; it is ready some milliseconds later.
    fn launch(setup: &Setup) -> io::Result<ForkServer> {
        let message = frame(setup)?;
        let (stream, other) = UnixStream::pair()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0(env::args_os().next().unwrap_or_else(|| "thermos".into())).arg(ROLE);
        // In a group of its own: what a terminal sends is for the runner.
        let process = command.stdin(Stdio::from(OwnedFd::from(other))).process_group(0).spawn()?;
        let mut server = ForkServer { process, stream, is_ready: false };
        server.stream.write_all(&message)?;
        Ok(server)
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        if !self.is_ready {
            let waiting = PollFd::new(self.stream.as_fd(), PollFlags::POLLIN);
            if poll(&mut [waiting], PollTimeout::ZERO)? > 0 {
                self.is_ready = self.answer()? == READY;
            }
        }
        Ok(self.is_ready)
    }

    /// Has a coordinator forked; the inner error is that of the fork.
    fn fork(&mut self, assignment: &Assignment) -> io::Result<io::Result<Pid>> {
        self.stream.write_all(&frame(assignment)?)?;
        Ok(match self.answer()? {
            READY => return Err(io::ErrorKind::InvalidData.into()),
            pid @ 1.. => Ok(Pid::from_raw(pid)),
            error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        })
    }

    fn answer(&mut self) -> io::Result<i32> {
        let mut bytes = [0; 4];
        self.stream.read_exact(&mut bytes)?;
        Ok(i32::from_ne_bytes(bytes))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for ForkServer {
    /// Ends it whatever it is at; nothing is lost with it.
    fn drop(&mut self) {
        let _ = self.process.kill();
        // The runner, who takes the status of every child, may have had it already.
        let _ = self.process.wait();
    }
}

/// Lives as such a process, whose standard input leads to a runner, until that is gone.
///
/// # Errors
/// Standard input does not lead to a runner.
pub fn serve() -> io::Result<()> {
    signals::block(&SigSet::all())?;
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.peer_addr()?;
    // A runner that dies leaves messages cut off: it will not miss the answers.
    let _ = converse(stream);
    Ok(())
}

fn converse(stream: UnixStream) -> io::Result<()> {
    let one_thread = OneThread::prove()?.ok_or(io::ErrorKind::Unsupported)?;
    let (mut stream, mut buffer) = (BufReader::new(stream), Vec::new());
    let setup: Setup = next(&mut stream, &mut buffer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    // What each coordinator would ask the kernel for anew.
    let _ = RandomState::new();
    stream.get_mut().write_all(&READY.to_ne_bytes())?;
    while let Some(assignment) = next::<Assignment>(&mut stream, &mut buffer)? {
        let now = Moment::now();
        let answer = match fork_sibling(&one_thread) {
            Ok(Forked::Child) => leave_by(|| coordinate(&setup, &assignment, now)),
            Ok(Forked::Parent(pid)) => pid.as_raw(),
            Err(error) => -error.raw_os_error().unwrap_or(nix::libc::EIO),
        };
        stream.get_mut().write_all(&answer.to_ne_bytes())?;
    }
    Ok(())
}

/// Makes a message: its length, then JSON.
fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = bytes.len() - 4;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message is too long"));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_ne_bytes());
    Ok(bytes)
}

/// Reads a message; nothing if there is nobody any more who would send one.
fn next<T: DeserializeOwned>(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_ne_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.resize(length, 0);
    stream.read_exact(buffer)?;
    Ok(Some(serde_json::from_slice(buffer)?))
}
