//! What a task has of an earlier one of which it is a rerun: the runs that it need not do again.
//!
//! It stands in the header: there from the first record on, kept by every compaction, the same for every reader.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::task_id::TaskId;

/// Of which task this one is a rerun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rerun {
    /// The task that was run before.
    pub task_id: TaskId,
    /// The processes that succeeded before and do not run again, in the order of the task.
    pub carried_over: IndexMap<String, CarriedRun>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The run by which a process succeeded. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedRun {
    /// The task in which it ran: that of the rerun, or one that that was a rerun of.
    pub task_id: TaskId,
    /// Its number there.
    pub run: u64,
    /// Holds `PROCESS/RUN/stdout` of that task.
    pub log_dir: PathBuf,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_time: Option<f64>,
    /// What the command returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i32>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
