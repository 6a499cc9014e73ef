//! Where work is done, and the tasks to be done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Outcome;

/// Files in memory.
pub(crate) const MEMORY: &str = "/dev/shm";

/// Files on the disk of the build, unless that is in memory too.
pub(crate) fn disk() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target")
}

/// A new folder, which goes with its value.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn below(place: &Path) -> Outcome<Folder> {
        Ok(Folder(tempfile::Builder::new().prefix("thermos-bench-").tempdir_in(place)?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A call of the binary that was built with this bench, in a folder and with a root in it.
pub(crate) fn thermos(folder: &Path) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_thermos"), folder);
    command.arg("--root").arg(folder.join("root"));
    command
}

/// A call of another program in a folder.
pub(crate) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

/// A call of `thermos run` with a task that is written into the folder.
pub(crate) fn run(folder: &Path, task: &Value) -> Outcome<Command> {
    fs::write(folder.join("task.json"), task.to_string())?;
    let mut command = thermos(folder);
    command.args(["run", "--json", "--task-id", "id", "task.json"]);
    Ok(command)
}

pub(crate) fn name(number: usize) -> String {
    format!("p{number:06}")
}

/// A task of processes that all run one command, two at a time.
pub(crate) fn many(count: usize, cmdline: &str) -> Value {
    let processes: Vec<Value> =
        (0..count).map(|number| json!({"name": name(number), "cmdline": cmdline})).collect();
    json!({"name": "many", "max_concurrency": 2, "processes": processes})
}

/// The same, each process after the one before it.
pub(crate) fn chain(count: usize, cmdline: &str) -> Value {
    let mut task = many(count, cmdline);
    let order: Vec<String> = (0..count).map(name).collect();
    task["constraints"] = json!([{"order": order}]);
    task
}
