//! What decides how a task is run.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::checkpoint::{Rerun, Root, TaskId};

/// How a new task is to be run; recorded, so that a resumed run goes on the same way.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where checkpoints and logs go; absolute.
    pub root: Root,
    /// The id.
    pub task_id: TaskId,
    /// Where commands run; absolute, made with its parents if it is missing.
    pub sandbox: PathBuf,
    /// Where logs go instead of a folder under the root; absolute.
    pub log_dir: Option<PathBuf>,
    /// Numbers of named ports.
    pub ports: Vec<(String, u16)>,
    /// Whether commands get the caller's environment.
    pub preserve_env: bool,
    /// Lowers the task's own limit of running processes.
    pub concurrency: Option<u32>,
    /// Syncs records, so that they survive a power failure.
    pub durable: bool,
    /// Makes limits of the resources that the task and its processes say they need.
    pub enforce: bool,
    /// As whom commands run instead of the task's own user.
    pub user: Option<String>,
    /// Whether commands see the sandbox as their root.
    pub chroot: bool,
    /// Of which task this is a rerun, and what it need not do again.
    pub rerun: Option<Rerun>,
}

/// What the calling process lends to a runner; not recorded.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The environment: `PATH` for all commands, everything with `preserve_env`.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether it has left its terminal: HUP is then no reason to end.
    pub detached: bool,
}
