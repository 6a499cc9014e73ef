//! Ownership: one runner changes a task. Readers never ask.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::CheckpointError;
use super::files;
use super::paths::TaskPaths;

/// The right to change a task, until it is dropped.
///
/// A forked child inherits it and keeps it alive: it closes the descriptor first thing.
#[derive(Debug)]
pub struct Ownership(Flock<File>);

impl Ownership {
    /// Takes the task if nobody has it; the task's folder must exist.
    pub fn acquire(paths: &TaskPaths) -> Result<Option<Ownership>, CheckpointError> {
        let path = paths.lock();
        loop {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = files::open("open", &path, options, 0)?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) if still_there(&lock, &path).map_err(CheckpointError::io("read", &path))? => {
                    return Ok(Some(Ownership(lock)));
                }
                // The task was removed between opening and locking: that lock is of no file any more.
                Ok(_) | Err((_, Errno::EINTR)) => {}
                Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
                Err((_, error)) => return Err(CheckpointError::io("lock", &path)(error.into())),
            }
        }
    }
}

impl AsFd for Ownership {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn still_there(lock: &File, path: &Path) -> io::Result<bool> {
    let held = lock.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Root, TaskId};

    #[test]
    fn a_task_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("a").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        let owner = Ownership::acquire(&paths).unwrap().unwrap();
        assert!(Ownership::acquire(&paths).unwrap().is_none());
        drop(owner);
        assert!(Ownership::acquire(&paths).unwrap().is_some());
    }
}
