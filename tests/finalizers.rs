//! How a task ends: final processes run once ordinary ones are gone, within their time, and nothing starts after it.

use serde_json::{Value, json};

use crate::harness::Thermos;

/// Runs a task of one ordinary process that succeeds, and final ones; returns its fixture.
fn finalize(finals: Value, seconds: u64) -> Thermos {
    let thermos = Thermos::new();
    let mut processes = vec![json!({"name": "p", "cmdline": "true"})];
    for process in finals.as_array().unwrap() {
        let mut process = process.clone();
        process["final"] = true.into();
        process["min_duration"] = 0.into();
        processes.push(process);
    }
    let task = json!({"name": "t", "processes": processes, "finalization_wait": seconds});
    thermos.write("task.json", task.to_string());
    thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
    thermos
}

fn runs(thermos: &Thermos, process: &str) -> usize {
    let records = std::fs::read_to_string(thermos.root().join("checkpoints/id/runner")).unwrap();
    let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let status = records.map(|record| record["process_status"].clone());
    status.filter(|status| status["process"] == process && status["state"] == "WAITING").count()
}

#[test]
fn no_final_process_starts_after_the_time_is_over() {
    // They are killed one after the other: the first could run again before the last is dead.
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    let finals: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "cmdline": "sleep 1000"})).collect();
    let thermos = finalize(finals.into(), 1);
    let more: Vec<&String> = names.iter().filter(|name| runs(&thermos, name) != 1).collect();
    assert_eq!(more, Vec::<&String>::new());
}

#[test]
fn an_ephemeral_final_process_does_not_run_again_once_it_was_told_to_end() {
    let thermos = finalize(
        json!([
            {"name": "f", "cmdline": "until [ -s e ] && [ -e slow ]; do :; done"},
            {"name": "e", "cmdline": "echo $PPID > e; sleep 1000; true", "ephemeral": true},
            // Ends as soon as the coordinator of `e` is gone, which its runner has seen then.
            {"name": "slow", "cmdline": "trap 'while kill -0 $(cat e); do :; done; exit 0' TERM; touch slow
                while :; do :; done", "ephemeral": true},
        ]),
        30,
    );
    assert_eq!((runs(&thermos, "e"), runs(&thermos, "slow")), (1, 1));
}
