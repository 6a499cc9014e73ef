//! `thermos run --watch`: a script runs again when it, or a file that it includes, changes.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::{Output, Running, Thermos, wait_until};

/// A script whose process says which version it is, and the task it is in.
fn script(version: &str, command: &str) -> String {
    format!(
        "export(Task(name = \"t\", processes = [Process(name = \"p\", cmdline = \"echo {version} >> said; {command}\")]));"
    )
}

fn watch(thermos: &Thermos) -> Running {
    thermos.command(["run", "--watch", "t.thermos"]).spawn()
}

/// Waits until the runs have said so many lines, and returns them.
fn said(thermos: &Thermos, count: usize) -> Vec<String> {
    let path = thermos.home().join("said");
    let lines = || -> Vec<String> {
        fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect()
    };
    wait_until(&path, || lines().len() >= count);
    lines()
}

/// Waits until so many tasks have ended: the watcher waits for a change then, or will at once.
fn ended(thermos: &Thermos, count: usize) {
    let folder = thermos.root().join("tasks/finished");
    wait_until(&folder.join("any"), || fs::read_dir(&folder).map_or(0, Iterator::count) >= count);
}

fn stop(watcher: Running, code: i32) -> Output {
    watcher.signal(Signal::SIGINT);
    watcher.wait().expect_code(code)
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn a_change_runs_it_again_as_a_new_task() {
    let thermos = Thermos::new();
    let path = thermos.write("t.thermos", script("one", "true"));
    let watcher = watch(&thermos);
    ended(&thermos, 1);
    thermos.write("t.thermos", script("two", "true"));
    ended(&thermos, 2);
    replace(&path, &script("three", "false"));
    ended(&thermos, 3);
    assert_eq!(said(&thermos, 3), ["one", "two", "three"]);
    stop(watcher, 1).expect_stderr("t.thermos has changed");
}

#[test]
fn an_included_file_that_is_missing_or_wrong_is_watched_too() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", "include(\"lib/p.thermos\");\nexport(Task(name = \"t\", processes = [p]));");
    let watcher = watch(&thermos);
    let wrong = "let p = Process(name = \"p\", cmdlien = \"echo no\");";
    let right =
        |version: &str| format!("let p = Process(name = \"p\", cmdline = \"echo {version} >> said\");");
    thermos.write("lib/p.thermos", wrong);
    thermos.write("lib/p.thermos", right("one"));
    said(&thermos, 1);
    thermos.write("lib/p.thermos", right("two"));
    assert_eq!(said(&thermos, 2), ["one", "two"]);
    ended(&thermos, 2);
    stop(watcher, 0);
}

#[test]
fn a_mistake_is_shown_and_it_goes_on_watching() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", script("one", "true"));
    let watcher = watch(&thermos);
    ended(&thermos, 1);
    thermos.write("t.thermos", "export(Task(name = \"t\", processes = [);");
    thermos.write("t.thermos", script("two", "true"));
    ended(&thermos, 2);
    assert_eq!(said(&thermos, 2), ["one", "two"]);
    stop(watcher, 0);
}

#[test]
fn what_runs_is_ended_in_good_order_before_it_runs_anew() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", script("one", "trap 'echo ended >> said; exit' TERM; sleep 1000 & wait"));
    let watcher = watch(&thermos);
    said(&thermos, 1);
    thermos.write("t.thermos", script("two", "true"));
    assert_eq!(said(&thermos, 3), ["one", "ended", "two"]);
    ended(&thermos, 2);
    stop(watcher, 0).expect_stderr("ending the task to run it anew");
}

#[test]
fn an_end_of_the_watcher_ends_the_task() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", script("one", "trap 'echo ended >> said; exit' TERM; sleep 1000 & wait"));
    let watcher = watch(&thermos);
    said(&thermos, 1);
    stop(watcher, 4);
    assert_eq!(said(&thermos, 2), ["one", "ended"]);
}

#[test]
fn a_watcher_that_is_killed_leaves_nothing() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", script("one", "trap 'echo ended >> said; exit' TERM; sleep 1000 & wait"));
    let watcher = watch(&thermos);
    said(&thermos, 1);
    watcher.signal(Signal::SIGKILL);
    watcher.wait_for_exit();
    assert_eq!(said(&thermos, 2), ["one", "ended"]);
    ended(&thermos, 1);
    let state = thermos.run(["status", "--format", "json"]).expect_code(0).json()[0]["state"].clone();
    assert_eq!(state, "KILLED");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let thermos = Thermos::new();
    thermos
        .run(["run", "--watch", "--json", "-"])
        .expect_code(2)
        .expect_diagnostic("usage", "standard input");
    thermos.run(["run", "--watch", "--daemon", "t.thermos"]).expect_code(2);
    thermos.run(["run", "--watch", "--task-id", "a", "t.thermos"]).expect_code(2);
}
