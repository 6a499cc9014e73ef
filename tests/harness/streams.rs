//! What tasks have put on record, and the commands and gates of tasks under test.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};

use super::{Thermos, wait_until};

impl Thermos {
    /// Writes `task.json`: a task `t` of these processes and more fields.
    pub(crate) fn write_task(&self, processes: Value, more: Value) {
        let mut task = json!({"name": "t", "processes": processes});
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.write("task.json", task.to_string());
    }

    /// Makes a fifo in the home, at which commands can wait.
    pub(crate) fn make_gate(&self, name: &str) {
        mkfifo(&self.home().join(name), Mode::from_bits_truncate(0o600)).unwrap();
    }

    /// Lets one reader of a fifo go on, now or later, as long as what is returned lives.
    pub(crate) fn open_gate(&self, name: &str) -> File {
        use std::io::Write;
        let mut gate = File::options().read(true).write(true).open(self.home().join(name)).unwrap();
        gate.write_all(b"go\n").unwrap();
        gate
    }

    /// Returns a stream of a task: `runner`, `coordinator.PROCESS.RUN`.
    pub(crate) fn stream(&self, id: &str, name: &str) -> PathBuf {
        self.root().join("checkpoints").join(id).join(name)
    }

    /// Reads the whole lines of a stream.
    pub(crate) fn records(&self, id: &str, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.stream(id, name)).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until `count` records of a stream fit.
    pub(crate) fn wait_for_records(&self, id: &str, name: &str, count: usize, fits: impl Fn(&Value) -> bool) {
        wait_until(&self.stream(id, name), || {
            self.records(id, name).iter().filter(|record| fits(record)).count() >= count
        });
    }

    /// Waits until a task has entered a state `count` times.
    pub(crate) fn wait_for_state(&self, id: &str, state: &str, count: usize) {
        self.wait_for_records(id, "runner", count, |record| record["task_status"]["state"] == state);
    }

    /// Returns the records of a task's own states.
    pub(crate) fn task_statuses(&self, id: &str) -> Vec<Value> {
        let records = self.records(id, "runner").into_iter();
        records.map(|record| record["task_status"].clone()).filter(Value::is_object).collect()
    }

    /// Returns when a task entered a state first, in milliseconds.
    pub(crate) fn entered(&self, id: &str, state: &str) -> u64 {
        let statuses = self.task_statuses(id);
        let entry = statuses.iter().find(|status| status["state"] == state);
        entry.unwrap_or_else(|| panic!("{id} never was {state}"))["timestamp_ms"].as_u64().unwrap()
    }

    /// Returns the last state of a task.
    pub(crate) fn state(&self, id: &str) -> String {
        self.task_statuses(id).last().unwrap()["state"].as_str().unwrap().to_owned()
    }

    /// Returns the terminal states of a process's runs, in order, from the runner's stream alone.
    pub(crate) fn run_ends(&self, id: &str, process: &str) -> Vec<String> {
        let statuses = self.records(id, "runner").into_iter().map(|record| record["process_status"].clone());
        let states = statuses.filter(|status| status["process"] == process);
        let states = states.map(|status| status["state"].as_str().unwrap().to_owned());
        states.filter(|state| !["WAITING", "FORKED", "RUNNING"].contains(&state.as_str())).collect()
    }

    /// Returns the runner that has signed last.
    pub(crate) fn runner(&self, id: &str) -> Pid {
        let statuses = self.task_statuses(id);
        Pid::from_raw(statuses.last().unwrap()["runner_pid"].as_i64().unwrap() as i32)
    }

    /// Kills the runner that has signed last, which is no child of this process, and waits until it is gone.
    pub(crate) fn kill_runner(&self, id: &str) {
        let runner = self.runner(id);
        kill(runner, Signal::SIGKILL).unwrap();
        // Nothing tells when a stranger's child has ended.
        while PathBuf::from(format!("/proc/{runner}/fd/0")).symlink_metadata().is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a run is running, and returns its coordinator.
    pub(crate) fn coordinator(&self, id: &str, process: &str, run: u64) -> Pid {
        let name = format!("coordinator.{process}.{run}");
        self.wait_for_records(id, &name, 1, |record| record["process_status"]["state"] == "RUNNING");
        let first = &self.records(id, &name)[0]["process_status"]["coordinator_pid"];
        Pid::from_raw(first.as_i64().unwrap() as i32)
    }

    /// Waits until a task is among the finished.
    pub(crate) fn wait_for_end(&self, id: &str) {
        let path = self.root().join("tasks/finished").join(id);
        wait_until(&path, || path.exists());
    }
}
