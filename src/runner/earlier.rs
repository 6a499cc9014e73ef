//! An earlier task, as a rerun of it needs it: what it was, how it was launched, what of it succeeded.

use super::error::RunnerError;
use super::launch::read_task;
use super::options::{Caller, Options};
use super::owner::act_as_owner;
use super::support;
use crate::checkpoint::load::{load, load_runner};
use crate::checkpoint::status::is_runner_alive;
use crate::checkpoint::{CarriedRun, Header, ProcessState, Root, State, TaskId, TaskState};
use crate::schema::Task;

/// A task that has ended.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// What it was.
    pub task: Task,
    /// How it was launched.
    pub header: Header,
    /// How it ended.
    pub outcome: TaskState,
    state: State,
}

/// Reads a task that has ended; root acts, for good, as the owner of its checkpoint, who decides what is in it. Returns
/// with it what is left of the caller.
pub fn earlier(root: &Root, id: &TaskId, caller: &Caller) -> Result<(Earlier, Caller), RunnerError> {
    let paths = root.find(id)?.ok_or_else(|| RunnerError::NotFound(id.clone()))?;
    let caller = act_as_owner(&paths, caller)?;
    let state = load(&paths)?;
    let header = state.header.clone().ok_or_else(|| RunnerError::NeverStarted(id.clone()))?;
    let last = state.statuses.last().ok_or_else(|| RunnerError::NeverStarted(id.clone()))?;
    if !last.state.is_terminal() {
        return Err(RunnerError::NotEnded { id: id.clone(), runner_alive: is_runner_alive(last) });
    }
    let (task, outcome) = (read_task(&paths)?, last.state.clone());
    Ok((Earlier { task, header, outcome, state }, caller))
}

impl Earlier {
    /// Returns the run by which a process succeeded last, in this task or in one that it is a rerun of.
    pub fn success(&self, process: &str) -> Option<CarriedRun> {
        if let Some(carried) = self.header.carried(process) {
            return Some(carried.clone());
        }
        let last = self.state.processes.get(process)?.last()?;
        (last.state == ProcessState::Success).then(|| CarriedRun {
            task_id: self.header.task_id.clone(),
            run: last.run,
            log_dir: self.header.log_dir.clone(),
            start_time: last.start_time,
            stop_time: last.stop_time,
            return_code: last.return_code,
            extra: serde_json::Map::new(),
        })
    }
}

/// Says what would keep a task from being run so, as far as that can be said without doing anything. Returns what it has
/// done already, if it is a task that would be gone on with.
pub fn examine(task: &Task, options: &Options) -> Result<Option<State>, RunnerError> {
    support::check(task, options)?;
    let paths = options.root.task(&options.task_id);
    let state = load_runner(&paths)?.state;
    match state.task_state() {
        _ if state.header.is_none() => Ok(None),
        Some(state) if state.is_terminal() => {
            Err(RunnerError::Finished { id: paths.id().clone(), state: state.clone() })
        }
        _ if read_task(&paths)? != *task => Err(RunnerError::OtherTask(paths.id().clone())),
        _ => load(&paths).map(Some).map_err(Into::into),
    }
}
