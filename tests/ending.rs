//! How tasks are ended from outside: `kill` and `lose` of one or many, with and without a living runner, and signals.

use std::fs::{self, File};
use std::io::{Read, Write};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::harness::{Running, Thermos, wait_until};

/// Ignores what asks it to end; each opening of the gate lets it go round once, the second time to its end.
const DEAF: &str = "trap '' TERM INT HUP; echo > deaf-$THERMOS_TASK_ID; read -r x < gate; true";

/// Starts a deaf process with a finalizer, which has a long time, as `id`; returns once it is deaf.
fn start(thermos: &Thermos, id: &str) -> Running {
    let finalizer = json!({"name": "f", "cmdline": "touch finalized", "final": true});
    thermos
        .write_task(json!([{"name": "p", "cmdline": DEAF}, finalizer]), json!({"finalization_wait": 1000}));
    let running = thermos.command(["run", "--json", "--task-id", id, "task.json"]).spawn();
    thermos.wait_for_file(&format!("deaf-{id}"));
    thermos.coordinator(id, "p", 0);
    running
}

fn fixture() -> Thermos {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    thermos
}

fn die(runner: Running) {
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
}

fn finalized(thermos: &Thermos) -> bool {
    thermos.home().join("finalized").exists()
}

#[test]
fn many_tasks_end_at_the_same_time_with_and_without_a_runner() {
    let thermos = fixture();
    let [one, two] = ["a-1", "a-2"].map(|id| start(&thermos, id));
    for id in ["a-3", "a-4"] {
        die(start(&thermos, id));
    }
    thermos.run(["kill", "--grace", "1", "a-.*"]).expect_code(0);
    one.wait().expect_code(4);
    two.wait().expect_code(4);
    let ids = ["a-1", "a-2", "a-3", "a-4"];
    let last_begun = ids.map(|id| thermos.entered(id, "CLEANING")).into_iter().max();
    let first_ended = ids.map(|id| thermos.entered(id, "KILLED")).into_iter().min();
    assert!(last_begun < first_ended, "one after the other: {last_begun:?} {first_ended:?}");
}

#[test]
fn a_task_is_given_up_by_its_runner_or_without_one() {
    let thermos = fixture();
    let living = start(&thermos, "living");
    die(start(&thermos, "orphan"));
    let output = thermos.run(["lose", "living", "orphan"]).expect_code(0);
    output.expect_stderr("Task living has ended: LOST\n").expect_stderr("Task orphan has ended: LOST\n");
    living.wait().expect_code(5).expect_stderr(" INFO] Task lost.\n");
    for id in ["living", "orphan"] {
        assert_eq!(
            (thermos.state(id).as_str(), thermos.run_ends(id, "p")),
            ("LOST", vec!["KILLED".to_owned()])
        );
        thermos.run(["resume", id]).expect_code(5);
    }
    assert!(!finalized(&thermos));
    assert_eq!(thermos.processes(), Vec::<String>::new());
    thermos.run(["lose", "living"]).expect_code(0);
    thermos.run(["lose", "nothing"]).expect_code(1).expect_diagnostic("nothing_found", "`nothing`");
    thermos.run(["lose"]).expect_code(2).expect_diagnostic("usage", "REGEX");
}

#[test]
fn a_task_that_is_being_killed_can_be_given_up() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    let killing = thermos.command(["kill", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 1);
    thermos.run(["lose", "id"]).expect_code(0);
    killing.wait().expect_code(0).expect_stderr("Task id has ended: LOST\n");
    runner.wait().expect_code(5);
}

#[test]
fn a_stopped_runner_goes_on_to_end_its_task() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    runner.signal(Signal::SIGSTOP);
    let killing = thermos.command(["kill", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 1);
    let _gate = thermos.open_gate("gate");
    killing.wait().expect_code(0).expect_stderr("id: its runner was stopped and goes on now, to end it\n");
    runner.wait().expect_code(4);
    assert!(finalized(&thermos));
}

#[test]
fn who_waits_for_a_runner_is_told_why() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    let killing = thermos.shell("exec \"$THERMOS\" kill id 2> said").spawn();
    let says = |text: &str| {
        let path = thermos.wait_for_file("said");
        wait_until(&path, || fs::read_to_string(&path).unwrap().contains(text));
    };
    says("id: waiting for its processes to end, final ones included; --force kills them at once\n");
    runner.signal(Signal::SIGSTOP);
    let pid = runner.pid();
    says(&format!(
        "id: its runner is stopped and waited for; `kill -CONT {pid}` lets it go on, --force does not wait\n"
    ));
    runner.signal(Signal::SIGCONT);
    let _gate = thermos.open_gate("gate");
    killing.wait().expect_code(0);
    runner.wait().expect_code(4);
}

#[test]
fn a_stopped_runner_is_not_waited_for_by_force() {
    for command in [&["kill", "--force", "id"][..], &["lose", "id"]] {
        let thermos = fixture();
        let runner = start(&thermos, "id");
        runner.signal(Signal::SIGSTOP);
        thermos.run(command).expect_code(0);
        runner.wait().expect_code(-9);
        assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
        assert!(!finalized(&thermos));
    }
}

