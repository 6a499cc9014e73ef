//! Stopping and waiting.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::harness::{Running, Thermos};

pub(super) fn process(name: &str, command: &str) -> Value {
    json!({"name": name, "cmdline": command, "min_duration": 0})
}

fn finalizer() -> Value {
    json!({"name": "f", "cmdline": "touch finalized", "final": true})
}

/// Starts `task.json` as `id`.
pub(super) fn start(thermos: &Thermos, id: &str) -> Running {
    thermos.command(["run", "--json", "--task-id", id, "task.json"]).spawn()
}

pub(super) fn die(runner: Running) {
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
}

/// Ignores TERM until the gate is opened.
pub(super) const DEAF: &str = "trap '' TERM; echo > deaf; read -r x < gate; true";

/// Starts a deaf process, asks for its end, and returns when that is decided.
pub(super) fn start_cleaning(thermos: &Thermos, wait: u64) -> Running {
    thermos.make_gate("gate");
    thermos.write_task(json!([process("p", DEAF), finalizer()]), json!({"finalization_wait": wait}));
    let runner = start(thermos, "id");
    thermos.wait_for_file("deaf");
    thermos.coordinator("id", "p", 0);
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_state("id", "CLEANING", 1);
    runner
}

#[test]
fn point_06_what_obeys_is_given_its_time() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let command = "trap 'echo > obeying; read -r x < gate; touch tidied; exit 7' TERM; echo > ready
        while :; do sleep 1000 & wait; done";
    thermos.write_task(json!([process("p", command)]), json!({"max_failures": 0}));
    let runner = start(&thermos, "id");
    thermos.wait_for_file("ready");
    thermos.coordinator("id", "p", 0);
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_file("obeying");
    let _gate = thermos.open_gate("gate");
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["FAILED"], "it ended as it wanted");
    assert!(thermos.home().join("tidied").exists());
}

#[test]
fn point_07_finalizers_run_though_an_ephemeral_daemon_exists() {
    let thermos = Thermos::new();
    let daemon = json!({"name": "d", "cmdline": "sleep 1000", "daemon": true, "ephemeral": true});
    thermos.write_task(json!([process("p", "true"), daemon, finalizer()]), json!({}));
    start(&thermos, "id").wait().expect_code(0);
    assert_eq!((thermos.run_ends("id", "d"), thermos.run_ends("id", "f")), (one("KILLED"), one("SUCCESS")));
    assert!(thermos.entered("id", "CLEANING") <= thermos.entered("id", "FINALIZING"));
}

pub(super) fn one(state: &str) -> Vec<String> {
    vec![state.to_owned()]
}

/// Returns what a process has cost the scheduler so far.
fn switches(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of_switches = status.lines().filter(|line| line.contains("ctxt_switches"));
    of_switches.map(|line| format!("{pid} {line}\n")).collect()
}

/// Says whether none of the processes gets the processor for a while. On a busy machine they may be late to fall asleep.
fn fall_asleep(pids: &[i32], window: Duration) -> bool {
    let look = || pids.iter().map(|pid| switches(*pid)).collect::<String>();
    (0..20).any(|_| {
        let before = look();
        std::thread::sleep(window);
        look() == before
    })
}

#[test]
fn point_08_who_has_nothing_to_do_sleeps() {
    let thermos = Thermos::new();
    let deaf = start_cleaning(&thermos, 1000);
    thermos.write_task(json!([process("p", DEAF), process("q", "true")]), json!({"max_concurrency": 1}));
    let full = start(&thermos, "full");
    thermos.coordinator("full", "p", 0);
    let throttled = json!({"name": "p", "cmdline": "false", "min_duration": 1000, "max_failures": 2});
    thermos.write_task(json!([throttled]), json!({}));
    let throttled = start(&thermos, "throttled");
    thermos
        .wait_for_records("throttled", "runner", 1, |record| record["process_status"]["state"] == "FAILED");
    assert!(fall_asleep(&[deaf.pid(), full.pid(), throttled.pid()], Duration::from_millis(400)));
    thermos.run(["kill", "--force", "id|full|throttled"]).expect_code(0);
    for runner in [deaf, full, throttled] {
        runner.wait().expect_code(4);
    }
}

#[test]
fn fifty_sleeping_processes_wake_nobody() {
    // The window is short here; `make idle` opens it for half a minute.
    let seconds = std::env::var("THERMOS_IDLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let thermos = Thermos::new();
    let processes: Vec<Value> =
        (0..50).map(|number| process(&format!("p{number}"), "exec sleep 1000")).collect();
    thermos.write_task(processes.into(), json!({}));
    let runner = start(&thermos, "id");
    let coordinators = (0..50).map(|number| thermos.coordinator("id", &format!("p{number}"), 0).as_raw());
    let pids: Vec<i32> = coordinators.chain([runner.pid()]).collect();
    assert!(fall_asleep(&pids, Duration::from_secs(seconds)));
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
}

#[test]
fn point_23_a_task_that_is_killed_while_it_cleans_up_stays_killed() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1000));
    let resumed = thermos.command(["resume", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 2);
    let _gate = thermos.open_gate("gate");
    resumed.wait().expect_code(4);
    assert!(thermos.home().join("finalized").exists());
}

#[test]
fn point_23_a_failed_task_that_is_killed_while_it_cleans_up_stays_killed() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let failing = process("bad", "until [ -e deaf ]; do sleep 0.01; done; false");
    thermos.write_task(json!([process("p", DEAF), failing]), json!({"finalization_wait": 1000}));
    let runner = start(&thermos, "id");
    thermos.wait_for_state("id", "CLEANING", 1);
    let decided = |outcome: &'static str| move |record: &Value| record["task_status"]["outcome"] == outcome;
    thermos.wait_for_records("id", "runner", 1, decided("FAILED"));
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_records("id", "runner", 1, decided("KILLED"));
    die(runner);
    let resumed = thermos.command(["resume", "id"]).spawn();
    thermos.wait_for_records("id", "runner", 2, decided("KILLED"));
    let _gate = thermos.open_gate("gate");
    resumed.wait().expect_code(4);
}

#[test]
fn the_time_to_finalize_bounds_what_is_deaf_and_not_what_obeys() {
    let thermos = Thermos::new();
    start_cleaning(&thermos, 3).wait().expect_code(4);
    let took = thermos.entered("id", "KILLED") - thermos.entered("id", "CLEANING");
    // It takes 3.0 s on an idle machine, where 3.5 are granted.
    assert!((2900..20_000).contains(&took), "{took} ms");
    // One that obeys, with all the time of the world, would never come to its end if it had to wait for that.
    thermos.write_task(
        json!([process("p", "exec sleep 1000")]),
        json!({"finalization_wait": 4_000_000_000_u64}),
    );
    let runner = start(&thermos, "obeys");
    thermos.coordinator("obeys", "p", 0);
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("obeys", "p"), ["KILLED"]);
}

#[test]
fn a_stopped_command_hears_that_it_is_to_end() {
    let thermos = Thermos::new();
    thermos.write_task(
        json!([process("p", "echo $$ > pid; exec sleep 1000")]),
        json!({"finalization_wait": 100_000}),
    );
    let runner = start(&thermos, "id");
    thermos.coordinator("id", "p", 0);
    let status = &thermos.records("id", "coordinator.p.0")[1]["process_status"];
    let command = nix::unistd::Pid::from_raw(status["pid"].as_i64().unwrap() as i32);
    kill(command, Signal::SIGSTOP).unwrap();
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
}
