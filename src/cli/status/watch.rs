//! `thermos status --watch`: the same, and again whenever something changes. Only the tasks that have changed are read.

mod display;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};

use self::display::Display;
use super::{Row, StatusArguments};
use crate::checkpoint::{Status, TaskId};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::follow::pace::Pace;
use crate::cli::{launch, patterns, report, tasks};
use crate::process::changes::{Change, Changes, Notice};
use crate::process::events::Events;
use crate::process::signals::SignalQueue;
use crate::runner::RunnerError;

const CHANGED: u64 = 0;
const SIGNALS: u64 = 1;
const KEYS: u64 = 2;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Watched {
    /// The tasks that have not ended, or those that have.
    Index,
    Task(TaskId),
}

/// Shows the tasks until all that were asked for have ended, or somebody leaves.
pub(super) fn watch(arguments: &StatusArguments, context: &Context) -> Result<Exit, Failure> {
    let system = RunnerError::system;
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGWINCH];
    let mut signals =
        SignalQueue::open(&signals.into_iter().collect::<SigSet>()).map_err(system("hear signals"))?;
    let mut events = Events::new().map_err(system("open an event descriptor"))?;
    let changes = Changes::new(Notice::Writes);
    if let Some(descriptor) = changes.descriptor() {
        events.add(descriptor, CHANGED).map_err(system("watch files"))?;
    }
    events.add(&signals, SIGNALS).map_err(system("hear signals"))?;
    let mut watcher = Watcher {
        arguments,
        context,
        changes,
        rows: BTreeMap::new(),
        beginning: BTreeSet::new(),
        damaged: BTreeSet::new(),
    };
    let mut changed = watcher.begin()?;
    let mut display = Display::open(arguments, context);
    if let Some(keys) = display.keys() {
        events.add(keys.as_fd(), KEYS).map_err(system("read the keyboard"))?;
    }
    display.draw(&watcher.rows)?;
    let mut pace = Pace::new();
    loop {
        if !changed.is_empty() && pace.wait().is_none() {
            let start = Instant::now();
            watcher.update(std::mem::take(&mut changed), &mut display)?;
            display.draw(&watcher.rows)?;
            pace.has_read(start);
            if let Some(exit) = watcher.end() {
                display.close();
                return exit;
            }
        }
        let due = (!changed.is_empty()).then(|| pace.wait().unwrap_or_default());
        let timeout = due.or_else(|| display.tick(&watcher.rows));
        let timeout = timeout.into_iter().chain(watcher.changes.timeout()).min();
        let woken: Vec<u64> = events.wait(timeout).map_err(system("wait for changes"))?.collect();
        watcher.hear(&mut changed)?;
        for token in &woken {
            match *token {
                CHANGED => {}
                SIGNALS => {
                    while let Some(taken) = signals.take().map_err(system("hear signals"))? {
                        if taken.signal != Signal::SIGWINCH {
                            return Ok(Exit::Success);
                        }
                        display.draw(&watcher.rows)?;
                    }
                }
                _ if display.wants_to_leave() => return Ok(Exit::Success),
                _ => {}
            }
        }
        if woken.is_empty() && changed.is_empty() {
            display.draw(&watcher.rows)?;
        }
    }
}

struct Watcher<'a> {
    arguments: &'a StatusArguments,
    context: &'a Context,
    changes: Changes<Watched>,
    rows: BTreeMap<TaskId, Row>,
    /// Tasks of which there is no record yet.
    beginning: BTreeSet<TaskId>,
    /// Tasks that cannot be read.
    damaged: BTreeSet<TaskId>,
}

impl Watcher<'_> {
    /// Watches the index, then lists it: nothing that comes between is missed.
    fn begin(&mut self) -> Result<BTreeSet<TaskId>, Failure> {
        let root = &self.context.root;
        for folder in [root.active(), root.finished()] {
            self.changes.watch(&folder, Watched::Index).map_err(RunnerError::system("watch the tasks"))?;
        }
        let found = tasks::select(root, &self.arguments.patterns)?;
        if found.is_empty() && !self.arguments.patterns.is_empty() {
            return Err(tasks::none_found(root, &self.arguments.patterns));
        }
        Ok(found.into_iter().map(|entry| entry.id).collect())
    }

    /// Adds to `changed` what has changed.
    fn hear(&mut self, changed: &mut BTreeSet<TaskId>) -> Result<(), Failure> {
        let mut is_anything = false;
        for change in self.changes.take().map_err(RunnerError::system("watch the tasks"))? {
            match change {
                Change::At(Watched::Task(id), _) => drop(changed.insert(id)),
                Change::At(Watched::Index, Some(name)) => {
                    let id = name.to_str().and_then(|name| TaskId::new(name).ok());
                    changed.extend(id.filter(|id| self.is_asked_for(id)));
                }
                Change::At(Watched::Index, None) | Change::Anything => is_anything = true,
            }
        }
        if is_anything {
            let found = tasks::select(&self.context.root, &self.arguments.patterns)?;
            changed.extend(found.into_iter().map(|entry| entry.id));
            changed.extend(self.rows.keys().cloned());
        }
        Ok(())
    }

    fn is_asked_for(&self, id: &TaskId) -> bool {
        !patterns::select(&self.arguments.patterns, vec![id.to_string()]).is_empty()
    }

    fn update(&mut self, changed: BTreeSet<TaskId>, display: &mut Display<'_>) -> Result<(), Failure> {
        for id in changed {
            let paths = self.context.root.task(&id);
            let token = Watched::Task(id.clone());
            self.changes.unwatch(&token);
            // Watched before it is read, and no longer once it has ended.
            self.changes.watch(paths.folder(), token.clone()).map_err(RunnerError::system("watch a task"))?;
            let is_indexed = self.context.root.find(&id)?.is_some();
            let status = if is_indexed { Status::read(&paths) } else { Ok(None) };
            match status {
                Ok(Some(status)) => {
                    self.beginning.remove(&id);
                    self.damaged.remove(&id);
                    if status.state.is_terminal() {
                        self.changes.unwatch(&token);
                    }
                    let row = Row::new(&status);
                    if self.arguments.wants(&status.state) {
                        display.changed(&status)?;
                    }
                    self.rows.insert(id, row);
                }
                // It is about to begin: its header comes next.
                Ok(None) if is_indexed && !self.rows.contains_key(&id) => drop(self.beginning.insert(id)),
                Ok(None) => {
                    self.changes.unwatch(&token);
                    self.beginning.remove(&id);
                    self.damaged.remove(&id);
                    if self.rows.remove(&id).is_some() {
                        display.vanished(&id);
                    }
                }
                Err(error) => {
                    self.beginning.remove(&id);
                    self.damaged.insert(id);
                    display.damaged(report::draw(&[tasks::diagnostic(&error)], self.context.terminal.stderr))
                }
            }
        }
        Ok(())
    }

    /// Says whether all that was asked for has ended, and how.
    fn end(&self) -> Option<Result<Exit, Failure>> {
        let patterns = &self.arguments.patterns;
        if patterns.is_empty() || !self.beginning.is_empty() || !self.rows.values().all(Row::is_over) {
            return None;
        }
        if !self.damaged.is_empty() {
            return Some(Ok(Exit::Other));
        }
        if self.rows.is_empty() {
            return Some(Err(tasks::none_found(&self.context.root, patterns)));
        }
        let exits = self.rows.values().map(|row| launch::exit(&row.state));
        let first_of_bad = exits.into_iter().find(|exit| *exit != Exit::Success);
        Some(Ok(first_of_bad.unwrap_or(Exit::Success)))
    }
}