/// Starts a task `id` whose runner cannot write to its standard error, a full pipe, and so stays where its task is on
/// record and nothing has begun.
fn start_blocked(thermos: &Thermos) -> (Running, File) {
    thermos.make_gate("pipe");
    let mut pipe = File::options().read(true).write(true).open(thermos.home().join("pipe")).unwrap();
    let size = fcntl(&pipe, FcntlArg::F_GETPIPE_SZ).unwrap();
    pipe.write_all(&vec![b' '; size as usize]).unwrap();
    let shell = ["bash", "-c", r#"exec "$0" "$@" 2> pipe"#];
    let runner = thermos.command_under(&shell, ["simplerun", "--task-id", "id", "sleep 1000"]).spawn();
    thermos.wait_for_state("id", "ACTIVE", 1);
    (runner, pipe)
}

#[test]
fn a_runner_that_does_not_answer_is_not_waited_for_by_force() {
    let thermos = Thermos::new();
    let (runner, _pipe) = start_blocked(&thermos);
    let killing = thermos.run(["kill", "--force", "id"]).expect_code(0);
    killing.expect_stderr("id: its runner does not answer and is killed\n");
    runner.wait().expect_code(-9);
    assert_eq!(thermos.state("id"), "KILLED");
}

#[test]
fn a_wish_that_comes_before_anything_has_begun_is_kept() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let thermos = Thermos::new();
        let (runner, mut pipe) = start_blocked(&thermos);
        runner.signal(signal);
        let mut buffer = vec![0; 1 << 16];
        assert!(pipe.read(&mut buffer).unwrap() > 0, "now there is room to write");
        runner.wait().expect_code(4);
        assert_eq!((thermos.state("id").as_str(), thermos.run_ends("id", "simple")), ("KILLED", Vec::new()));
    }
}

#[test]
fn a_task_is_taken_over_whose_runner_dies_while_it_ends() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    let killing = thermos.command(["kill", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 1);
    die(runner);
    thermos.wait_for_records("id", "runner", 1, |record| {
        record["task_status"]["state"] == "CLEANING" && record["task_status"]["runner_pid"] == killing.pid()
    });
    let _gate = thermos.open_gate("gate");
    killing.wait().expect_code(0);
    assert_eq!(
        (thermos.state("id").as_str(), thermos.run_ends("id", "p")),
        ("KILLED", vec!["SUCCESS".to_owned()])
    );
    assert!(finalized(&thermos));
}

#[test]
fn a_second_kill_only_hurries_by_force() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    let first = thermos.command(["kill", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 1);
    let second = thermos.command(["kill", "--grace", "500", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 2);
    let statuses = thermos.task_statuses("id");
    let deadline = |status: &Value| status["deadline_ms"].as_u64().unwrap();
    assert!(deadline(&statuses[2]) < deadline(&statuses[1]), "{statuses:?}");
    assert_eq!(thermos.run_ends("id", "p"), Vec::<String>::new());
    thermos.run(["kill", "--force", "id"]).expect_code(0);
    first.wait().expect_code(0);
    second.wait().expect_code(0);
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
    assert!(!finalized(&thermos));
}

#[test]
fn signals_that_come_together_are_one_wish() {
    // As timeout(1) sends one to its child and one to the group of its child.
    let thermos = fixture();
    let runner = start(&thermos, "id");
    for signal in [Signal::SIGSTOP, Signal::SIGTERM, Signal::SIGINT, Signal::SIGCONT] {
        runner.signal(signal);
    }
    thermos.wait_for_state("id", "CLEANING", 1);
    let _gate = thermos.open_gate("gate");
    runner.wait().expect_code(4);
    assert!(finalized(&thermos));
}

#[test]
fn a_terminal_that_closes_ends_a_task_in_good_order() {
    let thermos = fixture();
    let runner = start(&thermos, "id");
    runner.signal(Signal::SIGHUP);
    thermos.wait_for_state("id", "CLEANING", 1);
    runner.signal(Signal::SIGHUP);
    thermos.wait_for_state("id", "CLEANING", 2);
    let _gate = thermos.open_gate("gate");
    runner.wait().expect_code(4);
    assert!(finalized(&thermos));
}

#[test]
fn a_wish_that_comes_with_the_first_record_is_heard() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        for _ in 0..5 {
            let thermos = Thermos::new();
            let runner = thermos.command(["simplerun", "--task-id", "id", "sleep 1000"]).spawn();
            thermos.wait_for_state("id", "ACTIVE", 1);
            runner.signal(signal);
            runner.wait().expect_code(4);
            assert_eq!(thermos.state("id"), "KILLED");
        }
    }
}

#[test]
fn a_wish_that_comes_with_a_takeover_is_heard() {
    let thermos = fixture();
    die(start(&thermos, "id"));
    let resumed = thermos.command(["resume", "id"]).spawn();
    thermos.wait_for_state("id", "ACTIVE", 2);
    kill(thermos.runner("id"), Signal::SIGTERM).unwrap();
    thermos.wait_for_state("id", "CLEANING", 1);
    let _gate = thermos.open_gate("gate");
    resumed.wait().expect_code(4);
    assert!(finalized(&thermos));
}

#[test]
fn a_task_that_never_started_is_removed() {
    let thermos = Thermos::new();
    let folder = thermos.root().join("checkpoints/id");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(thermos.root().join("tasks/active")).unwrap();
    fs::write(thermos.root().join("tasks/active/id"), "{}").unwrap();
    thermos.run(["resume", "id"]).expect_code(6).expect_diagnostic("never_started", "id never started");
    thermos.run(["kill", "id"]).expect_code(0);
    assert!(!folder.exists());
    thermos.run(["status"]).expect_code(1);
}
