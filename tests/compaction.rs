//! A process that runs for years: old runs are dropped, and nobody is told anything wrong for it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Deed, Output, Thermos, trace};

/// A task `id` whose only process `p` has failed many times when its runner died, between two runs.
struct Old {
    thermos: Thermos,
}

impl Old {
    /// The process has failed `runs` times; it fails for good at its `limit`th failure.
    fn new(runs: u64, limit: u64) -> Old {
        let old = Old { thermos: Thermos::new() };
        let command = "echo run $THERMOS_RUN; [ ! -e old ]";
        let process = json!({"name": "p", "cmdline": command, "max_failures": limit, "min_duration": 0});
        old.thermos.write("task.json", json!({"name": "t", "processes": [process]}).to_string());
        old.thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
        old.thermos.write("old", "");
        fs::rename(old.path("tasks/finished/id"), old.path("tasks/active/id")).unwrap();
        fs::remove_file(old.path("checkpoints/id/coordinator.p.0")).unwrap();
        let (whole, records): (Vec<String>, Vec<String>) = (0..runs).map(records).unzip();
        old.write_stream(&[old.head(), whole.concat()]);
        for (run, records) in (0..runs).zip(records) {
            fs::write(old.path(&format!("checkpoints/id/coordinator.p.{run}")), records).unwrap();
            let logs = old.path(&format!("logs/id/p/{run}"));
            fs::create_dir_all(&logs).unwrap();
            fs::write(logs.join("stdout"), format!("old run {run}\n")).unwrap();
        }
        old
    }

    fn path(&self, name: &str) -> PathBuf {
        self.thermos.root().join(name)
    }

    fn stream(&self) -> String {
        fs::read_to_string(self.path("checkpoints/id/runner")).unwrap()
    }

    /// Returns the header, and that the task is ACTIVE.
    fn head(&self) -> String {
        self.stream().split_inclusive('\n').take(2).collect()
    }

    fn write_stream(&self, parts: &[String]) {
        fs::write(self.path("checkpoints/id/runner"), parts.concat()).unwrap();
    }

    fn resume(&self) -> Output {
        self.thermos.run(["resume", "id"])
    }

    /// Returns the numbers of the runs that have a file, or a folder of logs.
    fn runs_in(&self, folder: &str, prefix: &str) -> Vec<u64> {
        let names = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.filter_map(|name| name.to_str()?.strip_prefix(prefix)?.parse().ok());
        let mut runs: Vec<u64> = names.collect();
        runs.sort_unstable();
        runs
    }

    fn status(&self) -> Value {
        self.thermos.run(["status", "--format", "json", "id"]).expect_code(0).json()[0].clone()
    }
}

/// Returns the records of a failed run in the runner's stream, and those in its own file.
fn records(run: u64) -> (String, String) {
    let record = |step: u64, state: &str, more: Value| {
        let mut record = json!({"seq": run * 4 + step, "process": "p", "run": run, "state": state});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "process_status": record }).to_string() + "\n"
    };
    let own = [
        record(1, "FORKED", json!({"coordinator_pid": 4_000_000, "coordinator_ticks": 1, "fork_time": 1.5})),
        record(2, "RUNNING", json!({"pid": 4_000_001, "start_time": 1.5})),
        record(3, "FAILED", json!({"stop_time": 2.5, "return_code": 1})),
    ];
    (format!("{}{}", record(0, "WAITING", json!({})), own.concat()), own.concat())
}

#[test]
fn failures_of_dropped_runs_count() {
    let old = Old::new(1200, 1203);
    let long = old.stream().len();
    old.resume().expect_code(1).expect_stderr("Process p reached maximum failures");
    assert!(old.stream().len() < long / 8, "{} of {long} bytes are left", old.stream().len());
    let kept: Vec<u64> = (1100..1203).collect();
    let runs = old.status()["processes"]["p"].clone();
    let numbers: Vec<u64> = runs.as_array().unwrap().iter().map(|run| run["run"].as_u64().unwrap()).collect();
    assert_eq!(numbers, kept);
    assert_eq!((&runs[0]["seq"], &runs[102]["state"]), (&json!(1100 * 4 + 3), &json!("FAILED")));
    assert_eq!(old.runs_in("checkpoints/id", "coordinator.p."), kept);
    assert_eq!(old.runs_in("logs/id/p", ""), kept);
    old.thermos.run(["status", "-v", "3", "id"]).expect_code(0).expect_stdout("- p runs: 1203 last:");
}

#[test]
fn the_logs_of_a_dropped_run_are_said_to_be_dropped() {
    let old = Old::new(1200, 1201);
    old.resume().expect_code(1);
    let tail = |run: &str| old.thermos.run(["tail", "--run", run, "id"]);
    assert_eq!(tail("1100").expect_code(0).text, "old run 1100\n");
    assert_eq!(tail("1200").expect_code(0).text, "run 1200\n");
    let message = "run 1099 of process p is no longer kept, its logs were dropped";
    tail("1099")
        .expect_code(1)
        .expect_diagnostic("dropped_run", message)
        .expect_stderr("kept is 1100, the latest 1200");
    tail("1201").expect_code(1).expect_diagnostic("unknown_run", "process p has no run 1201");
}

