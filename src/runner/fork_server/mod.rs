//! A small process that forks coordinators for a runner.
//!
//! A fork copies the page tables of who forks, and then each page that one of the two writes to. A runner's memory grows
//! with its task; this process has hardly any, so that a start of one process among fifty thousand costs what it costs
//! alone. It executes this program anew, is told what all coordinators of the task have in common, and forks on request.
//! What it forks are its siblings, the children of the runner. It ends when the runner does.
//!
//! A runner that can only wait has a coordinator forked ahead, for whatever is ready next: as soon as one process ends,
//! the one that depends on it starts without waiting for a fork.
//!
//! The runner can do without it, and forks by itself where it has not started much yet, and where this process is not
//! ready, was killed, or does not answer.

mod packet;
mod serve;

use std::env;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::packet::{Order, READY};
use super::assignment::{Assignment, Setup};
use crate::process::{fork, reap};

pub use serve::serve;

/// The argument by which this program is such a process.
pub const ROLE: &str = "__fork-server";

/// How many coordinators a runner forks by itself before it has them forked: to execute a program costs more than what is
/// saved by then.
const FIRST: u32 = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Has coordinators forked once a runner has started a few.
#[derive(Debug, Default)]
pub(super) struct Forks {
    by_itself: u32,
    server: Option<ForkServer>,
}

impl Forks {
    /// Has a coordinator live through a run. Nothing if the runner is to fork one by itself.
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
            Ok(true) => server.assign(&assignment()?),
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

    /// Has one coordinator forked that waits for a run, unless there is one.
    pub(super) fn fork_ahead(&mut self) {
        if let Some(server) = &mut self.server
            && server
                .is_ready()
                .and_then(|is_ready| if is_ready { server.fork_ahead() } else { Ok(()) })
                .is_err()
        {
            self.server = None;
        }
    }

    /// Returns the children of the runner that are there for its starts and have no run.
    pub(super) fn pids(&mut self) -> impl Iterator<Item = Pid> {
        if self.server.as_mut().is_some_and(|server| server.hear_who_waits().is_err()) {
            self.server = None;
        }
        let server = self.server.as_ref();
        server.into_iter().flat_map(|server| [Some(server.pid()), server.waiting()].into_iter().flatten())
    }

    /// Ends them.
    pub(super) fn end(&mut self) {
        self.server = None;
    }
}

/// A coordinator that was forked ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ahead {
    /// There is none.
    None,
    /// The answer has not come yet.
    Ordered,
    /// It waits for a run.
    Waiting(Pid),
}

/// A runner's end of it.
#[derive(Debug)]
struct ForkServer {
    process: Child,
    socket: OwnedFd,
    is_ready: bool,
    ahead: Ahead,
}

impl ForkServer {
    /// Starts it; it is ready some milliseconds later.
    fn launch(setup: &Setup) -> io::Result<ForkServer> {
        let (socket, other) = packet::pair(PATIENCE)?;
        packet::send(&socket, setup)?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0(env::args_os().next().unwrap_or_else(|| "thermos".into())).arg(ROLE);
        // In a group of its own: what a terminal sends is for the runner.
        let process = command.stdin(Stdio::from(other)).process_group(0).spawn()?;
        Ok(ForkServer { process, socket, is_ready: false, ahead: Ahead::None })
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        if !self.is_ready && self.has_answered()? {
            self.is_ready = self.answer()? == READY;
        }
        Ok(self.is_ready)
    }

    fn has_answered(&self) -> io::Result<bool> {
        Ok(poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? > 0)
    }

    fn answer(&self) -> io::Result<i32> {
        packet::receive_answer(&self.socket)
    }

    fn order(&self, by: Option<Pid>, assignment: Option<&Assignment>) -> io::Result<()> {
        packet::send(&self.socket, &Order { by: by.map(|pid| pid.as_raw().cast_unsigned()), assignment })
    }

    /// Has a coordinator live through a run; the inner error is that of the fork.
    fn assign(&mut self, assignment: &Assignment) -> io::Result<io::Result<Pid>> {
        self.hear_who_waits()?;
        let waiting = self.waiting();
        self.ahead = Ahead::None;
        // It may have been killed.
        if let Some(pid) = waiting.filter(|pid| reap::is_running_child(*pid)) {
            self.order(waiting, Some(assignment))?;
            return Ok(Ok(pid));
        }
        self.order(None, Some(assignment))?;
        Ok(match self.answer()? {
            READY => return Err(io::ErrorKind::InvalidData.into()),
            pid @ 1.. => Ok(Pid::from_raw(pid)),
            error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        })
    }

    fn fork_ahead(&mut self) -> io::Result<()> {
        if self.ahead == Ahead::None {
            self.order(None, None)?;
            self.ahead = Ahead::Ordered;
        }
        Ok(())
    }

    /// Waits for the answer to an order to fork ahead.
    fn hear_who_waits(&mut self) -> io::Result<()> {
        if self.ahead == Ahead::Ordered {
            self.ahead = match self.answer()? {
                pid @ 1.. => Ahead::Waiting(Pid::from_raw(pid)),
                _ => Ahead::None,
            };
        }
        Ok(())
    }

    fn waiting(&self) -> Option<Pid> {
        match self.ahead {
            Ahead::Waiting(pid) => Some(pid),
            Ahead::None | Ahead::Ordered => None,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for ForkServer {
    /// Ends it whatever it is at; nothing is lost with it, nor with a coordinator that waits.
    fn drop(&mut self) {
        if self.has_answered().is_ok_and(|has_answered| has_answered) {
            let _ = self.hear_who_waits();
        }
        let _ = self.process.kill();
        // The runner, who takes the status of every child, may have had it already.
        let _ = self.process.wait();
        if let Some(pid) = self.waiting().filter(|pid| reap::is_running_child(*pid)) {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = fork::reap(pid);
        }
    }
}
