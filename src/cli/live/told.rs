//! What the runner tells its child: the events of a sink, as lines of JSON.

use serde::{Deserialize, Serialize};

use super::super::clock;
use crate::checkpoint::{ProcessState, TaskState};
use crate::runner::Event;

/// An event that is on its way to another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // The fields are those of the events.
pub(super) enum Told {
    Task {
        state: TaskState,
        reason: Option<String>,
    },
    AlreadyEnded {
        state: TaskState,
    },
    Forking {
        process: String,
        run: u64,
        /// When, in seconds since 1970: before anything of the run was there.
        at: f64,
    },
    Attached {
        process: String,
        run: u64,
    },
    Finished {
        process: String,
        run: u64,
    },
    Failed {
        process: String,
        run: u64,
        return_code: Option<i32>,
        reason: Option<String>,
    },
    Interrupted {
        process: String,
        run: u64,
        state: ProcessState,
    },
    UnderLimit {
        process: String,
    },
    ReachedLimit {
        process: String,
    },
    Note(String),
    /// So many events found no room: what they told is in the checkpoint.
    Missed(u64),
    /// Nothing follows; whether the task has ended, or the runner met an error that it tells itself.
    Over {
        well: bool,
    },
}

impl From<&Event<'_>> for Told {
    fn from(event: &Event<'_>) -> Told {
        let text = |text: &Option<&str>| text.map(str::to_owned);
        match *event {
            Event::Task { state, ref reason } => Told::Task { state: state.clone(), reason: text(reason) },
            Event::AlreadyEnded { state } => Told::AlreadyEnded { state: state.clone() },
            Event::Forking { process, run } => {
                Told::Forking { process: process.to_owned(), run, at: clock::seconds() }
            }
            Event::Attached { process, run } => Told::Attached { process: process.to_owned(), run },
            Event::Finished { process, run, .. } => Told::Finished { process: process.to_owned(), run },
            Event::Failed { process, run, return_code, ref reason, .. } => {
                Told::Failed { process: process.to_owned(), run, return_code, reason: text(reason) }
            }
            Event::Interrupted { process, run, state } => {
                Told::Interrupted { process: process.to_owned(), run, state: state.clone() }
            }
            Event::UnderLimit { process } => Told::UnderLimit { process: process.to_owned() },
            Event::ReachedLimit { process } => Told::ReachedLimit { process: process.to_owned() },
            Event::Note(note) => Told::Note(note.to_owned()),
        }
    }
}
