//! Removing tasks that have ended, or never began: never one that somebody owns.

use std::time::Duration;

use super::error::RunnerError;
use super::group;
use super::options::Caller;
use super::owner::{act_as_owner, is_foreign};
use crate::checkpoint::load::load;
use crate::checkpoint::removal::{self, Extent};
use crate::checkpoint::{CheckpointError, Ownership, State, TaskPaths};
use crate::process::contained::{self, ContainedError, Limits};

/// What became of a task that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It has not ended, or somebody is at work on it.
    InUse,
    /// Why it is still there, in words.
    Refused(String),
}

/// Removes a task if it has ended or has no header, and nobody owns it.
///
/// Root removes what belongs to others as its owner, in a child: a checkpoint says where its logs are, and whoever owns it
/// may have written anything there.
pub fn remove(paths: &TaskPaths, extent: Extent, caller: &Caller) -> Result<Removal, RunnerError> {
    if !is_foreign(paths)? {
        return remove_own(paths, extent);
    }
    let outcome = contained::run(&limits(), || {
        let removed = act_as_owner(paths, caller).and_then(|_| remove_own(paths, extent));
        match removed {
            Ok(Removal::Removed) => vec![REMOVED],
            Ok(Removal::InUse) => vec![IN_USE],
            Ok(Removal::Refused(text)) => text.into_bytes(),
            Err(error) => error.to_string().into_bytes(),
        }
    });
    match outcome {
        Ok(bytes) if bytes == [REMOVED] => Ok(Removal::Removed),
        Ok(bytes) if bytes == [IN_USE] => Ok(Removal::InUse),
        Ok(bytes) => Ok(Removal::Refused(String::from_utf8_lossy(&bytes).into_owned())),
        Err(ContainedError::Io(error)) => Err(RunnerError::system("fork")(error)),
        Err(error) => Ok(Removal::Refused(format!("the child that removes it {error}"))),
    }
}

const REMOVED: u8 = 0;
const IN_USE: u8 = 1;

/// Enough for any checkpoint that can be read.
fn limits() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits { address_space: u64::MAX, stack: 8 << 20, cpu: hour, wall: hour }
}

fn remove_own(paths: &TaskPaths, extent: Extent) -> Result<Removal, RunnerError> {
    let owner = match Ownership::acquire(paths) {
        Ok(Some(owner)) => owner,
        Ok(None) => return Ok(Removal::InUse),
        // Only an index without a checkpoint is left of it.
        Err(error) if is_gone(&error, paths) => {
            removal::remove_index(paths)?;
            return Ok(Removal::Removed);
        }
        Err(error) => return Err(error.into()),
    };
    let state = load(paths)?;
    if !may_go(&state) {
        return Ok(Removal::InUse);
    }
    if let Some(header) = &state.header {
        group::forget(header);
    }
    removal::remove(paths, owner, &state, extent)?;
    Ok(Removal::Removed)
}

/// Says whether nothing is to come of a task.
fn may_go(state: &State) -> bool {
    state.header.is_none() || state.task_state().is_some_and(|state| state.is_terminal())
}

fn is_gone(error: &CheckpointError, paths: &TaskPaths) -> bool {
    matches!(error, CheckpointError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
        && !paths.folder().exists()
}
