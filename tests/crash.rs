//! Deaths of runners and coordinators, by real signals: nothing is lost, nothing runs twice, nothing is left.

use std::fs::File;
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};

use crate::harness::{Running, Thermos, wait_until};

/// A task `id` under test, whose commands wait at the fifo `gate` in their sandbox.
struct Case {
    thermos: Thermos,
}

impl Case {
    /// Starts a task of processes.
    fn start(processes: Value, extra: Value) -> (Case, Running) {
        let case = Case { thermos: Thermos::new() };
        mkfifo(&case.thermos.home().join("gate"), Mode::from_bits_truncate(0o600)).unwrap();
        let mut task = json!({"name": "t", "processes": processes});
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        case.thermos.write("task.json", task.to_string());
        let running = case.command(&["run", "--json", "--task-id", "id", "task.json"]);
        (case, running)
    }

    fn command(&self, arguments: &[&str]) -> Running {
        self.thermos.command(arguments).spawn()
    }

    /// Lets one reader of the gate go on; waits until it is there.
    fn open_gate(&self) {
        std::fs::write(self.thermos.home().join("gate"), "go\n").unwrap();
    }

    fn stream(&self, name: &str) -> PathBuf {
        self.thermos.root().join("checkpoints/id").join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.stream(name)).unwrap_or_default()
    }

    /// Waits until a stream says something `count` times.
    fn wait_for(&self, name: &str, text: &str, count: usize) {
        wait_until(&self.stream(name), || self.read(name).matches(text).count() >= count);
    }

    /// Returns the coordinator of a run that is running.
    fn coordinator(&self, name: &str) -> Pid {
        self.wait_for(name, r#""state":"RUNNING""#, 1);
        let first: Value = serde_json::from_str(self.read(name).lines().next().unwrap()).unwrap();
        Pid::from_raw(first["process_status"]["coordinator_pid"].as_i64().unwrap() as i32)
    }

    /// Returns the terminal states of a process's runs, in order, from the runner's stream alone.
    fn ends(&self, process: &str) -> Vec<String> {
        let records = self.read("runner");
        let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_process = records.filter(|record| record["process_status"]["process"] == process);
        let states = of_process.map(|record| record["process_status"]["state"].as_str().unwrap().to_owned());
        states.filter(|state| !["WAITING", "FORKED", "RUNNING"].contains(&state.as_str())).collect()
    }
}

fn process(name: &str, command: &str) -> Value {
    json!({"name": name, "cmdline": command, "min_duration": 0})
}

/// Fails once it has been interrupted; before that it leaves two strays and waits.
const STRAYS_THEN_WAIT: &str = "if [ -e again ]; then exit 0; fi; touch again
    sleep 1000 & setsid bash -c 'trap \"\" TERM; sleep 1000; true' & read -r x < gate";

