//! The tasks under the root, kept in memory: a line of each, read again only when inotify says that it has changed.
//!
//! Whoever asks first takes in what has happened up to now, so that an answer is never older than its question. Between
//! questions nothing is read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::checkpoint::load::load;
use crate::checkpoint::status::is_runner_alive;
use crate::checkpoint::{ProcessState, Root, State, TaskId, TaskState};

/// Of the time, a task that changes all the while is read for one part in so many.
const SPARING: u32 = 20;

/// What is known of all tasks.
#[derive(Debug)]
pub(super) struct Index {
    root: Root,
    inotify: Arc<Inotify>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tasks: BTreeMap<TaskId, Entry>,
    watches: HashMap<WatchDescriptor, Watched>,
    /// Read since somebody was told last.
    changed: HashSet<TaskId>,
    /// Whether the folders of tasks are watched, not one above them.
    is_rooted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Watched {
    /// A folder above those of the tasks, which are missing.
    Above,
    Tasks,
    Task(TaskId),
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Whether it is among the finished.
    pub(super) finished: bool,
    /// Milliseconds since 1970.
    pub(super) launched: u64,
    /// Its line, once it was read; what is wrong with its checkpoint, if that is damaged.
    pub(super) line: Option<Result<Line, Arc<str>>>,
    dirty: bool,
    watch: Option<WatchDescriptor>,
    not_before: Option<Instant>,
}

/// What a list shows of a task.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: Box<str>,
    pub(super) user: Box<str>,
    pub(super) state: TaskState,
    pub(super) runner_alive: bool,
    /// When it entered its state, in milliseconds since 1970.
    pub(super) since: u64,
    pub(super) total: u32,
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    pub(super) running: u32,
    pub(super) ports: Box<[(String, u16)]>,
}

/// How many tasks there are.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Count {
    pub(super) active: usize,
    pub(super) finished: usize,
    pub(super) all: usize,
}

impl Index {
    /// Lists the tasks; reads none.
    pub(super) fn new(root: Root) -> io::Result<Index> {
        let inotify = Arc::new(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?);
        let index = Index { root, inotify, inner: Mutex::default() };
        index.rescan(&mut index.lock());
        Ok(index)
    }

    /// Returns what is readable when something has happened.
    pub(super) fn events(&self) -> Arc<Inotify> {
        Arc::clone(&self.inotify)
    }

    /// Returns the root.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Counts the tasks.
    pub(super) fn count(&self) -> Count {
        let mut inner = self.lock();
        self.take_events(&mut inner);
        let all = inner.tasks.len();
        let finished = inner.tasks.values().filter(|entry| entry.finished).count();
        Count { active: all - finished, finished, all }
    }

    /// Takes in what has happened and returns those that `wants` picks, the active first, then the latest first.
    pub(super) fn select(&self, wants: impl Fn(&TaskId, &Entry) -> bool) -> Vec<(TaskId, Entry)> {
        let mut inner = self.lock();
        self.take_events(&mut inner);
        self.read_changed(&mut inner);
        let mut found: Vec<_> = inner.tasks.iter().filter(|(id, entry)| wants(id, entry)).collect();
        found.sort_by(|left, right| {
            (left.1.finished, right.1.launched, left.0).cmp(&(right.1.finished, left.1.launched, right.0))
        });
        found.into_iter().map(|(id, entry)| (id.clone(), entry.clone())).collect()
    }

    /// Reads the line of a task, if it was not read yet.
    pub(super) fn line(&self, id: &TaskId) -> Option<Entry> {
        let mut inner = self.lock();
        let entry = inner.tasks.get_mut(id)?;
        if entry.line.is_none() {
            read(&self.root, id, entry);
        }
        Some(entry.clone())
    }

    /// Reads some lines that were not read yet; says whether there are more.
    pub(super) fn read_more(&self, count: usize) -> bool {
        let mut inner = self.lock();
        let unread = inner.tasks.iter_mut().rev().filter(|(_, entry)| entry.line.is_none());
        let read = unread.take(count).map(|(id, entry)| read(&self.root, id, entry)).count();
        read == count
    }

