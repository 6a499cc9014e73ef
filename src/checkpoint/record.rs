//! What the lines of a checkpoint say. Fields and states of a newer version are carried, not rejected.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use super::past::ProcessSummary;
pub use super::rerun::{CarriedRun, Rerun};
pub use super::states::{ProcessState, TaskState};
use super::task_id::TaskId;
use crate::schema::Resources;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The first line of the runner's stream.
    RunnerHeader(Box<Header>),
    /// The task enters a state, or another runner takes it over.
    TaskStatus(Box<TaskStatus>),
    /// A run of a process enters a state.
    ProcessStatus(Box<ProcessStatus>),
    /// Stands for the runs of a process that were dropped; comes before those that are kept.
    ProcessSummary(Box<ProcessSummary>),
    /// A kind of a newer version.
    #[serde(untagged)]
    Unknown(Map<String, Value>),
}

/// The kinds that this version knows. Read by themselves: beside a kind for the rest serde takes each line apart into values
/// of any kind first.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Known {
    RunnerHeader(Box<Header>),
    TaskStatus(Box<TaskStatus>),
    ProcessStatus(Box<ProcessStatus>),
    ProcessSummary(Box<ProcessSummary>),
}

const KINDS: [&str; 4] = ["runner_header", "task_status", "process_status", "process_summary"];

impl Record {
    /// Reads a line without its newline.
    pub fn parse(line: &[u8]) -> Result<Record, serde_json::Error> {
        let known = serde_json::from_slice(line).map(|known| match known {
            Known::RunnerHeader(header) => Record::RunnerHeader(header),
            Known::TaskStatus(status) => Record::TaskStatus(status),
            Known::ProcessStatus(status) => Record::ProcessStatus(status),
            Known::ProcessSummary(summary) => Record::ProcessSummary(summary),
        });
        known.or_else(|error| match serde_json::from_slice::<Map<String, Value>>(line) {
            Ok(map) if map.len() == 1 && !map.keys().any(|kind| KINDS.contains(&kind.as_str())) => {
                Ok(Record::Unknown(map))
            }
            _ => Err(error),
        })
    }

    /// Appends the record as a line to a buffer.
    pub fn write_line(&self, buffer: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *buffer, self)?;
        buffer.push(b'\n');
        Ok(())
    }
}

/// What a task was launched with: everything that decides how it runs, so that a resumed run goes on the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The id.
    pub task_id: TaskId,
    /// The task's name, which the id has only in part.
    pub name: String,
    /// Milliseconds since 1970.
    pub launch_time_ms: u64,
    /// Where commands run.
    pub sandbox: PathBuf,
    /// Holds `PROCESS/RUN/stdout`.
    pub log_dir: PathBuf,
    /// Where it was launched.
    pub hostname: String,
    /// As whom commands run.
    pub user: String,
    /// As whom commands run, as a number.
    pub uid: u32,
    /// The user's own group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// All groups of the user besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
    /// The user's home directory, if commands see the sandbox as their root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<PathBuf>,
    /// Numbers of named ports.
    pub ports: IndexMap<String, u16>,
    /// During which boot it was launched.
    pub boot_id: String,
    /// The random mark in the environment of everything that the task starts.
    pub launch: String,
    /// The version that launched it.
    pub version: String,
    /// Whether commands see the sandbox as their root.
    pub chroot: bool,
    /// Whether commands get the caller's environment.
    pub preserve_env: bool,
    /// A lower limit of running processes than the task's own.
    pub concurrency: Option<u32>,
    /// Whether records are synced.
    pub durable: bool,
    /// Whether resource limits are enforced.
    pub enforce: bool,
    /// What the task says it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// The cgroup of everything that the task starts; none where none could be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
    /// How coordinators are started.
    pub launcher: String,
    /// Of which task this is a rerun, and what it need not do again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Rerun>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Where the cgroup of a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// The folder below which all members are.
    pub folder: PathBuf,
    /// The folders in which runs are limited, one for each hierarchy that has a controller for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<PathBuf>,
}

/// The task enters a state, or a runner takes it over in the state it is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The state.
    pub state: TaskState,
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// The runner.
    pub runner_pid: i32,
    /// The runner's user.
    pub runner_uid: u32,
    /// Start time of the runner in clock ticks since boot.
    pub runner_ticks: u64,
    /// Host of the runner.
    pub runner_host: String,
    /// Boot of the runner's host.
    pub runner_boot_id: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The terminal state that is decided, from CLEANING on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<TaskState>,
    /// When everything must be over, in milliseconds since 1970, from CLEANING on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A run of a process enters a state; also what is known of a run, when later records are merged into earlier ones.
