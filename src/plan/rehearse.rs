//! A rehearsal: in which order the planner would start processes if each run succeeded and all took the same time.
//!
//! Walks the same planner that a runner walks. Knows nothing of how long anything takes.

use std::collections::BTreeSet;

use super::graph::{Graph, PlanError, ProcessId, Stage};
use super::planner::{IllegalEvent, Planner};
use crate::schema::Task;

/// What a task would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// The most processes that run at once; none is no limit.
    pub limit: Option<u32>,
    /// What starts at the same time, of the ordinary processes.
    pub ordinary: Vec<Vec<Start>>,
    /// The same of the final ones.
    pub finals: Vec<Vec<Start>>,
    /// What has been done before and does not start.
    pub done: Vec<ProcessId>,
    /// What would never start, and why.
    pub never: Vec<(ProcessId, Never)>,
    /// Daemons that keep the task from ending.
    pub endless: Vec<ProcessId>,
}

/// A start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// What starts.
    pub process: ProcessId,
    /// What it waits for, each once, in the order of the task.
    pub after: Vec<ProcessId>,
    /// Whether it could have started earlier, had fewer processes been running.
    pub waited_for_room: bool,
}

/// Why a process would never start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// The task is over before there is room for it, and does not wait for it.
    Unneeded,
    /// Daemons take all the room.
    NoRoom,
}

/// Why there is no rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The planner contradicts itself.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
}

/// Rehearses a task with at most `limit` processes at once besides its own limit, `done` being done already.
///
/// A daemon is taken to run until the task ends.
pub fn rehearse(
    task: &Task,
    limit: Option<u32>,
    done: &BTreeSet<ProcessId>,
) -> Result<Rehearsal, RehearsalError> {
    let own = Some(task.max_concurrency).filter(|limit| *limit > 0);
    let limit = own.into_iter().chain(limit.filter(|limit| *limit > 0)).min();
    let mut rehearsal = Rehearsal { limit, ..Rehearsal::default() };
    rehearsal.ordinary = rehearsal.walk(Graph::of_task(task, Stage::Ordinary)?, done)?;
    rehearsal.finals = rehearsal.walk(Graph::of_task(task, Stage::Final)?, &BTreeSet::new())?;
    Ok(rehearsal)
}

impl Rehearsal {
    fn walk(&mut self, graph: Graph, done: &BTreeSet<ProcessId>) -> Result<Vec<Vec<Start>>, RehearsalError> {
        let mut planner = Planner::new(graph);
        let predecessors = predecessors(planner.graph());
        for id in planner.graph().members().collect::<Vec<_>>() {
            if done.contains(&id) {
                planner.carry_over(id)?;
                self.done.push(id);
            }
        }
        let mut steps = Vec::new();
        let mut kept_waiting = BTreeSet::new();
        while !planner.is_complete() {
            let mut step = Vec::new();
            while self.has_room(planner.running().count()) {
                let Some(id) = planner.next_ready(0.0) else { break };
                planner.set_running(id)?;
                let after = predecessors[id.index()].iter().copied().collect();
                step.push(Start { process: id, after, waited_for_room: kept_waiting.contains(&id) });
            }
            if step.is_empty() {
                break;
            }
            kept_waiting.extend(planner.ready(0.0));
            steps.push(step);
            let ended = planner.running().filter(|id| !planner.graph().node(*id).daemon).collect::<Vec<_>>();
            ended.into_iter().try_for_each(|id| planner.success(id, 0.0))?;
        }
        self.note_the_rest(&planner);
        Ok(steps)
    }

    fn has_room(&self, running: usize) -> bool {
        self.limit.is_none_or(|limit| running < limit as usize)
    }

    fn note_the_rest(&mut self, planner: &Planner) {
        let begun: BTreeSet<_> = planner.running().chain(planner.finished()).collect();
        let why = if planner.is_complete() { Never::Unneeded } else { Never::NoRoom };
        let graph = planner.graph();
        self.never.extend(graph.members().filter(|id| !begun.contains(id)).map(|id| (id, why)));
        self.endless.extend(planner.running().filter(|id| !graph.node(*id).ephemeral));
    }
}

fn predecessors(graph: &Graph) -> Vec<BTreeSet<ProcessId>> {
    let mut found = vec![BTreeSet::new(); graph.len()];
    for id in graph.members() {
        for next in graph.successors(id) {
            found[next.index()].insert(id);
        }
    }
    found
}
