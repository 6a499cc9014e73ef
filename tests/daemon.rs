//! `--daemon`: the task is on record when the command returns, the terminal is let go, mistakes are told before.

use std::fs;

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use crate::harness::Thermos;

const WAIT: &str = "read -r x < gate";

/// Starts a command that waits at a gate, in the background as `id`.
fn start(thermos: &Thermos, id: &str) {
    thermos.make_gate("gate");
    let output = thermos.run(["simplerun", "--daemon", "--task-id", id, WAIT]).expect_code(0);
    assert_eq!(output.text, format!("{id}\n"));
}

#[test]
fn a_task_in_the_background_is_on_record_and_can_be_killed() {
    let thermos = Thermos::new();
    // That this returns at all says that nobody holds the output open.
    let output = thermos.run(["simplerun", "--daemon", "-P", "http:1338", "sleep 1000"]).expect_code(0);
    let id = output.text.trim_end();
    assert!(id.starts_with("simple-2"), "{id}");
    let status = thermos.run(["status", "--format", "json", id]).expect_code(0).json();
    assert_eq!((&status[0]["state"], &status[0]["runner_alive"]), (&"ACTIVE".into(), &true.into()));
    thermos.run(["kill", "simple.*"]).expect_code(0);
    assert_eq!(thermos.state(id), "KILLED");
}

#[test]
fn the_caller_keeps_nothing_that_the_task_needs() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let home = thermos.home();
    fs::create_dir(thermos.home().join("gone")).unwrap();
    let call = thermos
        .command_under(
            &["bash", "-c", r#"exec 7>&1; "$0" "$@""#],
            ["simplerun", "--daemon", "--task-id", "d", "--sandbox", home.to_str().unwrap(), WAIT],
        )
        .current_dir(&thermos.home().join("gone"));
    assert_eq!(call.output().expect_code(0).text, "d\n");
    fs::remove_dir(thermos.home().join("gone")).unwrap();
    let process = format!("/proc/{}", thermos.runner("d"));
    assert_eq!(fs::read_link(format!("{process}/cwd")).unwrap().to_str(), Some("/"));
    for descriptor in 0..3 {
        let target = fs::read_link(format!("{process}/fd/{descriptor}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    let _gate = thermos.open_gate("gate");
    thermos.wait_for_end("d");
    assert_eq!(thermos.state("d"), "SUCCESS");
}

#[test]
fn a_terminal_that_closes_is_no_reason_to_end() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let command = format!("{WAIT}; grep SigIgn /proc/self/status > ignored");
    thermos.run(["simplerun", "--daemon", "--task-id", "d", &command]).expect_code(0);
    kill(thermos.runner("d"), Signal::SIGHUP).unwrap();
    let _gate = thermos.open_gate("gate");
    thermos.wait_for_end("d");
    assert_eq!(thermos.state("d"), "SUCCESS");
    let ignored = fs::read_to_string(thermos.home().join("ignored")).unwrap();
    assert!(ignored.trim_end().ends_with('0'), "the command minds HUP as ever: {ignored}");
}

#[test]
fn a_task_begins_although_nobody_reads_its_id() {
    let thermos = Thermos::new();
    let call = thermos.command(["simplerun", "--daemon", "--task-id", "d", "true"]).without_stdout_reader();
    call.output().expect_code(0);
    thermos.wait_for_end("d");
    assert_eq!(thermos.state("d"), "SUCCESS");
}

#[test]
fn what_is_wrong_is_told_in_the_foreground() {
    let thermos = Thermos::new();
    start(&thermos, "busy");
    thermos.run(["simplerun", "--task-id", "old", "true"]).expect_code(0);
    thermos.write("file", "");
    let files = thermos.root_files();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["simplerun", "--daemon", "echo {{x}}"], 3, "unbound_reference"),
        (&["simplerun", "--daemon", "echo {{thermos.ports[http]}}"], 3, "unbound_port"),
        (&["simplerun", "--daemon", "--task-id", "a/b", "true"], 2, "usage"),
        (&["simplerun", "--daemon", "--task-id", "busy", "true"], 6, "task_owned"),
        (&["simplerun", "--daemon", "--task-id", "old", "true"], 6, "task_finished"),
        (&["simplerun", "--daemon", "--sandbox", "file", "true"], 6, "io"),
        (&["--root", "file", "simplerun", "--daemon", "true"], 6, "io"),
        (&["run", "--daemon", "missing.thermos"], 6, "unreadable"),
    ];
    for (arguments, exit, code) in cases {
        let output = thermos.run(arguments).expect_code(exit).expect_diagnostic(code, "");
        assert_eq!(output.text, "", "{arguments:?}");
    }
    assert_eq!(thermos.root_files(), files, "nothing was started");
    let _gate = thermos.open_gate("gate");
    thermos.wait_for_end("busy");
}

#[test]
fn output_for_a_terminal_that_was_let_go_goes_nowhere() {
    let thermos = Thermos::new();
    let mut process = json!({"name": "p", "cmdline": "echo out; echo err >&2"});
    process["logger"] = json!({"destination": "console"});
    thermos.write_task(json!([process]), json!({}));
    let output = thermos.run(["run", "--daemon", "--json", "--task-id", "d", "task.json"]).expect_code(0);
    assert_eq!((output.text.as_str(), output.stderr.as_str()), ("d\n", ""));
    thermos.wait_for_end("d");
    assert_eq!(thermos.state("d"), "SUCCESS");
}

#[test]
fn a_task_whose_runner_is_gone_goes_on_in_the_background() {
    let thermos = Thermos::new();
    start(&thermos, "d");
    thermos.coordinator("d", "simple", 0);
    thermos.kill_runner("d");
    let again = ["simplerun", "--daemon", "--task-id", "d", WAIT];
    assert_eq!(thermos.run(again).expect_code(0).text, "d\n");
    assert_eq!(thermos.task_statuses("d").len(), 2);
    let _gate = thermos.open_gate("gate");
    thermos.wait_for_end("d");
    assert_eq!(thermos.run_ends("d", "simple"), ["SUCCESS"]);
}

#[test]
fn a_task_is_resumed_in_the_background() {
    let thermos = Thermos::new();
    start(&thermos, "d");
    thermos.coordinator("d", "simple", 0);
    thermos.run(["resume", "--daemon", "d"]).expect_code(6).expect_diagnostic("task_owned", "");
    thermos.kill_runner("d");
    let output = thermos.run(["resume", "--daemon", "d"]).expect_code(0).expect_silence();
    assert_eq!(output.text, "d\n");
    let status = thermos.run(["status", "--format", "json", "d"]).expect_code(0).json();
    assert_eq!((&status[0]["state"], &status[0]["runner_alive"]), (&"ACTIVE".into(), &true.into()));
    let _gate = thermos.open_gate("gate");
    thermos.wait_for_end("d");
    assert_eq!(thermos.run_ends("d", "simple"), ["SUCCESS"]);
    let output = thermos.run(["resume", "--daemon", "d"]).expect_code(0).expect_stderr("SUCCESS");
    assert_eq!(output.text, "", "it does not run");
    thermos.run(["resume", "--daemon", "e"]).expect_code(1).expect_diagnostic("unknown_task", "no task e");
    thermos
        .run(["resume", "--daemon", "--follow", "d"])
        .expect_code(2)
        .expect_diagnostic("usage", "--follow");
}
