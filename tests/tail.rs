//! `thermos tail`: which log it prints, and how.

use std::fs;

use crate::harness::{Recorded, Thermos};

fn one_process() -> Thermos {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task")
        .run("work", 0, 1, b"first\n", b"oh\n")
        .run("work", 1, 0, b"one\ntwo\nthree\n", b"")
        .state("SUCCESS")
        .write();
    thermos
}

#[test]
fn the_latest_run_is_printed_below_a_banner_on_standard_error() {
    let thermos = one_process();
    let output = thermos.run(["tail", "task"]).expect_code(0);
    assert_eq!(output.text, "one\ntwo\nthree\n");
    let log = thermos.root().join("logs/task/work/1/stdout");
    assert_eq!(output.stderr, format!("Tail of stdout log {}\n", log.display()));
}

#[test]
fn run_stream_and_lines_can_be_chosen() {
    let thermos = one_process();
    let tail = |arguments: &[&str]| {
        thermos.run([&["tail"], arguments, &["task", "work"]].concat()).expect_code(0).text
    };
    assert_eq!(tail(&["--run", "0"]), "first\n");
    assert_eq!(tail(&["--run", "0", "--stderr"]), "oh\n");
    assert_eq!(tail(&["--stderr"]), "");
    assert_eq!(tail(&["-n", "2"]), "two\nthree\n");
    assert_eq!(tail(&["-n", "0"]), "");
}

#[test]
fn bytes_pass_as_they_are() {
    let thermos = Thermos::new();
    let bytes = b"\xff\xfe\x00\x1b[31m no newline";
    Recorded::new(&thermos, "task").run("work", 0, 0, bytes, b"").state("SUCCESS").write();
    assert_eq!(thermos.run(["tail", "task"]).expect_code(0).stdout, bytes);
}

#[test]
fn several_processes_are_listed_if_none_is_named() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task")
        .run("b", 0, 0, b"B", b"")
        .run("a", 0, 0, b"A", b"")
        .state("SUCCESS")
        .write();
    let output = thermos.run(["tail", "task"]).expect_code(1);
    assert_eq!(output.text, "b\na\n");
    output.expect_diagnostic("several_processes", "2 processes of task task have run");
    assert_eq!(thermos.run(["tail", "task", "a"]).expect_code(0).text, "A");
}

#[test]
fn what_is_not_there_is_a_diagnostic() {
    let thermos = one_process();
    Recorded::new(&thermos, "fresh").write();
    Recorded::new(&thermos, "simple-20120529-162532.018646").write();
    let cases: [(&[&str], i32, &str, &str); 7] = [
        (&["tail", "simple"], 1, "unknown_task", "did you mean `simple-20120529-162532.018646`?"),
        (&["tail", "tusk"], 1, "unknown_task", "did you mean `task`?"),
        (&["tail", "task", "wrok"], 1, "unknown_process", "did you mean `work`?"),
        (&["tail", "task", "--run", "7"], 1, "unknown_run", "the latest 1"),
        (&["tail", "fresh"], 1, "nothing_found", "no process of task fresh has run"),
        (&["tail", "a/b"], 2, "usage", "'a/b' is no task id"),
        (&["tail", "task", "-n", "x"], 2, "usage", "'x'"),
    ];
    for (arguments, exit, code, part) in cases {
        let output = thermos.run(arguments).expect_code(exit).expect_diagnostic(code, part);
        assert_eq!(output.text, "", "{arguments:?}");
    }
    fs::remove_dir_all(thermos.root().join("logs")).unwrap();
    thermos.run(["tail", "task"]).expect_code(1).expect_diagnostic("nothing_found", "there is no log");
}