///
/// Times are seconds since 1970; ticks are clock ticks from boot to the start of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProcessStatus {
    /// Counts the records of a process through all its runs, from 0.
    pub seq: u64,
    /// The process.
    pub process: String,
    /// Counts its runs, from 0.
    pub run: u64,
    /// The state.
    pub state: ProcessState,
    /// The coordinator, from FORKED on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinator_pid: Option<i32>,
    /// Start of the coordinator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinator_ticks: Option<u64>,
    /// Host of the coordinator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Boot of the coordinator's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// When the run was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_time: Option<f64>,
    /// The command, from RUNNING on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The command's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<i32>,
    /// Start of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// When the command was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<f64>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_time: Option<f64>,
    /// What the command returned; negative for a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i32>,
    /// What the command used, itself and what it waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What could not be kept of its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_output: Option<LostOutput>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Output that neither its log nor the console took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostOutput {
    /// How much.
    pub bytes: u64,
    /// Why the last of it.
    pub reason: String,
}

/// What a command used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds of processor time in the program.
    pub user: f64,
    /// Seconds of processor time in the kernel.
    pub system: f64,
    /// Bytes of memory of the largest process.
    pub max_rss: u64,
}

impl Header {
    /// Returns the run that a process is carried over from, if it is.
    pub fn carried(&self, process: &str) -> Option<&CarriedRun> {
        self.rerun.as_ref()?.carried_over.get(process)
    }
}

impl ProcessStatus {
    /// Says whether a coordinator has claimed the run.
    pub fn is_claimed(&self) -> bool {
        self.coordinator_pid.is_some()
    }

    /// Takes over what a later record of the same run says.
    pub(crate) fn merge(&mut self, later: ProcessStatus) {
        fn take<T>(field: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *field = later;
            }
        }
        self.seq = later.seq;
        self.state = later.state;
        take(&mut self.coordinator_pid, later.coordinator_pid);
        take(&mut self.coordinator_ticks, later.coordinator_ticks);
        take(&mut self.host, later.host);
        take(&mut self.boot_id, later.boot_id);
        take(&mut self.fork_time, later.fork_time);
        take(&mut self.pid, later.pid);
        take(&mut self.sid, later.sid);
        take(&mut self.ticks, later.ticks);
        take(&mut self.start_time, later.start_time);
        take(&mut self.stop_time, later.stop_time);
        take(&mut self.return_code, later.return_code);
        take(&mut self.usage, later.usage);
        take(&mut self.lost_output, later.lost_output);
        take(&mut self.reason, later.reason);
        self.extra.extend(later.extra);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header for tests in which it does not matter.
    pub(in crate::checkpoint) fn header() -> Header {
        let text = r#"{"task_id":"t","name":"t","launch_time_ms":0,"sandbox":"/","log_dir":"/","hostname":"h","user":"u",
            "uid":0,"ports":{},"boot_id":"b","launch":"m","version":"0","chroot":false,"preserve_env":false,
            "concurrency":null,"durable":false,"enforce":false,"launcher":"fork"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_a_newer_version_wrote_is_carried() {
        let lines = [
            r#"{"process_status":{"seq":3,"process":"a","run":0,"state":"PAUSED","colour":"red"}}"#,
            r#"{"summary":{"runs":5}}"#,
        ];
        for line in lines {
            let mut buffer = Vec::new();
            Record::parse(line.as_bytes()).unwrap().write_line(&mut buffer).unwrap();
            assert_eq!(String::from_utf8(buffer).unwrap().trim_end(), line);
        }
    }

    #[test]
    fn damage_is_not_taken_for_a_newer_version() {
        for line in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"process_status":{}}"#,
            r#"{"process_status":{"seq":0,"process":"p","run":0}}"#,
            r#"{"process_status":{"seq":0,"process":"p","run":0,"state":"WAITING","seq":0}}"#,
            r#"{"process_status":{"seq":0,"process":"p","run":0,"state":"RUNNING","pid":1,"pid":2}}"#,
            r#"{"process_status":{"seq":0,"process":"p","run":0,"state":7}}"#,
            r#"{"task_status":{}}"#,
            r#"{"process_summary":{}}"#,
        ] {
            assert!(Record::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
