//! `thermos simplerun`, and what every run does: lines, exit codes, files.

use std::fs;

use nix::sys::signal::Signal;

use crate::harness::Thermos;

#[test]
fn a_command_runs_as_the_manual_shows() {
    let thermos = Thermos::new();
    let output = thermos.run(["simplerun", "--task-id", "hello", "echo hello world"]).expect_code(0);
    assert_eq!(output.text, "Running command: 'echo hello world'\n");
    let expected = [
        " INFO] Running task hello",
        " INFO] Forking Process(simple)",
        " INFO] Process(simple) finished successfully [rc=0]",
        " INFO] Task succeeded.",
    ];
    assert_eq!(output.stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!(thermos.run(["tail", "hello"]).expect_code(0).text, "hello world\n");
    let status = thermos.run(["status", "--verbosity", "3", "hello"]).expect_code(0).text;
    assert!(status.starts_with("Found task hello\n  hello [owner: "), "{status}");
    assert!(status.contains("  state:  SUCCESS start:  "), "{status}");
    assert!(status.contains(&format!("    sandbox: {}\n", thermos.home().display())), "{status}");
    assert!(status.contains("      - simple runs: 1 last: pid="), "{status}");
    assert!(status.contains(", rc=0, finish:") && status.ends_with(", state:SUCCESS\n"), "{status}");
}

#[test]
fn an_id_is_the_name_and_the_local_time() {
    let thermos = Thermos::new();
    let call = thermos.command(["simplerun", "--name", ".my task", "true"]).env("TZ", "Asia/Kathmandu");
    call.output().expect_code(0);
    let shown = thermos.run(["status", "--format", "json"]).expect_code(0).json();
    let task = &shown[0];
    assert_eq!(task["name"], ".my task");
    let id = regex::Regex::new(r"^__?my_task-\d{8}-\d{6}\.\d{6}$").unwrap();
    assert!(id.is_match(task["task_id"].as_str().unwrap()), "{task}");
}

#[test]
fn a_failing_command_is_exit_code_1_and_its_last_words_are_shown() {
    let thermos = Thermos::new();
    let command = "for i in {1..30}; do echo line $i >&2; done; exit 3";
    let output = thermos.run(["simplerun", "--task-id", "bad", command]).expect_code(1);
    let log = thermos.root().join("logs/bad/simple/0/stderr");
    let words: String = (21..=30).map(|number| format!("       | line {number}\n")).collect();
    let output = output
        .expect_stderr(" INFO] Process(simple) failed [rc=3]\n")
        .expect_stderr(&format!("       last lines of {}:\n{words}", log.display()))
        .expect_stderr(" INFO] Process simple reached maximum failures, marking process run failed.\n");
    assert!(output.stderr.ends_with(" INFO] Task failed.\n"), "{}", output.stderr);
}

#[test]
fn bindings_and_ports_reach_the_command() {
    let thermos = Thermos::new();
    let command = "echo {{who}} <<who>> {{thermos.task_id}} {{thermos.ports[http]}} {{thermos.ports[admin]}}";
    let arguments =
        ["simplerun", "--task-id", "id", "-E", "who=a b", "-P", "http:1338", "-P", "admin", command];
    thermos.run(arguments).expect_code(0);
    let printed = thermos.run(["tail", "id"]).expect_code(0).text;
    let ports = thermos.run(["status", "--format", "json"]).expect_code(0).json()[0]["ports"].clone();
    assert_eq!(printed, format!("a b a b id 1338 {}\n", ports["admin"]));
    assert_eq!(ports["http"], 1338);
}

#[test]
fn arguments_after_the_command_belong_to_it() {
    let thermos = Thermos::new();
    thermos.run(["simplerun", "--task-id", "a", "echo", "-n", "--root", "x"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "a"]).expect_code(0).text, "--root x");
}

