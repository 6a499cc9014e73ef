//! `thermos gc`: what goes, what stays, and what it says.

use std::fs;
use std::os::unix::fs::symlink;

use nix::fcntl::{Flock, FlockArg};
use serde_json::json;

use crate::harness::{Recorded, Thermos};

fn ended(thermos: &Thermos, id: &str) {
    Recorded::new(thermos, id).run("work", 0, 0, b"output\n", b"").state("SUCCESS").write();
}

fn three_tasks() -> Thermos {
    let thermos = Thermos::new();
    ended(&thermos, "a");
    ended(&thermos, "b");
    Recorded::new(&thermos, "active").run("work", 0, 0, b"x\n", b"").write();
    thermos
}

fn left(thermos: &Thermos) -> Vec<String> {
    let files = thermos.root_files();
    files.into_iter().filter(|name| name.split('/').any(|part| part == "a" || part == "b")).collect()
}

#[test]
fn all_that_a_task_has_left_goes_and_others_stay() {
    let thermos = three_tasks();
    let output = thermos.run(["gc", "a|b|active"]).expect_code(0);
    assert!(output.text.starts_with("removed "), "{}", output.text);
    assert!(output.text.contains("2 tasks, ") && output.text.ends_with(" freed\n"), "{}", output.text);
    assert_eq!(left(&thermos), Vec::<String>::new());
    thermos.run(["tail", "active"]).expect_code(0).expect_stdout("x");
}

#[test]
fn without_a_limit_or_a_name_nothing_goes_and_it_says_what_could() {
    let thermos = three_tasks();
    let output = thermos.run(["gc"]).expect_code(2);
    output.expect_diagnostic("usage", "nothing says which tasks to remove; 2 tasks have ended");
    assert!(!left(&thermos).is_empty());
}

