//! A wall clock that jumps: recorded times are moved, as if the clock had been set since.

use std::fs;

use serde_json::{Value, json};

use super::control::{die, process, start, start_cleaning};
use crate::harness::Thermos;

/// Changes the records of a task, one by one.
fn edit(thermos: &Thermos, change: impl Fn(&mut Value)) {
    let mut records = thermos.records("id", "runner");
    records.iter_mut().for_each(change);
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(thermos.stream("id", "runner"), text).unwrap();
}

/// Milliseconds by which the clock jumps: eleven days.
const JUMP: i64 = 1_000_000_000;

/// Moves the times of a decision to end: as if the clock had been put back or forward since.
fn move_decision(thermos: &Thermos, by: i64) {
    edit(thermos, |record| {
        for name in ["timestamp_ms", "deadline_ms"] {
            if let Some(time) = record["task_status"][name].as_i64() {
                record["task_status"][name] = (time + by).into();
            }
        }
    });
}

#[test]
fn point_17_a_clock_that_is_put_back_grants_no_more_time() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1));
    move_decision(&thermos, JUMP);
    thermos.run(["resume", "id"]).expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
}

#[test]
fn point_17_a_clock_that_is_put_forward_ends_what_is_late() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1000));
    move_decision(&thermos, -JUMP);
    thermos.run(["resume", "id"]).expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
    assert!(!thermos.home().join("finalized").exists());
}

#[test]
fn point_17_a_retry_is_due_though_the_clock_has_jumped() {
    for (min_duration, by) in [(1, JUMP), (1000, -JUMP)] {
        let thermos = Thermos::new();
        let mut flaky = process("p", "[ -e again ] || { touch again; false; }");
        flaky["max_failures"] = json!(2);
        flaky["min_duration"] = json!(min_duration);
        thermos.write_task(json!([flaky]), json!({}));
        let runner = start(&thermos, "id");
        thermos.wait_for_records("id", "runner", 1, |record| record["process_status"]["state"] == "FAILED");
        die(runner);
        edit(&thermos, |record| {
            if let Some(time) = record["process_status"]["stop_time"].as_f64() {
                record["process_status"]["stop_time"] = (time + by as f64 / 1000.0).into();
            }
        });
        thermos.run(["resume", "id"]).expect_code(0);
        assert_eq!(thermos.run_ends("id", "p").last().map(String::as_str), Some("SUCCESS"));
    }
}
