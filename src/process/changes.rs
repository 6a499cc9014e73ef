//! Changes in folders, as the kernel tells them. A folder that is missing is waited for in the nearest one that is there; one
//! for which the system lends no watch is looked at again and again.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::hash::Hash;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

/// Between two looks at folders for which the system lends no watches.
const BLIND: Duration = Duration::from_millis(200);

/// What is noticed of the files in a folder, besides their coming and going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Each write.
    Writes,
    /// The end of writing, and who may read.
    Edits,
}

/// Folders that are watched, each for the sake of something that the caller knows by a token.
#[derive(Debug)]
pub struct Changes<T> {
    /// Nothing where the system lends not even this.
    inotify: Option<Inotify>,
    notice: Notice,
    watches: HashMap<WatchDescriptor, Vec<Watch<T>>>,
    /// By which watches a token is watched.
    places: HashMap<T, Vec<WatchDescriptor>>,
    /// What is not watched, for want of watches.
    unlent: Vec<(PathBuf, T)>,
    /// When to look at that again.
    next_look: Instant,
}

#[derive(Clone, Debug)]
struct Watch<T> {
    token: T,
    folder: PathBuf,
    /// The next name on the way to the folder, if one above it is watched.
    awaited: Option<OsString>,
}

/// Something has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// In the folder of that token, to the file of that name; to the folder itself if there is no name.
    At(T, Option<OsString>),
    /// More than the kernel would keep, or some of it unwatched: anything may have changed.
    Anything,
}

impl<T: Clone + Eq + Hash> Changes<T> {
    /// Watches nothing yet.
    pub fn new(notice: Notice) -> Changes<T> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let (watches, places, unlent) = (HashMap::new(), HashMap::new(), Vec::new());
        Changes { inotify, notice, watches, places, unlent, next_look: Instant::now() }
    }

    /// Watches a folder from now on. What happened before is the caller's to look for afterwards.
    ///
    /// # Errors
    /// A folder that this process may not read; the want of watches is none.
    pub fn watch(&mut self, folder: &Path, token: T) -> io::Result<()> {
        match self.try_to_watch(folder, &token) {
            Err(Errno::ENOSPC | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => {
                self.poll(folder, token);
                Ok(())
            }
            tried => Ok(tried?),
        }
    }

    /// Looks at a folder again and again, until it can be watched.
    pub fn poll(&mut self, folder: &Path, token: T) {
        self.unlent.push((folder.to_owned(), token));
    }

    fn try_to_watch(&mut self, folder: &Path, token: &T) -> nix::Result<()> {
        let Some(inotify) = &self.inotify else { return Err(Errno::EMFILE) };
        let mut folders = folder.ancestors();
        while let Some(there) = folders.next() {
            match inotify.add_watch(there, flags(self.notice)) {
                // It came after it was looked for and before this watch stood, which did not see it come.
                Ok(descriptor) if next_below(there, folder).is_some_and(|next| there.join(next).is_dir()) => {
                    if !self.watches.contains_key(&descriptor) {
                        let _ = inotify.rm_watch(descriptor);
                    }
                    folders = folder.ancestors();
                }
                Ok(descriptor) => {
                    let awaited = next_below(there, folder).map(OsStr::to_owned);
                    let watch = Watch { token: token.clone(), folder: folder.to_owned(), awaited };
                    self.watches.entry(descriptor).or_default().push(watch);
                    self.places.entry(token.clone()).or_default().push(descriptor);
                    return Ok(());
                }
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Errno::ENOENT)
    }

    /// Watches the folders of a token no longer.
    pub fn unwatch(&mut self, token: &T) {
        self.unlent.retain(|(_, other)| other != token);
        for descriptor in self.places.remove(token).unwrap_or_default() {
            self.forget(descriptor, token);
            self.let_go(descriptor);
        }
    }

    /// Forgets that a token is watched there.
    fn forget(&mut self, descriptor: WatchDescriptor, token: &T) {
        if let Some(watches) = self.watches.get_mut(&descriptor) {
            watches.retain(|watch| watch.token != *token);
            if watches.is_empty() {
                self.watches.remove(&descriptor);
            }
        }
    }

    /// Gives a watch back unless somebody needs it.
    fn let_go(&mut self, descriptor: WatchDescriptor) {
        if let (Some(inotify), false) = (&self.inotify, self.watches.contains_key(&descriptor)) {
            // It may have gone by itself.
            let _ = inotify.rm_watch(descriptor);
        }
    }

    /// Returns what has happened since the last time, each change once.
    pub fn take(&mut self) -> io::Result<Vec<Change<T>>> {
        let mut changes = Vec::new();
        loop {
            let events = match self.inotify.as_ref().map(Inotify::read_events) {
                None | Some(Err(Errno::EAGAIN)) => break,
                Some(Err(Errno::EINTR)) => continue,
                Some(events) => events?,
            };
            events.iter().for_each(|event| self.hear(event, &mut changes));
        }
        if self.timeout().is_some_and(|left| left.is_zero()) {
            self.next_look = Instant::now() + BLIND;
            for (folder, token) in std::mem::take(&mut self.unlent) {
                if self.try_to_watch(&folder, &token).is_err() {
                    self.poll(&folder, token);
                }
            }
            add(&mut changes, Change::Anything);
        }
        Ok(changes)
    }

    fn hear(&mut self, event: &InotifyEvent, changes: &mut Vec<Change<T>>) {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            self.look_at_all();
            return add(changes, Change::Anything);
        }
        let is_gone = event.mask.intersects(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF);
        let Some(watches) = self.watches.get(&event.wd) else { return };
        let mut moved = Vec::new();
        for watch in watches {
            if watch.awaited.is_none() {
                add(changes, Change::At(watch.token.clone(), event.name.clone()));
            }
            if is_gone || watch.awaited.is_some() && watch.awaited == event.name {
                moved.push(watch.clone());
            }
        }
        for watch in moved {
            self.look_again(event.wd, &watch);
            // What is in it by now was not seen coming.
            add(changes, Change::At(watch.token, None));
        }
    }

    /// A folder has gone, or come: it is watched where it is now.
    fn look_again(&mut self, old: WatchDescriptor, watch: &Watch<T>) {
        self.forget(old, &watch.token);
        if let Some(places) = self.places.get_mut(&watch.token) {
            places.retain(|place| *place != old);
        }
        if self.try_to_watch(&watch.folder, &watch.token).is_err() {
            self.poll(&watch.folder, watch.token.clone());
        }
        self.let_go(old);
    }

    /// Which folders have come or gone was not told.
    fn look_at_all(&mut self) {
        let known = self
            .watches
            .iter()
            .flat_map(|(descriptor, watches)| watches.iter().map(|watch| (*descriptor, watch.clone())));
        for (descriptor, watch) in known.collect::<Vec<_>>() {
            self.look_again(descriptor, &watch);
        }
    }

    /// How long at most a caller may sleep before it takes what has happened; for ever if the kernel wakes it.
    pub fn timeout(&self) -> Option<Duration> {
        (!self.unlent.is_empty()).then(|| self.next_look.saturating_duration_since(Instant::now()))
    }

    /// What becomes readable when something has happened.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }
}

