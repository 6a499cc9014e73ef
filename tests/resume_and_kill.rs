//! `thermos resume` and `thermos kill`, by their exit codes and messages; what they do to processes is tested elsewhere.

use nix::sys::signal::Signal;

use crate::harness::{Recorded, Running, Thermos};

/// Starts a command that waits for `kill`, and returns once it runs.
fn waiting(thermos: &Thermos, id: &str) -> Running {
    let command = format!("touch {id}; sleep 1000");
    let running = thermos.command(["simplerun", "--task-id", id, &command]).spawn();
    thermos.wait_for_file(id);
    running
}

#[test]
fn kill_ends_a_task_and_returns_when_it_has_ended() {
    let thermos = Thermos::new();
    let running = waiting(&thermos, "victim");
    thermos.run(["kill", "vic.*"]).expect_code(0);
    let state =
        thermos.run(["status", "--format", "json", "victim"]).expect_code(0).json()[0]["state"].clone();
    assert_eq!(state, "KILLED");
    running.wait().expect_code(4);
}

#[test]
fn kill_ends_a_task_whose_runner_is_gone() {
    let thermos = Thermos::new();
    let running = waiting(&thermos, "victim");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    thermos.run(["kill", "--force", "victim"]).expect_code(0).expect_stderr(" INFO] Task killed.\n");
    thermos.run(["kill", "victim"]).expect_code(0);
}

#[test]
fn kill_reaches_every_match_and_no_other() {
    let thermos = Thermos::new();
    let [one, two, other] = ["match-1", "match-2", "other"].map(|id| waiting(&thermos, id));
    thermos.run(["kill", "--force", "match-.*"]).expect_code(0);
    one.wait().expect_code(4);
    two.wait().expect_code(4);
    let left = thermos.run(["status", "--only", "active", "--format", "json"]).expect_code(0).json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["task_id"]), (1, &"other".into()));
    assert_eq!(left[0]["runner_alive"], true);
    thermos.run(["kill", "other"]).expect_code(0);
    other.wait().expect_code(4);
}

#[test]
fn no_grace_is_too_long() {
    let thermos = Thermos::new();
    let running = waiting(&thermos, "victim");
    thermos.run(["kill", "--grace", "1e19", "victim"]).expect_code(0);
    running.wait().expect_code(4).expect_stderr("Task killed.");
}

#[test]
fn a_grace_that_passes_ends_what_does_not_obey() {
    let thermos = Thermos::new();
    let command = "trap '' TERM; touch deaf; while :; do sleep 1000; done";
    let running = thermos.command(["simplerun", "--task-id", "deaf", command]).spawn();
    thermos.wait_for_file("deaf");
    thermos.run(["kill", "--grace", "0.2", "deaf"]).expect_code(0);
    running.wait().expect_code(4);
}

#[test]
fn kill_of_nothing_is_exit_code_1() {
    let thermos = Thermos::new();
    let output = thermos.run(["kill", "nothing.*"]).expect_code(1);
    output.expect_diagnostic("nothing_found", "matches `nothing.*`");
    thermos.run(["kill"]).expect_code(2).expect_diagnostic("usage", "REGEX");
    thermos.run(["kill", "--grace", "-1", "a"]).expect_code(2).expect_diagnostic("usage", "grace");
}

#[test]
fn resume_goes_on_with_a_task_whose_runner_is_gone() {
    let thermos = Thermos::new();
    let command = "touch started; until [ -e go ]; do sleep 0.05; done; exit 37";
    let running = thermos.command(["simplerun", "--task-id", "task", command]).spawn();
    thermos.wait_for_file("started");
    thermos.run(["resume", "task"]).expect_code(6).expect_diagnostic("task_owned", "another runner");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    let resumed = thermos.command(["resume", "task"]).spawn();
    thermos.write("go", "");
    resumed.wait().expect_code(1).expect_stderr(" INFO] Process(simple) failed [rc=37]\n");
    let runs =
        thermos.run(["status", "--format", "json"]).expect_code(0).json()[0]["processes"]["simple"].clone();
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["return_code"]), (1, &37.into()));
    thermos
        .run(["resume", "task"])
        .expect_code(1)
        .expect_stderr(" INFO] The task has ended already: FAILED\n");
}

#[test]
fn resume_says_what_it_cannot_resume() {
    let thermos = Thermos::new();
    thermos.run(["resume", "none"]).expect_code(1).expect_diagnostic("unknown_task", "there is no task none");
    thermos.run(["resume", "a/b"]).expect_code(2).expect_diagnostic("usage", "'a/b' is no task id");
    thermos.run(["resume"]).expect_code(2).expect_diagnostic("usage", "TASK_ID");
}

#[test]
fn an_id_that_has_been_used_is_refused() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "used").run("simple", 0, 0, b"", b"").state("SUCCESS").write();
    thermos.run(["simplerun", "--task-id", "used", "true"]).expect_code(6).expect_stderr("used");
}
