//! Which process may start when: the dependency graph of a task and the planner that walks it.
//!
//! Pure: no clock, no processes, no files; times are seconds that the caller passes in. Everything is linear in
//! processes and constraints, and an event costs its own edges (SEMANTICS.md section 11).
//!
//! - [`graph`]: who waits for whom; refuses what could never run.
//! - `carry`: what a new run need not do again.
//! - [`rehearse`](rehearse()): in which order processes would start.
//! - [`planner`]: what is ready, waiting, running, finished, failed.

mod carry;
mod explain;
pub mod graph;
pub mod planner;
mod rehearse;
#[cfg(test)]
mod tests;

pub use carry::carry_over;
pub use explain::explain;
pub use graph::{Graph, Node, PlanError, ProcessId, Stage};
pub use planner::{IllegalEvent, Planner};
pub use rehearse::{Never, Rehearsal, RehearsalError, Start, rehearse};

/// Checks both plans of a task: that of its ordinary and that of its final processes.
pub fn check(task: &crate::schema::Task) -> Result<(), PlanError> {
    Graph::of_task(task, Stage::Ordinary)?;
    if task.processes.iter().any(|process| process.is_final) {
        Graph::of_task(task, Stage::Final)?;
    }
    Ok(())
}
