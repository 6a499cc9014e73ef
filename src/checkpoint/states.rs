//! The states of tasks and runs, as records and output name them.

use serde::Serialize;

/// The states of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskState {
    /// Ordinary processes run.
    Active,
    /// What still runs is being ended.
    Cleaning,
    /// Final processes run.
    Finalizing,
    /// All went well.
    Success,
    /// Too many processes failed.
    Failed,
    /// Somebody ended it.
    Killed,
    /// It was given up.
    Lost,
    /// A state of a newer version.
    #[serde(untagged)]
    Other(String),
}

impl TaskState {
    /// Says whether nothing follows this state.
    pub fn is_terminal(&self) -> bool {
        matches!(self, TaskState::Success | TaskState::Failed | TaskState::Killed | TaskState::Lost)
    }

    /// Returns the word in records and output.
    pub fn as_str(&self) -> &str {
        match self {
            TaskState::Active => "ACTIVE",
            TaskState::Cleaning => "CLEANING",
            TaskState::Finalizing => "FINALIZING",
            TaskState::Success => "SUCCESS",
            TaskState::Failed => "FAILED",
            TaskState::Killed => "KILLED",
            TaskState::Lost => "LOST",
            TaskState::Other(word) => word,
        }
    }
}

/// The states of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProcessState {
    /// The runner is about to fork the coordinator.
    #[default]
    Waiting,
    /// The coordinator has claimed the run.
    Forked,
    /// The command runs.
    Running,
    /// The command returned 0.
    Success,
    /// The command failed, or could not be started.
    Failed,
    /// Somebody ended the command.
    Killed,
    /// The coordinator ended without a word, or never came.
    Lost,
    /// A state of a newer version.
    #[serde(untagged)]
    Other(String),
}

impl ProcessState {
    /// Says whether nothing follows this state in its run.
    pub fn is_terminal(&self) -> bool {
        use ProcessState::{Failed, Killed, Lost, Success};
        matches!(self, Success | Failed | Killed | Lost)
    }

    /// Returns the word in records and output.
    pub fn as_str(&self) -> &str {
        match self {
            ProcessState::Waiting => "WAITING",
            ProcessState::Forked => "FORKED",
            ProcessState::Running => "RUNNING",
            ProcessState::Success => "SUCCESS",
            ProcessState::Failed => "FAILED",
            ProcessState::Killed => "KILLED",
            ProcessState::Lost => "LOST",
            ProcessState::Other(word) => word,
        }
    }
}