fn flags(notice: Notice) -> AddWatchFlags {
    let coming_and_going = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_ONLYDIR;
    coming_and_going
        | match notice {
            Notice::Writes => AddWatchFlags::IN_MODIFY,
            Notice::Edits => AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_ATTRIB,
        }
}

/// The next name on the way from `there` to `folder`; nothing if that is the same.
fn next_below<'a>(there: &Path, folder: &'a Path) -> Option<&'a OsStr> {
    Some(folder.strip_prefix(there).ok()?.components().next()?.as_os_str())
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
            let mut changes = Changes::new(Notice::Writes);
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
        let mut changes = Changes::new(Notice::Writes);
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

    /// Makes more happen than the kernel keeps.
    fn overflow(folder: &Path) {
        let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        for _ in 0..=most.trim().parse::<usize>().unwrap() / 2 {
            // The same twice in a row would be one event.
            fs::write(folder.join("a"), "").unwrap();
            fs::write(folder.join("b"), "").unwrap();
        }
    }

    #[test]
    fn a_folder_that_comes_while_the_kernel_forgets_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let mut changes = Changes::new(Notice::Writes);
        changes.watch(folder.path(), 0).unwrap();
        changes.watch(&inner, 1).unwrap();
        overflow(folder.path());
        fs::create_dir(&inner).unwrap();
        assert!(changes.take().unwrap().contains(&Change::Anything));
        fs::write(inner.join("file"), "x").unwrap();
        assert!(changes.take().unwrap().contains(&Change::At(1, Some("file".into()))));
        assert_eq!(changes.timeout(), None);
    }

    #[test]
    fn what_cannot_be_watched_is_looked_at_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::new(Notice::Writes);
        // As without a watch to lend.
        let inotify = changes.inotify.take();
        changes.watch(folder.path(), 1).unwrap();
        assert_eq!(changes.timeout(), Some(Duration::ZERO));
        assert_eq!(changes.take().unwrap(), [Change::Anything]);
        assert!(changes.timeout().is_some_and(|left| left <= BLIND));
        changes.inotify = inotify;
        changes.next_look = Instant::now();
        assert_eq!(changes.take().unwrap(), [Change::Anything]);
        assert_eq!(changes.timeout(), None);
        fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(changes.take().unwrap(), [Change::At(1, Some("file".into()))]);
        changes.unwatch(&1);
        assert!(changes.watches.is_empty() && changes.places.is_empty());
    }
}
