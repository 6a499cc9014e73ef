//! Large tasks. `make large` runs them in their full size.

use serde_json::{Value, json};

use crate::harness::Thermos;

/// Returns how many processes a test of `full` size has here.
fn size(full: usize) -> usize {
    if std::env::var_os("THERMOS_LARGE").is_some() { full } else { full / 10 }
}

fn processes(count: usize) -> Value {
    (0..count).map(|number| json!({"name": format!("p{number}"), "cmdline": "true"})).collect()
}

/// Runs a task and counts the runs that are on record as SUCCESS.
fn run(processes: Value, more: Value) -> (Thermos, usize) {
    let thermos = Thermos::new();
    thermos.write_task(processes, more);
    let call = thermos.command(["run", "--json", "--task-id", "id", "task.json"]);
    call.limit(std::time::Duration::from_secs(600)).output().expect_code(0);
    let records = thermos.records("id", "runner");
    let count = records.iter().filter(|record| record["process_status"]["state"] == "SUCCESS").count();
    (thermos, count)
}

/// Returns the processes in the order in which they were started.
fn order(thermos: &Thermos) -> Vec<String> {
    let statuses = thermos.records("id", "runner").into_iter().map(|record| record["process_status"].clone());
    let waiting = statuses.filter(|status| status["state"] == "WAITING");
    waiting.map(|status| status["process"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn point_18_many_processes() {
    let count = size(10_000);
    let (_, done) = run(processes(count), json!({"max_concurrency": 4}));
    assert_eq!(done, count);
}

#[test]
fn point_18_a_long_chain() {
    let count = size(1000);
    let names: Vec<String> = (0..count).map(|number| format!("p{number}")).collect();
    let (thermos, done) = run(processes(count), json!({"constraints": [{"order": names}]}));
    assert_eq!((done, order(&thermos)), (count, names));
}

#[test]
fn point_18_many_dependents_of_one() {
    let count = size(1000);
    let constraints: Vec<Value> =
        (1..=count).map(|number| json!({"order": ["p0", format!("p{number}")]})).collect();
    let (thermos, done) = run(processes(count + 1), json!({"constraints": constraints}));
    assert_eq!((done, order(&thermos)[0].as_str()), (count + 1, "p0"));
}
