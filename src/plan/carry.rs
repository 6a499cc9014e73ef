//! What a new run of a task need not do again: what succeeded before and waits for nothing that is done again.

use std::collections::BTreeSet;

use super::graph::{Graph, PlanError, ProcessId, Stage};
use crate::schema::{Process, Task};

/// Returns the ordinary processes that may be carried over: those that `has_succeeded` says so of, unless they, or
/// anything that they wait for, run again.
///
/// Daemons and final processes always run again: that one run of theirs succeeded says nothing about the next.
pub fn carry_over(
    task: &Task,
    has_succeeded: impl Fn(&Process) -> bool,
) -> Result<BTreeSet<ProcessId>, PlanError> {
    let graph = Graph::of_task(task, Stage::Ordinary)?;
    let mut again = vec![false; graph.len()];
    let mut carried = BTreeSet::new();
    for &id in graph.topological_order() {
        let process = &task.processes[id.index()];
        if !again[id.index()] && !process.daemon && has_succeeded(process) {
            carried.insert(id);
        } else {
            graph.successors(id).iter().for_each(|next| again[next.index()] = true);
        }
    }
    Ok(carried)
}
