//! Which tasks `gc` removes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::checkpoint::load::load;
use crate::checkpoint::removal::{self, Extent};
use crate::checkpoint::{State, TaskPaths, TaskState};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::patterns::{self, Pattern};
use crate::cli::{clock, tasks};
use crate::diagnostics::Diagnostic;

/// A task that may go.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) paths: TaskPaths,
    pub(super) state: Summary,
}

/// What is to be known of it: reading it again for its size costs less than keeping thousands whole.
#[derive(Debug)]
pub(super) struct Summary {
    /// None if it never started.
    pub(super) state: Option<TaskState>,
    /// Seconds since 1970.
    pub(super) ended: f64,
    /// Where its outputs went, if it started.
    pub(super) log_dir: Option<PathBuf>,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    /// Warnings and errors.
    pub(super) notes: Vec<Diagnostic>,
    pub(super) is_damaged: bool,
    pub(super) is_any_active: bool,
}

/// A beginning that came to nothing counts as such after a day, or at once if it is named.
const BEGINNING: f64 = 86_400.0;

/// Finds the tasks that have ended or never started, those that ended last first.
pub(super) fn find(context: &Context, patterns: &[Pattern]) -> Result<Found, Failure> {
    let root = &context.root;
    let mut ids: Vec<_> = root.tasks()?.into_iter().map(|entry| entry.id).collect();
    let listed = ids.len();
    ids.extend(root.unlisted()?);
    let picked = patterns::select(patterns, ids.iter().map(ToString::to_string).collect());
    let mut found = Found::default();
    if !picked.is_empty() {
        found.notes = tasks::idle_warnings(&picked, patterns);
    }
    let picked: HashSet<String> = picked.into_iter().collect();
    for (index, id) in ids.iter().enumerate() {
        if picked.contains(id.as_str()) {
            look(root.task(id), index < listed, !patterns.is_empty(), &mut found);
        }
    }
    found.candidates.sort_by(|left, right| right.state.ended.total_cmp(&left.state.ended));
    Ok(found)
}

fn look(paths: TaskPaths, is_listed: bool, is_named: bool, found: &mut Found) {
    let state = match load(&paths) {
        Ok(state) => state,
        Err(error) => {
            found.is_damaged = true;
            return found.notes.push(tasks::diagnostic(&error));
        }
    };
    match state.statuses.last() {
        Some(last) if last.state.is_terminal() => {
            let ended = last.timestamp_ms as f64 / 1000.0;
            let log_dir = state.header.as_ref().map(|header| header.log_dir.clone());
            let state = Summary { state: Some(last.state.clone()), ended, log_dir };
            found.candidates.push(Candidate { paths, state });
        }
        None if state.header.is_none() => {
            let ended = modified(&paths);
            if is_named || clock::seconds() - ended > BEGINNING {
                found
                    .candidates
                    .push(Candidate { paths, state: Summary { state: None, ended, log_dir: None } });
            }
        }
        _ => found.is_any_active |= is_listed,
    }
}

fn modified(paths: &TaskPaths) -> f64 {
    let time = [paths.folder().to_owned(), paths.active(), paths.finished()];
    let time = time.iter().find_map(|path| path.symlink_metadata().and_then(|found| found.modified()).ok());
    let age = time.and_then(|time| time.elapsed().ok()).unwrap_or_default();
    clock::seconds() - age.as_secs_f64()
}

impl Candidate {
    /// Returns the bytes that go with it.
    pub(super) fn size(&self, extent: Extent) -> u64 {
        let state = load(&self.paths).unwrap_or_else(|_| State::default());
        removal::size(&self.paths, &state, extent)
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) age: Option<Duration>,
    pub(super) tasks: Option<usize>,
    pub(super) space: Option<u64>,
}

impl Limits {
    pub(super) fn is_none(&self) -> bool {
        self.age.is_none() && self.tasks.is_none() && self.space.is_none()
    }

    /// Takes the candidates that are beyond a limit; all if there is no limit. They come with the latest first.
    pub(super) fn choose(&self, candidates: Vec<Candidate>, extent: Extent) -> Vec<Candidate> {
        if self.is_none() {
            return candidates;
        }
        let (now, mut kept, mut bytes) = (clock::seconds(), 0, 0_u64);
        let mut goes = |candidate: &Candidate| {
            let is_old = self.age.is_some_and(|age| now - candidate.state.ended > age.as_secs_f64());
            if is_old || self.tasks.is_some_and(|most| kept >= most) {
                return true;
            }
            if let Some(most) = self.space {
                let size = candidate.size(extent);
                if bytes.saturating_add(size) > most {
                    // What ended earlier does not take its place.
                    bytes = u64::MAX;
                    return true;
                }
                bytes += size;
            }
            kept += 1;
            false
        };
        candidates.into_iter().filter(|candidate| goes(candidate)).collect()
    }
}
