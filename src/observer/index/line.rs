//! What the list shows of a task, read from its checkpoint.

use std::path::Path;

use nix::unistd::Pid;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::checkpoint::find::read_task;
use crate::checkpoint::load::load;
use crate::checkpoint::status::is_runner_alive;
use crate::checkpoint::{
    CheckpointError, ProcessState, ProcessStatus, State, TaskPaths, TaskState, TaskStatus,
};
use crate::process::identity;

/// A task of the list.
#[derive(Clone, Debug)]
pub(in crate::observer) struct Line {
    pub(in crate::observer) name: Box<str>,
    pub(in crate::observer) user: Box<str>,
    pub(in crate::observer) state: TaskState,
    /// Milliseconds since 1970.
    pub(in crate::observer) launched: u64,
    /// When it entered its state, in milliseconds since 1970.
    pub(in crate::observer) since: u64,
    pub(in crate::observer) processes: Counts,
    pub(in crate::observer) ports: Box<[(String, u16)]>,
    /// What runs of it.
    pub(in crate::observer) live: Vec<Live>,
    pub(in crate::observer) runner_alive: bool,
    /// What its living runner wrote last; nothing of a task without one.
    runner: Option<Box<TaskStatus>>,
}

/// How the processes of a task are.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(in crate::observer) struct Counts {
    pub(in crate::observer) total: u32,
    pub(in crate::observer) succeeded: u32,
    pub(in crate::observer) failed: u32,
    pub(in crate::observer) running: u32,
}

/// A run that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::observer) struct Live {
    pub(in crate::observer) process: String,
    pub(in crate::observer) run: u64,
    /// The coordinator.
    pub(in crate::observer) pid: i32,
    /// When the coordinator started, in clock ticks since boot.
    pub(in crate::observer) ticks: u64,
}

impl Live {
    /// Says whether its coordinator lives: the number may be another process's by now.
    pub(super) fn is_alive(&self) -> bool {
        identity::start_ticks(Pid::from_raw(self.pid)).is_ok_and(|ticks| ticks == self.ticks)
    }
}

impl Line {
    /// Reads a task; nothing if nothing is recorded of it yet.
    pub(super) fn read(paths: &TaskPaths) -> Result<Option<Line>, CheckpointError> {
        let state = load(paths)?;
        let Some((header, last)) = state.header.as_ref().zip(state.statuses.last()) else { return Ok(None) };
        let runner_alive = is_runner_alive(last);
        Ok(Some(Line {
            name: header.name.as_str().into(),
            user: header.user.as_str().into(),
            state: last.state.clone(),
            launched: header.launch_time_ms,
            since: since(&state),
            processes: counts(&state, count_processes(paths)),
            ports: header.ports.iter().map(|(name, port)| (name.clone(), *port)).collect(),
            live: state.live_runs().filter_map(live).collect(),
            runner_alive,
            runner: runner_alive.then(|| Box::new(last.clone())),
        }))
    }

    /// Looks whether its runner still lives: no file changes when one dies. Says whether that has changed.
    pub(super) fn look_for_runner(&mut self) -> bool {
        let has_died = self.runner.as_deref().is_some_and(|runner| !is_runner_alive(runner));
        if has_died {
            (self.runner_alive, self.runner) = (false, None);
        }
        has_died
    }
}

/// When the last state was entered; a takeover enters none.
fn since(state: &State) -> u64 {
    let last = state.task_state();
    let same = state.statuses.iter().rev().take_while(|status| Some(&status.state) == last);
    same.last().map_or(0, |status| status.timestamp_ms)
}

fn counts(state: &State, declared: usize) -> Counts {
    let carried = state.header.as_ref().and_then(|header| header.rerun.as_ref());
    let carried = carried.map_or(0, |rerun| rerun.carried_over.len());
    let mut counts = Counts { succeeded: carried as u32, ..Counts::default() };
    for run in state.processes.values().filter_map(|history| history.last()) {
        match run.state {
            ProcessState::Success => counts.succeeded += 1,
            ProcessState::Failed | ProcessState::Killed | ProcessState::Lost => counts.failed += 1,
            ProcessState::Forked | ProcessState::Running => counts.running += 1,
            _ => {}
        }
    }
    counts.total = declared.max(state.processes.len() + carried) as u32;
    counts
}

fn live(run: &ProcessStatus) -> Option<Live> {
    let (pid, ticks) = run.coordinator_pid.zip(run.coordinator_ticks)?;
    Some(Live { process: run.process.clone(), run: run.run, pid, ticks })
}

/// Counts the processes of a task's document; none of one that cannot be read.
fn count_processes(paths: &TaskPaths) -> usize {
    #[derive(Deserialize)]
    struct Outline {
        processes: Vec<IgnoredAny>,
    }
    let document = read_task(paths).ok().flatten().map(|(_, document): (_, Vec<u8>)| document);
    let outline = document.and_then(|document| serde_json::from_slice::<Outline>(&document).ok());
    outline.map_or(0, |outline| outline.processes.len())
}

/// Returns when a document was written, in milliseconds since 1970; nothing if it is not there.
pub(super) fn written(path: &Path) -> Option<u64> {
    let time = std::fs::symlink_metadata(path).ok()?.modified().ok()?;
    Some(time.duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64))
}
