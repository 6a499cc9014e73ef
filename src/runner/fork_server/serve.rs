//! The life of a fork server, and of a coordinator until there is a run for it.

use std::hash::RandomState;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::socket::{UnixAddr, getpeername};

use super::packet::{self, Order, READY};
use crate::process::fork::{self, Forked, OneThread, fork_sibling, leave_by};
use crate::process::identity::Moment;
use crate::process::signals;
use crate::runner::assignment::{Assignment, Prepared, Setup};
use crate::runner::coordinator::{Birth, code, coordinate, leave_session};

/// Lives as a fork server, whose standard input leads to a runner, until that is gone.
///
/// # Errors
/// Standard input does not lead to a runner.
pub fn serve() -> io::Result<()> {
    signals::block(&SigSet::all())?;
    getpeername::<UnixAddr>(io::stdin().as_raw_fd())?;
    // What the runner's caller left open is for no coordinator. This program has opened nothing yet.
    fork::close_foreign_descriptors()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    // A runner that dies does not miss the answers.
    let _ = follow_orders(socket);
    Ok(())
}

/// Forks what the runner orders.
fn follow_orders(socket: OwnedFd) -> io::Result<()> {
    let one_thread = OneThread::prove()?.ok_or(io::ErrorKind::Unsupported)?;
    let Some(setup) = packet::receive::<Setup>(&socket)? else { return Ok(()) };
    let console = [fork::duplicate(1)?, fork::duplicate(2)?];
    fork::detach_standard_descriptors()?;
    prepare_for_all();
    packet::answer(&socket, READY)?;
    while let Some(order) = packet::receive::<Order<Assignment>>(&socket)? {
        // The coordinator holds one end until its command has started or it has died: what is sent is for it until then.
        let mut held = match order {
            Order { to: Some(_), .. } => continue,
            Order { assignment: None, .. } => Some(io::pipe()?),
            Order { assignment: Some(_), .. } => None,
        };
        let prepared = order.assignment.map(|assignment| Prepared::new(&setup, assignment));
        let forked = Moment::now();
        let answer = match fork_sibling(&one_thread) {
            Ok(Forked::Child) => leave_by(|| {
                let moments = [forked, Moment::now()];
                let until_started = held.map(|(_, writer)| writer.into());
                let birth = Birth { moments, console: Some(console), until_started };
                become_coordinator(&setup, socket, birth, prepared)
            }),
            Ok(Forked::Parent(pid)) => pid.as_raw(),
            Err(error) => {
                held = None;
                -error.raw_os_error().unwrap_or(libc::EIO)
            }
        };
        packet::answer(&socket, answer)?;
        if let Some((reader, writer)) = held {
            drop(writer);
            if !is_closed(&reader, &socket)? {
                return Ok(());
            }
            packet::answer(&socket, READY)?;
        }
    }
    Ok(())
}

/// Waits until nobody holds the other end of a pipe; says `false` if the runner is gone before.
fn is_closed(pipe: &PipeReader, socket: &OwnedFd) -> io::Result<bool> {
    // No event is asked for: that nobody is at the other end is told always (poll(2)).
    let mut both = [pipe.as_fd(), socket.as_fd()].map(|fd| PollFd::new(fd, PollFlags::empty()));
    packet::uninterrupted(|| poll(&mut both, PollTimeout::NONE))?;
    Ok(both[0].any() == Some(true))
}

/// Does once what each coordinator would have to do otherwise.
fn prepare_for_all() {
    let _ = RandomState::new();
    let _ = Moment::now().tick();
    fork::silence_panics();
    // It was executed by a path that does not say what it is.
    let _ = nix::sys::prctl::set_name(c"thermos");
}

/// Lives as a coordinator with what it has of its fork server, and returns its exit code.
fn become_coordinator(setup: &Setup, socket: OwnedFd, birth: Birth, prepared: Option<Prepared>) -> i32 {
    if leave_session().is_err() {
        return code::BROKEN;
    }
    let prepared = match prepared.map_or_else(|| wait_for_run(setup, &socket), |prepared| Ok(Some(prepared)))
    {
        Ok(Some(prepared)) => prepared,
        Ok(None) => return code::CLEAN,
        Err(_) => return code::BROKEN,
    };
    drop(socket);
    let console = birth.console.filter(|_| prepared.assignment.logger.destination.has_console());
    coordinate(setup, &prepared, Birth { console, ..birth })
}

/// Waits for a run that is given to this process; nothing if the runner is gone.
fn wait_for_run(setup: &Setup, socket: &OwnedFd) -> io::Result<Option<Prepared>> {
    let own = Some(std::process::id());
    while let Some(order) = packet::receive::<Order<Assignment>>(socket)? {
        if order.to == own {
            return Ok(order.assignment.map(|assignment| Prepared::new(setup, assignment)));
        }
    }
    Ok(None)
}
