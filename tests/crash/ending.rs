//! The part of the matrix in which a task is asked to end: its runner, a coordinator, or `thermos kill` itself dies.

use nix::sys::signal::Signal;
use thermos::checkpoint::TaskState;

use super::failpoints::{Plan, Point};
use super::life::Life;
use super::task::of_all_kinds;
use super::walk::walk;
use crate::harness::{Invocation, Running};

/// Makes a task that goes on until it is asked to end; its process `last` starts last.
fn endless() -> Life {
    let mut life = Life::new(&of_all_kinds("exec sleep 1000"));
    life.fate = TaskState::Killed;
    life
}

#[test]
fn everybody_dies_at_every_point_of_an_ending() {
    let mut life = endless();
    let (runner, plan) = life.start_until("last", None);
    let before = plan.passed();
    life.call(life.kill(), None).0.expect_code(0);
    runner.wait().expect_code(4);
    let points = plan.passed().into_iter().filter(|point| !before.contains(point)).collect();
    walk("while it is ended", points, |point| {
        let mut life = endless();
        let (runner, plan) = life.start_until("last", Some(point));
        let kill = life.kill();
        end(&mut life, kill, runner, &plan);
        life
    });
}

/// Has a task end whose runner or coordinator may die of it; if the runner does, the killer takes the task over.
fn end(life: &mut Life, kill: Invocation, runner: Running, plan: &Plan) {
    life.call(kill, None).0.expect_code(0);
    let code = runner.wait().code;
    life.note_death(plan);
    assert_eq!(code, if life.deaths.iter().any(|death| death.starts_with("runner")) { -9 } else { 4 });
}

#[test]
fn a_killer_dies_at_every_point() {
    let mut life = endless();
    let (runner, _) = life.start_until("last", None);
    let (killer, plan) = life.call(life.kill(), None);
    killer.expect_code(0);
    runner.wait().expect_code(4);
    walk("of a killer", plan.passed(), |point| {
        let mut life = endless();
        let (runner, _) = life.start_until("last", None);
        life.call(life.kill(), Some(point)).0.expect_code(-9);
        life.call(life.kill(), None).0.expect_code(0);
        runner.wait().expect_code(4);
        life
    });
}

#[test]
fn a_killer_dies_at_every_point_of_a_takeover() {
    let orphaned = || {
        let life = endless();
        let (runner, _) = life.start_until("last", None);
        runner.signal(Signal::SIGKILL);
        runner.wait().expect_code(-9);
        life
    };
    let mut life = orphaned();
    let (killer, plan) = life.call(life.kill(), None);
    killer.expect_code(0);
    walk("of a killer that takes over", plan.passed_until_taken_over(), |point| {
        let mut life = orphaned();
        life.call(life.kill(), Some(point));
        go_on(&mut life, point);
        life
    });
}

#[test]
fn everybody_dies_at_every_point_of_an_ending_by_force() {
    let endless = || Life { finalizes: false, ..endless() };
    let mut life = endless();
    let (runner, plan) = life.start_until("last", None);
    let before = plan.passed();
    life.call(life.kill().arg("--force"), None).0.expect_code(0);
    runner.wait().expect_code(4);
    let points = plan.passed().into_iter().filter(|point| point.is_of_runner() && !before.contains(point));
    walk("while it is ended by force", points.collect(), |point| {
        let mut life = endless();
        let (runner, plan) = life.start_until("last", Some(point));
        let kill = life.kill().arg("--force");
        end(&mut life, kill, runner, &plan);
        life
    });
}

#[test]
fn a_killer_dies_while_it_removes_what_never_started() {
    let unstarted = || {
        let mut life = Life::new(&of_all_kinds("end 0"));
        life.call(life.run(), Some(&Point::new("runner", "write.torn", 1))).0.expect_code(-9);
        life
    };
    let mut life = unstarted();
    let (killer, plan) = life.call(life.kill(), None);
    killer.expect_code(0);
    walk("of a killer of what never started", plan.passed(), |point| {
        let mut life = unstarted();
        life.call(life.kill(), Some(point)).0.expect_code(-9);
        // Nothing is in the way of the same id.
        life.call(life.run(), None).0.expect_code(0);
        life
    });
}

/// Once it is on disk that the task is to end, whoever comes next goes on with that.
fn go_on(life: &mut Life, point: &Point) {
    let is_known = life.folder().join("request").exists() || point.place.starts_with("cleaning");
    let call = if is_known { life.resume() } else { life.kill() };
    life.call(call, None);
}
