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
        match server
            .listen()
            .and_then(|()| assignment().map_or(Ok(None), |assignment| server.assign(&assignment)))
        {
            Ok(answer) => answer,
            Err(_) => {
                self.give_up();
                None
            }
        }
    }

    /// Has one coordinator forked that waits for a run, unless there is one.
    pub(super) fn fork_ahead(&mut self) {
        if let Some(server) = &mut self.server
            && server.listen().and_then(|()| server.fork_ahead()).is_err()
        {
            self.give_up();
        }
    }

    /// A child of the runner has ended that is no coordinator with a run.
    pub(super) fn reaped(&mut self, pid: Pid) {
        if let Some(server) = &mut self.server {
            if server.pid() == pid {
                server.is_gone = true;
                self.give_up();
            } else if server.state == State::Waiting(pid) {
                server.state = State::Busy;
            }
        }
    }

    /// Returns the children of the runner that are there for its starts and have no run, as far as it has heard of them.
    pub(super) fn pids(&mut self) -> impl Iterator<Item = Pid> {
        let _ = self.server.as_mut().map(ForkServer::listen);
        let server = self.server.as_ref();
        server.into_iter().flat_map(|server| [Some(server.pid()), server.waiting()].into_iter().flatten())
    }

    /// Has none for a while.
    fn give_up(&mut self) {
        if let Some(server) = self.server.take() {
            // One that never was ready would not be the next time.
            self.by_itself = if server.state == State::Starting { FIRST } else { 0 };
        }
    }

    /// Ends them.
    pub(super) fn end(&mut self) {
        self.server = None;
    }
}

/// What a fork server is at, as far as its runner has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It will say when it is ready.
    Starting,
    /// It reads orders.
    Free,
    /// It is to fork a coordinator that waits for a run, and will say which.
    Ordered,
    /// This coordinator waits for a run, and alone reads what is sent.
    Waiting(Pid),
    /// The coordinator that waited has a run or has died; the server will say when it reads orders again.
    Busy,
    /// The same, and an order as for [`State::Ordered`] is on its way.
    BusyOrdered,
}

/// A runner's end of it.
#[derive(Debug)]
struct ForkServer {
    process: Child,
    socket: OwnedFd,
    state: State,
    /// Whether its status was taken, so that its number may be another's.
    is_gone: bool,
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
        Ok(ForkServer { process, socket, state: State::Starting, is_gone: false })
    }

    /// Takes in what it has said, without waiting.
    fn listen(&mut self) -> io::Result<()> {
        while !matches!(self.state, State::Free | State::Waiting(_)) && self.has_answered()? {
            self.state = match (self.state, packet::receive_answer(&self.socket)?) {
                (State::Starting | State::Busy, READY) => State::Free,
                (State::BusyOrdered, READY) => State::Ordered,
                (State::Ordered, pid @ 1..) => State::Waiting(Pid::from_raw(pid)),
                // The fork failed.
                (State::Ordered, ..=-1) => State::Free,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
        }
        Ok(())
    }

    fn has_answered(&self) -> io::Result<bool> {
        Ok(poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)? > 0)
    }

    /// Has a coordinator live through a run; the inner error is that of the fork. Nothing if there is none to do so.
    fn assign(&mut self, assignment: &Assignment) -> io::Result<Option<io::Result<Pid>>> {
        let (to, waiting) = match self.state {
            State::Free => (None, None),
            // It may have been killed.
            State::Waiting(pid) if reap::is_running_child(pid) => {
                (Some(pid.as_raw().cast_unsigned()), Some(pid))
            }
            State::Waiting(_) => {
                self.state = State::Busy;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        match packet::send(&self.socket, &Order { to, assignment: Some(assignment) }) {
            // Too long for a message.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            sent => sent?,
        }
        if let Some(pid) = waiting {
            self.state = State::Busy;
            return Ok(Some(Ok(pid)));
        }
        let answer = packet::receive_answer(&self.socket).or_else(|_| {
            // It may have forked, and then nobody else must.
            self.end();
            packet::receive_answer(&self.socket)
        });
        Ok(Some(match answer? {
            READY => return Err(io::ErrorKind::InvalidData.into()),
            pid @ 1.. => Ok(Pid::from_raw(pid)),
            error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        }))
    }

    fn fork_ahead(&mut self) -> io::Result<()> {
        let next = match self.state {
            State::Free => State::Ordered,
            State::Busy => State::BusyOrdered,
            _ => return Ok(()),
        };
        packet::send(&self.socket, &Order { to: None, assignment: None::<Assignment> })?;
        self.state = next;
        Ok(())
    }

    fn waiting(&self) -> Option<Pid> {
        match self.state {
            State::Waiting(pid) => Some(pid),
            _ => None,
        }
    }

    /// Ends it whatever it is at; what it has said can be read still.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.is_gone, true) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for ForkServer {
    /// Ends it; nothing is lost with it, nor with a coordinator that waits.
    fn drop(&mut self) {
        self.end();
        let _ = self.listen();
        if let Some(pid) = self.waiting().filter(|pid| reap::is_running_child(*pid)) {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = fork::reap(pid);
        }
    }
}
