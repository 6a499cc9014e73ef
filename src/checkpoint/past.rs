//! What is known of the runs of a process that are not kept one by one: how many there were, and what decides how the
//! process goes on. Touches no file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::{ProcessState, ProcessStatus};

/// The runs of a process that were dropped, together; all of them had ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// The number of the first record after them.
    pub next_seq: u64,
    /// Every run before this one is among them.
    pub next_run: u64,
    /// How many succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were ended by somebody.
    pub killed: u64,
    /// How many were given up.
    pub lost: u64,
    /// How many of the last of them were interrupted in a row.
    pub interruptions: u32,
    /// When the last of them ended, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_time: Option<f64>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Stands in a compacted stream for the records of runs that were dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessSummary {
    /// The process.
    pub process: String,
    /// Its dropped runs.
    #[serde(flatten)]
    pub past: Past,
}

impl Past {
    /// Returns how many runs there were.
    pub fn runs(&self) -> u64 {
        [self.failed, self.killed, self.lost]
            .iter()
            .fold(self.succeeded, |sum, count| sum.saturating_add(*count))
    }

    /// Adds a run that has ended; it comes after those that are counted already.
    pub(crate) fn add(&mut self, run: &ProcessStatus) {
        let count = match run.state {
            ProcessState::Success => &mut self.succeeded,
            ProcessState::Failed => &mut self.failed,
            ProcessState::Killed => &mut self.killed,
            _ => &mut self.lost,
        };
        *count = count.saturating_add(1);
        self.interruptions = interruptions_in_a_row(self.interruptions, &run.state, run.is_claimed());
        (self.next_seq, self.next_run, self.stop_time) = (run.seq + 1, run.run + 1, run.stop_time);
    }
}

/// Counts the runs in a row that ended KILLED or LOST, with one more run; runs that nobody claimed do not count.
pub fn interruptions_in_a_row(before: u32, state: &ProcessState, is_claimed: bool) -> u32 {
    match state {
        ProcessState::Success | ProcessState::Failed => 0,
        _ => before.saturating_add(is_claimed.into()),
    }
}
