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
        let asked = match server.is_free() {
            Ok(true) => server.assign(&assignment()?),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        match asked {
            Ok(answer) => answer,
            Err(_) => {
                self.give_up();
                None
            }
        }
    }

    /// Has one coordinator forked that waits for a run, unless there is one.
    pub(super) fn fork_ahead(&mut self) {
        if self.server.as_mut().is_some_and(|server| server.fork_ahead().is_err()) {
            self.give_up();
        }
    }

    /// Returns the children of the runner that are there for its starts and have no run.
    pub(super) fn pids(&mut self) -> impl Iterator<Item = Pid> {
        if self.server.as_mut().is_some_and(|server| server.hear_all().is_err()) {
            self.give_up();
        }
        let server = self.server.as_ref();
        server.into_iter().flat_map(|server| [Some(server.pid()), server.waiting()].into_iter().flatten())
    }

    /// Has none for a while.
    fn give_up(&mut self) {
        if let Some(server) = self.server.take() {
            // One that never was ready would not be the next time.
            self.by_itself = if server.has_been_ready { 0 } else { FIRST };
        }
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
    has_been_ready: bool,
    /// Whether it reads what is sent. It is not while a coordinator waits, nor until that has started its command.
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
        Ok(ForkServer { process, socket, has_been_ready: false, is_ready: false, ahead: Ahead::None })
    }

    /// Takes in what it has said, without waiting, and says whether there is nothing more to come.
    fn is_free(&mut self) -> io::Result<bool> {
        while self.owes() && self.has_answered()? {
            self.hear()?;
        }
        Ok(!self.owes())
    }

    /// Waits for all that it has to say.
    fn hear_all(&mut self) -> io::Result<()> {
        while self.has_been_ready && self.owes() {
            self.hear()?;
        }
        Ok(())
    }

    fn owes(&self) -> bool {
        self.ahead == Ahead::Ordered || !self.is_ready && self.ahead == Ahead::None
    }

    fn hear(&mut self) -> io::Result<()> {
        match self.answer()? {
            READY if !self.is_ready => (self.is_ready, self.has_been_ready) = (true, true),
            pid @ 1.. if self.ahead == Ahead::Ordered => self.ahead = Ahead::Waiting(Pid::from_raw(pid)),
            ..0 if self.ahead == Ahead::Ordered => self.ahead = Ahead::None,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
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

    /// Has a coordinator live through a run; the inner error is that of the fork. Nothing if there is none to do so.
    fn assign(&mut self, assignment: &Assignment) -> io::Result<Option<io::Result<Pid>>> {
        if let Some(pid) = self.waiting() {
            // Whatever becomes of it, the fork server hears of it, and is ready again.
            (self.ahead, self.is_ready) = (Ahead::None, false);
            // It may have been killed.
            if !reap::is_running_child(pid) {
                return Ok(None);
            }
            self.order(Some(pid), Some(assignment))?;
            return Ok(Some(Ok(pid)));
        }
        self.order(None, Some(assignment))?;
        Ok(Some(match self.answer()? {
            READY => return Err(io::ErrorKind::InvalidData.into()),
            pid @ 1.. => Ok(Pid::from_raw(pid)),
            error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        }))
    }

    fn fork_ahead(&mut self) -> io::Result<()> {
        if self.has_been_ready && self.ahead == Ahead::None {
            self.order(None, None)?;
            self.ahead = Ahead::Ordered;
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
        let _ = self.is_free();
        let _ = self.process.kill();
        // The runner, who takes the status of every child, may have had it already.
        let _ = self.process.wait();
        if let Some(pid) = self.waiting().filter(|pid| reap::is_running_child(*pid)) {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = fork::reap(pid);
        }
    }
}
