//! The planner against a model that is slow and written from the rules anew (SEMANTICS.md section 11).

use std::collections::BTreeSet;

use proptest::prelude::*;
use thermos::plan::{Graph, Node, Planner, ProcessId, Stage};

/// A plan that remembers what happened and thinks everything through from the start for each answer.
#[derive(Debug)]
struct SlowPlan {
    nodes: Vec<Node>,
    edges: BTreeSet<(usize, usize)>,
    /// What happened to each process, with the time.
    events: Vec<Vec<(&'static str, f64)>>,
}

impl SlowPlan {
    fn failures(&self, id: usize) -> u32 {
        self.events[id].iter().filter(|(event, _)| *event == "failure").count() as u32
    }

    fn last(&self, id: usize) -> &'static str {
        self.events[id].last().map_or("nothing", |(event, _)| *event)
    }

    fn is_used_up(&self, id: usize) -> bool {
        let limit = self.nodes[id].max_failures;
        self.last(id) == "failure" && limit != 0 && self.failures(id) >= limit
    }

    fn is_running(&self, id: usize) -> bool {
        self.last(id) == "start"
    }

    fn is_finished(&self, id: usize) -> bool {
        let node = &self.nodes[id];
        (self.last(id) == "success" && !node.daemon) || (self.is_used_up(id) && node.ephemeral)
    }

    fn has_failed(&self, id: usize) -> bool {
        self.last(id) == "set_failed" || (self.is_used_up(id) && !self.nodes[id].ephemeral)
    }

    fn is_unblocked(&self, id: usize) -> bool {
        let waits = self.edges.iter().any(|(from, to)| *to == id && !self.is_finished(*from));
        !(waits || self.is_running(id) || self.is_finished(id) || self.has_failed(id))
    }

    fn wait(&self, id: usize, now: f64) -> f64 {
        let ended = |(event, _): &&(&str, f64)| ["success", "failure", "lost"].contains(event);
        let last_end = self.events[id].iter().rfind(ended);
        last_end.map_or(0.0, |(_, end)| self.nodes[id].min_duration - (now - end))
    }

    fn all(&self, is: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        (0..self.nodes.len()).filter(|id| is(*id)).collect()
    }

    fn ready(&self, now: f64) -> BTreeSet<usize> {
        self.all(|id| self.is_unblocked(id) && self.wait(id, now) <= 0.0)
    }

    fn waiting(&self, now: f64) -> BTreeSet<usize> {
        self.all(|id| self.is_unblocked(id) && self.wait(id, now) > 0.0)
    }

    fn is_complete(&self) -> bool {
        self.all(|id| self.is_finished(id) || self.has_failed(id) || self.nodes[id].ephemeral).len()
            == self.nodes.len()
    }

    fn min_wait(&self, now: f64) -> f64 {
        let waits = self.waiting(now).into_iter().map(|id| self.wait(id, now));
        if self.ready(now).is_empty() { waits.fold(f64::INFINITY, f64::min) } else { 0.0 }
    }

    /// Says whether the event was possible.
    fn happen(&mut self, id: usize, event: &'static str, now: f64) -> bool {
        let possible = match event {
            "start" => self.is_running(id) || self.is_unblocked(id),
            _ => self.is_running(id),
        };
        // A second start of what runs changes nothing.
        if possible && !(event == "start" && self.is_running(id)) {
            self.events[id].push((event, now));
        }
        possible
    }
}

prop_compose! {
    fn node()(max_failures in 0..4u32, min_duration in 0..4u8, daemon in prop::bool::weighted(0.2), ephemeral in prop::bool::weighted(0.3)) -> Node {
        Node { name: String::new(), max_failures, min_duration: f64::from(min_duration), daemon, ephemeral, is_final: false }
    }
}

/// Nodes, and edges from an earlier to a later one that the rules allow.
fn plan() -> impl Strategy<Value = SlowPlan> {
    let edges = prop::collection::btree_set((0..6usize, 0..6usize), 0..8);
    (prop::collection::vec(node(), 1..7), edges).prop_map(|(mut nodes, edges)| {
        (0..).zip(&mut nodes).for_each(|(index, node)| node.name = format!("p{index}"));
        let allowed = |(from, to): &(usize, usize)| {
            let (Some(first), Some(second)) = (nodes.get(*from), nodes.get(*to)) else { return false };
            from < to && !first.daemon && (!first.ephemeral || second.ephemeral)
        };
        let edges = edges.into_iter().filter(allowed).collect();
        SlowPlan { events: vec![Vec::new(); nodes.len()], nodes, edges }
    })
}

fn ids(ids: impl Iterator<Item = ProcessId>) -> BTreeSet<usize> {
    ids.map(ProcessId::index).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn planning_does_what_the_slow_model_does(
        mut model in plan(),
        events in prop::collection::vec((0..6u32, 0..9u8, 0..3u8), 0..60),
    ) {
        let orders: Vec<Vec<String>> =
            model.edges.iter().map(|(from, to)| vec![format!("p{from}"), format!("p{to}")]).collect();
        let orders: Vec<&[String]> = orders.iter().map(Vec::as_slice).collect();
        let mut planner = Planner::new(Graph::new(model.nodes.clone(), &orders, Stage::Ordinary).unwrap());
        let mut now = 0.0;
        for (place, event, pause) in events {
            let id = ProcessId(place % model.nodes.len() as u32);
            now += f64::from(pause);
            let (event, happened) = match event {
                0..=3 => ("start", planner.set_running(id).is_ok()),
                4 => ("success", planner.success(id, now).is_ok()),
                5 | 6 => ("failure", planner.failure(id, now).is_ok()),
                7 => ("lost", planner.lost(id, now).is_ok()),
                _ => ("set_failed", planner.set_failed(id).is_ok()),
            };
            prop_assert_eq!(happened, model.happen(id.index(), event, now), "{} of {:?}", event, id);
            prop_assert_eq!(ids(planner.ready(now)), model.ready(now));
            prop_assert_eq!(ids(planner.waiting(now)), model.waiting(now));
            prop_assert_eq!(planner.min_wait(now), model.min_wait(now));
            prop_assert_eq!(planner.next_ready(now).map(ProcessId::index), model.ready(now).first().copied());
            prop_assert_eq!(ids(planner.running()), model.all(|id| model.is_running(id)));
            prop_assert_eq!(ids(planner.finished()), model.all(|id| model.is_finished(id)));
            prop_assert_eq!(ids(planner.failed()), model.all(|id| model.has_failed(id)));
            prop_assert_eq!(planner.is_complete(), model.is_complete());
            let active = [model.ready(now), model.waiting(now), model.all(|id| model.is_running(id))];
            let counts = active.iter().flatten().any(|id| !model.nodes[*id].ephemeral);
            let is_deadlocked = !model.is_complete() && !counts;
            prop_assert_eq!(planner.is_deadlocked(), is_deadlocked);
            prop_assert_eq!(planner.failures(id), model.failures(id.index()));
        }
    }
}
