//! Notices that something happens to files: through the folders on the way to them, so that a file that is replaced, or comes
//! to be, is noticed too.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::way::way;
use crate::process::changes::{Change, Changes, Notice};

/// Folders that are watched, and the names in them that matter.
pub(super) struct Notices {
    changes: Changes<PathBuf>,
    names: BTreeMap<PathBuf, BTreeSet<OsString>>,
}

impl Notices {
    /// Watches nothing yet.
    pub(super) fn new() -> Notices {
        Notices { changes: Changes::new(Notice::Edits), names: BTreeMap::new() }
    }

    /// Watches these files from now on, and no others; what is not there is waited for in the folder above. What happens
    /// meanwhile is the caller's to look for afterwards.
    pub(super) fn watch<'a>(&mut self, files: impl Iterator<Item = &'a Path>) -> io::Result<()> {
        // A folder may be another by now, though it has the same name.
        std::mem::take(&mut self.names).keys().for_each(|folder| self.changes.unwatch(folder));
        for (folder, name) in files.flat_map(way) {
            self.names.entry(folder).or_default().insert(name);
        }
        for folder in self.names.keys() {
            match self.changes.watch(folder, folder.clone()) {
                // What lies in a folder that nobody may list is replaced unnoticed.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                watched => watched?,
            }
        }
        Ok(())
    }

    /// Takes what happened; says whether any of it matters.
    pub(super) fn take(&mut self) -> io::Result<bool> {
        let changes = self.changes.take()?;
        Ok(changes.iter().any(|change| match change {
            Change::At(folder, Some(name)) => {
                self.names.get(folder).is_some_and(|names| names.contains(name))
            }
            Change::At(_, None) | Change::Anything => true,
        }))
    }

    /// How long at most the caller may sleep before it takes what happened; for ever if the descriptor wakes it.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.changes.timeout()
    }

    /// What becomes readable when something has happened.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.changes.descriptor()
    }
}