    /// Takes in what has happened and returns the tasks that have changed since the last call.
    pub(super) fn changes(&self) -> HashSet<TaskId> {
        let mut inner = self.lock();
        self.take_events(&mut inner);
        self.read_changed(&mut inner);
        std::mem::take(&mut inner.changed)
    }

    /// Says how long until a task that has changed may be read again.
    pub(super) fn is_behind(&self) -> bool {
        self.lock().tasks.values().any(|entry| entry.dirty)
    }

    /// Looks whether the runners of active tasks live: no file changes when one dies.
    pub(super) fn look_for_runners(&self) {
        for entry in self.lock().tasks.values_mut() {
            if matches!(&entry.line, Some(Ok(line)) if line.runner_alive) {
                entry.dirty = true;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What is half done is done again at the next event: nothing here is worth dying for.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_events(&self, inner: &mut Inner) {
        let mut is_lost = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    for event in events {
                        is_lost |= event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                        self.take_event(
                            inner,
                            event.wd,
                            event.mask,
                            event.name.as_ref().and_then(|name| name.to_str()),
                        );
                    }
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        if is_lost || !inner.is_rooted {
            self.rescan(inner);
        }
    }

    fn take_event(&self, inner: &mut Inner, wd: WatchDescriptor, mask: AddWatchFlags, name: Option<&str>) {
        if mask.contains(AddWatchFlags::IN_IGNORED) {
            let gone = inner.watches.remove(&wd);
            inner.is_rooted &= !matches!(gone, Some(Watched::Tasks));
            return;
        }
        match inner.watches.get(&wd).cloned() {
            Some(Watched::Task(id)) => {
                if let Some(entry) = inner.tasks.get_mut(&id) {
                    entry.dirty = true;
                }
            }
            Some(Watched::Tasks) => {
                if let Some(id) = name.and_then(|name| TaskId::new(name).ok()) {
                    self.locate(inner, &id);
                }
            }
            Some(Watched::Above) => inner.is_rooted = false,
            None => {}
        }
    }

    /// Looks where a task is now.
    fn locate(&self, inner: &mut Inner, id: &TaskId) {
        let paths = self.root.task(id);
        let at = |path: &Path| fs::symlink_metadata(path).ok().map(|found| milliseconds(&found));
        let found = match at(&paths.active()) {
            Some(launched) => Some((false, launched)),
            None => at(&paths.finished()).map(|launched| (true, launched)),
        };
        match found {
            Some((finished, launched)) => self.note(inner, id, finished, launched),
            None => self.forget(inner, id),
        }
    }

    fn note(&self, inner: &mut Inner, id: &TaskId, finished: bool, launched: u64) {
        let Inner { tasks, watches, changed, .. } = inner;
        let is_new = !tasks.contains_key(id);
        let entry = tasks.entry(id.clone()).or_insert_with(|| Entry {
            finished,
            launched,
            line: None,
            dirty: !finished,
            watch: None,
            not_before: None,
        });
        if is_new || entry.finished != finished {
            changed.insert(id.clone());
        }
        if entry.finished != finished {
            (entry.finished, entry.dirty, entry.not_before) = (finished, true, None);
        }
        if !finished && entry.watch.is_none() {
            let what = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            let folder = self.root.task(id).folder().to_owned();
            entry.watch = self.inotify.add_watch(&folder, what | AddWatchFlags::IN_ONLYDIR).ok();
            watches.extend(entry.watch.map(|watch| (watch, Watched::Task(id.clone()))));
        } else if finished && let Some(watch) = entry.watch.take() {
            let _ = self.inotify.rm_watch(watch);
            watches.remove(&watch);
        }
    }

    fn forget(&self, inner: &mut Inner, id: &TaskId) {
        let Some(entry) = inner.tasks.remove(id) else { return };
        inner.changed.insert(id.clone());
        if let Some(watch) = entry.watch {
            let _ = self.inotify.rm_watch(watch);
            inner.watches.remove(&watch);
        }
    }

    /// Lists all tasks: at the start, when the folders come to be, and when events were lost.
    fn rescan(&self, inner: &mut Inner) {
        self.watch_folders(inner);
        // Watched first, then listed: what comes meanwhile is seen twice, not missed.
        let found = self.root.tasks().unwrap_or_default();
        let ids: HashSet<TaskId> = found.iter().map(|found| found.id.clone()).collect();
        let gone: Vec<TaskId> = inner.tasks.keys().filter(|id| !ids.contains(id)).cloned().collect();
        gone.iter().for_each(|id| self.forget(inner, id));
        ids.iter().for_each(|id| self.locate(inner, id));
        for entry in inner.tasks.values_mut().filter(|entry| !entry.finished) {
            entry.dirty = true;
        }
    }

    fn watch_folders(&self, inner: &mut Inner) {
        let what = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ONLYDIR;
        let folders = [self.root.active(), self.root.finished()];
        let watches = folders.each_ref().map(|folder| self.inotify.add_watch(folder.as_path(), what).ok());
        inner.watches.extend(watches.into_iter().flatten().map(|watch| (watch, Watched::Tasks)));
        inner.is_rooted = watches.iter().all(Option::is_some);
        if !inner.is_rooted {
            let above =
                folders[0].ancestors().skip(1).find_map(|folder| self.inotify.add_watch(folder, what).ok());
            inner.watches.extend(above.map(|watch| (watch, Watched::Above)));
        }
    }

    fn read_changed(&self, inner: &mut Inner) {
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.dirty && entry.not_before.is_none_or(|time| time <= now);
        for (id, entry) in inner.tasks.iter_mut().filter(|(_, entry)| is_due(entry)) {
            read(&self.root, id, entry);
            inner.changed.insert(id.clone());
        }
    }
}

fn read(root: &Root, id: &TaskId, entry: &mut Entry) {
    let begin = Instant::now();
    entry.dirty = false;
    match read_line(root, id) {
        Ok(Some((line, launched))) => (entry.line, entry.launched) = (Some(Ok(line)), launched),
        Ok(None) => entry.line = None,
        Err(error) => entry.line = Some(Err(error.into())),
    }
    let pause = (begin.elapsed() * SPARING).max(Duration::from_millis(20));
    entry.not_before = Some(Instant::now() + pause);
}

fn read_line(root: &Root, id: &TaskId) -> Result<Option<(Line, u64)>, String> {
    let paths = root.task(id);
    let state = load(&paths).map_err(|error| error.to_string())?;
    let Some((header, last)) = state.header.as_ref().zip(state.statuses.last()) else { return Ok(None) };
    #[derive(Deserialize)]
    struct Outline {
        processes: Vec<IgnoredAny>,
    }
    let document = fs::read(paths.active()).or_else(|_| fs::read(paths.finished())).unwrap_or_default();
    let total = serde_json::from_slice::<Outline>(&document).map_or(0, |outline| outline.processes.len());
    let count = |wanted: &[ProcessState]| {
        let last = state.processes.values().filter_map(|history| history.last());
        last.filter(|run| wanted.contains(&run.state)).count() as u32
    };
    let line = Line {
        name: header.name.as_str().into(),
        user: header.user.as_str().into(),
        state: last.state.clone(),
        runner_alive: is_runner_alive(last),
        since: since(&state),
        total: total.max(state.processes.len()) as u32,
        succeeded: count(&[ProcessState::Success]),
        failed: count(&[ProcessState::Failed, ProcessState::Killed, ProcessState::Lost]),
        running: count(&[ProcessState::Forked, ProcessState::Running]),
        ports: header.ports.iter().map(|(name, port)| (name.clone(), *port)).collect(),
    };
    Ok(Some((line, header.launch_time_ms)))
}

/// When the last state was entered; a takeover enters none.
fn since(state: &State) -> u64 {
    let last = state.task_state();
    let same = state.statuses.iter().rev().take_while(|status| Some(&status.state) == last);
    same.last().map_or(0, |status| status.timestamp_ms)
}

fn milliseconds(metadata: &fs::Metadata) -> u64 {
    (metadata.mtime().max(0) as u64) * 1000 + (metadata.mtime_nsec() / 1_000_000) as u64
}
