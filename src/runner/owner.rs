//! Who owns a task: the lock says whether somebody does, the last status says who.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::error::RunnerError;
use crate::checkpoint::load::load_runner;
use crate::checkpoint::{Ownership, TaskPaths, TaskStatus};
use crate::process::identity::{self, Machine};
use crate::process::pidfd::PidFd;

/// How long an owner that has no name is waited for: one that has locked and not signed yet, or a coordinator that was
/// forked as its runner died and has not closed the lock yet. Both take moments.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Nothing tells when such a lock is let go.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// Takes a task, or says who has it.
pub(super) fn own(paths: &TaskPaths) -> Result<Ownership, RunnerError> {
    let start = Instant::now();
    loop {
        if let Some(owner) = Ownership::acquire(paths)? {
            return Ok(owner);
        }
        let pid = living_runner(paths)?.map(|(pid, _)| pid.as_raw());
        if pid.is_some() || start.elapsed() >= PATIENCE {
            return Err(RunnerError::Owned { id: paths.id().clone(), pid });
        }
        std::thread::sleep(PAUSE);
    }
}

/// Opens the runner that has signed last, if it lives.
pub(super) fn living_runner(paths: &TaskPaths) -> Result<Option<(Pid, PidFd)>, RunnerError> {
    let machine = Machine::current().map_err(RunnerError::system("read the identity of this host"))?;
    let state = load_runner(paths)?.state;
    let here =
        |status: &&TaskStatus| status.runner_host == machine.host && status.runner_boot_id == machine.boot_id;
    let Some(status) = state.statuses.last().filter(here) else { return Ok(None) };
    let proven = identity::prove(status.runner_pid, status.runner_ticks);
    let proven = proven.map_err(RunnerError::system("look for the runner"))?;
    Ok(proven.map(|runner| (Pid::from_raw(status.runner_pid), runner)))
}
