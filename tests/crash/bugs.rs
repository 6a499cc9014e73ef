//! What the crash tests have found, each as a test named after the bug.

use super::failpoints::Point;
use super::life::Life;
use super::task::of_all_kinds;

fn is_among(life: &Life, index: &str) -> bool {
    life.thermos.root().join("tasks").join(index).join("id").exists()
}

#[test]
fn a_task_whose_runner_died_before_renaming_it_stayed_active_after_kill() {
    let mut life = Life::new(&of_all_kinds("exec sleep 1000"));
    let (runner, _) = life.start_until("last", Some(&Point::new("runner", "close.before", 1)));
    life.call(life.kill(), None).0.expect_code(0);
    runner.wait().expect_code(-9);
    assert!(is_among(&life, "finished") && !is_among(&life, "active"));
}

#[test]
fn a_task_whose_runner_died_before_renaming_it_stayed_active_after_run() {
    let mut life = Life::new(&of_all_kinds("end 0"));
    life.call(life.run(), Some(&Point::new("runner", "close.before", 1))).0.expect_code(-9);
    life.call(life.run(), None).0.expect_code(6).expect_diagnostic("task_finished", "has ended already");
    assert!(is_among(&life, "finished") && !is_among(&life, "active"));
}
