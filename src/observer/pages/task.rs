//! A task: how it is, its graph, its timeline, its processes, its history.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, bytes, cores, find, now_ms, process_link, read_status};
use crate::checkpoint::{Status, TaskId};
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::server::Observer;
use crate::observer::usage::Usage;
use crate::runner;
use crate::schema::Task;
use crate::view::look::Tone;
use crate::view::timeline::{self, Timeline};
use crate::view::{duration, graph};

/// The most processes that are drawn.
const MOST_DRAWN: usize = 300;

pub(super) fn page(observer: &Observer, id: &TaskId) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let task = runner::read_task(&find(observer, id)?).ok();
    let now = now_ms() as f64 / 1000.0;
    let link = |name: &str| process_link(id, name);
    let drawn = task.as_ref().filter(|task| task.processes.len() <= MOST_DRAWN);
    let picture = drawn.and_then(|task| graph::of_run(task, &status, now).ok());
    let time_line = drawn.map(|task| timeline::inline(&Timeline::new(task, &status, now), &link));
    let pages = &observer.pages;
    let history: Vec<Value> = status
        .statuses
        .iter()
        .map(|entry| {
            json!({"badge": badge(entry.state.as_str(), Tone::of_task(&entry.state)), "time": pages.time(entry.timestamp_ms),
                "pid": entry.runner_pid, "uid": entry.runner_uid})
        })
        .collect();
    let ended = status
        .statuses
        .last()
        .filter(|_| status.state.is_terminal())
        .map_or_else(now_ms, |last| last.timestamp_ms);
    let used = observer.sampler.of_tasks().get(id).copied();
    let asked = status.resources.as_ref().map(|asked| {
        json!({"cpu": cores(asked.cpu), "ram": bytes(asked.ram), "disk": bytes(asked.disk), "enforced": status.enforce})
    });
    let ports: Vec<Value> =
        status.ports.iter().map(|(name, port)| json!({"name": name, "port": port})).collect();
    let data = json!({
        "id": id.as_str(), "name": status.name, "badge": badge(status.state.as_str(), Tone::of_task(&status.state)),
        "abandoned": !status.state.is_terminal() && !status.runner_alive,
        "user": status.user, "sandbox": status.sandbox.to_string_lossy(), "browse": address::path(["browse", id.as_str()]),
        "ports": ports, "launched": pages.time(status.launch_time_ms),
        "took": duration(ended.saturating_sub(status.launch_time_ms) as f64 / 1000.0),
        "asked": asked, "used": used.map(|used| json!({"cpu": cores(used.cpu), "ram": bytes(used.ram)})),
        "graph": picture.map(|picture| graph::inline(&picture, &link)), "timeline": time_line,
        "too_many": task.as_ref().is_some_and(|task| task.processes.len() > MOST_DRAWN),
        "processes": processes(observer, id, &status, task.as_ref(), now), "history": history,
        "json": address::path(["j", "task", id.as_str()]),
    });
    Ok(pages.page("task", id.as_str(), &data))
}

fn processes(observer: &Observer, id: &TaskId, status: &Status, task: Option<&Task>, now: f64) -> Vec<Value> {
    let declared = task.map(|task| task.processes.iter().map(|process| process.name.as_str()).collect());
    let mut names: Vec<&str> = declared.unwrap_or_default();
    let others = status.processes.keys().map(String::as_str);
    names.extend(
        others.filter(|name| {
            task.is_none_or(|task| !task.processes.iter().any(|process| process.name == *name))
        }),
    );
    let row = |name: &str| {
        let runs = status.processes.get(name).map_or(&[][..], Vec::as_slice);
        let last = runs.last();
        let state = last.map(|run| &run.state);
        let end = |run: &crate::checkpoint::status::RunEntry| {
            if run.state.is_terminal() { run.stop_time } else { Some(now) }
        };
        let took = last.and_then(|run| Some(duration(end(run)? - run.start_time.or(run.fork_time)?)));
        let used: Option<Usage> =
            last.and_then(|run| observer.sampler.of_run(id, name, run.run).last().copied());
        json!({
            "name": name, "href": process_link(id, name),
            "badge": badge(state.map_or("not started", |state| state.as_str()), Tone::of_process(state)),
            "runs": runs.len() as u64 + status.dropped.get(name).copied().unwrap_or_default(),
            "code": last.and_then(|run| run.return_code), "has_code": last.is_some_and(|run| run.return_code.is_some()),
            "started": observer.pages.seconds(last.and_then(|run| run.start_time)), "took": took,
            "used": used.map(|used| json!({"cpu": cores(used.cpu), "ram": bytes(used.ram)})),
            "logs": last.map(|run| json!({
                "stdout": address::path(["logs", id.as_str(), name, &run.run.to_string(), "stdout"]),
                "stderr": address::path(["logs", id.as_str(), name, &run.run.to_string(), "stderr"]),
            })),
        })
    };
    names.into_iter().map(row).collect()
}
