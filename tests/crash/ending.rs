//! The part of the matrix in which a task is asked to end: its runner, a coordinator, or `thermos kill` itself dies.

use nix::sys::signal::Signal;
use thermos::checkpoint::TaskState;

use super::failpoints::Point;
use super::life::Life;
use super::task::of_all_kinds;
use super::walk::walk;

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
        // If the runner dies, this takes the task over.
        life.call(life.kill(), None).0.expect_code(0);
        let code = runner.wait().code;
        life.note_death(&plan);
        assert_eq!(code, if life.deaths.iter().any(|death| death.starts_with("runner")) { -9 } else { 4 });
        life
    });
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
    walk("of a killer that takes over", plan.passed(), |point| {
        let mut life = orphaned();
        life.call(life.kill(), Some(point));
        go_on(&mut life, point);
        life
    });
}

/// Once it is on disk that the task is to end, whoever comes next goes on with that.
fn go_on(life: &mut Life, point: &Point) {
    let is_known = life.folder().join("request").exists() || point.place.starts_with("cleaning");
    let call = if is_known { life.resume() } else { life.kill() };
    life.call(call, None);
}
