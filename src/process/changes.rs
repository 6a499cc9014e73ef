//! Changes in folders. A folder that is missing is waited for in the nearest one that is there.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// Folders that are watched, each for the sake of something that the caller knows by a token.
#[derive(Debug)]
pub struct Changes<T> {
    inotify: Inotify,
    watches: HashMap<WatchDescriptor, Vec<Watch<T>>>,
}

#[derive(Clone, Debug)]
struct Watch<T> {
    token: T,
    folder: PathBuf,
    /// Whether it is the folder itself that is watched, not one above it.
    is_there: bool,
}

/// Something has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// In the folder of that token, to the file of that name; to the folder itself if there is no name.
    At(T, Option<OsString>),
    /// More than the kernel would keep: anything may have changed.
    Anything,
}

impl<T: Clone + PartialEq> Changes<T> {
    /// Watches nothing yet.
    pub fn new() -> io::Result<Changes<T>> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Changes { inotify, watches: HashMap::new() })
    }

    /// Watches a folder from now on. What happened before is the caller's to look for afterwards.
    pub fn watch(&mut self, folder: &Path, token: T) -> io::Result<()> {
        let mut folders = folder.ancestors();
        while let Some(there) = folders.next() {
            let flags = AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MOVED_FROM
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_MODIFY
                | AddWatchFlags::IN_DELETE_SELF
                | AddWatchFlags::IN_MOVE_SELF;
            match self.inotify.add_watch(there, flags | AddWatchFlags::IN_ONLYDIR) {
                // It came after it was looked for and before this watch stood, which did not see it come.
                Ok(descriptor) if comes_below(there, folder) => {
                    if !self.watches.contains_key(&descriptor) {
                        let _ = self.inotify.rm_watch(descriptor);
                    }
                    folders = folder.ancestors();
                }
                Ok(descriptor) => {
                    let watch = Watch { token, folder: folder.to_owned(), is_there: there == folder };
                    self.watches.entry(descriptor).or_default().push(watch);
                    return Ok(());
                }
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Watches the folder of a token no longer.
    pub fn unwatch(&mut self, token: &T) {
        let inotify = &self.inotify;
        self.watches.retain(|descriptor, watches| {
            watches.retain(|watch| watch.token != *token);
            // It may have gone by itself.
            let goes = watches.is_empty();
            if goes {
                let _ = inotify.rm_watch(*descriptor);
            }
            !goes
        });
    }

    /// Returns what has happened since the last time, each change once.
    pub fn take(&mut self) -> io::Result<Vec<Change<T>>> {
        let mut changes = Vec::new();
        loop {
            let events = match self.inotify.read_events() {
                Err(Errno::EAGAIN) => return Ok(changes),
                Err(Errno::EINTR) => continue,
                events => events?,
            };
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    add(&mut changes, Change::Anything);
                }
                let gone = AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF;
                let is_gone = event.mask.intersects(gone);
                for watch in self.watches.get(&event.wd).cloned().unwrap_or_default() {
                    if watch.is_there {
                        add(&mut changes, Change::At(watch.token.clone(), event.name.clone()));
                    }
                    if is_gone || !watch.is_there {
                        self.look_again(event.wd, &watch, &mut changes)?;
                    }
                }
            }
        }
    }

    /// A folder has gone, or come: it is watched where it is now.
    fn look_again(
        &mut self,
        old: WatchDescriptor,
        watch: &Watch<T>,
        changes: &mut Vec<Change<T>>,
    ) -> io::Result<()> {
        if let Some(watches) = self.watches.get_mut(&old) {
            watches.retain(|other| other.token != watch.token);
            if watches.is_empty() {
                self.watches.remove(&old);
                let _ = self.inotify.rm_watch(old);
            }
        }
        self.watch(&watch.folder, watch.token.clone())?;
        // What is in it by now was not seen coming.
        add(changes, Change::At(watch.token.clone(), None));
        Ok(())
    }
}

impl<T> AsFd for Changes<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Says whether the next folder on the way from `there` to `folder` exists.
fn comes_below(there: &Path, folder: &Path) -> bool {
    let next = folder.strip_prefix(there).ok().and_then(|rest| rest.components().next());
    next.is_some_and(|next| there.join(next).is_dir())
}

fn add<T: PartialEq>(changes: &mut Vec<Change<T>>, change: Change<T>) {
    // Writers append many times to the same few files.
    if !changes.iter().rev().take(64).any(|known| *known == change) {
        changes.push(change);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_that_comes_while_it_is_looked_for_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..50 {
            let inner = folder.path().join(format!("{number}/a/b"));
            let mut changes = Changes::new().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| fs::create_dir_all(&inner).unwrap());
                changes.watch(&inner, 1).unwrap();
            });
            let _ = changes.take().unwrap();
            fs::write(inner.join("file"), "x").unwrap();
            assert!(changes.take().unwrap().contains(&Change::At(1, Some("file".into()))), "{number}");
        }
    }

    #[test]
    fn a_folder_is_watched_before_it_is_there_and_after_it_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let mut changes = Changes::new().unwrap();
        changes.watch(&inner, 1).unwrap();
        assert_eq!(changes.take().unwrap(), []);
        fs::create_dir_all(&inner).unwrap();
        assert!(changes.take().unwrap().contains(&Change::At(1, None)));
        fs::write(inner.join("file"), "x").unwrap();
        assert_eq!(changes.take().unwrap(), [Change::At(1, Some("file".into()))]);
        fs::remove_dir_all(folder.path().join("a")).unwrap();
        assert!(changes.take().unwrap().contains(&Change::At(1, None)));
        fs::create_dir_all(&inner).unwrap();
        assert!(changes.take().unwrap().contains(&Change::At(1, None)));
        changes.unwatch(&1);
        fs::write(inner.join("file"), "x").unwrap();
        assert_eq!(changes.take().unwrap(), []);
    }
}