#[test]
fn a_dry_run_removes_nothing_and_counts_bytes() {
    let thermos = three_tasks();
    let before = thermos.root_files();
    let output = thermos.run(["gc", "--dry-run", "--max-tasks", "1", "--format", "json"]).expect_code(0);
    let report = output.json();
    assert_eq!(report["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(report["tasks"][0]["removed"], json!(false));
    assert!(report["bytes"].as_u64().unwrap() > 0);
    let lines: Vec<String> = thermos.root_files();
    assert_eq!(lines, before);
    thermos.run(["gc", "--dry-run", ".*"]).expect_code(0).expect_stdout("would remove a (SUCCESS, ");
}

#[test]
fn limits_choose_by_age_number_and_space() {
    let thermos = three_tasks();
    let count = |arguments: &[&str]| {
        let report = thermos.run([&["gc", "--dry-run", "--format", "json"], arguments].concat()).json();
        report["tasks"].as_array().unwrap().len()
    };
    assert_eq!(count(&["--max-age", "1000d"]), 2, "they ended in 2012");
    assert_eq!(count(&["--max-age", "100y"]), 0);
    assert_eq!(count(&["--max-tasks", "1"]), 1);
    assert_eq!(count(&["--max-tasks", "1", "--max-age", "1d"]), 2);
    assert_eq!(count(&["--max-space", "0"]), 2);
    assert_eq!(count(&["--max-space", "1G"]), 0);
    assert_eq!(count(&["--max-space", "0", "a"]), 1);
}

#[test]
fn malformed_limits_are_usage_errors() {
    let thermos = Thermos::new();
    for (flag, value, what) in [
        ("--max-age", "7x", "malformed --max-age '7x': `x` is no unit of time"),
        ("--max-age", "-1d", "malformed --max-age '-1d'"),
        ("--max-tasks", "-1", "invalid value '-1'"),
        ("--max-space", "10Q", "malformed --max-space '10Q': `Q` is no unit of bytes"),
    ] {
        thermos.run(["gc", flag, value]).expect_code(2).expect_diagnostic("usage", what);
    }
}

#[test]
fn logs_are_kept_if_asked_for() {
    let thermos = three_tasks();
    thermos.run(["gc", "--keep-data", "a"]).expect_code(0);
    let log = thermos.root().join("logs/a/work/0/stdout");
    assert_eq!(fs::read(log).unwrap(), b"output\n");
    assert!(
        !thermos.root().join("checkpoints/a").exists() && !thermos.root().join("tasks/finished/a").exists()
    );
}

#[test]
fn what_somebody_owns_stays() {
    let thermos = three_tasks();
    let lock = fs::File::create(thermos.root().join("checkpoints/a/lock")).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    thermos.run(["gc", "a"]).expect_code(0).expect_stderr("task a is in use and stays");
    assert!(thermos.root().join("tasks/finished/a").exists());
    drop(lock);
    thermos
        .run(["gc", "active"])
        .expect_code(1)
        .expect_diagnostic("nothing_found", "no task that matches `active` has ended");
    let output = thermos.run(["gc", "none"]).expect_code(1);
    let output = output.expect_diagnostic("nothing_found", "no task under");
    assert_eq!(output.text, "");
}

#[test]
fn of_a_log_folder_that_was_named_only_outputs_of_the_task_go() {
    let thermos = Thermos::new();
    thermos
        .command(["simplerun", "--task-id", "own", "--log-dir", "logs", "echo hello"])
        .output()
        .expect_code(0);
    let run = thermos.home().join("logs/simple/0");
    thermos.write("precious", "1");
    symlink(thermos.home().join("precious"), run.join("stdout.1")).unwrap();
    thermos.write("logs/simple/0/notes", "mine");
    thermos.write("logs/other/0/stdout", "not of this task");
    thermos.run(["gc", "own"]).expect_code(0);
    assert!(!run.join("stdout").exists() && run.join("notes").exists());
    assert!(thermos.home().join("precious").exists() && thermos.home().join("logs/other/0/stdout").exists());
}

#[test]
fn outputs_in_a_folder_that_tasks_share_go_with_the_last_of_them() {
    let thermos = Thermos::new();
    let run = |id: &str| {
        let arguments = ["simplerun", "--task-id", id, "--log-dir", "logs", "echo", id];
        thermos.command(arguments).output().expect_code(0);
    };
    run("first");
    run("second");
    let log = thermos.home().join("logs/simple/0/stdout");
    let output = thermos.run(["gc", "first"]).expect_code(0).expect_stdout("removed first (SUCCESS, ");
    output
        .expect_stderr("warning[thermos::shared_logs]")
        .expect_stderr("stay: task second has its own there");
    assert_eq!(fs::read(&log).unwrap(), b"second\n");
    assert!(!thermos.root().join("checkpoints/first").exists());
    thermos.run(["gc", "second"]).expect_code(0).expect_silence();
    assert!(!log.exists());
    run("third");
    run("fourth");
    thermos.run(["gc", "third|fourth"]).expect_code(0).expect_silence();
    assert!(!log.exists(), "nobody stays who has outputs there");
}

#[test]
fn logs_of_a_root_that_was_moved_go_too() {
    let thermos = three_tasks();
    let moved = thermos.home().join("moved");
    fs::rename(thermos.root(), &moved).unwrap();
    thermos.run(["--root", "moved", "gc", "a"]).expect_code(0).expect_silence();
    assert!(!moved.join("logs/a").exists() && moved.join("logs/b").exists());
    symlink("moved", thermos.home().join("link")).unwrap();
    thermos.run(["--root", "link", "gc", "b"]).expect_code(0).expect_silence();
    assert!(!moved.join("logs/b").exists());
}

#[test]
fn a_link_in_the_place_of_a_log_folder_is_not_followed() {
    let thermos = Thermos::new();
    thermos
        .command(["simplerun", "--task-id", "own", "--log-dir", "logs", "echo hello"])
        .output()
        .expect_code(0);
    fs::rename(thermos.home().join("logs/simple"), thermos.home().join("elsewhere")).unwrap();
    symlink("../elsewhere", thermos.home().join("logs/simple")).unwrap();
    thermos.run(["gc", "own"]).expect_code(0);
    assert!(thermos.home().join("elsewhere/0/stdout").exists());
}

#[test]
fn a_removal_that_was_cut_short_is_finished_and_looks_like_no_damage() {
    let thermos = three_tasks();
    fs::remove_file(thermos.root().join("tasks/finished/a")).unwrap();
    fs::rename(thermos.root().join("checkpoints/b"), thermos.root().join("checkpoints/.b.removed")).unwrap();
    fs::remove_file(thermos.root().join("tasks/finished/b")).unwrap();
    let text = thermos.run(["status", "-v", "0"]).expect_code(0).text;
    assert_eq!(text, "Active tasks:\n  active [owner:     root]\n");
    thermos.run(["gc", "--max-tasks", "0"]).expect_code(0).expect_stdout("removed a (SUCCESS, ");
    let checkpoints = fs::read_dir(thermos.root().join("checkpoints")).unwrap();
    assert_eq!(checkpoints.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["active"]);
}

#[test]
fn what_was_to_go_goes_whatever_is_asked_next() {
    for (extent, is_kept) in [("all\n", false), ("all but logs\n", true), ("al", true)] {
        let thermos = three_tasks();
        fs::write(thermos.root().join("checkpoints/a/removal"), extent).unwrap();
        fs::remove_file(thermos.root().join("tasks/finished/a")).unwrap();
        thermos.run(["gc", "--max-age", "100y"]).expect_code(0).expect_stdout("0 tasks, 0 B freed\n");
        assert!(!thermos.root().join("checkpoints/a").exists());
        assert_eq!(thermos.root().join("logs/a").exists(), is_kept, "{extent:?}");
        assert!(thermos.root().join("checkpoints/b").exists());
    }
}

#[test]
fn what_never_started_goes_when_it_is_named() {
    let thermos = Thermos::new();
    let folder = thermos.root().join("checkpoints/begun");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(thermos.root().join("tasks/active")).unwrap();
    fs::write(thermos.root().join("tasks/active/begun"), "{}").unwrap();
    thermos.run(["gc", "--max-age", "0s"]).expect_code(0).expect_stdout("0 tasks, 0 B freed\n");
    thermos.run(["gc", "begun"]).expect_code(0).expect_stdout("removed begun (never started, ");
    assert!(!folder.exists() && !thermos.root().join("tasks/active/begun").exists());
}
