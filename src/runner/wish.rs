//! How tasks are to be ended, and who hears how it goes.

use std::time::Duration;

use super::error::RunnerError;
use super::sink::Sink;
use crate::checkpoint::request::Request;
use crate::checkpoint::{TaskId, TaskState};

/// How tasks are to be ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// KILLED, in good order.
    Kill {
        /// Everything at once, and no finalizers; also a runner that is stopped or does not answer.
        force: bool,
        /// How long processes and finalizers have; the task's `finalization_wait` if not given.
        grace: Option<Duration>,
    },
    /// LOST: everything at once, and no finalizers.
    Lose,
}

impl Wish {
    /// Says whether nothing and nobody is waited for.
    pub(super) fn is_forced(&self) -> bool {
        !matches!(self, Wish::Kill { force: false, .. })
    }

    pub(super) fn request(&self) -> Request {
        match self {
            Wish::Kill { force, grace } => {
                let grace = grace.map(|grace| grace.as_secs_f64());
                Request { outcome: TaskState::Killed, force: *force, grace }
            }
            Wish::Lose => Request { outcome: TaskState::Lost, force: true, grace: None },
        }
    }
}

/// Hears what becomes of tasks that are to be ended.
pub trait Witness {
    /// Returns who hears of a task that this process, or a child of it, takes over.
    fn sink(&mut self, id: &TaskId) -> Box<dyn Sink>;

    /// Something that somebody should know of a task.
    fn note(&mut self, id: &TaskId, text: &str);

    /// A task has ended, or could not be ended. Returns what [`end`](super::end) is to return of it, from 0 to 255.
    fn ended(&mut self, id: &TaskId, outcome: Result<TaskState, RunnerError>) -> i32;
}
