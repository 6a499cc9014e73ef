//! A task as it is seen when somebody asks for it: its records, folded once for a page.

use std::fs;
use std::os::unix::fs::MetadataExt;

use axum::http::StatusCode;
use nix::unistd::Uid;

use super::answer::Trouble;
use super::index::Live;
use super::server::Observer;
use super::usage::Usage;
use crate::checkpoint::load::load;
use crate::checkpoint::status::is_runner_alive;
use crate::checkpoint::{State, Status, TaskId, TaskPaths};

/// What is recorded of a task.
pub(super) struct Sight {
    pub(super) id: TaskId,
    pub(super) paths: TaskPaths,
    pub(super) state: State,
    pub(super) status: Status,
    /// Whose files may be shown; everybody's, if there is nobody.
    pub(super) owner: Option<u32>,
}

impl Sight {
    /// Returns what a run of it was measured to use while it was looked at.
    pub(super) fn samples(&self, observer: &Observer, process: &str, run: u64) -> Vec<Usage> {
        let run = self.state.run(process, run);
        let live = run.and_then(|run| {
            let (pid, ticks) = run.coordinator_pid.zip(run.coordinator_ticks)?;
            Some(Live { process: process.to_owned(), run: run.run, pid, ticks })
        });
        live.map(|live| observer.sampler.of_run(&self.id, &live)).unwrap_or_default()
    }
}

/// Reads an id; one that is none names no task.
pub(super) fn task_id(bytes: &[u8]) -> Result<TaskId, Trouble> {
    let text = String::from_utf8_lossy(bytes);
    TaskId::new(&text).map_err(|_| unknown(&text))
}

/// Reads a task.
pub(super) fn read(observer: &Observer, id: &TaskId) -> Result<Sight, Trouble> {
    observer.events.ask_for_usage();
    let found = observer.index.root().find(id).ok().flatten();
    let paths = found.ok_or_else(|| unknown(id.as_str()))?;
    let state = load(&paths).map_err(|error| {
        let title = format!("The checkpoint of {id} cannot be read");
        let trouble = Trouble::missing(title, format!("{error}. Other tasks are not affected."));
        Trouble { status: StatusCode::UNPROCESSABLE_ENTITY, ..trouble }
    })?;
    let is_alive = state.statuses.last().is_some_and(is_runner_alive);
    let status = Status::of_state(&state, is_alive).ok_or_else(|| {
        let title = format!("Task {id} has not started");
        Trouble::missing(title, "Nothing is recorded of it yet. Look again in a moment.")
    })?;
    let owner = owner(&paths)?;
    Ok(Sight { id: id.clone(), paths, state, status, owner })
}

/// Who can write a checkpoint chooses the folders that are shown: of another user's task only what is that user's own.
fn owner(paths: &TaskPaths) -> Result<Option<u32>, Trouble> {
    let uid = fs::metadata(paths.folder()).map_err(|error| Trouble::of_file(&error))?.uid();
    Ok((uid != 0 && uid != Uid::effective().as_raw()).then_some(uid))
}

fn unknown(id: &str) -> Trouble {
    Trouble::missing(
        format!("There is no task {id}"),
        "It may have been removed, or the address is misspelt.",
    )
}
