//! Going on in the background: a child in a session of its own, for which its parent waits until it is under way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::wait::WaitStatus;
use nix::unistd::{pipe2, setsid};

use super::fork::{self, Forked};

/// Where [`detach`] returned.
#[derive(Debug)]
pub enum Detached {
    /// In the background, which still has the caller's standard streams.
    Child(Beginning),
    /// In the foreground, once it is known what became of the child.
    Parent(Begun),
}

/// What became of a child before its parent went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is under way.
    UnderWay,
    /// It ended before, with this code.
    Ended(i32),
    /// It was ended by a signal before.
    Killed(i32),
}

/// The line to a parent that waits.
#[derive(Debug)]
pub struct Beginning(File);

impl Beginning {
    /// Lets go of the caller's standard streams, then of the parent, which need not live any more.
    pub fn under_way(mut self) -> io::Result<()> {
        fork::detach_standard_descriptors()?;
        let _ = self.0.write_all(&[0]);
        Ok(())
    }
}

/// Forks a child that has no terminal and holds none of the caller's descriptors but the standard ones; it works at the
/// root of the file system, which nobody can remove. Fails if this process has more than one thread.
pub fn detach() -> io::Result<Detached> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    match fork::fork()? {
        Forked::Child => {
            drop(reader);
            Ok(Detached::Child(begin(writer)?))
        }
        Forked::Parent(child) => {
            drop(writer);
            if File::from(reader).read(&mut [0])? > 0 {
                return Ok(Detached::Parent(Begun::UnderWay));
            }
            Ok(Detached::Parent(match fork::reap(child)? {
                WaitStatus::Signaled(_, signal, _) => Begun::Killed(signal as i32),
                WaitStatus::Exited(_, code) => Begun::Ended(code),
                _ => Begun::Ended(-1),
            }))
        }
    }
}

fn begin(writer: OwnedFd) -> io::Result<Beginning> {
    fork::close_foreign_descriptors_but(writer.as_raw_fd())?;
    setsid()?;
    std::env::set_current_dir("/")?;
    Ok(Beginning(File::from(writer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::alone;

    fn begun(child: impl FnOnce(Beginning) -> i32) -> Begun {
        match detach().unwrap() {
            Detached::Child(beginning) => fork::leave_by(|| child(beginning)),
            Detached::Parent(begun) => begun,
        }
    }

    #[test]
    fn a_parent_learns_how_its_child_begins() {
        alone(|| {
            assert_eq!(begun(|_| 6), Begun::Ended(6));
            assert_eq!(begun(|beginning| beginning.under_way().map_or(1, |()| 0)), Begun::UnderWay);
            let killed = begun(|_| {
                let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
                0
            });
            assert_eq!(killed, Begun::Killed(9));
        });
    }
}
