//! Tasks of the past: checkpoints that are written down as a runner would have left them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Thermos;

/// Launched Tue May 29 16:25:32 2012 UTC.
const LAUNCH_MS: u64 = 1_338_308_732_018;

/// A task whose runner is gone.
pub(crate) struct Recorded {
    id: String,
    folder: PathBuf,
    logs: PathBuf,
    lines: Vec<Value>,
}

impl Recorded {
    /// Begins a task in the state ACTIVE.
    pub(crate) fn new(thermos: &Thermos, id: &str) -> Recorded {
        let logs = thermos.root().join("logs").join(id);
        let header = json!({"runner_header": {
            "task_id": id, "name": "simple", "launch_time_ms": LAUNCH_MS, "sandbox": "/sandbox", "log_dir": logs,
            "hostname": "elsewhere", "user": "wickman", "uid": 0, "ports": {"http": 1338}, "boot_id": "gone",
            "launch": "mark", "version": "0.1.0", "chroot": false, "preserve_env": false, "concurrency": null,
            "durable": false, "enforce": false, "launcher": "fork",
        }});
        let folder = thermos.root().join("checkpoints").join(id);
        Recorded { id: id.to_owned(), folder, logs, lines: vec![header] }.state("ACTIVE")
    }

    /// The task enters a state.
    pub(crate) fn state(mut self, state: &str) -> Recorded {
        let timestamp = LAUNCH_MS + self.lines.len() as u64;
        self.lines.push(json!({"task_status": {
            "state": state, "timestamp_ms": timestamp, "runner_pid": 1, "runner_uid": 0, "runner_ticks": 0,
            "runner_host": "elsewhere", "runner_boot_id": "gone",
        }}));
        self
    }

    /// A process runs, prints, and ends.
    pub(crate) fn run(
        mut self,
        process: &str,
        run: u64,
        code: i32,
        stdout: &[u8],
        stderr: &[u8],
    ) -> Recorded {
        let first = run * 4;
        let record = |step: u64, state: &str, more: Value| {
            let mut record = json!({"seq": first + step, "process": process, "run": run, "state": state});
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "process_status": record })
        };
        let time = LAUNCH_MS as f64 / 1000.0;
        let end = if code == 0 { "SUCCESS" } else { "FAILED" };
        self.lines.extend([
            record(0, "WAITING", json!({})),
            record(1, "FORKED", json!({"coordinator_pid": 57470, "fork_time": time})),
            record(2, "RUNNING", json!({"pid": 57471, "start_time": time})),
            record(3, end, json!({"stop_time": time, "return_code": code})),
        ]);
        let folder = self.logs.join(process).join(run.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stdout"), stdout).unwrap();
        fs::write(folder.join("stderr"), stderr).unwrap();
        self
    }

    /// Writes it under the root, among the finished if the last state is an end.
    pub(crate) fn write(self) {
        let state = self.lines.iter().rev().find_map(|line| line["task_status"]["state"].as_str()).unwrap();
        let active = matches!(state, "ACTIVE" | "CLEANING" | "FINALIZING");
        let root = self.folder.parent().unwrap().parent().unwrap();
        let index = root.join("tasks").join(if active { "active" } else { "finished" });
        for folder in [&index, &self.folder] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(index.join(&self.id), "{}").unwrap();
        let lines: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.folder.join("runner"), lines).unwrap();
    }
}
