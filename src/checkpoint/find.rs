//! The tasks under a root.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::CheckpointError;
use super::files;
use super::paths::{Root, TaskPaths};
use super::task_id::TaskId;

/// A task that has a file under the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEntry {
    /// The id.
    pub id: TaskId,
    /// Whether the index has it among the finished; its stream is the truth.
    pub finished: bool,
}

impl Root {
    /// Lists all tasks, sorted by id; a root that does not exist has none.
    pub fn tasks(&self) -> Result<Vec<TaskEntry>, CheckpointError> {
        let mut found = list(&self.active(), false)?;
        found.extend(list(&self.finished(), true)?);
        // A task that is renamed between the two listings is seen twice or not at all; twice is put right here.
        found.sort_by(|left, right| (&left.id, right.finished).cmp(&(&right.id, left.finished)));
        found.dedup_by(|later, earlier| later.id == earlier.id);
        Ok(found)
    }

    /// Returns the paths of a task, if there is one of this id.
    pub fn find(&self, id: &TaskId) -> Result<Option<TaskPaths>, CheckpointError> {
        let paths = self.task(id);
        // Asked for in the order of a task's life, so that one that ends meanwhile is found.
        for path in [paths.active(), paths.finished()] {
            match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found.map(|_| Some(paths)).map_err(CheckpointError::io("read", &path)),
            }
        }
        Ok(None)
    }
}

/// Reads a task's document, wherever the index has it, and says where; nothing if there is no such task.
///
/// It must belong to the owner of the streams: who runs the task trusts it as much as them.
pub fn read_task(paths: &TaskPaths) -> Result<Option<(PathBuf, Vec<u8>)>, CheckpointError> {
    for path in [paths.active(), paths.finished()] {
        match read_of_same_owner(&path, paths.folder()) {
            Err(error) if error.is_not_found() => {}
            read => return read.map(|document| Some((path, document))),
        }
    }
    Ok(None)
}

fn read_of_same_owner(path: &Path, folder: &Path) -> Result<Vec<u8>, CheckpointError> {
    let file = files::open("read", path, OpenOptions::new().read(true), 0)?;
    let owner = file.metadata().map_err(CheckpointError::io("read", path))?.uid();
    if owner != fs::metadata(folder).map_err(CheckpointError::io("read", folder))?.uid() {
        let reason = "it belongs to another user than the checkpoint";
        let error = io::Error::new(io::ErrorKind::PermissionDenied, reason);
        return Err(CheckpointError::io("read", path)(error));
    }
    files::read_open(file, path)
}

fn list(folder: &Path, finished: bool) -> Result<Vec<TaskEntry>, CheckpointError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(CheckpointError::io("read", folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(CheckpointError::io("read", folder))?.file_name();
        // What has no such name was put there by somebody else, or is being written.
        if let Some(id) = name.to_str().and_then(|name| TaskId::new(name).ok()) {
            found.push(TaskEntry { id, finished });
        }
    }
    Ok(found)
}
