//! The crash matrix: a runner or a coordinator dies at every write of a checkpoint and at every named place, and
//! sometimes its successors too; at the end everything is as if nobody had died.
//!
//! A counting run finds the points. Each part of the matrix is a test of its own, so that they run side by side.

use serde_json::json;

use super::failpoints::Point;
use super::life::{Aftermath, Life};
use super::task::{LEAVE_THE_DEAF, of_all_kinds, traced};
use super::walk::walk;

/// How many parts the points of a running task are dealt to.
const PARTS: u64 = 4;

/// Fewer would mean that a part of the matrix is not walked through.
const LEAST_POINTS: usize = 300;

#[test]
fn everybody_dies_at_every_point_part_1() {
    die_while_running(0);
}

#[test]
fn everybody_dies_at_every_point_part_2() {
    die_while_running(1);
}

#[test]
fn everybody_dies_at_every_point_part_3() {
    die_while_running(2);
}

#[test]
fn everybody_dies_at_every_point_part_4() {
    die_while_running(3);
}

/// Kills the runner, or one coordinator, of a task from its launch to its end.
fn die_while_running(part: u64) {
    let mut life = Life::new(&of_all_kinds("end 0"));
    let (output, plan) = life.call(life.run(), None);
    output.expect_code(0);
    let points = plan.passed();
    assert!(points.len() >= LEAST_POINTS, "only {} points", points.len());
    let mine: Vec<Point> = points.into_iter().filter(|point| point.hash() % PARTS == part).collect();
    walk(&format!("while it runs, part {} of {PARTS}", part + 1), mine, |point| {
        let mut life = Life::new(&of_all_kinds("end 0"));
        let (output, _) = life.call(life.run(), Some(point));
        if point.is_of_runner() {
            die_again(&mut life, point);
        } else {
            output.expect_code(0);
        }
        life
    });
}

/// Goes on after the death of a runner: its coordinators may end or die too, its successors may die as well.
fn die_again(life: &mut Life, point: &Point) {
    let chance = point.hash() / PARTS;
    life.suffer([Aftermath::None, Aftermath::Ended, Aftermath::Killed][(chance % 3) as usize]);
    if chance.is_multiple_of(2) {
        let (output, plan) = life.call(life.resume(), Some(&Point::new("runner", "*", 1 + chance / 7 % 60)));
        assert!(plan.died().is_none() || output.code == -9, "{output:?}");
    }
    if chance.is_multiple_of(4) {
        life.call(life.run(), Some(&Point::new("*", "*", 1 + chance / 11 % 60)));
    }
    life.finish();
}

#[test]
fn a_successor_dies_at_every_point_of_the_takeover() {
    let mut life = half_done();
    let (output, plan) = life.call(life.resume(), None);
    output.expect_code(0);
    walk("while it is taken over", plan.passed_until_taken_over(), |point| {
        let mut life = half_done();
        life.call(life.resume(), Some(point));
        die_again(&mut life, point);
        life
    });
}

#[test]
fn everybody_dies_while_leftovers_are_cleaned_up() {
    let task = json!({
        "name": "t",
        "processes": [traced("first", LEAVE_THE_DEAF, json!({})), traced("next", "end 0", json!({}))],
        "constraints": [{"order": ["first", "next"]}],
    });
    let mut life = Life::new(&task);
    let (output, plan) = life.call(life.run(), None);
    output.expect_code(0);
    let is_cleaning = |point: &Point| ["cleanup", "coordinator", "hunt"].contains(&point.topic());
    walk(
        "while leftovers are cleaned up",
        plan.passed().into_iter().filter(is_cleaning).collect(),
        |point| {
            let mut life = Life::new(&task);
            life.finalizes = false;
            life.call(life.run(), Some(point));
            // Whoever comes next hunts what the coordinators have left, and may die of it too.
            if point.is_of_runner() {
                life.suffer(Aftermath::Killed);
                life.call(life.resume(), Some(&Point::new("runner", "hunt.killed", 1)));
            }
            life.finish();
            life
        },
    );
}

/// Makes a task of which some runs have ended, some have lost their coordinators, and one was never claimed.
fn half_done() -> Life {
    let mut life = Life::new(&of_all_kinds("end 0"));
    life.call(life.run(), Some(&Point::new("runner", "coordinator.ended", 4)));
    life.suffer(Aftermath::Ended);
    life.kill_supervisors();
    life.call(life.resume(), Some(&Point::new("runner", "fork.before", 1)));
    life.kill_supervisors();
    life
}
