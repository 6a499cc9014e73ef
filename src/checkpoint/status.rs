//! What `status --format json` shows of a task (DESIGN.md section 4).

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::error::CheckpointError;
use super::load::load;
use super::paths::TaskPaths;
use super::record::{ProcessState, ProcessStatus, TaskState, TaskStatus};
use super::rerun::CarriedRun;
use super::state::State;
use super::task_id::TaskId;
use crate::process::identity::{self, Machine};
use crate::schema::Resources;

/// A task as users see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The id.
    pub task_id: String,
    /// The name.
    pub name: String,
    /// The last recorded state.
    pub state: TaskState,
    /// As whom it runs.
    pub user: String,
    /// Where it runs.
    pub sandbox: PathBuf,
    /// Holds `PROCESS/RUN/stdout`.
    pub log_dir: PathBuf,
    /// Numbers of named ports.
    pub ports: IndexMap<String, u16>,
    /// What it says it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Whether that is enforced.
    #[serde(skip)]
    pub enforce: bool,
    /// Milliseconds since 1970.
    pub launch_time_ms: u64,
    /// Whether its runner lives.
    pub runner_alive: bool,
    /// Its states; equal neighbours once, except after a takeover.
    pub statuses: Vec<StatusEntry>,
    /// The runs of each process that ran, without those that were dropped.
    pub processes: IndexMap<String, Vec<RunEntry>>,
    /// Of which task this is a rerun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<TaskId>,
    /// The processes that succeeded in an earlier task and do not run in this one.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub carried_over: IndexMap<String, CarriedRun>,
    /// How many runs of each process were dropped; none if it is not among them.
    #[serde(skip)]
    pub dropped: IndexMap<String, u64>,
}

/// When a task entered a state, or was taken over in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusEntry {
    /// The state.
    pub state: TaskState,
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The runner.
    pub runner_pid: i32,
    /// The runner's user.
    pub runner_uid: u32,
}

/// A run of a process. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunEntry {
    /// From 0.
    pub run: u64,
    /// The state.
    pub state: ProcessState,
    /// The number of its last record.
    pub seq: u64,
    /// The coordinator, once it has claimed the run.
    pub coordinator_pid: Option<i32>,
    /// The command, once it runs.
    pub pid: Option<i32>,
    /// When it was claimed.
    pub fork_time: Option<f64>,
    /// When the command was started.
    pub start_time: Option<f64>,
    /// When it ended.
    pub stop_time: Option<f64>,
    /// What the command returned; negative for a signal.
    pub return_code: Option<i32>,
}

impl Status {
    /// Reads a task; nothing if it has no header or no state yet.
    pub fn read(paths: &TaskPaths) -> Result<Option<Status>, CheckpointError> {
        let state = load(paths)?;
        let alive = state.statuses.last().is_some_and(is_runner_alive);
        Ok(Status::of_state(&state, alive))
    }

    /// Shows a state.
    pub fn of_state(state: &State, runner_alive: bool) -> Option<Status> {
        let header = state.header.as_ref()?;
        Some(Status {
            task_id: header.task_id.to_string(),
            name: header.name.clone(),
            state: state.task_state()?.clone(),
            user: header.user.clone(),
            sandbox: header.sandbox.clone(),
            log_dir: header.log_dir.clone(),
            ports: header.ports.clone(),
            resources: header.resources.clone(),
            enforce: header.enforce,
            launch_time_ms: header.launch_time_ms,
            runner_alive,
            statuses: entries(&state.statuses),
            processes: state.processes.iter().map(|(name, all)| (name.clone(), runs(&all.runs))).collect(),
            rerun_of: header.rerun.as_ref().map(|rerun| rerun.task_id.clone()),
            carried_over: header.rerun.as_ref().map(|rerun| rerun.carried_over.clone()).unwrap_or_default(),
            dropped: dropped(state),
        })
    }
}

/// Says whether the runner that wrote a status lives on this machine.
pub fn is_runner_alive(status: &TaskStatus) -> bool {
    let is_here =
        |machine: &Machine| machine.host == status.runner_host && machine.boot_id == status.runner_boot_id;
    !status.state.is_terminal()
        && Machine::current().is_ok_and(|machine| is_here(&machine))
        && matches!(identity::prove(status.runner_pid, status.runner_ticks), Ok(Some(_)))
}

fn entries(statuses: &[TaskStatus]) -> Vec<StatusEntry> {
    let mut entries: Vec<StatusEntry> = Vec::new();
    let mut owner = None;
    for status in statuses {
        let this = (status.runner_pid, status.runner_ticks, &status.runner_boot_id);
        let repeats = entries.last().is_some_and(|last| last.state == status.state) && owner == Some(this);
        owner = Some(this);
        if !repeats {
            entries.push(StatusEntry {
                state: status.state.clone(),
                timestamp_ms: status.timestamp_ms,
                runner_pid: status.runner_pid,
                runner_uid: status.runner_uid,
            });
        }
    }
    entries
}

fn dropped(state: &State) -> IndexMap<String, u64> {
    let counts = state.processes.iter().map(|(name, history)| (name.clone(), history.past.runs()));
    counts.filter(|(_, count)| *count > 0).collect()
}

fn runs(runs: &[ProcessStatus]) -> Vec<RunEntry> {
    let entry = |run: &ProcessStatus| RunEntry {
        run: run.run,
        state: run.state.clone(),
        seq: run.seq,
        coordinator_pid: run.coordinator_pid,
        pid: run.pid,
        fork_time: run.fork_time,
        start_time: run.start_time,
        stop_time: run.stop_time,
        return_code: run.return_code,
    };
    runs.iter().map(entry).collect()
}
