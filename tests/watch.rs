//! `thermos run --watch`: a script runs again when it, or a file that it includes, changes.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

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

/// Watches, with all that it says in a file.
fn watch_aloud(thermos: &Thermos) -> Running {
    thermos.shell("exec $THERMOS run --watch t.thermos 2> aloud").spawn()
}

/// Waits until a watcher has said something aloud.
fn heard(thermos: &Thermos, text: &str) {
    let path = thermos.home().join("aloud");
    wait_until(&path, || fs::read_to_string(&path).is_ok_and(|said| said.contains(text)));
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
    let watcher = watch_aloud(&thermos);
    heard(&thermos, "there is no file `lib/p.thermos`");
    let wrong = "let p = Process(name = \"p\", cmdlien = \"echo no\");";
    let right =
        |version: &str| format!("let p = Process(name = \"p\", cmdline = \"echo {version} >> said\");");
    thermos.write("lib/p.thermos", wrong);
    heard(&thermos, "cmdlien");
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
    let watcher = watch_aloud(&thermos);
    ended(&thermos, 1);
    thermos.write("t.thermos", "export(Task(name = \"t\", processes = [);");
    heard(&thermos, "error[thermos::");
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

/// Lets a link lead elsewhere, as deployments do.
fn lead(link: &Path, to: &str) {
    let beside = link.with_extension("new");
    std::os::unix::fs::symlink(to, &beside).unwrap();
    fs::rename(&beside, link).unwrap();
}

#[test]
fn a_link_on_the_way_that_leads_elsewhere_is_a_change() {
    let thermos = Thermos::new();
    let link = |name: &str, to: &str| lead(&thermos.home().join(name), to);
    for version in ["one", "two", "three", "four"] {
        thermos.write(&format!("releases/{version}/t.thermos"), script(version, "true"));
    }
    fs::create_dir(thermos.home().join("links")).unwrap();
    link("links/stable", "../releases/one");
    link("current", "links/stable");
    let watcher = thermos.command(["run", "--watch", "releases/../current/t.thermos"]).spawn();
    ended(&thermos, 1);
    link("current", "releases/two");
    ended(&thermos, 2);
    link("current", "links/stable");
    ended(&thermos, 3);
    link("links/stable", "../releases/three");
    ended(&thermos, 4);
    fs::rename(thermos.home().join("releases"), thermos.home().join("old")).unwrap();
    fs::create_dir_all(thermos.home().join("releases")).unwrap();
    thermos.write("releases/three/t.thermos", script("four", "true"));
    ended(&thermos, 5);
    assert_eq!(said(&thermos, 5), ["one", "two", "one", "three", "four"]);
    stop(watcher, 0);
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_up_nobody() {
    let thermos = Thermos::new();
    let path = thermos.write("t.thermos", script("one", "true"));
    let watcher = watch_aloud(&thermos);
    ended(&thermos, 1);
    let pipe = thermos.home().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    fs::rename(&pipe, &path).unwrap();
    heard(&thermos, "cannot read t.thermos: it is a pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    replace(&path, "include(\"pipe\");");
    heard(&thermos, "`pipe` is no regular file");
    replace(&path, &script("two", "true"));
    assert_eq!(said(&thermos, 2), ["one", "two"]);
    ended(&thermos, 2);
    stop(watcher, 0);
}

#[test]
fn on_a_terminal_the_reason_stands_below_what_the_task_has_shown() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    thermos.write("t.thermos", script("one", "trap 'read -r x < gate; exit' TERM; sleep 1000 & wait"));
    let mut screen = thermos.command(["run", "--watch", "t.thermos"]).on_screen(24, 80);
    screen.wait_for_text("1 running");
    said(&thermos, 1);
    thermos.write("t.thermos", script("two", "true"));
    screen.wait_for_text("Ending the task");
    assert!(!screen.text().contains("has changed"), "{}", screen.text());
    let _gate = thermos.open_gate("gate");
    screen.wait_for_text("Waiting for a change");
    let text = screen.text();
    let places = ["was killed after", "t.thermos has changed: running it anew", "succeeded after"];
    let places = places.map(|part| text.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{text}")));
    assert!(places.is_sorted(), "{text}");
    assert!(text.lines().all(|line| !line.contains("has changed") || line.starts_with(" INFO]")), "{text}");
    screen.signal(Signal::SIGINT);
    assert_eq!(screen.wait(), 0);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let thermos = Thermos::new();
    mkfifo(&thermos.home().join("pipe"), Mode::S_IRWXU).unwrap();
    for (call, part) in
        [("run --watch pipe", "pipe cannot be watched: it is a pipe"), ("run --watch .", "directory")]
    {
        thermos.run(call.split(' ')).expect_code(2).expect_diagnostic("usage", part);
    }
    let handed_over = thermos.shell("exec $THERMOS run --watch <(true)").output().expect_code(2);
    handed_over.expect_diagnostic("usage", "cannot be watched: it is a pipe");
    thermos
        .run(["run", "--watch", "--json", "-"])
        .expect_code(2)
        .expect_diagnostic("usage", "standard input");
    thermos.run(["run", "--watch", "--daemon", "t.thermos"]).expect_code(2);
    thermos.run(["run", "--watch", "--task-id", "a", "t.thermos"]).expect_code(2);
}
