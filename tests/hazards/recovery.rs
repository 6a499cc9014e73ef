//! Points 1, 2, 14 and 24: deaths of runners and coordinators, and who owns what they leave.

use std::fs;
use std::thread;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use thermos::checkpoint::TaskState;
use thermos::checkpoint::load::load;
use thermos::process::identity;
use thermos::process::pidfd::PidFd;

use crate::crash::failpoints::{Plan, Point};
use crate::crash::life::{Aftermath, Life};
use crate::crash::task::{Trace, traced};
use crate::crash::walk::walk;
use crate::harness::{Running, wait_until};

fn task_of(command: &str) -> Value {
    json!({"name": "t", "processes": [traced("p", command, json!({}))]})
}

/// Returns how the runs of the process ended.
fn outcomes(life: &Life) -> Vec<(String, Option<i32>)> {
    let runs = load(&life.paths()).unwrap().processes["p"].runs.clone();
    runs.iter().map(|run| (run.state.as_str().to_owned(), run.return_code)).collect()
}

/// Makes a task whose command returns 37, and so fails it.
fn returning_37() -> Life {
    let mut life = Life::new(&task_of("end 37"));
    life.fate = TaskState::Failed;
    life
}

#[test]
fn point_1_sigkill_at_every_checkpoint_write() {
    let mut life = returning_37();
    let (output, plan) = life.call(life.run(), None);
    output.expect_code(1);
    let writes = plan.passed().into_iter().filter(|point| point.place.starts_with("write."));
    walk("point 1", writes.collect(), |point| {
        let mut life = returning_37();
        life.call(life.run(), Some(point));
        // A runner alone, or everybody.
        if point.is_of_runner() && point.n % 2 == 0 {
            life.suffer(Aftermath::Killed);
        }
        life.finish().expect_code(1);
        assert_eq!(outcomes(&life).pop(), Some(("FAILED".to_owned(), Some(37))), "{}", life.tell());
        life
    });
}

#[test]
fn point_1_an_exit_status_given_while_no_runner_lived_is_true() {
    let mut life = returning_37();
    life.call(life.run(), Some(&Point::new("runner", "fork.after", 1))).0.expect_code(-9);
    // A run that nobody has claimed yet would be fenced.
    let claimed = life.paths().run("p", 0);
    wait_until(&claimed, || claimed.exists());
    life.suffer(Aftermath::Ended);
    life.finish().expect_code(1).expect_stderr("Process(p) failed [rc=37]");
    assert_eq!(outcomes(&life), [("FAILED".to_owned(), Some(37))]);
}

#[test]
fn point_2_lost_processes_are_not_restarted_without_limit() {
    // The parent of a command is its coordinator.
    let mut life = Life::new(&task_of("kill -9 $PPID; sleep 1000"));
    // Not even if a new runner counts from what it reads.
    life.call(life.run(), Some(&Point::new("runner", "coordinator.ended", 6))).0.expect_code(-9);
    life.finish().expect_code(1).expect_stderr("ten times in a row");
    assert_eq!(outcomes(&life), vec![("LOST".to_owned(), None); 10]);
}

/// Starts an endless task and kills its runner.
fn orphaned() -> Life {
    let life = Life::new(&task_of("exec sleep 1000"));
    let (runner, _) = life.start_until("p", None);
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    life
}

#[test]
fn point_14_two_runners_on_one_task() {
    let life = orphaned();
    let rivals: Vec<Running> = (0..6).map(|_| life.resume().spawn()).collect();
    let pids: Vec<i32> = rivals.iter().map(Running::pid).collect();
    let owner = || {
        let state = load(&life.paths()).unwrap();
        state.statuses.last().map(|status| status.runner_pid).filter(|pid| pids.contains(pid))
    };
    wait_until(&life.folder().join("runner"), || owner().is_some());
    let owner = owner();
    let (winners, losers): (Vec<_>, Vec<_>) =
        rivals.into_iter().partition(|rival| Some(rival.pid()) == owner);
    for loser in losers {
        loser.wait().expect_code(6).expect_diagnostic("task_owned", "is owned by another runner");
    }
    life.run().output().expect_code(6).expect_diagnostic("task_owned", "is owned by another runner");
    life.kill().output().expect_code(0);
    winners.into_iter().for_each(|winner| drop(winner.wait().expect_code(4)));
    assert_eq!(outcomes(&life).len(), 1);
}

#[test]
fn point_14_no_child_keeps_the_lock() {
    let life = orphaned();
    let lock = life.paths().lock();
    for pid in life.thermos.processes().iter().map(|line| line.split(':').next().unwrap().to_owned()) {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        assert!(
            !open.map(|entry| fs::read_link(entry.path())).any(|path| path.is_ok_and(|path| path == lock))
        );
    }
    life.kill().output().expect_code(0);
}

/// Has the coordinator of the first run stop at a place, its runner die, and the next one fence the run; the coordinator
/// goes on while the second run waits at a gate.
fn come_late(place: &str) {
    let life = Life::new(&task_of("read -r x < gate; end 0"));
    let gate = life.thermos.home().join("gate");
    mkfifo(&gate, Mode::from_bits_truncate(0o600)).unwrap();
    let plan = Plan::with_signal(&life.thermos, Some(&Point::new("coordinator.p.0", place, 1)), "SIGSTOP");
    let runner = plan.arm(life.run()).spawn();
    wait_until(&plan.witness(), || plan.witness().exists());
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
    let supervisors = life.supervisors();
    let [late] = supervisors[..] else { panic!("{supervisors:?} live instead of one coordinator") };
    let handle = PidFd::open(late).unwrap();
    let resumed = life.resume().spawn();
    let has_started = || Trace::read(&life.thermos.home()).position("START", "p", None).is_some();
    wait_until(&life.thermos.home().join("trace"), has_started);
    // It had said that it would stop before it did: nothing tells when it has.
    while identity::stat(late).unwrap().unwrap().state != 'T' {
        thread::yield_now();
    }
    handle.signal(Signal::SIGCONT).unwrap();
    handle.wait_ended(None).unwrap();
    fs::write(gate, "go\n").unwrap();
    resumed.wait().expect_code(0);
    assert_eq!(outcomes(&life), [("LOST".to_owned(), None), ("SUCCESS".to_owned(), Some(0))]);
    let starts = Trace::read(&life.thermos.home()).starts();
    assert_eq!(starts.keys().collect::<Vec<_>>(), [&("p".to_owned(), 1)]);
}

#[test]
fn point_24_a_coordinator_that_starts_after_its_run_was_fenced() {
    come_late("coordinator.detached");
}

#[test]
fn point_24_a_coordinator_that_was_about_to_claim_when_its_run_was_fenced() {
    come_late("claim.written");
}
