//! What `kill` and `lose` want of a living runner: written beside, renamed, then the runner gets TERM.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::CheckpointError;
use super::files;
use super::paths::TaskPaths;
use super::record::TaskState;

/// How a task is to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The terminal state: KILLED or LOST.
    pub outcome: TaskState,
    /// Whether everything is killed at once and no finalizer runs.
    pub force: bool,
    /// Seconds for processes to end and finalizers to run; the task's `finalization_wait` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<f64>,
}

impl Request {
    /// Leaves the request for the runner of a task, which may be of another user.
    pub fn write(&self, paths: &TaskPaths) -> Result<(), CheckpointError> {
        let path = paths.request();
        let content = serde_json::to_vec(self).map_err(io::Error::from);
        files::replace(&path, &content.map_err(CheckpointError::io("write", &path))?, 0o644, false)
    }

    /// Reads the request, if there is one.
    pub fn read(paths: &TaskPaths) -> Result<Option<Request>, CheckpointError> {
        let path = paths.request();
        let Some(content) = files::read(&path)? else { return Ok(None) };
        let request = serde_json::from_slice(&content);
        request.map(Some).map_err(|error| CheckpointError::malformed(&path, &error))
    }

    /// Removes the request once it is recorded.
    pub fn remove(paths: &TaskPaths) -> Result<(), CheckpointError> {
        files::remove(&paths.request())
    }
}
