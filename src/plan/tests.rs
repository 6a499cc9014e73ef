//! Sizes, cycles and clocks; the rules themselves are tested against the recorded cases.

use std::time::{Duration, Instant};

use super::{Graph, Node, PlanError, Planner, ProcessId, Stage};

fn nodes(count: usize) -> Vec<Node> {
    let node = |index: usize| Node {
        name: format!("p{index}"),
        max_failures: 1,
        min_duration: 5.0,
        daemon: false,
        ephemeral: false,
        is_final: false,
    };
    (0..count).map(node).collect()
}

fn graph(nodes: Vec<Node>, orders: &[Vec<String>]) -> Result<Graph, PlanError> {
    let orders: Vec<&[String]> = orders.iter().map(Vec::as_slice).collect();
    Graph::new(nodes, &orders, Stage::Ordinary)
}

fn names(indices: &[usize]) -> Vec<String> {
    indices.iter().map(|index| format!("p{index}")).collect()
}

/// Runs a plan to its end, one process at a time, and returns how many ran.
fn walk(mut planner: Planner) -> usize {
    let mut count = 0;
    while let Some(id) = planner.next_ready(0.0) {
        planner.set_running(id).unwrap();
        planner.success(id, 0.0).unwrap();
        count += 1;
    }
    assert!(planner.is_complete());
    count
}

#[test]
fn a_hundred_thousand_processes_plan_in_far_under_a_second() {
    let count = 100_000;
    let chain = vec![(0..count).map(|index| format!("p{index}")).collect()];
    let star: Vec<Vec<String>> = (1..count).map(|index| names(&[index, 0])).collect();
    for orders in [chain, star] {
        let start = Instant::now();
        assert_eq!(walk(Planner::new(graph(nodes(count), &orders).unwrap())), count);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?} even without optimization", start.elapsed());
    }
}

#[test]
fn a_cycle_is_reported_as_it_runs() {
    let orders = [names(&[0, 1, 2, 3]), names(&[3, 1]), names(&[3, 4])];
    let PlanError::Cycle { names: mut found } = graph(nodes(5), &orders).unwrap_err() else {
        panic!("no cycle")
    };
    let first = found.iter().position(|name| name == "p1").unwrap();
    found.rotate_left(first);
    assert_eq!(found, names(&[1, 2, 3]));
    assert_eq!(graph(nodes(1), &[names(&[0, 0])]).unwrap_err(), PlanError::Cycle { names: names(&[0]) });
}

#[test]
fn an_unknown_name_is_reported_with_its_constraint() {
    let error = graph(nodes(2), &[names(&[0, 1]), names(&[1, 7, 0])]).unwrap_err();
    assert_eq!(error, PlanError::Unknown { constraint: 1, names: names(&[7]) });
}

#[test]
fn ten_thousand_waiting_processes_wake_in_order_of_time() {
    let mut planner = Planner::new(graph(nodes(10_000), &[]).unwrap());
    for id in (0..10_000).map(ProcessId) {
        planner.set_running(id).unwrap();
        planner.lost(id, f64::from(10_000 - id.0)).unwrap();
    }
    assert_eq!(planner.min_wait(5.0), 1.0);
    assert_eq!(planner.next_ready(6.0), Some(ProcessId(9_999)));
    assert_eq!(planner.next_ready(8.0), Some(ProcessId(9_997)));
}

#[test]
fn an_ephemeral_daemon_does_not_keep_alive_what_can_never_be_completed() {
    let mut nodes = nodes(3);
    (nodes[2].ephemeral, nodes[2].daemon) = (true, true);
    let mut planner = Planner::new(graph(nodes, &[names(&[0, 1])]).unwrap());
    planner.set_running(ProcessId(0)).unwrap();
    planner.set_running(ProcessId(2)).unwrap();
    assert!(!planner.is_deadlocked());
    planner.failure(ProcessId(0), 0.0).unwrap();
    assert!(planner.is_deadlocked(), "p1 waits for a failed process, and the daemon changes nothing");
}
