//! Who owns a task: the lock says whether somebody does, the last status says who.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::error::RunnerError;
use super::options::Caller;
use crate::checkpoint::load::load_runner;
use crate::checkpoint::{CheckpointError, Ownership, TaskPaths, TaskStatus};
use crate::process::identity::{self, Machine};
use crate::process::pidfd::PidFd;
use crate::process::users::{Credentials, Identity, become_user, is_root};

/// How long an owner that has no name is waited for: one that has locked and not signed yet, or a coordinator that was
/// forked as its runner died and has not closed the lock yet. Both take moments.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Nothing tells when such a lock is let go.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// Says whether root would act as somebody else on a task: [`super::run`], [`super::resume`] and [`super::end`] do so for
/// good.
pub(super) fn is_foreign(paths: &TaskPaths) -> Result<bool, RunnerError> {
    Ok(foreign_owner(paths)?.is_some())
}

/// Has root act, for good, as the owner of an existing checkpoint that is not root's; returns what is left of the caller.
///
/// Whoever owns a checkpoint can write into it what is run, as whom, and which processes are signalled: with root's
/// rights that would be anything.
pub(super) fn act_as_owner(paths: &TaskPaths, caller: &Caller) -> Result<Caller, RunnerError> {
    let Some(owner) = foreign_owner(paths)? else { return Ok(caller.clone()) };
    let identity = Identity::of_uid(owner.uid).map_err(RunnerError::system("look up the user"))?;
    let credentials = identity.map_or(owner, |identity| identity.credentials);
    become_user(&credentials).map_err(RunnerError::system("become the owner of the task"))?;
    // What is in root's environment is nothing for others.
    let path = caller.environment.iter().filter(|(name, _)| name == "PATH").cloned();
    Ok(Caller { environment: path.collect(), ..caller.clone() })
}

/// Returns who owns a checkpoint, if this is root and it is somebody else's.
fn foreign_owner(paths: &TaskPaths) -> Result<Option<Credentials>, RunnerError> {
    if !is_root() {
        return Ok(None);
    }
    let folder = match fs::symlink_metadata(paths.folder()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(CheckpointError::io("read", paths.folder()))?,
    };
    let owner = Credentials { uid: folder.uid(), gid: folder.gid(), groups: Vec::new() };
    if owner.uid != 0 {
        return Ok(Some(owner));
    }
    if folder.mode() & 0o022 != 0 || !folder.is_dir() {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "others than root can write it");
        return Err(CheckpointError::io("trust", paths.folder())(error).into());
    }
    Ok(None)
}

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