#[test]
fn sandbox_and_log_dir_are_made_where_they_are_named() {
    let thermos = Thermos::new();
    let places = ["--sandbox", "deep/box", "--log-dir", "deep/logs"];
    thermos.run([&["simplerun", "--task-id", "a"], &places[..], &["pwd"]].concat()).expect_code(0);
    let log = thermos.home().join("deep/logs/simple/0/stdout");
    let sandbox = thermos.home().join("deep/box");
    assert_eq!(fs::read_to_string(log).unwrap(), format!("{}\n", sandbox.display()));
}

#[test]
fn a_task_runs_although_nobody_reads_its_output() {
    let thermos = Thermos::new();
    let call = thermos.command(["simplerun", "touch done"]).without_stdout_reader();
    call.output().expect_code(0);
    assert!(thermos.home().join("done").exists());
}

#[test]
fn an_interrupt_ends_the_task_as_killed() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let thermos = Thermos::new();
        let running = thermos.command(["simplerun", "touch started; sleep 1000"]).spawn();
        thermos.wait_for_file("started");
        running.signal(signal);
        running.wait().expect_code(4).expect_stderr(" INFO] Task killed.\n");
    }
}

#[test]
fn what_cannot_run_leaves_nothing() {
    let thermos = Thermos::new();
    let cases: [(&[&str], i32, &str, &str); 8] = [
        (&["simplerun"], 2, "usage", "COMMAND"),
        (&["simplerun", "-E", "x", "true"], 2, "usage", "malformed -E 'x'"),
        (&["simplerun", "-P", "http:x", "true"], 2, "usage", "malformed -P 'http:x'"),
        (&["simplerun", "-P", "a", "-P", "a", "true"], 2, "usage", "port `a` is given twice"),
        (&["simplerun", "--task-id", "a/b", "true"], 2, "usage", "'a/b' is no task id"),
        (&["simplerun", "-E", "x=1", "true"], 3, "unknown_binding", "`x`"),
        (&["simplerun", "echo {{x}}"], 3, "unbound_reference", "Uninterpolated variables: {{x}}"),
        (&["simplerun", "echo {{thermos.ports[http]}}"], 3, "unbound_port", "`http`"),
    ];
    for (arguments, exit, code, part) in cases {
        let output = thermos.run(arguments).expect_code(exit).expect_diagnostic(code, part);
        assert_eq!(output.text, "", "{arguments:?}");
        assert_eq!(thermos.root_files(), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn a_root_that_cannot_be_written_is_exit_code_6() {
    let thermos = Thermos::new();
    let file = thermos.write("file", "");
    for root in ["/proc/no-such-folder", file.to_str().unwrap()] {
        let output = thermos.run(["--root", root, "simplerun", "touch ran"]).expect_code(6);
        output.expect_diagnostic("io", root);
    }
    assert!(!thermos.home().join("ran").exists());
}

#[test]
fn a_port_that_nothing_uses_is_a_warning() {
    let thermos = Thermos::new();
    let cases: [(&[&str], &str); 3] = [
        (&["-P", "http", "echo {{thermos.ports[http]}}"], ""),
        (&["-P", "other", "true"], "port `other` is not used"),
        (&["-P", "http", "-P", "htpp", "echo {{thermos.ports[http]}}"], "did you mean `http`?"),
    ];
    for (arguments, warning) in cases {
        let output = thermos.run([&["simplerun"], arguments].concat()).expect_code(0).expect_stderr(warning);
        assert_eq!(output.stderr.contains("warning[thermos::unused_port]"), !warning.is_empty());
    }
    thermos.write("t.thermos", "export(Task(processes = [Process(name = 'p', cmdline = 'true')]))");
    thermos
        .run(["run", "-P", "http:80", "t.thermos", "--task-id", "old"])
        .expect_code(0)
        .expect_stderr("unused_port");
    let output = thermos.run(["rerun", "old", "--from", "p"]).expect_code(0);
    assert!(!output.stderr.contains("unused_port"), "nobody named it: {}", output.stderr);
}
