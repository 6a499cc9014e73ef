//! `thermos run --dry-run`: the order of starts, and nothing else.

use serde_json::{Value, json};

use crate::harness::{Output, Thermos};

fn process(name: &str) -> Value {
    json!({"name": name, "cmdline": format!("touch ran-{name}")})
}

fn with(mut process: Value, field: &str) -> Value {
    process[field] = json!(true);
    process
}

fn dry_run(thermos: &Thermos, document: &Value, arguments: &[&str]) -> Output {
    thermos.write("task.json", document.to_string());
    let call = thermos.command(["run", "--dry-run"]);
    arguments.iter().fold(call, |call, argument| call.arg(argument)).arg("task.json").output()
}

/// Two before one, a finalizer, room for two.
fn build() -> Value {
    json!({
        "name": "build",
        "max_concurrency": 2,
        "processes": [process("test"), process("fetch"), process("lint"), process("make"), with(process("clean"), "final")],
        "constraints": [{"order": ["fetch", "make", "test"]}],
    })
}

#[test]
fn the_order_of_starts_is_shown_and_nothing_is_done() {
    let thermos = Thermos::new();
    let output = dry_run(&thermos, &build(), &[]).expect_code(0);
    assert_eq!(
        output.text,
        "task build: 5 starts in 4 steps, at most 2 at once, if every run succeeds and takes the same time\n   \
        1  fetch\n      lint\n   2  make   after fetch\n   3  test   after make\nfinally\n   4  clean\n"
    );
    assert_eq!((thermos.root_files(), thermos.home().join("ran-fetch").exists()), (Vec::new(), false));
}

#[test]
fn a_lower_limit_makes_more_steps() {
    let thermos = Thermos::new();
    let output = dry_run(&thermos, &build(), &["-j", "1", "--format", "json"]).expect_code(0).json();
    let order = |steps: &Value| -> Vec<String> {
        let starts = steps.as_array().unwrap().iter().flat_map(|step| step.as_array().unwrap());
        starts.map(|start| start["process"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order(&output["steps"]), ["fetch", "lint", "make", "test"]);
    assert_eq!(order(&output["final_steps"]), ["clean"]);
    assert_eq!(output["steps"][1][0]["waited_for_room"], true);
    assert_eq!(output["steps"][2][0]["after"], json!(["fetch"]));
    assert_eq!(output["max_concurrency"], 1);
}

#[test]
fn the_order_is_that_of_a_real_run() {
    let thermos = Thermos::new();
    thermos.write("task.json", build().to_string());
    let run = thermos.run(["run", "-j", "1", "task.json"]).expect_code(0);
    let forked: Vec<&str> =
        run.stderr.lines().filter_map(|line| line.strip_prefix(" INFO] Forking ")).collect();
    let expected = ["fetch", "lint", "make", "test", "clean"].map(|name| format!("Process({name})"));
    assert_eq!(forked, expected);
}

#[test]
fn daemons_and_what_nobody_waits_for_are_told() {
    let thermos = Thermos::new();
    let server = with(process("server"), "daemon");
    let watch = with(process("watch"), "ephemeral");
    let task = json!({"name": "t", "processes": [process("work"), server.clone(), watch.clone()]});
    let output = dry_run(&thermos, &task, &["-j", "2"]).expect_code(0);
    assert!(
        output.text.ends_with("the task goes on until it is ended: server runs for ever\n"),
        "{}",
        output.text
    );
    let task = json!({"name": "t", "processes": [process("work"), watch]});
    let output = dry_run(&thermos, &task, &["-j", "1"]).expect_code(0);
    assert!(
        output.text.ends_with("not started, since the task does not wait for it: watch\n"),
        "{}",
        output.text
    );
    let task = json!({"name": "t", "processes": [server, process("work")]});
    let output = dry_run(&thermos, &task, &["-j", "1"]).expect_code(0);
    assert!(
        output.text.contains("never started, since daemons take all the room: work\n"),
        "{}",
        output.text
    );
}

#[test]
fn what_run_would_refuse_is_refused() {
    let thermos = Thermos::new();
    let port = json!({"name": "t", "processes": [{"name": "a", "cmdline": "echo {{thermos.ports[http]}}"}]});
    dry_run(&thermos, &port, &[]).expect_code(3).expect_diagnostic("unbound_port", "`http`");
    dry_run(&thermos, &port, &["-P", "http"]).expect_code(0);
    dry_run(&thermos, &build(), &["--user", "nobody-of-this-name"]).expect_code(3);
    dry_run(&thermos, &build(), &["--daemon"]).expect_code(2);
    thermos.run(["run", "--format", "json", "task.json"]).expect_code(2);
    assert!(thermos.root_files().is_empty());
    thermos.run(["run", "--task-id", "id", "task.json"]).expect_code(0);
    dry_run(&thermos, &build(), &["--task-id", "id"])
        .expect_code(6)
        .expect_diagnostic("task_finished", "SUCCESS");
}