#[test]
fn runs_are_dropped_while_the_task_runs() {
    let old = Old::new(1090, 1105);
    old.resume().expect_code(1);
    let runs = old.runs_in("checkpoints/id", "coordinator.p.");
    // At the 1100th run there were a thousand too many.
    assert_eq!(runs, (1000..1105).collect::<Vec<u64>>());
    assert_eq!(old.status()["processes"]["p"].as_array().unwrap().len(), runs.len());
}

#[test]
fn few_runs_are_kept_all() {
    let old = Old::new(900, 901);
    old.resume().expect_code(1);
    assert_eq!(old.status()["processes"]["p"].as_array().unwrap().len(), 901);
    assert_eq!(old.runs_in("logs/id/p", "").len(), 901);
}

#[test]
fn what_a_death_during_compaction_left_goes_with_the_next() {
    let old = Old::new(1200, 1201);
    fs::write(old.path("checkpoints/id/.runner.new"), "half a stream").unwrap();
    old.resume().expect_code(1);
    assert!(!old.path("checkpoints/id/.runner.new").exists());
    let old = Old::new(3, 4);
    fs::write(old.path("checkpoints/id/.runner.new"), "half a stream").unwrap();
    old.resume().expect_code(1);
    assert!(!old.path("checkpoints/id/.runner.new").exists(), "a takeover alone is enough");
}

#[test]
fn files_that_a_death_after_the_renaming_left_go_with_the_next_compaction_and_mislead_nobody() {
    let old = Old::new(1150, 1151);
    old.resume().expect_code(1);
    // As if the runner had died after it gave the new stream its name; then many more runs.
    let left = Old::new(1150, 2251);
    let stream = old.stream();
    let compacted = stream.split_inclusive('\n').skip(1).filter(|line| !line.contains("task_status"));
    let compacted: String = compacted.filter(|line| !line.contains(r#""run":1150,"#)).collect();
    left.write_stream(&[left.head(), compacted]);
    assert_eq!(left.status()["processes"]["p"][0]["run"], 1050);
    assert_eq!(left.runs_in("checkpoints/id", "coordinator.p.").len(), 1150);
    let more: String = (1150..2250).map(|run| records(run).0).collect();
    left.write_stream(&[left.stream(), more]);
    left.resume().expect_code(1);
    assert_eq!(left.runs_in("checkpoints/id", "coordinator.p."), [2250]);
}

#[test]
fn the_file_of_a_run_that_was_fenced_stays_for_a_coordinator_that_comes_late() {
    let old = Old::new(1200, 1201);
    let lost =
        json!({"process_status": {"seq": 5, "process": "p", "run": 1, "state": "LOST"}}).to_string() + "\n";
    let stream = old.stream();
    let lines =
        stream.split_inclusive('\n').filter(|line| !line.contains(r#""run":1,"#) || line.contains("WAITING"));
    let mut stream: Vec<String> = lines.map(str::to_owned).collect();
    let place = stream.iter().position(|line| line.contains(r#""run":1,"#)).unwrap();
    stream.insert(place + 1, lost.clone());
    let renumbered = stream.iter().enumerate().map(|(index, line)| match index {
        0..=1 => line.clone(),
        _ => with_seq(line, index as u64 - 2),
    });
    old.write_stream(&[renumbered.collect()]);
    fs::write(old.path("checkpoints/id/coordinator.p.1"), lost).unwrap();
    old.resume().expect_code(1);
    let runs = old.runs_in("checkpoints/id", "coordinator.p.");
    assert_eq!((runs[0], runs[1]), (1, 1100));
    assert_eq!(old.runs_in("logs/id/p", "")[0], 1100);
}

fn with_seq(line: &str, seq: u64) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    record["process_status"]["seq"] = seq.into();
    record.to_string() + "\n"
}

#[test]
fn nothing_is_removed_before_the_new_stream_has_its_name_for_good() {
    let old = Old::new(1200, 1201);
    let Some(deeds) = trace(&old.thermos, &["resume", "id"]) else { return };
    let first = |wanted: &dyn Fn(&Deed) -> bool| deeds.iter().position(|(_, deed)| wanted(deed)).unwrap();
    let stream = old.path("checkpoints/id/runner");
    let beside = stream.with_file_name(".runner.new");
    let written = first(&|deed| *deed == Deed::Wrote(beside.clone()));
    let synced = first(&|deed| *deed == Deed::Synced(beside.clone()));
    let renamed = first(&|deed| *deed == Deed::Renamed(beside.clone(), stream.clone()));
    let lasting = first(&|deed| *deed == Deed::Synced(stream.parent().unwrap().to_owned()));
    let removed = first(&|deed| matches!(deed, Deed::Removed(path) if *path != beside));
    assert!(written < synced && synced < renamed && renamed < lasting && lasting < removed, "{deeds:#?}");
}
