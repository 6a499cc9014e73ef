//! Where everything lies under a root. Knows names only, touches no file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use super::state::MOST;
use super::task_id::TaskId;

/// The folder that holds every task's checkpoint and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root(PathBuf);

impl Root {
    /// Takes an absolute path.
    pub fn new(path: impl Into<PathBuf>) -> Root {
        Root(path.into())
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the folder of the tasks that have not ended, one file each.
    pub fn active(&self) -> PathBuf {
        self.0.join("tasks/active")
    }

    /// Returns the folder of the tasks that have ended.
    pub fn finished(&self) -> PathBuf {
        self.0.join("tasks/finished")
    }

    /// Returns the folder of all checkpoints, one folder a task.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// Returns the paths of one task.
    pub fn task(&self, id: &TaskId) -> TaskPaths {
        TaskPaths { root: self.clone(), id: id.clone(), folder: self.checkpoints().join(id) }
    }
}

/// The files of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPaths {
    root: Root,
    id: TaskId,
    folder: PathBuf,
}

impl TaskPaths {
    /// Returns the paths of a checkpoint that lies anywhere.
    pub fn of_folder(folder: &Path, id: &TaskId) -> TaskPaths {
        let root = folder.parent().and_then(Path::parent).unwrap_or(folder);
        TaskPaths { root: Root::new(root), id: id.clone(), folder: folder.to_owned() }
    }

    /// Returns the id.
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Returns the root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the folder of the task's streams.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the task as JSON while it has not ended.
    pub fn active(&self) -> PathBuf {
        self.root.active().join(&self.id)
    }

    /// Returns the task as JSON after its end.
    pub fn finished(&self) -> PathBuf {
        self.root.finished().join(&self.id)
    }

    /// Returns the file whose lock is ownership.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Returns the runner's stream.
    pub fn runner(&self) -> PathBuf {
        self.folder.join("runner")
    }

    /// Returns where the runner's stream is written anew.
    pub fn runner_beside(&self) -> PathBuf {
        files::beside(&self.runner())
    }

    /// Returns what is wanted of a living runner.
    pub fn request(&self) -> PathBuf {
        self.folder.join("request")
    }

    /// Returns the request that a runner has taken and not recorded yet.
    pub fn taken_request(&self) -> PathBuf {
        self.folder.join("request.taken")
    }

    /// Returns the stream of a run.
    pub fn run(&self, process: &str, run: u64) -> PathBuf {
        self.folder.join(format!("{RUN_PREFIX}{process}.{run}"))
    }

    /// Returns where the logs of all runs go unless the user names a folder.
    pub fn default_logs(&self) -> PathBuf {
        self.root.0.join("logs").join(&self.id)
    }
}

const RUN_PREFIX: &str = "coordinator.";

/// Takes apart the name of a run's stream.
pub(crate) fn parse_run_name(name: &str) -> Option<(&str, u64)> {
    let (process, run) = name.strip_prefix(RUN_PREFIX)?.rsplit_once('.')?;
    let canonical = run == "0" || (!run.starts_with('0') && run.bytes().all(|byte| byte.is_ascii_digit()));
    (canonical && !process.is_empty()).then_some(())?;
    Some((process, run.parse().ok().filter(|run| *run < MOST)?))
}

/// Returns the log folder of a run, which holds `stdout` and `stderr`; `logs` is the `log_dir` of the header.
pub fn run_logs(logs: &Path, process: &str, run: u64) -> PathBuf {
    logs.join(process).join(run.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_off_its_file_name_whatever_the_process_is_called() {
        assert_eq!(parse_run_name("coordinator.a.b c.12"), Some(("a.b c", 12)));
        for wrong in
            ["runner", "coordinator.a", "coordinator..0", "coordinator.a.01", "coordinator.a.+1", "claim.a.0"]
        {
            assert_eq!(parse_run_name(wrong), None, "{wrong}");
        }
    }
}
