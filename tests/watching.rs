//! `thermos status` on a terminal, `status --watch` and `tail --follow`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::harness::{Recorded, Screen, Thermos, wait_until};

/// Waits until a file below the root has something in it.
fn wait_for(thermos: &Thermos, name: &str) {
    let path = thermos.root().join(name);
    wait_until(&path, || fs::metadata(&path).is_ok_and(|found| found.len() > 0));
}

fn many(count: usize) -> Thermos {
    let thermos = Thermos::new();
    for number in 0..count {
        Recorded::new(&thermos, &format!("task-{number:03}"))
            .run("work", 0, 0, b"", b"")
            .state("SUCCESS")
            .write();
    }
    Recorded::new(&thermos, "going-on").run("work", 0, 1, b"", b"").write();
    thermos
}

fn table(thermos: &Thermos, rows: u16, columns: u16, arguments: &[&str]) -> Screen {
    let mut screen = thermos.command([&["status"], arguments].concat()).on_screen(rows, columns);
    assert_eq!(screen.wait(), 0);
    screen
}

#[test]
fn a_terminal_gets_a_table_with_what_goes_on_above() {
    let thermos = many(100);
    for (rows, columns) in [(24, 80), (50, 200)] {
        let text = table(&thermos, rows, columns, &[]).text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines[0].starts_with("  TASK") && lines[0].contains("STATE"), "{text}");
        assert!(lines[1].starts_with("● going-on") && lines[1].contains("its runner is gone"), "{text}");
        assert!(lines[2].starts_with("✔ task-"), "{text}");
        assert!(text.contains("1 active, 100 succeeded; "), "{text}");
        assert!(lines.len() < usize::from(rows), "nothing scrolls away: {text}");
    }
}

#[test]
fn a_tiny_terminal_gets_what_fits() {
    let thermos = many(2);
    let text = table(&thermos, 3, 10, &[]).text();
    assert!(text.lines().all(|line| line.chars().count() <= 10), "{text}");
}

#[test]
fn a_low_terminal_gets_no_more_lines_than_it_has() {
    let thermos = many(20);
    for rows in 3..12 {
        let screen = table(&thermos, rows, 40, &[]);
        let text = screen.text();
        let lines = screen.raw().matches('\n').count();
        assert!(lines < usize::from(rows), "{rows}: {text}");
        assert!(text.contains("going-on") && text.contains("1 active, 20 succeeded"), "{rows}: {text}");
    }
}

#[test]
fn verbosity_gives_the_lines_of_old_on_a_terminal_too() {
    let thermos = many(1);
    let text = table(&thermos, 24, 200, &["-v", "1"]).text();
    assert!(text.contains("Active tasks:\n  going-on [owner:     root]  state:   ACTIVE"), "{text}");
}

const GATED: &str = r#"let work = Process(name = "work", cmdline = "echo begun; until [ -e go ]; do sleep 0.05; done; echo over");
export(Task(name = "gated", processes = [work]))
"#;

#[test]
fn a_watched_task_is_shown_until_it_has_ended() {
    let thermos = Thermos::new();
    thermos.write("gated.thermos", GATED);
    let running = thermos.command(["run", "--task-id", "gated", "gated.thermos"]).spawn();
    wait_for(&thermos, "checkpoints/gated/coordinator.work.0");
    let mut screen = thermos.command(["status", "--watch", "gated"]).on_screen(24, 80);
    screen.wait_for("the process", |text| {
        text.contains("ACTIVE") && text.contains("0/1") && text.contains("work")
    });
    screen.resize(3, 10);
    screen.wait_for("the small screen", |text| text.contains("● gated"));
    screen.resize(24, 80);
    screen.wait_for_text("q leaves");
    thermos.write("go", "");
    assert_eq!(screen.wait(), 0);
    assert!(screen.text().contains("SUCCESS") && screen.text().contains("1/1"), "{}", screen.text());
    // The screen of before, the cursor, and the last table.
    let raw = screen.raw();
    let [(entered, _)] = raw.match_indices("\x1b[?1049h\x1b[?25l").collect::<Vec<_>>()[..] else {
        panic!("{raw:?}")
    };
    let [(left, _)] = raw.match_indices("\x1b[?25h\x1b[?1049l").collect::<Vec<_>>()[..] else {
        panic!("{raw:?}")
    };
    assert!(entered < left && raw[left..].contains("SUCCESS"), "{raw:?}");
    assert!(!screen.cells().alternate_screen() && !screen.cells().hide_cursor());
    running.wait().expect_code(0);
}

#[test]
fn a_watch_of_all_tasks_sees_new_ones_and_goes_on_until_somebody_leaves() {
    for keys in ["q", "\x03"] {
        let thermos = Thermos::new();
        let mut screen = thermos.command(["status", "--watch"]).on_screen(24, 80);
        screen.wait_for_text("no task yet");
        Recorded::new(&thermos, "new").run("work", 0, 0, b"", b"").state("SUCCESS").write();
        screen.wait_for_text("✔ new");
        thermos.run(["gc", "new"]).expect_code(0);
        screen.wait_for_text("no task yet");
        screen.type_keys(keys);
        assert_eq!(screen.wait(), 0);
        assert!(screen.text().contains("INFO] Task new was removed"), "{}", screen.text());
    }
}

#[test]
fn without_a_terminal_each_change_is_a_line() {
    let thermos = many(1);
    let output = thermos.run(["status", "--watch", "--format", "json", "task-000"]).expect_code(0);
    assert_eq!(output.json()["state"], "SUCCESS");
    thermos
        .run(["status", "--watch", "none"])
        .expect_code(1)
        .expect_diagnostic("nothing_found", "matches `none`");
}

