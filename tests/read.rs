//! `thermos read`: a checkpoint as it was written, and as it reads.

use std::fs;

use crate::harness::{Recorded, Thermos};

fn one_task() -> Thermos {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task").run("a\x1b[2J", 0, 1, b"", b"").state("FAILED").write();
    thermos
}

#[test]
fn the_state_is_what_the_records_come_to() {
    let thermos = one_task();
    let output = thermos.command(["read", "task"]).env("TZ", "UTC").output().expect_code(0);
    for part in [
        "Task header:\n  task_id: task\n",
        "Task states:\n  Tue May 29 16:25:32 2012  ACTIVE [runner: 1, uid: 0]\n",
        "Processes:\n  a\u{fffd}[2J  runs: 1\n    run 0: FAILED, seq=3, coordinator=57470, pid=57471",
        "rc=1\n",
    ] {
        assert!(output.text.contains(part), "{part}: {}", output.text);
    }
    let state = thermos.run(["read", "task", "--format", "json"]).expect_code(0).json();
    assert_eq!(state["statuses"][1]["state"], "FAILED");
    assert_eq!(state["processes"]["a\x1b[2J"]["runs"][0]["return_code"], 1);
}

#[test]
fn records_are_printed_as_they_are() {
    let thermos = one_task();
    let path = thermos.root().join("checkpoints/task/runner");
    let path = path.to_str().unwrap();
    let written = fs::read_to_string(path).unwrap();
    let output = thermos.run(["read", "--simple", "--format", "json", path]).expect_code(0);
    let values = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(values(&output.text), values(&written));
    let text = thermos.run(["read", "--simple", "task"]).expect_code(0).text;
    assert!(text.starts_with(&format!("{path}:\n     1  {{\"runner_header\"")), "{text}");
}

#[test]
fn a_folder_is_read_wherever_it_is() {
    let thermos = one_task();
    fs::rename(thermos.root().join("checkpoints/task"), thermos.home().join("moved")).unwrap();
    thermos.run(["read", "./moved"]).expect_code(0).expect_stdout("task_id: task\n");
    thermos.run(["read", "moved/runner"]).expect_code(0).expect_stdout("task_id: task\n");
}

#[test]
fn what_is_no_checkpoint_is_a_diagnostic_with_its_place() {
    let thermos = one_task();
    let path = thermos.write("foreign", "hello\nworld\n");
    for arguments in
        [["read", "./foreign", "--format", "text"], ["read", "./foreign", "--simple", "--format=json"]]
    {
        let output = thermos.run(arguments).expect_code(6);
        let message = format!("{} is no checkpoint: its first line is no record", path.display());
        output.expect_diagnostic("foreign_file", &message);
    }
    thermos.run(["read", "/dev/null"]).expect_code(6).expect_diagnostic("foreign_file", "is a device");
    thermos.write("nothing", "");
    thermos.write("half", "{\"runner_hea");
    for arguments in [&["read"][..], &["read", "--simple"]] {
        for (file, why) in [("./nothing", "it is empty"), ("./half", "it has no whole line")] {
            let output = thermos.run([arguments, &[file]].concat()).expect_code(1);
            output.expect_diagnostic("nothing_found", "there is no record in").expect_stderr(why);
        }
    }
    let runner = thermos.root().join("checkpoints/task/runner");
    let text = fs::read_to_string(&runner).unwrap().replacen("WAITING", "RUNNING", 1);
    fs::write(&runner, text).unwrap();
    let output = thermos.run(["read", "task"]).expect_code(6);
    output.expect_diagnostic("damaged_checkpoint", &format!("{}:3: impossible record", runner.display()));
    thermos.run(["read", "tasc"]).expect_code(1).expect_diagnostic("unknown_task", "there is no task tasc");
    fs::create_dir(thermos.home().join("empty")).unwrap();
    thermos
        .run(["read", "empty"])
        .expect_code(1)
        .expect_diagnostic("nothing_found", "there is no checkpoint in");
    thermos.run(["read", "a/b"]).expect_code(6).expect_diagnostic("io", "cannot read");
}

#[test]
fn a_torn_last_line_is_told() {
    let thermos = one_task();
    let path = thermos.root().join("checkpoints/task/runner");
    let whole = thermos.run(["read", "task"]).expect_code(0).expect_silence().text;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "{\"task_status\":{\"sta").unwrap();
    let message = format!("the last line of {} has no end and is left out", path.display());
    for arguments in [&["read", "task"][..], &["read", "--simple", "task"], &["read", path.to_str().unwrap()]]
    {
        let output = thermos.run(arguments).expect_code(0);
        output.expect_stderr("warning[thermos::torn_line]").expect_stderr(&message);
    }
    assert_eq!(thermos.run(["read", "task"]).text, whole);
}

#[test]
fn what_a_rerun_carried_over_is_part_of_the_state() {
    let thermos = Thermos::new();
    let task = r#"export(SequentialTask(name = "two", processes = [
        Process(name = "good", cmdline = "true"), Process(name = "bad", cmdline = "false")]))"#;
    thermos.write("two.thermos", task);
    thermos.run(["run", "--task-id", "first", "two.thermos"]).expect_code(1);
    thermos.run(["rerun", "first", "--task-id", "second"]).expect_code(1);
    let output = thermos.run(["read", "second"]).expect_code(0);
    output
        .expect_stdout("Processes:\n  good  carried over: task=first, run=0, start:")
        .expect_stdout("  bad  runs: 1\n");
    let state = thermos.run(["read", "second", "--format", "json"]).expect_code(0).json();
    assert_eq!(state["carried_over"]["good"]["task_id"], "first");
}

#[test]
fn a_checkpoint_that_no_index_lists_is_read_by_its_id() {
    let thermos = one_task();
    fs::remove_file(thermos.root().join("tasks/finished/task")).unwrap();
    thermos.run(["read", "task"]).expect_code(0).expect_stdout("task_id: task\n");
    thermos.run(["read", "--simple", "task"]).expect_code(0).expect_stdout("checkpoints/task/runner:\n");
}