#[test]
fn an_exit_status_given_while_no_runner_lived_is_recorded_once() {
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate; exit 37")]), json!({}));
    case.coordinator("coordinator.p.0");
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    case.open_gate();
    case.wait_for("coordinator.p.0", "return_code", 1);
    case.thermos.run(["resume", "id"]).expect_code(1).expect_stderr("Process(p) failed [rc=37]");
    assert_eq!(case.ends("p"), ["FAILED"]);
    assert_eq!(case.read("runner").matches(r#""return_code":37"#).count(), 1);
}

#[test]
fn a_resumed_runner_watches_what_still_runs() {
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate; exit 37")]), json!({}));
    case.coordinator("coordinator.p.0");
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    let resumed = case.command(&["resume", "id"]);
    case.wait_for("runner", r#""state":"ACTIVE""#, 2);
    case.open_gate();
    resumed.wait().expect_code(1).expect_stderr("failed [rc=37]");
    assert_eq!(case.ends("p"), ["FAILED"]);
}

#[test]
fn a_run_whose_coordinator_is_killed_is_lost_and_runs_again_without_strays() {
    let (case, runner) = Case::start(json!([process("p", STRAYS_THEN_WAIT)]), json!({}));
    let coordinator = case.coordinator("coordinator.p.0");
    wait_until(&case.thermos.home().join("again"), || case.thermos.home().join("again").exists());
    kill(coordinator, Signal::SIGKILL).unwrap();
    runner.wait().expect_code(0);
    assert_eq!(case.ends("p"), ["LOST", "SUCCESS"]);
}

#[test]
fn what_is_left_when_both_die_goes_with_resume() {
    let (case, runner) = Case::start(json!([process("p", STRAYS_THEN_WAIT)]), json!({}));
    let coordinator = case.coordinator("coordinator.p.0");
    wait_until(&case.thermos.home().join("again"), || case.thermos.home().join("again").exists());
    runner.signal(Signal::SIGKILL);
    kill(coordinator, Signal::SIGKILL).unwrap();
    runner.wait().expect_code(-9);
    case.thermos.run(["resume", "id"]).expect_code(0);
    assert_eq!(case.ends("p"), ["LOST", "SUCCESS"]);
}

#[test]
fn kill_takes_a_task_over_whose_runner_is_dead() {
    let finalizer = json!({"name": "f", "cmdline": "touch finalized", "final": true});
    let (case, runner) = Case::start(json!([process("p", STRAYS_THEN_WAIT), finalizer]), json!({}));
    case.coordinator("coordinator.p.0");
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    case.thermos.run(["kill", "id"]).expect_code(0);
    assert_eq!(case.ends("p"), ["KILLED"]);
    assert!(case.thermos.home().join("finalized").exists());
    case.thermos.run(["resume", "id"]).expect_code(4);
}

#[test]
fn a_task_that_is_killed_while_it_finalizes_stays_killed() {
    let finalizer = json!({"name": "f", "cmdline": "read -r x < gate", "final": true});
    let (case, runner) = Case::start(json!([process("p", "true"), finalizer]), json!({}));
    case.coordinator("coordinator.f.0");
    runner.signal(Signal::SIGTERM);
    case.wait_for("runner", r#""outcome":"KILLED""#, 1);
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    let resumed = case.command(&["resume", "id"]);
    case.wait_for("runner", r#""outcome":"KILLED""#, 2);
    case.open_gate();
    resumed.wait().expect_code(4);
    assert_eq!((case.ends("p"), case.ends("f")), (vec!["SUCCESS".to_owned()], vec!["SUCCESS".to_owned()]));
}

#[test]
fn an_interrupt_ends_the_task_and_runs_its_finalizers() {
    let finalizer = json!({"name": "f", "cmdline": "touch finalized", "final": true});
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate"), finalizer]), json!({}));
    case.coordinator("coordinator.p.0");
    runner.signal(Signal::SIGINT);
    runner.wait().expect_code(4).expect_stderr("Task killed.");
    assert_eq!(case.ends("p"), ["KILLED"]);
    assert!(case.thermos.home().join("finalized").exists());
}

#[test]
fn a_second_signal_kills_at_once() {
    let finalizer = json!({"name": "f", "cmdline": "touch finalized", "final": true});
    let stubborn = "trap '' TERM INT; while true; do read -r x < gate; done";
    let (case, runner) = Case::start(json!([process("p", stubborn), finalizer]), json!({}));
    case.coordinator("coordinator.p.0");
    // Only a command that has set its trap is stubborn: the second opening of the gate says that it has.
    case.open_gate();
    runner.signal(Signal::SIGTERM);
    case.wait_for("runner", "CLEANING", 1);
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert!(!case.thermos.home().join("finalized").exists());
}

#[test]
fn what_ignores_term_is_killed_when_the_time_is_over() {
    let stubborn = "trap '' TERM; while true; do read -r x < gate; done";
    let (case, runner) = Case::start(json!([process("p", stubborn)]), json!({"finalization_wait": 1}));
    case.coordinator("coordinator.p.0");
    case.open_gate();
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert_eq!(case.ends("p"), ["KILLED"]);
}

#[test]
fn a_task_has_one_runner() {
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate")]), json!({}));
    case.coordinator("coordinator.p.0");
    case.thermos.run(["resume", "id"]).expect_code(6).expect_stderr("owned by another runner");
    case.open_gate();
    runner.wait().expect_code(0);
}

#[test]
fn a_lock_that_is_about_to_go_is_waited_for() {
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate")]), json!({}));
    case.coordinator("coordinator.p.0");
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    // As a coordinator holds it that was forked a moment before its runner died.
    let path = case.stream("lock");
    let held = Flock::lock(File::open(&path).unwrap(), FlockArg::LockExclusive).unwrap();
    let tried = Inotify::init(InitFlags::IN_CLOEXEC).unwrap();
    tried.add_watch(&path, AddWatchFlags::IN_CLOSE_WRITE).unwrap();
    let resumed = case.command(&["resume", "id"]);
    tried.read_events().unwrap();
    drop(held);
    case.open_gate();
    resumed.wait().expect_code(0);
}

#[test]
fn what_a_command_leaves_behind_ends_before_its_dependents_start() {
    let leave = "setsid bash -c 'trap \"\" TERM; echo $BASHPID > left; sleep 1000; true' & while [ ! -s left ]; do :; done";
    let look = "! kill -0 $(cat left)";
    let processes = json!([process("p", leave), process("q", look)]);
    let (case, runner) = Case::start(processes, json!({"constraints": [{"order": ["p", "q"]}]}));
    runner.wait().expect_code(0);
    assert_eq!((case.ends("p"), case.ends("q")), (vec!["SUCCESS".to_owned()], vec!["SUCCESS".to_owned()]));
}

#[test]
fn kill_zero_in_a_command_reaches_nobody_else_and_ten_in_a_row_are_enough() {
    let (case, runner) = Case::start(json!([process("p", "kill -9 0")]), json!({}));
    runner.wait().expect_code(1).expect_stderr("ten times in a row");
    assert_eq!(case.ends("p"), vec!["KILLED"; 10]);
}

#[test]
fn an_ephemeral_daemon_does_not_keep_finalizers_from_running() {
    let daemon = json!({"name": "d", "cmdline": "sleep 1000", "daemon": true, "ephemeral": true});
    let finalizer = json!({"name": "f", "cmdline": "touch finalized", "final": true});
    let (case, runner) = Case::start(json!([process("p", "true"), daemon, finalizer]), json!({}));
    runner.wait().expect_code(0);
    assert_eq!(case.ends("d"), ["KILLED"]);
    assert!(case.thermos.home().join("finalized").exists());
}

#[test]
fn a_process_whose_sandbox_is_gone_fails_with_the_reason() {
    let processes = json!([process("p", "rm -rf ../sandbox"), process("q", "true")]);
    let order = json!({"constraints": [{"order": ["p", "q"]}]});
    let thermos = Thermos::new();
    let mut task = json!({"name": "t", "processes": processes});
    task.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    thermos.write("task.json", task.to_string());
    let sandbox = thermos.home().join("sandbox");
    let call = thermos.command(["run", "--json", "--sandbox"]).arg(&sandbox).arg("task.json");
    let text = format!("cannot use {}: No such file", sandbox.display());
    call.output().expect_code(1).expect_stderr("Process(q) failed").expect_stderr(&text);
}

#[test]
fn an_idle_runner_and_its_coordinator_never_wake() {
    let (case, runner) = Case::start(json!([process("p", "read -r x < gate")]), json!({}));
    let coordinator = case.coordinator("coordinator.p.0");
    let wakeups = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap().to_owned()
    };
    // On a busy machine they may be late to fall asleep; who polls is never found asleep for so long.
    let is_quiet = |_| {
        let before = [runner.pid(), coordinator.as_raw()].map(wakeups);
        std::thread::sleep(std::time::Duration::from_millis(400));
        [runner.pid(), coordinator.as_raw()].map(wakeups) == before
    };
    assert!((0..20).any(is_quiet));
    case.open_gate();
    runner.wait().expect_code(0);
}