#[test]
fn a_followed_process_is_printed_to_its_end() {
    let thermos = Thermos::new();
    thermos.write("gated.thermos", GATED);
    let running = thermos.command(["run", "--task-id", "gated", "gated.thermos"]).spawn();
    wait_for(&thermos, "logs/gated/work/0/stdout");
    let mut screen = thermos.command(["tail", "-f", "gated"]).on_screen(24, 200);
    screen.wait_for_text("begun");
    thermos.write("go", "");
    assert_eq!(screen.wait(), 0);
    assert!(screen.text().contains("begun\nover"), "{}", screen.text());
    running.wait().expect_code(0);
}

const RETRIED: &str = r#"let first = Process(name = "first", cmdline = "until [ -e go ]; do sleep 0.05; done");
let work = Process(name = "work", cmdline = "echo run {{thermos.task_id}}; echo x >> tries; [ $(wc -l < tries) = 3 ]", max_failures = 5, min_duration = 0);
export(Task(name = "retried", processes = [first, work], constraints = order(first, work)))
"#;

#[test]
fn a_process_is_waited_for_and_followed_across_its_runs() {
    let thermos = Thermos::new();
    thermos.write("retried.thermos", RETRIED);
    let running = thermos.command(["run", "--task-id", "retried", "retried.thermos"]).spawn();
    wait_for(&thermos, "checkpoints/retried/coordinator.first.0");
    let tail = thermos.command(["tail", "--follow", "--run", "0", "retried", "first"]).spawn();
    let followed = thermos.command(["tail", "-f", "retried", "work"]).spawn();
    thermos.write("go", "");
    tail.wait().expect_code(0);
    let output = followed.wait().expect_code(0);
    assert!(output.text.ends_with("run retried\n"), "{}", output.text);
    assert!(output.stderr.contains("work/2/stdout"), "{}", output.stderr);
    running.wait().expect_code(0);
}

/// Puts a recorded task of one process into the index.
fn index(thermos: &Thermos, list: &str) -> PathBuf {
    let index = thermos.root().join("tasks").join(list).join("task");
    let document = r#"{"name":"t","processes":[{"name":"work","cmdline":"true","max_failures":5,"daemon":false,
        "ephemeral":false,"min_duration":5,"final":false}],"constraints":[],"max_failures":1,"max_concurrency":0,
        "finalization_wait":30}"#;
    fs::write(&index, document).unwrap();
    index
}

#[test]
fn a_task_that_is_removed_while_it_is_followed_says_so() {
    let thermos = Thermos::new();
    let (index, mut screen) = follow_on_screen(&thermos);
    let log = thermos.root().join("logs/task/work/0/stdout");
    OpenOptions::new().append(true).open(log).unwrap().write_all(b"two\n").unwrap();
    screen.wait_for_text("two");
    fs::remove_file(index).unwrap();
    remove_checkpoint(&thermos, screen);
}

#[test]
fn a_task_whose_checkpoint_vanishes_was_removed_and_had_started() {
    let thermos = Thermos::new();
    let (_, screen) = follow_on_screen(&thermos);
    remove_checkpoint(&thermos, screen);
}

/// Follows an active task that has written a line.
fn follow_on_screen(thermos: &Thermos) -> (PathBuf, Screen) {
    Recorded::new(thermos, "task").run("work", 0, 1, b"one\n", b"").write();
    let index = index(thermos, "active");
    let mut screen = thermos.command(["tail", "-f", "task"]).on_screen(24, 200);
    screen.wait_for_text("one");
    (index, screen)
}

fn remove_checkpoint(thermos: &Thermos, mut screen: Screen) {
    fs::remove_dir_all(thermos.root().join("checkpoints/task")).unwrap();
    assert_eq!(screen.wait(), 1);
    assert!(screen.text().contains("task task was removed"), "{}", screen.text());
}

#[test]
fn a_run_that_never_comes_is_not_waited_for_and_is_no_success() {
    // Its process has succeeded, but the task goes on; a process that never ran; a task that has ended.
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task").run("work", 0, 0, b"one\n", b"").write();
    index(&thermos, "active");
    let follow = |arguments: &[&str]| thermos.run([&["tail", "-f"], arguments].concat()).expect_code(1);
    follow(&["--run", "9", "task"]).expect_diagnostic("unknown_run", "process work has no run 9");
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task").state("FAILED").write();
    index(&thermos, "finished");
    let follow = |arguments: &[&str]| thermos.run([&["tail", "-f"], arguments].concat()).expect_code(1);
    follow(&["--run", "0", "task"]).expect_diagnostic("unknown_run", "process work has no run 0");
}

#[test]
fn what_cannot_be_followed_is_a_diagnostic() {
    let thermos = many(1);
    thermos
        .run(["tail", "-n", "-1", "task-000"])
        .expect_code(2)
        .expect_diagnostic("usage", "malformed -n '-1'");
    for flags in [&["--run", "-1"][..], &["-f", "--run", "-1"], &["--run=x"]] {
        let output = thermos.run([&["tail"], flags, &["task-000"]].concat()).expect_code(2);
        output.expect_diagnostic("usage", "it is no number of a run");
    }
    thermos
        .run(["tail", "-f", "none"])
        .expect_code(1)
        .expect_diagnostic("unknown_task", "there is no task none");
}
