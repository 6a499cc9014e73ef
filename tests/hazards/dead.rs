//! A task whose runner died, to be damaged in every way.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Invocation, Output, Recorded, Thermos};

pub(super) const RUNNER: &str = "checkpoints/id/runner";
pub(super) const RUN: &str = "checkpoints/id/coordinator.p.0";
pub(super) const LOCK: &str = "checkpoints/id/lock";
pub(super) const REQUEST: &str = "checkpoints/id/request";
pub(super) const ACTIVE: &str = "tasks/active/id";

/// A task `id` whose runner died while its process ran, which has ended since; beside it a task `other`.
pub(super) struct Dead {
    pub(super) thermos: Thermos,
}

impl Dead {
    /// Makes both tasks.
    pub(super) fn new() -> Dead {
        let dead = Dead { thermos: Thermos::new() };
        let thermos = &dead.thermos;
        let task =
            json!({"name": "t", "processes": [{"name": "p", "cmdline": "echo hello", "min_duration": 0}]});
        thermos.write("task.json", task.to_string());
        thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
        Recorded::new(thermos, "other").state("SUCCESS").write();
        fs::rename(thermos.root().join("tasks/finished/id"), thermos.root().join(ACTIVE)).unwrap();
        let lines = lines(&thermos.root().join(RUNNER));
        fs::write(thermos.root().join(RUNNER), lines[..3].concat()).unwrap();
        dead
    }

    /// Copies its root, to be damaged and used once.
    pub(super) fn copy(&self) -> Copy<'_> {
        let folder = tempfile::Builder::new().prefix("thermos-test-").tempdir().unwrap();
        copy_folder(&self.thermos.root(), &folder.path().join("root"));
        Copy { thermos: &self.thermos, folder }
    }
}

/// A copy of its root.
pub(super) struct Copy<'a> {
    pub(super) thermos: &'a Thermos,
    pub(super) folder: tempfile::TempDir,
}

impl Copy<'_> {
    /// Returns the path of a file below the root.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    /// Runs a command on the task.
    pub(super) fn call(&self, command: &str) -> Output {
        self.command(command).output()
    }

    /// Prepares a command on the task.
    pub(super) fn command(&self, command: &str) -> Invocation {
        let arguments: &[&str] = match command {
            "status" => &["status"],
            "run" => &["run", "--json", "--task-id", "id", "task.json"],
            command => &[command, "id"],
        };
        self.thermos.command(arguments).env("THERMOS_ROOT", self.path(""))
    }

    /// Expects that a command names what is wrong, and that the other task is shown all the same.
    #[track_caller]
    pub(super) fn expect_error(&self, command: &str, parts: &[&str]) {
        let output = self.call(command).expect_code(6);
        assert!(command != "status" || output.text.contains("other"), "{}", output.text);
        parts.iter().fold(output, |output, part| output.expect_stderr(part)).expect_stderr("\n  help: ");
    }

    /// Expects that a command does as if nothing were wrong.
    #[track_caller]
    pub(super) fn expect_fine(&self, command: &str) -> Output {
        self.call(command).expect_code(0).expect_stderr("")
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Reads a file by lines, each with its end.
pub(super) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}
