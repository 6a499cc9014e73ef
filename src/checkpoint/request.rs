//! What `kill` and `lose` want of a living runner: written beside, renamed, then the runner gets TERM.
//!
//! Many may ask at once, and while the runner takes an earlier request: none is lost, and the strongest wish counts.

use std::fs;
use std::io;
use std::path::Path;

use nix::unistd::Pid;
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
    /// Leaves the request for the runner of a task, which may be of another user; one that waits there is not weakened.
    pub fn write(&self, paths: &TaskPaths) -> Result<(), CheckpointError> {
        let path = paths.request();
        // What cannot be understood is nobody's wish and gives way.
        let request = match read(&path) {
            Ok(Some(waiting)) => self.and(&waiting),
            _ => self.clone(),
        };
        let content = serde_json::to_vec(&request).map_err(io::Error::from);
        let content = content.map_err(CheckpointError::io("write", &path))?;
        let beside = paths.folder().join(format!("request.{}", Pid::this()));
        files::replace_by(&beside, &path, &content, 0o644, false)
    }

    /// Takes the request, if there is one, so that the next one finds its place free; it stays on disk until
    /// [`Request::done`]. What an earlier runner took and did not live to do comes first.
    pub fn take(paths: &TaskPaths) -> Result<Option<Request>, CheckpointError> {
        let taken = paths.taken_request();
        if let Some(left) = read(&taken)? {
            return Ok(Some(left));
        }
        match fs::rename(paths.request(), &taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CheckpointError::io("rename", &paths.request())(error)),
            // Left where it was, for somebody to look at.
            Ok(()) => read(&taken).or_else(|_| {
                fs::rename(&taken, paths.request()).map_err(CheckpointError::io("rename", &taken))?;
                read(&paths.request())
            }),
        }
    }

    /// Fails if there is a request that cannot be understood.
    pub fn check(paths: &TaskPaths) -> Result<(), CheckpointError> {
        [paths.request(), paths.taken_request()].iter().try_for_each(|path| read(path).map(drop))
    }

    /// Removes the request that was taken, once it is recorded.
    pub fn done(paths: &TaskPaths) -> Result<(), CheckpointError> {
        files::remove(&paths.taken_request())
    }

    /// Removes every request of a task that has ended.
    pub fn remove(paths: &TaskPaths) -> Result<(), CheckpointError> {
        files::remove(&paths.request())?;
        Request::done(paths)
    }

    /// Joins two wishes: the harder outcome, the shorter time.
    fn and(&self, other: &Request) -> Request {
        let lost = [self, other].into_iter().find(|request| request.outcome == TaskState::Lost);
        let graces = [self.grace, other.grace].into_iter().flatten();
        Request {
            outcome: lost.unwrap_or(self).outcome.clone(),
            force: self.force || other.force,
            grace: graces.min_by(f64::total_cmp),
        }
    }
}

fn read(path: &Path) -> Result<Option<Request>, CheckpointError> {
    let Some(content) = files::read(path)? else { return Ok(None) };
    let request = serde_json::from_slice(&content);
    request.map(Some).map_err(|error| CheckpointError::malformed(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Root, TaskId};

    fn request(outcome: TaskState, force: bool, grace: Option<f64>) -> Request {
        Request { outcome, force, grace }
    }

    #[test]
    fn requests_are_joined_until_they_are_taken_and_kept_until_they_are_done() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("a").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        assert_eq!(Request::take(&paths).unwrap(), None);
        request(TaskState::Lost, false, None).write(&paths).unwrap();
        request(TaskState::Killed, true, Some(2.0)).write(&paths).unwrap();
        let joined = request(TaskState::Lost, true, Some(2.0));
        assert_eq!(Request::take(&paths).unwrap(), Some(joined.clone()));
        request(TaskState::Killed, false, None).write(&paths).unwrap();
        assert_eq!(Request::take(&paths).unwrap(), Some(joined), "its runner died before it was done");
        Request::done(&paths).unwrap();
        assert_eq!(Request::take(&paths).unwrap(), Some(request(TaskState::Killed, false, None)));
        Request::remove(&paths).unwrap();
        assert_eq!(fs::read_dir(paths.folder()).unwrap().count(), 0);
    }

    #[test]
    fn a_request_that_cannot_be_understood_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("a").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        fs::write(paths.request(), "{").unwrap();
        let error = Request::take(&paths).unwrap_err().to_string();
        assert!(error.contains("/request:1: "), "{error}");
        assert_eq!(Request::check(&paths).unwrap_err().to_string(), error);
        let wish = request(TaskState::Killed, false, None);
        wish.write(&paths).unwrap();
        assert_eq!(Request::take(&paths).unwrap(), Some(wish), "it gives way to one that can");
    }
}
