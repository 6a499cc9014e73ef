//! The tasks under the root, kept in memory: a line of each, read again only when the kernel says that it has changed.
//!
//! Whoever asks first takes in what has happened up to now, so that an answer is never older than its question. Between
//! questions nothing is read.

mod line;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::line::written;
pub(super) use self::line::{Line, Live};
use crate::checkpoint::{Root, TaskId};
use crate::process::changes::{Change, Changes, Notice};

/// Of the time, a task that changes all the while is read for one part in so many.
const SPARING: u32 = 20;
/// The least time between two readings of a task.
const LEAST: Duration = Duration::from_millis(20);

/// What is known of all tasks.
#[derive(Debug)]
pub(super) struct Index {
    root: Root,
    /// Readable when something has happened; nothing where the kernel tells nothing.
    events: Option<OwnedFd>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    tasks: BTreeMap<TaskId, Entry>,
    changes: Changes<Watched>,
    /// Read since somebody was told last.
    changed: HashSet<TaskId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Watched {
    /// The tasks that have not ended, or those that have.
    Index,
    Task(TaskId),
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Whether it is among the finished.
    pub(super) finished: bool,
    /// Milliseconds since 1970; until it is read, when its document was written.
    pub(super) launched: u64,
    /// Its line, once it was read and something is recorded; what is wrong with its checkpoint, if that is damaged.
    pub(super) line: Option<Result<Line, Arc<str>>>,
    is_read: bool,
    is_watched: bool,
    /// It has changed, and may be read again from this time on.
    due: Option<Instant>,
    /// When it may be read again if it changes.
    not_before: Instant,
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
        let mut changes = Changes::new(Notice::Writes);
        // Watched first, then listed: what comes meanwhile is seen twice, not missed.
        for folder in [root.active(), root.finished()] {
            changes.watch(&folder, Watched::Index)?;
        }
        let events = changes.descriptor().map(|events| events.try_clone_to_owned()).transpose()?;
        let inner = Inner { tasks: BTreeMap::new(), changes, changed: HashSet::new() };
        let index = Index { root, events, inner: Mutex::new(inner) };
        index.list(&mut index.lock());
        Ok(index)
    }

    /// Returns the root.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Counts the tasks.
    pub(super) fn count(&self) -> Count {
        let mut inner = self.lock();
        self.hear(&mut inner);
        let all = inner.tasks.len();
        let finished = inner.tasks.values().filter(|entry| entry.finished).count();
        Count { active: all - finished, finished, all }
    }

    /// Takes in what has happened and returns those that `wants` picks, the active first, then the latest first.
    pub(super) fn select<T>(&self, wants: impl Fn(&TaskId, &Entry) -> Option<T>) -> Vec<(TaskId, T)> {
        let mut inner = self.lock();
        self.hear(&mut inner);
        self.read_due(&mut inner);
        let mut found: Vec<_> = inner
            .tasks
            .iter()
            .filter_map(|(id, entry)| {
                Some((entry.finished, u64::MAX - entry.launched, id, wants(id, entry)?))
            })
            .collect();
        found.sort_by(|left, right| (left.0, left.1, left.2).cmp(&(right.0, right.1, right.2)));
        found.into_iter().map(|(_, _, id, wanted)| (id.clone(), wanted)).collect()
    }

    /// Returns a task; reads its line, if that was not read yet.
    pub(super) fn entry(&self, id: &TaskId) -> Option<Entry> {
        let mut inner = self.lock();
        let entry = inner.tasks.get_mut(id)?;
        if !entry.is_read {
            entry.read(&self.root, id);
        }
        Some(entry.clone())
    }

    /// Reads all lines that were not read yet, and lets others in between.
    pub(super) fn read_all(&self) {
        while self.read_more(50) {}
    }

    /// Reads some lines that were not read yet; says whether there are more.
    fn read_more(&self, count: usize) -> bool {
        let mut inner = self.lock();
        let unread = inner.tasks.iter_mut().rev().filter(|(_, entry)| entry.finished && !entry.is_read);
        let read = unread.take(count).map(|(id, entry)| entry.read(&self.root, id)).count();
        read == count
    }

    /// Takes in what has happened and returns the tasks that have changed since the last call.
    pub(super) fn changed(&self) -> HashSet<TaskId> {
        let mut inner = self.lock();
        self.hear(&mut inner);
        self.read_due(&mut inner);
        std::mem::take(&mut inner.changed)
    }

