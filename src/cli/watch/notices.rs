//! Notices that something happens to files: through their folders, so that a file that is replaced, or comes to be, is
//! noticed too.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// Folders that are watched, and the names in them that matter.
pub(super) struct Notices {
    inotify: Inotify,
    folders: BTreeMap<PathBuf, WatchDescriptor>,
    names: BTreeMap<PathBuf, BTreeSet<OsString>>,
}

impl Notices {
    /// Watches nothing yet.
    pub(super) fn new() -> nix::Result<Notices> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Notices { inotify, folders: BTreeMap::new(), names: BTreeMap::new() })
    }

    /// Watches these files from now on, and no others; what is not there is waited for in the folder above.
    pub(super) fn watch<'a>(&mut self, files: impl Iterator<Item = &'a Path>) -> nix::Result<()> {
        self.names.clear();
        for file in files {
            self.note(file);
            // What a link leads to is written to elsewhere.
            if let Ok(real) = fs::canonicalize(file).and_then(|real| Ok((real, std::path::absolute(file)?)))
                && real.0 != real.1
            {
                self.note(&real.0);
            }
        }
        let gone: Vec<PathBuf> =
            self.folders.keys().filter(|folder| !self.names.contains_key(*folder)).cloned().collect();
        for folder in gone {
            if let Some(watch) = self.folders.remove(&folder) {
                // It went by itself if the folder did.
                let _ = self.inotify.rm_watch(watch);
            }
        }
        for folder in self.names.keys() {
            match self.inotify.add_watch(folder, FLAGS) {
                Ok(watch) => drop(self.folders.insert(folder.clone(), watch)),
                // It went in this moment, which the folder above tells.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Notes each name on the way to a file, from the file up: any of them may be replaced.
    fn note(&mut self, file: &Path) {
        let Ok(mut path) = std::path::absolute(file) else { return };
        while let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            if folder.is_dir() {
                self.names.entry(folder.to_owned()).or_default().insert(name.to_owned());
            }
            path = folder.to_owned();
        }
    }

    /// Takes what happened; says whether any of it matters.
    pub(super) fn take(&mut self) -> nix::Result<bool> {
        let mut matters = false;
        loop {
            let events = match self.inotify.read_events() {
                Err(Errno::EAGAIN) => return Ok(matters),
                Err(Errno::EINTR) => continue,
                events => events?,
            };
            matters |= events.iter().any(|event| self.is_of_note(event.wd, event.name.as_deref()));
        }
    }

    /// What has no name is the folder itself, or news that were too many.
    fn is_of_note(&self, watch: WatchDescriptor, name: Option<&OsStr>) -> bool {
        let Some(name) = name else { return true };
        let mut folders = self.folders.iter().filter(|(_, other)| **other == watch);
        folders.any(|(folder, _)| self.names.get(folder).is_some_and(|names| names.contains(name)))
    }
}

const FLAGS: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_ONLYDIR);

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
