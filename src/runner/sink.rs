//! What a runner tells while it works.

use std::path::Path;

use crate::checkpoint::{ProcessState, TaskState};

/// Takes what happens; `cli` makes lines of it.
pub trait Sink {
    /// Something happened. Its record is on disk already.
    fn event(&mut self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The task entered a state, or this runner took it over in it. ACTIVE comes once all files of the task exist.
    Task {
        /// The state.
        state: &'a TaskState,
        /// Why, if there is more to say.
        reason: Option<&'a str>,
    },
    /// A resumed task had ended already.
    AlreadyEnded {
        /// How.
        state: &'a TaskState,
    },
    /// A run of a process starts.
    Forking {
        /// The process.
        process: &'a str,
        /// The run.
        run: u64,
    },
    /// A run that an earlier runner started still goes on.
    Attached {
        /// The process.
        process: &'a str,
        /// The run.
        run: u64,
    },
    /// A run ended well.
    Finished {
        /// The process.
        process: &'a str,
        /// The run.
        run: u64,
        /// Zero.
        return_code: i32,
    },
    /// A run failed.
    Failed {
        /// The process.
        process: &'a str,
        /// The run.
        run: u64,
        /// Negative for a signal; none if the command was never started.
        return_code: Option<i32>,
        /// Why, if there is more to say.
        reason: Option<&'a str>,
        /// Holds `stdout` and `stderr` of the run, if they go to files.
        logs: &'a Path,
    },
    /// A run ended through no fault of its own.
    Interrupted {
        /// The process.
        process: &'a str,
        /// The run.
        run: u64,
        /// KILLED or LOST.
        state: &'a ProcessState,
    },
    /// A process whose run failed will run again.
    UnderLimit {
        /// The process.
        process: &'a str,
    },
    /// A process has failed for good.
    ReachedLimit {
        /// The process.
        process: &'a str,
    },
    /// Something that somebody should know.
    Note(&'a str),
}
