//! Deaths at every write: a checkpoint is cut after each record, and in the middle of each, and resumed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Thermos;

/// Runs a task with a retry, a dependent and a finalizer as `id`.
fn finished_task() -> Thermos {
    let thermos = Thermos::new();
    let process = |name: &str, command: &str| json!({"name": name, "cmdline": command, "min_duration": 0});
    let mut flaky = process("flaky", "[ $THERMOS_RUN = 1 ]");
    flaky["max_failures"] = json!(2);
    let mut last = process("last", "true");
    last["final"] = json!(true);
    let task = json!({
        "name": "t",
        "processes": [process("first", "true"), flaky, last],
        "constraints": [{"order": ["first", "flaky"]}],
    });
    thermos.write("task.json", task.to_string());
    thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
    thermos
}

/// Returns how often each run has ended in each state, by the runner's stream alone.
fn ends(root: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for line in fs::read_to_string(root.join("checkpoints/id/runner")).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let status = &record["process_status"];
        let state = status["state"].as_str().unwrap_or("WAITING");
        if !["WAITING", "FORKED", "RUNNING"].contains(&state) {
            *found.entry(format!("{}.{} {state}", status["process"], status["run"])).or_default() += 1;
        }
    }
    found
}

fn once(ends: &[&str]) -> BTreeMap<String, u32> {
    ends.iter().map(|end| ((*end).to_owned(), 1)).collect()
}

/// Copies a root as it was when its runner died after `length` bytes of its stream.
fn copy_of_dead(from: &Path, to: &Path, length: usize) {
    let (source, target) = (from.join("checkpoints/id"), to.join("checkpoints/id"));
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(to.join("tasks/active")).unwrap();
    fs::create_dir_all(to.join("tasks/finished")).unwrap();
    for entry in fs::read_dir(&source).unwrap().flatten() {
        fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
    }
    fs::copy(from.join("tasks/finished/id"), to.join("tasks/active/id")).unwrap();
    let stream = fs::read(source.join("runner")).unwrap();
    fs::write(target.join("runner"), &stream[..length]).unwrap();
}

