//! `thermos rerun`: a new task of one that has ended, with what succeeded carried over.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Output, Thermos};

fn process(name: &str, command: &str) -> Value {
    // Each run leaves a line with its task.
    let cmdline = format!("echo \"$THERMOS_TASK_ID\" >> {name}; echo said by $THERMOS_TASK_ID; {command}");
    json!({"name": name, "cmdline": cmdline, "min_duration": 0})
}

/// fetch before make before test, lint on its own, clean in the end; make needs the file `fixed`.
fn build() -> Value {
    let mut clean = process("clean", "true");
    clean["final"] = json!(true);
    json!({
        "name": "build",
        "processes": [
            process("lint", "true"), process("fetch", "true"), process("make", "[ -e fixed ]"),
            process("test", "true"), clean,
        ],
        "constraints": [{"order": ["fetch", "make", "test"]}],
    })
}

fn failed() -> Thermos {
    let thermos = Thermos::new();
    thermos.write("build.json", build().to_string());
    // One at a time, so that lint has ended when make fails.
    thermos.run(["run", "-j", "1", "--task-id", "old", "build.json"]).expect_code(1);
    thermos.write("fixed", "");
    thermos
}

/// Returns in which tasks a process has run.
fn runs(thermos: &Thermos, process: &str) -> Vec<String> {
    let text = std::fs::read_to_string(thermos.home().join(process)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn status(thermos: &Thermos, id: &str) -> Value {
    thermos.run(["status", "--format", "json", id]).expect_code(0).json()[0].clone()
}

fn rerun(thermos: &Thermos, arguments: &[&str]) -> Output {
    let call = thermos.command(["rerun", "old", "--task-id", "new"]);
    arguments.iter().fold(call, |call, argument| call.arg(argument)).output()
}

#[test]
fn what_succeeded_is_carried_over_and_the_rest_runs() {
    let thermos = failed();
    let output = rerun(&thermos, &[]).expect_code(0);
    output.expect_stderr(" INFO] Carried over from task old: lint, fetch\n");
    assert_eq!(runs(&thermos, "fetch"), ["old"]);
    assert_eq!(runs(&thermos, "lint"), ["old"]);
    assert_eq!(runs(&thermos, "make"), ["old", "new"]);
    assert_eq!(runs(&thermos, "test"), ["new"]);
    assert_eq!(runs(&thermos, "clean"), ["old", "new"]);
    let status = status(&thermos, "new");
    assert_eq!((&status["state"], &status["rerun_of"]), (&json!("SUCCESS"), &json!("old")));
    let carried = &status["carried_over"]["fetch"];
    assert_eq!(
        (&carried["task_id"], &carried["run"], &carried["return_code"]),
        (&json!("old"), &json!(0), &json!(0))
    );
    assert!(status["processes"].get("fetch").is_none());
}

#[test]
fn every_view_says_what_was_carried_over() {
    let thermos = failed();
    rerun(&thermos, &[]).expect_code(0);
    let table = thermos.run(["status", "--verbosity", "3", "new"]).expect_code(0).text;
    assert!(table.contains("    rerun of: old\n"), "{table}");
    assert!(table.contains("      - fetch carried over from old run 0\n"), "{table}");
    let graph = thermos.run(["graph", "new"]).expect_code(0).text;
    assert!(graph.contains("fetch") && graph.contains("carried over"), "{graph}");
    let timeline = thermos.run(["timeline", "new"]).expect_code(0).text;
    assert!(timeline.contains("carried over"), "{timeline}");
    let picture = thermos.run(["timeline", "--format", "svg", "new"]).expect_code(0).text;
    let row = picture.lines().find(|line| line.contains("data-process=\"fetch\""));
    assert!(
        row.is_some_and(|row| row.contains(">carried over<") && !row.contains("class=\"bar")),
        "{picture}"
    );
    let tail = thermos.run(["tail", "new", "fetch"]).expect_code(0);
    let tail = tail.expect_stderr("of task old, from which fetch was carried over");
    assert_eq!(tail.text, "said by old\n");
    assert_eq!(thermos.run(["tail", "new", "make"]).text, "said by new\n");
    thermos
        .run(["tail", "--run", "3", "new", "fetch"])
        .expect_code(1)
        .expect_stderr("tail --run 3 old fetch");
    thermos.run(["tail", "new", "fetsh"]).expect_code(1).expect_stderr("did you mean `fetch`?");
}

#[test]
fn what_was_printed_by_a_task_that_was_removed_is_gone() {
    let thermos = failed();
    rerun(&thermos, &[]).expect_code(0);
    thermos.run(["gc", "old"]).expect_code(0);
    let output = thermos.run(["tail", "new", "fetch"]).expect_code(1);
    output
        .expect_diagnostic("nothing_found", "process fetch ran in task old, which was removed with its logs");
}

#[test]
fn nothing_is_carried_over_to_where_its_files_are_not() {
    let thermos = failed();
    thermos.write("other/fixed", "");
    let output = rerun(&thermos, &["--sandbox", "other"]).expect_code(0);
    let home = thermos.home().display().to_string();
    output.expect_stderr(&format!(" INFO] Nothing is carried over from task old: it ran in {home}\n"));
    assert_eq!(runs(&thermos, "other/fetch"), ["new"]);
    let same = thermos.command(["rerun", "old", "--task-id", "again", "--sandbox", "./other/.."]).output();
    same.expect_code(0).expect_stderr(" INFO] Carried over from task old: lint, fetch\n");
}

#[test]
fn a_rerun_of_a_rerun_knows_where_a_process_ran() {
    let thermos = failed();
    std::fs::remove_file(thermos.home().join("fixed")).unwrap();
    rerun(&thermos, &[]).expect_code(1);
    thermos.write("fixed", "");
    thermos.run(["rerun", "new", "--task-id", "newest"]).expect_code(0);
    assert_eq!(runs(&thermos, "fetch"), ["old"]);
    let status = status(&thermos, "newest");
    assert_eq!(
        (&status["rerun_of"], &status["carried_over"]["fetch"]["task_id"]),
        (&json!("new"), &json!("old"))
    );
    assert_eq!(thermos.run(["tail", "newest", "fetch"]).text, "said by old\n");
}

#[test]
fn from_a_process_on_everything_runs_again() {
    let thermos = failed();
    rerun(&thermos, &["--from", "fetch"]).expect_code(0).expect_stderr("Carried over from task old: lint\n");
    for process in ["fetch", "make"] {
        assert_eq!(runs(&thermos, process), ["old", "new"]);
    }
    assert_eq!(runs(&thermos, "lint"), ["old"]);
    thermos.run(["rerun", "new", "--from", "tset"]).expect_code(1).expect_stderr("did you mean `test`?");
    thermos.run(["rerun", "new", "--from", "test", "--failed"]).expect_code(2);
}

#[test]
fn a_task_that_succeeded_runs_again_from_a_process_only() {
    let thermos = failed();
    rerun(&thermos, &[]).expect_code(0);
    let refused = thermos.run(["rerun", "new"]).expect_code(6);
    refused.expect_diagnostic("nothing_to_rerun", "--from PROCESS");
    thermos.run(["rerun", "new", "--from", "test", "--task-id", "newest"]).expect_code(0);
    assert_eq!(runs(&thermos, "test"), ["new", "newest"]);
    assert_eq!(runs(&thermos, "make"), ["old", "new"]);
}

#[test]
fn an_edited_file_says_what_is_different_and_that_runs_again() {
    let thermos = failed();
    let mut edited = build();
    edited["processes"][1]["cmdline"] = json!("echo edited >> fetch");
    edited["processes"].as_array_mut().unwrap().push(process("deploy", "true"));
    edited["constraints"].as_array_mut().unwrap().push(json!({"order": ["lint", "deploy"]}));
    edited["max_concurrency"] = json!(1);
    thermos.write("edited.json", edited.to_string());
    let output = rerun(&thermos, &["--config", "edited.json"]).expect_code(0);
    output
        .expect_stderr(" INFO] In edited.json this is different\n")
        .expect_stderr(" INFO]   ~ task: max_concurrency 0 -> 1\n")
        .expect_stderr(" INFO]   ~ process fetch: cmdline \"echo ")
        .expect_stderr("-> \"echo edited >> fetch\"\n")
        .expect_stderr(" INFO]   + process deploy\n")
        .expect_stderr(" INFO]   + order lint, deploy\n")
        .expect_stderr(" INFO] Carried over from task old: lint\n");
    assert_eq!(runs(&thermos, "fetch"), ["old", "edited"]);
    assert_eq!(
        (runs(&thermos, "make"), runs(&thermos, "deploy")),
        (vec!["old".into(), "new".into()], vec!["new".into()])
    );
    thermos.write("wrong.json", r#"{"name": "t", "processes": [{"name": "a"}]}"#);
    thermos.run(["rerun", "old", "--config", "wrong.json"]).expect_code(3);
    thermos.run(["rerun", "old", "-E", "a=b"]).expect_code(2);
}

#[test]
fn an_unknown_task_and_one_that_has_not_ended_are_refused() {
    let thermos = failed();
    thermos.run(["rerun", "odl"]).expect_code(1).expect_stderr("did you mean `old`?");
    thermos
        .run(["rerun", "old", "--task-id", "old"])
        .expect_code(6)
        .expect_diagnostic("task_finished", "FAILED");
    let running = thermos.command(["simplerun", "--task-id", "busy", "touch busy; sleep 1000"]).spawn();
    thermos.wait_for_file("busy");
    thermos.run(["rerun", "busy"]).expect_code(6).expect_diagnostic("not_ended", "thermos kill busy");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    thermos.run(["rerun", "busy"]).expect_code(6).expect_diagnostic("not_ended", "thermos resume busy");
    thermos.run(["kill", "--force", "busy"]).expect_code(0);
}

#[test]
fn it_is_launched_as_the_old_task_was() {
    let thermos = Thermos::new();
    let serve = "[ -e fixed ] && echo {{thermos.ports[http]}} > port";
    thermos.write("t.json", json!({"name": "t", "processes": [{"name": "p", "cmdline": serve}]}).to_string());
    let run = ["run", "--task-id", "old", "-P", "http:4711", "--sandbox", "box", "-j", "3", "t.json"];
    thermos.run(run).expect_code(1);
    thermos.write("box/fixed", "");
    thermos.run(["rerun", "old", "--task-id", "new"]).expect_code(0);
    let (old, new) = (status(&thermos, "old"), status(&thermos, "new"));
    for field in ["sandbox", "ports", "user", "name"] {
        assert_eq!(old[field], new[field], "{field}");
    }
    thermos.run(["rerun", "new", "--from", "p", "-P", "http:4712", "--task-id", "newest"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(thermos.home().join("box/port")).unwrap(), "4712\n");
}

#[test]
fn a_dry_run_shows_what_would_start() {
    let thermos = failed();
    let output = rerun(&thermos, &["--dry-run", "--format", "json"]).expect_code(0).json();
    assert_eq!(output["done"], json!(["lint", "fetch"]));
    assert_eq!(output["steps"][0][0]["process"], "make");
    thermos.run(["status", "new"]).expect_code(1);
}

#[test]
fn a_rerun_whose_runner_is_killed_keeps_what_was_carried_over() {
    let thermos = failed();
    std::fs::remove_file(thermos.home().join("fixed")).unwrap();
    let mut slow = build();
    slow["processes"][2]["cmdline"] = json!("touch waits; read -r go < gate");
    thermos.write("slow.json", slow.to_string());
    nix::unistd::mkfifo(&thermos.home().join("gate"), nix::sys::stat::Mode::from_bits_truncate(0o600))
        .unwrap();
    let running = thermos.command(["rerun", "old", "--task-id", "new", "--config", "slow.json"]).spawn();
    thermos.wait_for_file("waits");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    let resumed = thermos.command(["resume", "new"]).spawn();
    std::fs::write(thermos.home().join("gate"), "go\n").unwrap();
    resumed.wait().expect_code(0);
    assert_eq!(
        (runs(&thermos, "fetch"), runs(&thermos, "lint")),
        (vec!["old".to_owned()], vec!["old".to_owned()])
    );
    assert_eq!(runs(&thermos, "test"), ["new"]);
    assert_eq!(status(&thermos, "new")["carried_over"]["fetch"]["task_id"], "old");
}

#[test]
fn a_daemon_and_an_ephemeral_that_was_interrupted_run_again() {
    let thermos = Thermos::new();
    let with = |mut process: Value, field: &str| {
        process[field] = json!(true);
        process
    };
    let daemon = with(with(process("daemon", "sleep 1000"), "daemon"), "ephemeral");
    let once = with(process("once", "true"), "ephemeral");
    let work = process("work", "until [ -e daemon ] && [ -e once ]; do :; done; [ -e fixed ]");
    thermos.write("t.json", json!({"name": "t", "processes": [daemon, once, work]}).to_string());
    thermos.run(["run", "--task-id", "old", "t.json"]).expect_code(1);
    thermos.write("fixed", "");
    let output = rerun(&thermos, &[]).expect_code(0);
    assert!(!output.stderr.contains("Carried over from task old: daemon"), "{}", output.stderr);
    assert_eq!(runs(&thermos, "work"), ["old", "new"]);
}

#[test]
fn a_run_of_what_was_carried_over_is_damage() {
    let thermos = failed();
    rerun(&thermos, &[]).expect_code(0);
    let stream = thermos.root().join("checkpoints/new/runner");
    let text = std::fs::read_to_string(&stream).unwrap();
    let forged = r#"{"process_status":{"seq":0,"process":"fetch","run":0,"state":"WAITING"}}"#;
    std::fs::write(&stream, format!("{text}{forged}\n")).unwrap();
    thermos
        .run(["status", "new"])
        .expect_code(6)
        .expect_stderr("was carried over from task old and cannot run");
}

#[test]
fn a_runner_of_a_rerun_may_die_at_every_write() {
    let thermos = failed();
    rerun(&thermos, &[]).expect_code(0);
    let (folder, index) = (thermos.root().join("checkpoints/new"), thermos.root().join("tasks"));
    let stream = std::fs::read(folder.join("runner")).unwrap();
    let ends = stream.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1);
    for end in ends.collect::<Vec<_>>() {
        if end == stream.len() {
            break;
        }
        std::fs::write(folder.join("runner"), &stream[..end]).unwrap();
        std::fs::rename(index.join("finished/new"), index.join("active/new")).unwrap();
        thermos.run(["resume", "new"]).expect_code(0);
        let status = status(&thermos, "new");
        let carried: Vec<&str> =
            status["carried_over"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((carried, &status["state"]), (vec!["lint", "fetch"], &json!("SUCCESS")), "cut at {end}");
    }
    assert_eq!(
        (runs(&thermos, "fetch"), runs(&thermos, "make")),
        (vec!["old".into()], vec!["old".into(), "new".into()])
    );
}
