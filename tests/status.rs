//! `thermos status`: which tasks it shows, how, and what it does with damage.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Recorded, Thermos};

const SIMPLE: &str = "simple-20120529-162532.018646";

fn two_tasks() -> Thermos {
    let thermos = Thermos::new();
    Recorded::new(&thermos, SIMPLE).run("simple", 0, 0, b"hello world\n", b"").state("SUCCESS").write();
    Recorded::new(&thermos, "other").run("a", 0, 1, b"", b"").run("a", 1, 0, b"", b"").write();
    thermos
}

fn status(thermos: &Thermos, arguments: &[&str]) -> String {
    let output = thermos.command(["status"]).env("TZ", "UTC");
    arguments.iter().fold(output, |call, argument| call.arg(argument)).output().expect_code(0).text
}

#[test]
fn each_level_of_verbosity_adds_lines() {
    let thermos = two_tasks();
    let level = |level: &str| status(&thermos, &["--verbosity", level, SIMPLE]);
    let task = format!("  {SIMPLE} [owner:     root]");
    let head = format!("Found task {SIMPLE}\n{task}");
    assert_eq!(level("0"), format!("{head}\n"));
    let head = format!("{head}  state:  SUCCESS start:  Tue May 29 16:25:32 2012\n");
    assert_eq!(level("1"), head);
    assert_eq!(status(&thermos, &[SIMPLE]), head, "level 1 is the default");
    let head = format!("{head}    user: wickman ports: http=1338\n    sandbox: /sandbox\n");
    assert_eq!(level("2"), head);
    let process =
        "      - simple runs: 1 last: pid=57471, rc=0, finish:Tue May 29 16:25:32 2012, state:SUCCESS\n";
    assert_eq!(level("3"), format!("{head}    process table:\n{process}"));
}

#[test]
fn without_an_expression_tasks_are_listed_by_whether_they_have_ended() {
    let thermos = two_tasks();
    let text = status(&thermos, &["-v", "0"]);
    assert_eq!(
        text,
        format!(
            "Active tasks:\n  other [owner:     root]\n\nFinished tasks:\n  {SIMPLE} [owner:     root]\n"
        )
    );
    assert!(!status(&thermos, &["--only", "finished"]).contains("other"));
    assert!(!status(&thermos, &["--only", "active"]).contains(SIMPLE));
}

#[test]
fn a_task_without_its_runner_says_so() {
    let thermos = two_tasks();
    assert!(
        status(&thermos, &["other"])
            .contains("state:   ACTIVE start:  Tue May 29 16:25:32 2012 (its runner is gone)\n")
    );
}

#[test]
fn expressions_match_whole_ids() {
    let thermos = two_tasks();
    assert!(status(&thermos, &["simple.*"]).contains(SIMPLE));
    assert!(status(&thermos, &["nothing", "oth.r"]).contains("Found task other"));
    let output = thermos.run(["status", "simple"]).expect_code(1);
    output.expect_diagnostic("nothing_found", "no task under").expect_stderr("matches `simple`");
}

#[test]
fn json_has_what_the_manual_promises() {
    let thermos = two_tasks();
    let shown: Value = serde_json::from_str(&status(&thermos, &["--format", "json", SIMPLE])).unwrap();
    let expected = json!([{
        "task_id": SIMPLE, "name": "simple", "state": "SUCCESS", "user": "wickman", "sandbox": "/sandbox",
        "log_dir": thermos.root().join("logs").join(SIMPLE), "ports": {"http": 1338},
        "launch_time_ms": 1_338_308_732_018_u64, "runner_alive": false,
        "statuses": [
            {"state": "ACTIVE", "timestamp_ms": 1_338_308_732_019_u64, "runner_pid": 1, "runner_uid": 0},
            {"state": "SUCCESS", "timestamp_ms": 1_338_308_732_024_u64, "runner_pid": 1, "runner_uid": 0},
        ],
        "processes": {"simple": [{
            "run": 0, "state": "SUCCESS", "seq": 3, "coordinator_pid": 57470, "pid": 57471,
            "fork_time": 1_338_308_732.018, "start_time": 1_338_308_732.018, "stop_time": 1_338_308_732.018,
            "return_code": 0,
        }]},
    }]);
    assert_eq!(shown, expected);
}

#[test]
fn json_of_nothing_is_an_empty_list_and_exit_code_1() {
    let thermos = Thermos::new();
    let output = thermos.run(["status", "--format", "json"]).expect_code(1);
    assert_eq!(output.text, "[]\n");
    output.expect_diagnostic("nothing_found", "there is no task under");
    assert!(thermos.root_files().is_empty(), "a reader makes no root");
}

#[test]
fn that_no_task_is_of_the_kind_that_was_asked_for_is_no_lack_of_tasks() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "one").state("SUCCESS").write();
    Recorded::new(&thermos, "two").state("FAILED").write();
    let none = |arguments: &[&str], text: &str| {
        let output = thermos.run([&["status"], arguments].concat()).expect_code(1);
        output.expect_diagnostic("nothing_found", text);
    };
    none(&["--only", "active"], "no task is active: 2 tasks have ended");
    none(&["--only", "active", "o.*"], "no task that matches `o.*` is active: 1 task has ended");
    Recorded::new(&thermos, "three").write();
    none(&["--only", "finished", "three"], "no task that matches `three` is finished: 1 task has not ended");
    none(&["--only", "active", "four"], "matches `four`");
}

#[test]
fn a_damaged_checkpoint_is_reported_with_its_place_and_hides_no_other_task() {
    let thermos = two_tasks();
    let path = thermos.root().join("checkpoints/other/runner");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("{\"process_status\"", "\u{0}garbage", 1)).unwrap();
    let output = thermos.run(["status"]).expect_code(6).expect_stdout(SIMPLE);
    output.expect_diagnostic("damaged_checkpoint", &format!("{}:3: damaged checkpoint", path.display()));
}

#[test]
fn a_torn_last_line_is_no_damage() {
    let thermos = two_tasks();
    let path = thermos.root().join("checkpoints/other/runner");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "{\"task_status\":{\"sta").unwrap();
    assert!(status(&thermos, &["other"]).contains("ACTIVE"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let thermos = Thermos::new();
    for number in 0..300 {
        Recorded::new(&thermos, &format!("task-{number}")).state("SUCCESS").write();
    }
    let mut call = thermos.command(["status", "--format", "json"]).without_stdout_reader();
    call = call.env("TZ", "UTC");
    assert_eq!(call.output().expect_code(0).stderr, "");
}

#[test]
fn names_of_processes_cannot_forge_lines() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, SIMPLE).run("a\n  b\x1b[2J", 0, 0, b"", b"").state("SUCCESS").write();
    let text = status(&thermos, &["--verbosity", "3", SIMPLE]);
    assert!(text.contains("- a\u{fffd}  b\u{fffd}[2J runs: 1"), "{text}");
}
