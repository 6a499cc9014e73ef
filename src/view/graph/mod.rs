//! The dependency picture of a task, or of one of its runs.
//!
//! Processes that wait for the same ones, and that the same ones wait for, stand together in a block: of 180 mappers
//! before one reducer there is one block with one edge. Final processes come after a block that says so.

mod build;
mod dot;
mod mermaid;
mod svg;
mod text;

pub use build::{of_run, of_task};
pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::{inline, styles, svg};
pub use text::text;

use super::look::Tone;
use crate::checkpoint::{ProcessState, TaskState};

/// The dependencies of a task, ready to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The task's name, or the id of its run.
    pub title: String,
    /// How the run is.
    pub state: Option<TaskState>,
    /// Each after those it waits for.
    pub blocks: Vec<Block>,
    /// Which block waits for which.
    pub links: Vec<Link>,
    /// The critical path of a run: seconds from its first to its last process.
    pub critical_seconds: Option<f64>,
}

/// Processes that are drawn together.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// In the order of the task; none in the block that stands before the final processes.
    pub nodes: Vec<Node>,
}

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The state of its latest run; none if it never ran.
    pub state: Option<ProcessState>,
    /// How often it ran.
    pub runs: usize,
    /// Seconds that its runs took together.
    pub seconds: Option<f64>,
    /// Whether it runs again after success.
    pub daemon: bool,
    /// Whether the task does not wait for it.
    pub ephemeral: bool,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// Whether it succeeded in an earlier task of which this is a rerun.
    pub carried_over: bool,
}

/// One block waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Comes first.
    pub from: usize,
    /// Waits for it.
    pub to: usize,
    /// Whether the critical path goes this way.
    pub critical: bool,
    /// Whether it is there only because final processes come last.
    pub implied: bool,
}

impl Block {
    /// Says whether this stands for the end of all ordinary processes.
    pub fn is_finally(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl Node {
    /// Returns how it is.
    pub fn tone(&self) -> Tone {
        Tone::of_process(self.state.as_ref())
    }

    /// Says what there is to say beside the name: `1.2 s, 3 runs`, `daemon`.
    pub fn remark(&self) -> String {
        let time = self.seconds.map(super::duration);
        let runs = (self.runs > 1).then(|| format!("{} runs", self.runs));
        let carried = self.carried_over.then(|| "carried over".to_owned());
        let daemon = self.daemon.then(|| "daemon".to_owned());
        let ephemeral = self.ephemeral.then(|| "ephemeral".to_owned());
        [time, runs, carried, daemon, ephemeral].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