/// Removes the streams of runs that had not started when the runner's stream ended.
fn remove_what_was_not_started(root: &Path) {
    let folder = root.join("checkpoints/id");
    let stream = fs::read_to_string(folder.join("runner")).unwrap();
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let Some((process, run)) = name.strip_prefix("coordinator.").and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        if !stream.contains(&format!(r#""process":"{process}","run":{run},"state":"WAITING"}}}}"#)) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// Returns the bytes of the runner's stream up to the first start.
fn length_until_first_waits(thermos: &Thermos) -> usize {
    let whole = fs::read_to_string(thermos.root().join("checkpoints/id/runner")).unwrap();
    let waiting = whole.find(r#""process":"first","run":0,"state":"WAITING"}}"#).unwrap();
    waiting + whole[waiting..].find('\n').unwrap() + 1
}

/// Calls `check` with each place at which a stream may have been cut: after each record but the last, and within each.
fn at_each_cut(stream: &Path, skip: usize, mut check: impl FnMut(usize)) {
    let bytes = fs::read(stream).unwrap();
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(i, _)| i + 1).collect();
    for pair in ends.windows(2).skip(skip) {
        check(pair[0]);
        check(pair[0].midpoint(pair[1]));
    }
}

#[test]
fn a_runner_may_die_at_every_write() {
    let thermos = finished_task();
    let expected =
        once(&["\"first\".0 SUCCESS", "\"flaky\".0 FAILED", "\"flaky\".1 SUCCESS", "\"last\".0 SUCCESS"]);
    assert_eq!(ends(&thermos.root()), expected);
    at_each_cut(&thermos.root().join("checkpoints/id/runner"), 0, |length| {
        for all_runs_are_there in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            copy_of_dead(&thermos.root(), folder.path(), length);
            if !all_runs_are_there {
                remove_what_was_not_started(folder.path());
            }
            let resume = thermos.command(["resume", "id"]).env("THERMOS_ROOT", folder.path());
            resume.output().expect_code(0);
            assert_eq!(ends(folder.path()), expected, "cut at {length}, {all_runs_are_there}");
            assert!(folder.path().join("tasks/finished/id").exists());
        }
    });
}

#[test]
fn a_coordinator_may_die_at_every_write() {
    let thermos = finished_task();
    let length = length_until_first_waits(&thermos);
    at_each_cut(&thermos.root().join("checkpoints/id/coordinator.first.0"), 0, |cut| {
        let folder = tempfile::tempdir().unwrap();
        copy_of_dead(&thermos.root(), folder.path(), length);
        remove_what_was_not_started(folder.path());
        let stream = folder.path().join("checkpoints/id/coordinator.first.0");
        let bytes = fs::read(&stream).unwrap();
        fs::write(&stream, &bytes[..cut]).unwrap();
        thermos.command(["resume", "id"]).env("THERMOS_ROOT", folder.path()).output().expect_code(0);
        let found = ends(folder.path());
        assert_eq!(
            (found["\"first\".0 LOST"], found["\"first\".1 SUCCESS"]),
            (1, 1),
            "cut at {cut}: {found:?}"
        );
        assert_eq!(fs::read(&stream).unwrap(), &bytes[..cut], "a run's file is its coordinator's alone");
    });
}

#[test]
fn a_run_may_outlive_the_records_of_what_it_waited_for() {
    let thermos = finished_task();
    let folder = tempfile::tempdir().unwrap();
    copy_of_dead(&thermos.root(), folder.path(), length_until_first_waits(&thermos));
    let first = folder.path().join("checkpoints/id/coordinator.first.0");
    let records = fs::read_to_string(&first).unwrap();
    let without_end: Vec<&str> = records.split_inclusive('\n').take(2).collect();
    fs::write(&first, without_end.concat()).unwrap();
    thermos.command(["resume", "id"]).env("THERMOS_ROOT", folder.path()).output().expect_code(0);
    let expected = ["\"first\".0 LOST", "\"first\".1 SUCCESS", "\"flaky\".0 FAILED", "\"flaky\".1 SUCCESS"];
    assert_eq!(ends(folder.path()), once(&[&expected[..], &["\"last\".0 SUCCESS"]].concat()));
}

#[test]
fn runs_without_a_header_are_damage() {
    let thermos = finished_task();
    let folder = tempfile::tempdir().unwrap();
    copy_of_dead(&thermos.root(), folder.path(), 0);
    fs::copy(thermos.home().join("task.json"), folder.path().join("task.json")).unwrap();
    for arguments in [
        &["status"][..],
        &["resume", "id"],
        &["kill", "id"],
        &["run", "--json", "--task-id", "id", "task.json"],
    ] {
        let call = thermos.command(arguments).env("THERMOS_ROOT", folder.path());
        call.output().expect_code(6).expect_stderr("runner:1: damaged checkpoint: its header is missing");
    }
    assert!(folder.path().join("checkpoints/id/coordinator.first.0").exists());
}

#[test]
fn a_run_that_nobody_claimed_is_fenced() {
    let thermos = finished_task();
    let length = length_until_first_waits(&thermos);
    let folder = tempfile::tempdir().unwrap();
    copy_of_dead(&thermos.root(), folder.path(), length);
    remove_what_was_not_started(folder.path());
    let stream = folder.path().join("checkpoints/id/coordinator.first.0");
    fs::remove_file(&stream).unwrap();
    thermos.command(["resume", "id"]).env("THERMOS_ROOT", folder.path()).output().expect_code(0);
    assert!(fs::read_to_string(&stream).unwrap().contains(r#""state":"LOST""#));
    assert_eq!(ends(folder.path())["\"first\".1 SUCCESS"], 1);
}

#[test]
fn damage_is_an_error_with_its_place_and_never_a_wrong_state() {
    let thermos = finished_task();
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(thermos.root().join("checkpoints/id/runner")).unwrap();
    copy_of_dead(&thermos.root(), folder.path(), whole.len());
    let mut damaged = whole.clone();
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    damaged[second + 5] = 0;
    fs::write(folder.path().join("checkpoints/id/runner"), &damaged).unwrap();
    let resume = thermos.command(["resume", "id"]).env("THERMOS_ROOT", folder.path());
    resume.output().expect_code(6).expect_stderr("checkpoints/id/runner:2: damaged checkpoint");
    assert_eq!(fs::read(folder.path().join("checkpoints/id/runner")).unwrap(), damaged);
}
