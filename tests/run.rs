//! `thermos run` on task documents: exit codes, choice of the task, ports, bad input. Scripts have tests of their own.

use serde_json::{Value, json};

use crate::harness::{Output, Thermos};

fn task(name: &str, command: &str) -> Value {
    json!({"name": name, "processes": [{"name": "only", "cmdline": command}]})
}

/// Runs a document that is given on standard input.
fn run(thermos: &Thermos, document: &Value, arguments: &[&str]) -> Output {
    let call = thermos.command(["run", "--json"]);
    let call = arguments.iter().fold(call, |call, argument| call.arg(argument));
    call.arg("-").stdin(document.to_string()).output()
}

#[test]
fn the_exit_code_is_the_state_of_the_task() {
    let thermos = Thermos::new();
    run(&thermos, &task("good", "true"), &[]).expect_code(0).expect_stderr(" INFO] Task succeeded.\n");
    run(&thermos, &task("bad", "false"), &[]).expect_code(1).expect_stderr(" INFO] Task failed.\n");
    let killed = "read -r _ _ _ runner _ < /proc/$PPID/stat; kill -TERM $runner; sleep 100";
    run(&thermos, &task("killed", killed), &[]).expect_code(4).expect_stderr(" INFO] Task killed.\n");
    run(&thermos, &json!({"name": "empty", "processes": []}), &[]).expect_code(0);
}

#[test]
fn a_document_comes_from_a_file_or_from_standard_input() {
    let thermos = Thermos::new();
    thermos.write("task.json", task("t", "echo {{word}}").to_string());
    thermos.run(["run", "--task-id", "a", "-E", "word=one", "task.json"]).expect_code(0);
    run(&thermos, &task("t", "echo two"), &["--task-id", "b"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "a"]).text, "one\n");
    assert_eq!(thermos.run(["tail", "b"]).text, "two\n");
}

#[test]
fn one_of_several_tasks_has_to_be_named() {
    let thermos = Thermos::new();
    let both = json!([task("left", "echo left"), task("right", "echo right")]);
    let output = run(&thermos, &both, &[]).expect_code(3);
    output.expect_diagnostic("several_tasks", "left, right").expect_stderr("--task NAME");
    run(&thermos, &both, &["--task", "right", "--task-id", "id"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "id"]).text, "right\n");
    run(&thermos, &both, &["--task", "rihgt"]).expect_code(3).expect_diagnostic("no_task", "`right`");
}

#[test]
fn a_retried_process_says_so() {
    let thermos = Thermos::new();
    let command = "[ -e once ] || { touch once; exit 1; }";
    let process = json!({"name": "flaky", "cmdline": command, "max_failures": 2, "min_duration": 0});
    let output = run(&thermos, &json!({"name": "t", "processes": [process]}), &[]).expect_code(0);
    output
        .expect_stderr(" INFO] Process(flaky) failed [rc=1]\n")
        .expect_stderr(" INFO] Process flaky under maximum failure limit, restarting.\n")
        .expect_stderr(" INFO] Process(flaky) finished successfully [rc=0]\n");
}

#[test]
fn an_id_is_used_once_and_goes_on_only_with_the_same_task() {
    let thermos = Thermos::new();
    run(&thermos, &task("t", "true"), &["--task-id", "id"]).expect_code(0);
    let again = run(&thermos, &task("t", "true"), &["--task-id", "id"]).expect_code(6);
    again.expect_diagnostic("task_finished", "SUCCESS");
}

#[test]
fn bad_input_is_a_diagnostic_and_nothing_is_written() {
    let thermos = Thermos::new();
    thermos.write("empty.json", "");
    thermos.write("empty.thermos", "");
    thermos.write("binary.json", b"\x7fELF\0\xff");
    thermos.write("list.json", "[1, 2]");
    thermos.write("port.json", task("t", "echo {{thermos.ports[http]}}").to_string());
    thermos.write("field.json", r#"{"name": "t", "processes": [{"name": "a", "cmdlien": "true"}]}"#);
    thermos.write(
        "cycle.json",
        json!({
            "name": "t", "processes": [{"name": "a", "cmdline": "true"}, {"name": "b", "cmdline": "true"}],
            "constraints": [{"order": ["a", "b", "a"]}],
        })
        .to_string(),
    );
    let home = thermos.home();
    let folder = home.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 14] = [
        (&[], 2, "FILE"),
        (&["missing.json"], 6, "missing.json: there is no such file"),
        (&["missing.thermos"], 6, "missing.thermos: there is no such file"),
        (&[folder], 6, "it is a directory"),
        (&["-"], 6, "standard input"),
        (&["empty.json"], 3, "empty.json:1:1"),
        (&["empty.thermos"], 3, "exports no task"),
        (&["binary.json"], 3, "not UTF-8"),
        (&["list.json"], 3, "Task"),
        (&["port.json"], 3, "`http`"),
        (&["field.json"], 3, "cmdline"),
        (&["cycle.json"], 3, "Cycles detected in the task schedule!"),
        (&["-E", "=x", "port.json"], 2, "malformed -E '=x'"),
        (&["-P", "http", "-E", "nothing=1", "port.json"], 3, "`nothing`"),
    ];
    for command in ["run", "check"] {
        for (arguments, exit, part) in cases {
            if command == "check" && (arguments.contains(&"-P") || part == "`http`") {
                continue;
            }
            let output = thermos.run([&[command], arguments].concat()).expect_code(exit).expect_stderr(part);
            assert!(output.stderr.contains("\n  help: "), "{}", output.stderr);
            assert!(output.stderr.starts_with("error[thermos::"), "{}", output.stderr);
            assert_eq!(output.text, "", "{arguments:?}");
            assert_eq!(thermos.root_files(), Vec::<String>::new(), "{arguments:?}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_stops_a_task_before_it_begins() {
    let thermos = Thermos::new();
    thermos.write("file", "");
    for flag in ["--sandbox", "--log-dir"] {
        let output = run(&thermos, &task("t", "true"), &[flag, "file"]).expect_code(6);
        output.expect_diagnostic("io", "file: file exists");
        assert_eq!(thermos.root_files(), Vec::<String>::new(), "{flag}");
    }
}

#[test]
fn logs_of_another_task_in_the_same_folder_are_not_mixed_in() {
    let thermos = Thermos::new();
    for (id, command) in [("first", "echo one; echo more"), ("second", "echo two")] {
        run(&thermos, &task("t", command), &["--task-id", id, "--log-dir", "logs"]).expect_code(0);
    }
    assert_eq!(thermos.run(["tail", "second"]).text, "two\n");
}

#[test]
fn final_processes_whose_time_is_over_are_named() {
    let thermos = Thermos::new();
    let processes = json!([
        {"name": "work", "cmdline": "true"},
        {"name": "clean", "cmdline": "touch cleaned", "final": true},
        {"name": "mail", "cmdline": "touch mailed", "final": true},
    ]);
    let document = json!({"name": "t", "processes": processes, "finalization_wait": 0});
    let output = run(&thermos, &document, &[]).expect_code(0);
    output.expect_stderr(" INFO] The time to finalize is over: clean, mail will not run\n");
    assert!(!thermos.home().join("cleaned").exists());
}
