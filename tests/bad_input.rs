//! Bad input: for each command a diagnostic with help, the right exit code, and nothing half-written.

use std::fs;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::harness::{Recorded, Thermos};

/// Arguments, exit code, code of the diagnostic, part of its text.
type Case<'a> = (&'a [&'a str], i32, &'a str, &'a str);

fn hold(thermos: &Thermos, cases: &[Case]) {
    for (arguments, exit, code, part) in cases {
        let output = thermos.run(*arguments).expect_code(*exit).expect_diagnostic(code, part);
        assert!(output.text.is_empty() || output.text == "[]\n", "{arguments:?} prints {:?}", output.text);
        assert_eq!(thermos.root_files(), Vec::<String>::new(), "{arguments:?} leaves something behind");
    }
}

#[test]
fn malformed_flags_are_wrong_usage() {
    let cases: [Case; 6] = [
        (&["status", "a("], 2, "usage", "unclosed group"),
        (&["status", "--verbosity", "4"], 2, "usage", "from 0 to 3"),
        (&["tail", "-n", "x", "id"], 2, "usage", "malformed -n 'x': it is no number of lines"),
        (&["simplerun", "-j", "", "true"], 2, "usage", "it is no whole number"),
        (&["tail"], 2, "usage", "TASK_ID"),
        (&["tail", ".."], 2, "usage", "'..' is no task id"),
    ];
    hold(&Thermos::new(), &cases);
}

#[test]
fn a_root_that_cannot_be_read_is_an_error() {
    let thermos = Thermos::new();
    let file = thermos.write("file", "not a folder");
    let root = file.to_str().unwrap();
    let cases: [Case; 3] = [
        (&["--root", root, "status"], 6, "io", "not a directory"),
        (&["--root", root, "tail", "task"], 6, "io", "not a directory"),
        (&["--root", "", "status"], 2, "usage", "a value is required"),
    ];
    hold(&thermos, &cases);
}

#[test]
fn without_a_home_the_user_database_names_the_root() {
    let thermos = Thermos::new();
    let call = thermos.command(["status", "no-such-task"]).without_env("HOME").without_env("THERMOS_ROOT");
    call.output().expect_code(1).expect_diagnostic("nothing_found", "/.thermos matches");
}

#[test]
fn a_checkpoint_of_garbage_is_an_error_with_its_place() {
    for (garbage, line) in [(&b"\x7fELF\0\0\n"[..], 1), (b"{}\n", 1), (b"[1]\n{}\n", 1), (b"\n\n", 1)] {
        let thermos = Thermos::new();
        Recorded::new(&thermos, "task").write();
        let stream = thermos.root().join("checkpoints/task/runner");
        fs::write(&stream, garbage).unwrap();
        for command in ["status", "tail"] {
            let output = thermos.run([command, "task"]).expect_code(6);
            output.expect_diagnostic("damaged_checkpoint", &format!("{}:{line}: ", stream.display()));
        }
    }
}

#[test]
fn an_empty_or_missing_checkpoint_is_a_task_that_has_not_begun() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "empty").write();
    fs::write(thermos.root().join("checkpoints/empty/runner"), "").unwrap();
    thermos.run(["status", "empty"]).expect_code(1).expect_diagnostic("nothing_found", "empty");
    thermos.run(["tail", "empty"]).expect_code(1).expect_diagnostic("nothing_found", "empty");
    fs::remove_dir_all(thermos.root().join("checkpoints")).unwrap();
    thermos.run(["status", "empty"]).expect_code(1).expect_diagnostic("nothing_found", "empty");
}

#[test]
fn a_pipe_with_a_name_is_no_configuration_and_keeps_nobody_waiting() {
    let thermos = Thermos::new();
    mkfifo(&thermos.home().join("pipe.json"), Mode::S_IRWXU).unwrap();
    let pipe = "cannot read pipe.json: it is a pipe";
    let cases: [Case; 8] = [
        (&["check", "pipe.json"], 6, "unreadable", pipe),
        (&["check", "--json", "pipe.json"], 6, "unreadable", pipe),
        (&["run", "pipe.json"], 6, "unreadable", pipe),
        (&["run", "-E", "a=b", "pipe.json"], 6, "unreadable", pipe),
        (&["inspect", "pipe.json"], 6, "unreadable", pipe),
        (&["graph", "pipe.json"], 6, "unreadable", pipe),
        (&["check", "--json", "/dev/zero"], 6, "unreadable", "it is a device"),
        (&["convert", "pipe.json"], 6, "io", "`pipe.json` is no regular file"),
    ];
    hold(&thermos, &cases);
}

#[test]
fn a_pipe_that_is_handed_over_is_a_configuration() {
    let thermos = Thermos::new();
    thermos.write(
        "t.thermos",
        "export(Task(name = \"t\", processes = [Process(name = \"p\", cmdline = \"true\")]));",
    );
    for call in [
        "$THERMOS check <(cat t.thermos)",
        "$THERMOS check --json <($THERMOS inspect --format json t.thermos)",
        "cat t.thermos | $THERMOS check /dev/stdin",
        "$THERMOS check /dev/stdin < t.thermos",
        "mkfifo pipe; cat t.thermos > pipe & $THERMOS check /dev/stdin < pipe",
        "$THERMOS inspect --format json t.thermos | $THERMOS check --json -",
    ] {
        thermos.shell(call).output().expect_code(0).expect_stdout("1 task, 1 process");
    }
}
