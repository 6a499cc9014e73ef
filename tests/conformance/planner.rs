//! Drives the planner through the cases of `planner.json`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thermos::plan::{Graph, Node, PlanError, Planner, ProcessId, Stage};

/// Runs one case; the error says what differs.
pub(super) fn run_case(case: &Value) -> Result<(), String> {
    let graph = match case["kind"].as_str() {
        Some("schedule") => schedule(case),
        Some("graph") => bare_graph(case),
        other => return Err(format!("unknown kind {other:?}")),
    };
    let expect = &case["expect"];
    match (graph, expect.get("error")) {
        (Err(error), Some(expected)) => same("message", &json!(error.to_string()), &expected["message"]),
        (Err(error), None) => Err(format!("unexpected error: {error}")),
        (Ok(_), Some(expected)) => Err(format!("expected {expected}")),
        (Ok(graph), None) => observe(graph, case),
    }
}

fn observe(graph: Graph, case: &Value) -> Result<(), String> {
    let mut planner = Planner::new(graph);
    let expect = &case["expect"];
    if let Some(runnable) = expect.get("runnable") {
        return same("runnable", &snapshot(&mut planner, 0.0)["runnable"], runnable);
    }
    let mut states = expect["states"].as_array().ok_or("no states")?.iter();
    compare(&snapshot(&mut planner, 0.0), states.next().ok_or("no first state")?)?;
    for (event, expected) in case["events"].as_array().into_iter().flatten().zip(states) {
        let now = event["t"].as_f64().ok_or("no time")?;
        match (apply(&mut planner, event, now), expected.get("error")) {
            (Err(_), Some(_)) => return Ok(()),
            (Err(error), None) => return Err(error),
            (Ok(()), Some(_)) => return Err(format!("{event} should be illegal")),
            (Ok(()), None) => {
                compare(&snapshot(&mut planner, now), expected).map_err(|e| format!("{event}: {e}"))?
            }
        }
    }
    Ok(())
}

fn schedule(case: &Value) -> Result<Graph, PlanError> {
    let flag = |process: &Value, name: &str| process[name].as_bool().unwrap_or(false);
    let node = |process: &Value| Node {
        name: text(&process["name"]),
        max_failures: process["max_failures"].as_u64().unwrap_or(1) as u32,
        min_duration: process["min_duration"].as_f64().unwrap_or(5.0),
        daemon: flag(process, "daemon"),
        ephemeral: flag(process, "ephemeral"),
        is_final: flag(process, "final"),
    };
    let orders: Vec<Vec<String>> =
        list(&case["constraints"]).map(|order| list(order).map(text).collect()).collect();
    let stage = match case["filter"].as_str() {
        Some("ordinary") => Stage::Ordinary,
        Some("final") => Stage::Final,
        _ => Stage::Both,
    };
    make(list(&case["processes"]).map(node).collect(), &orders, stage)
}

fn bare_graph(case: &Value) -> Result<Graph, PlanError> {
    let node = |name: &Value| Node {
        name: text(name),
        max_failures: 1,
        min_duration: 0.0,
        daemon: false,
        ephemeral: false,
        is_final: false,
    };
    // The bare graph of the reference never looks at what waits without being a node.
    let known = |name: &String| list(&case["processes"]).any(|process| process == name.as_str());
    let dependencies = case["dependencies"].as_object().into_iter().flatten().filter(|(next, _)| known(next));
    let edges =
        dependencies.flat_map(|(next, all)| list(all).map(|previous| vec![text(previous), next.clone()]));
    let graph = make(list(&case["processes"]).map(node).collect(), &edges.collect::<Vec<_>>(), Stage::Both);
    graph.map_err(|error| match error {
        // It has no orders, so that whoever waits for no node only waits for ever, as in a cycle.
        PlanError::Unknown { .. } => PlanError::Cycle { names: Vec::new() },
        error => error,
    })
}

fn make(nodes: Vec<Node>, orders: &[Vec<String>], stage: Stage) -> Result<Graph, PlanError> {
    Graph::new(nodes, &orders.iter().map(Vec::as_slice).collect::<Vec<_>>(), stage)
}

fn apply(planner: &mut Planner, event: &Value, now: f64) -> Result<(), String> {
    if event["event"] == "at" {
        return Ok(());
    }
    let name = text(&event["process"]);
    let id = planner
        .graph()
        .members()
        .find(|id| planner.graph().node(*id).name == name)
        .ok_or("unknown process")?;
    let result = match event["event"].as_str().unwrap_or_default() {
        "set_running" => planner.set_running(id),
        "success" => planner.success(id, now),
        "failure" => planner.failure(id, now).map(drop),
        "lost" => planner.lost(id, now),
        "set_failed" => planner.set_failed(id),
        other => return Err(format!("unknown event {other}")),
    };
    result.map_err(|error| error.to_string())
}

fn snapshot(planner: &mut Planner, now: f64) -> Value {
    let runnable: Vec<ProcessId> = planner.ready(now).collect();
    let waiting: Vec<ProcessId> = planner.waiting(now).collect();
    let min_wait = planner.min_wait(now);
    json!({
        "runnable": sorted(planner, runnable),
        "waiting": sorted(planner, waiting),
        "running": sorted(planner, planner.running().collect()),
        "finished": sorted(planner, planner.finished().collect()),
        "failed": sorted(planner, planner.failed().collect()),
        "is_complete": planner.is_complete(),
        "min_wait": if min_wait.is_infinite() { json!("infinity") } else { json!(min_wait) },
    })
}

fn sorted(planner: &Planner, ids: Vec<ProcessId>) -> BTreeSet<String> {
    ids.into_iter().map(|id| planner.graph().node(id).name.clone()).collect()
}

fn compare(actual: &Value, expected: &Value) -> Result<(), String> {
    let members = expected.as_object().ok_or("the expected state is no object")?;
    members.iter().try_for_each(|(key, value)| same(key, &actual[key], value))
}

fn same(what: &str, actual: &Value, expected: &Value) -> Result<(), String> {
    let close = match (actual.as_f64(), expected.as_f64()) {
        (Some(actual), Some(expected)) => (actual - expected).abs() < 1e-9,
        _ => actual == expected,
    };
    if close || expected.is_null() {
        Ok(())
    } else {
        Err(format!("{what}: got {actual}, expected {expected}"))
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
