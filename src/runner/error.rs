//! Why a task cannot be run, resumed or killed.

use std::io;
use std::path::PathBuf;

use crate::checkpoint::{CheckpointError, TaskId, TaskState};
use crate::plan::PlanError;

/// A task cannot be run, resumed or killed. Whatever it had done is in its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// There is no task of this id.
    #[error("no task {0}")]
    NotFound(TaskId),
    /// The task has files, but its runner ended before anything started.
    #[error("task {0} never started")]
    NeverStarted(TaskId),
    /// Another runner has the task.
    #[error("task {id} is owned by another runner{}", .pid.map(|pid| format!(", process {pid}")).unwrap_or_default())]
    Owned {
        /// The task.
        id: TaskId,
        /// The runner, if it is known.
        pid: Option<i32>,
    },
    /// A task that is to be run once more has not ended.
    #[error("task {id} has not ended{}", if *.runner_alive { "" } else { ", though its runner is gone" })]
    NotEnded {
        /// The task.
        id: TaskId,
        /// Whether it is being run.
        runner_alive: bool,
    },
    /// The id was used by a task that has ended.
    #[error("task {id} has ended already: {}", .state.as_str())]
    Finished {
        /// The task.
        id: TaskId,
        /// How it ended.
        state: TaskState,
    },
    /// The id belongs to a task of other content.
    #[error("task {0} exists and is a different task")]
    OtherTask(TaskId),
    /// The task was launched on another host, whose processes cannot be seen from here.
    #[error("task {id} was launched on host {host}")]
    OtherHost {
        /// The task.
        id: TaskId,
        /// Where it was launched.
        host: String,
    },
    /// The user as whom commands are to run does not exist; nothing was started.
    #[error("there is no user '{0}' on this host")]
    UnknownUser(String),
    /// Only root may do this; nothing was started.
    #[error("{what} takes root, and this is user '{user}'")]
    NeedsRoot {
        /// What was asked for.
        what: String,
        /// Who asks.
        user: String,
    },
    /// The sandbox is to be the root of commands and has no shell for them; nothing was started.
    #[error("{} cannot be the root of commands: there is no program /bin/bash in it", .sandbox.display())]
    NoShell {
        /// The sandbox.
        sandbox: PathBuf,
    },
    /// The commands of the task run as somebody that this process may not act as.
    #[error("the commands of task {id} run as user '{user}'{}", if *.chroot { " in a root of their own" } else { "" })]
    OtherUser {
        /// The task.
        id: TaskId,
        /// As whom they run.
        user: String,
        /// Whether they see the sandbox as their root.
        chroot: bool,
    },
    /// Whoever took the task over to end it was killed, again and again.
    #[error("the runners that took task {0} over were killed")]
    TakeoversKilled(TaskId),
    /// Something that this version cannot do; nothing was started.
    #[error("{0} is not supported by this version")]
    Unsupported(String),
    /// Limits were to be enforced that cannot be here; nothing was started.
    #[error("resources cannot be enforced: {0}")]
    Unlimited(String),
    /// The task cannot be run as it is; nothing was started.
    #[error("{0}")]
    Refused(String),
    /// The runner and its planner disagree, which nothing from outside should bring about.
    #[error("the task is in a state that should not arise: {0}")]
    Internal(String),
    /// The order of the processes is impossible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The checkpoint cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The disk was full for too long. What runs goes on, `resume` takes it up.
    #[error("gave up after {seconds} s: {source}")]
    Full {
        /// How long it was tried.
        seconds: u64,
        /// What was refused.
        source: CheckpointError,
    },
    /// The system refused something else.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl RunnerError {
    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> RunnerError {
        move |source| RunnerError::System { action, source }
    }
}