    /// Returns when a task that has changed may be read again, or what is not watched is to be looked at; nothing if the
    /// kernel will tell.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let inner = self.lock();
        let look = inner.changes.timeout().map(|left| Instant::now() + left);
        inner.tasks.values().filter_map(|entry| entry.due).chain(look).min()
    }

    /// Returns what is readable when something has happened.
    pub(super) fn events(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Returns what runs, and looks on the way for runners and coordinators that died without a word.
    pub(super) fn live(&self) -> Vec<(TaskId, Live)> {
        let mut inner = self.lock();
        let Inner { tasks, changed, .. } = &mut *inner;
        let mut live = Vec::new();
        for (id, entry) in tasks.iter_mut().filter(|(_, entry)| !entry.finished) {
            if let Some(Ok(line)) = &mut entry.line {
                if line.look_for_runner() {
                    changed.insert(id.clone());
                }
                line.live.retain(Live::is_alive);
                live.extend(line.live.iter().map(|run| (id.clone(), run.clone())));
            }
        }
        live
    }

    /// Says whether a task has a runner or something that runs.
    pub(super) fn is_anything_alive(&self) -> bool {
        let is_alive = |entry: &Entry| match &entry.line {
            Some(Ok(line)) => !entry.finished && (line.runner_alive || !line.live.is_empty()),
            _ => false,
        };
        self.lock().tasks.values().any(is_alive)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What is half done is done again at the next event: nothing here is worth dying for.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the kernel has told; when nothing more can be heard, all is looked at.
    fn hear(&self, inner: &mut Inner) {
        let Ok(changes) = inner.changes.take() else { return self.list(inner) };
        for change in changes {
            match change {
                Change::At(Watched::Task(id), _) => {
                    if let Some(entry) = inner.tasks.get_mut(&id) {
                        entry.due = Some(entry.not_before);
                    }
                }
                Change::At(Watched::Index, Some(name)) => {
                    if let Some(id) = name.to_str().and_then(|name| TaskId::new(name).ok()) {
                        self.locate(inner, &id, true);
                    }
                }
                Change::At(Watched::Index, None) | Change::Anything => self.list(inner),
            }
        }
    }

    /// Lists all tasks: at the start, when the folders come to be, and when events were lost.
    fn list(&self, inner: &mut Inner) {
        let Ok(found) = self.root.tasks() else { return };
        let ids: HashSet<TaskId> = found.into_iter().map(|found| found.id).collect();
        let gone: Vec<TaskId> = inner.tasks.keys().filter(|id| !ids.contains(id)).cloned().collect();
        gone.iter().for_each(|id| inner.forget(id));
        ids.iter().for_each(|id| self.locate(inner, id, false));
        for entry in inner.tasks.values_mut().filter(|entry| !entry.finished) {
            entry.due = Some(entry.not_before);
        }
    }

    /// Looks where a task is now: in the order of its life, so that one that ends meanwhile is found.
    fn locate(&self, inner: &mut Inner, id: &TaskId, is_news: bool) {
        let paths = self.root.task(id);
        let active = written(&paths.active()).map(|time| (false, time));
        match active.or_else(|| written(&paths.finished()).map(|time| (true, time))) {
            Some(found) => inner.note(&self.root, id, found, is_news),
            None => inner.forget(id),
        }
    }

    fn read_due(&self, inner: &mut Inner) {
        let now = Instant::now();
        for (id, entry) in inner.tasks.iter_mut().filter(|(_, entry)| entry.due.is_some_and(|due| due <= now))
        {
            entry.read(&self.root, id);
            inner.changed.insert(id.clone());
        }
    }
}

impl Inner {
    fn note(&mut self, root: &Root, id: &TaskId, (finished, written): (bool, u64), is_news: bool) {
        let now = Instant::now();
        let known = self.tasks.get(id).map(|entry| entry.finished);
        let entry = self.tasks.entry(id.clone()).or_insert_with(|| Entry {
            finished,
            launched: written,
            line: None,
            is_read: false,
            is_watched: false,
            due: None,
            not_before: now,
        });
        if known != Some(finished) {
            entry.finished = finished;
            // Those that had ended before anybody asked are many: `read_more` reads them.
            entry.due = (!finished || is_news).then_some(now);
            self.changed.insert(id.clone());
        }
        if entry.is_watched == finished {
            let token = Watched::Task(id.clone());
            entry.is_watched = match finished {
                // One whose folder may not be watched is read when the index changes.
                false => self.changes.watch(root.task(id).folder(), token).is_ok(),
                true => {
                    self.changes.unwatch(&token);
                    false
                }
            };
        }
    }

    fn forget(&mut self, id: &TaskId) {
        if let Some(entry) = self.tasks.remove(id) {
            self.changed.insert(id.clone());
            if entry.is_watched {
                self.changes.unwatch(&Watched::Task(id.clone()));
            }
        }
    }
}

impl Entry {
    fn read(&mut self, root: &Root, id: &TaskId) {
        let begin = Instant::now();
        self.is_read = true;
        self.line = match Line::read(&root.task(id)) {
            Ok(line) => line.map(Ok),
            Err(error) => Some(Err(error.to_string().into())),
        };
        if let Some(Ok(line)) = &self.line {
            self.launched = line.launched;
        }
        (self.due, self.not_before) = (None, Instant::now() + (begin.elapsed() * SPARING).max(LEAST));
    }
}
