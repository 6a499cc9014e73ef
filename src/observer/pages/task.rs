//! A task: how it is, its graph, its timeline, its processes, its history.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, now_ms, process_link, runs, used};
use crate::checkpoint::record::Usage as Spent;
use crate::checkpoint::{TaskId, find};
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::server::Observer;
use crate::observer::sight::{self, Sight};
use crate::runner;
use crate::schema::Task;
use crate::view::look::Tone;
use crate::view::timeline::{self, Timeline};
use crate::view::{duration, graph, size};

/// The most processes that are drawn, and that are listed.
const MOST_DRAWN: usize = 300;
const MOST_LISTED: usize = 1_000;
/// The largest document that is shown.
const MOST_SHOWN: usize = 256 << 10;

pub(super) fn page(observer: &Observer, id: &TaskId) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let task = runner::read_task(&sight.paths).ok();
    let now = now_ms() as f64 / 1000.0;
    let names = names(&sight, task.as_ref());
    let listed = names.iter().take(MOST_LISTED);
    let mut data = head(observer, &sight);
    data["pictures"] = json!(pictures(&sight, task.as_ref(), now));
    data["has_document"] = json!(task.is_some());
    data["process_count"] = json!(names.len());
    data["not_listed"] = json!(names.len().saturating_sub(MOST_LISTED));
    data["processes"] = listed.map(|name| process(observer, &sight, name, now)).collect();
    data["history"] = json!(history(observer, &sight));
    data["json"] = json!(address::path(["j", "task", id.as_str()]));
    data["document"] = json!(document(&sight));
    Ok(observer.pages.page("task", id.as_str(), &data))
}

fn head(observer: &Observer, sight: &Sight) -> Value {
    let (status, id) = (&sight.status, sight.id.as_str());
    let is_over = status.state.is_terminal();
    let last = status.statuses.last().filter(|_| is_over);
    let ended = last.map_or_else(now_ms, |last| last.timestamp_ms);
    let asked = status.resources.as_ref();
    let asked = asked.map(|asked| {
        let enforced = if status.enforce { ", enforced" } else { "" };
        let (ram, disk) = (size(asked.ram), size(asked.disk));
        format!("{} cores, {ram} memory, {disk} disk{enforced}", asked.cpu)
    });
    let ports: Vec<Value> =
        status.ports.iter().map(|(name, port)| json!({"name": name, "port": port})).collect();
    json!({
        "id": id, "name": status.name, "badge": badge(status.state.as_str(), Tone::of_task(&status.state)),
        "abandoned": !is_over && !status.runner_alive, "user": status.user, "ports": ports, "asked": asked,
        "reason": sight.state.statuses.last().and_then(|last| last.reason.clone()),
        "sandbox": status.sandbox.to_string_lossy(), "logs": status.log_dir.to_string_lossy(),
        "browse": address::path(["browse", id]),
        "launched": observer.pages.time(status.launch_time_ms), "is_over": is_over,
        "took": duration(ended.saturating_sub(status.launch_time_ms) as f64 / 1000.0),
        "ticks": (!is_over && status.runner_alive).then_some(status.launch_time_ms),
        "used": observer.sampler.of_tasks().get(&sight.id).filter(|_| !is_over).map(used),
        "spent": spent(sight).map(runs::spent),
        "rerun_of": status.rerun_of.as_ref().map(|of| json!({"id": of.as_str(), "href": super::task_link(of)})),
    })
}

/// Adds up what its runs that have ended have used, as far as their records are kept.
fn spent(sight: &Sight) -> Option<Spent> {
    let runs = sight.state.processes.values().flat_map(|history| &history.runs);
    runs.filter_map(|run| run.usage).reduce(|sum, usage| Spent {
        user: sum.user + usage.user,
        system: sum.system + usage.system,
        max_rss: sum.max_rss.max(usage.max_rss),
    })
}

/// Draws the graph and the timeline, each process leading to its page.
fn pictures(sight: &Sight, task: Option<&Task>, now: f64) -> Option<Value> {
    let task = task.filter(|task| task.processes.len() <= MOST_DRAWN)?;
    let link = |name: &str| process_link(&sight.id, name);
    let graph = graph::of_run(task, &sight.status, now).ok();
    let timeline = Timeline::new(task, &sight.status, now);
    Some(json!({
        "graph": graph.map(|graph| graph::inline(&graph, &link)),
        "timeline": timeline::inline(&timeline, &link),
    }))
}

/// Names the processes in the order of the task, then those that its document does not have.
fn names<'a>(sight: &'a Sight, task: Option<&'a Task>) -> Vec<&'a str> {
    let declared = task.into_iter().flat_map(|task| &task.processes).map(|process| process.name.as_str());
    let mut names: Vec<&str> = declared.collect();
    let known: HashSet<&str> = names.iter().copied().collect();
    let recorded = sight.status.processes.keys().chain(sight.status.carried_over.keys());
    names.extend(recorded.map(String::as_str).filter(|name| !known.contains(name)));
    names
}

fn process(observer: &Observer, sight: &Sight, name: &str, now: f64) -> Value {
    let runs = sight.status.processes.get(name).map_or(&[][..], Vec::as_slice);
    let dropped = sight.status.dropped.get(name).copied().unwrap_or_default();
    let idle = match sight.status.carried_over.get(name) {
        Some(_) => json!({"badge": badge("carried over", Tone::Good)}),
        None => json!({"badge": badge("not started", Tone::Idle)}),
    };
    let mut row = runs.last().map_or(idle, |run| runs::row(observer, sight, name, run, now));
    row["name"] = json!(name);
    row["href"] = json!(process_link(&sight.id, name));
    row["runs"] = json!((runs.len() as u64 + dropped).to_string());
    row
}

fn history(observer: &Observer, sight: &Sight) -> Vec<Value> {
    let statuses = &sight.status.statuses;
    let row = |(index, entry): (usize, &crate::checkpoint::status::StatusEntry)| {
        let before = index.checked_sub(1).map(|before| statuses[before].timestamp_ms);
        let after = before.map(|before| duration(entry.timestamp_ms.saturating_sub(before) as f64 / 1000.0));
        json!({"badge": badge(entry.state.as_str(), Tone::of_task(&entry.state)), "after": after,
            "time": observer.pages.time(entry.timestamp_ms), "pid": entry.runner_pid, "uid": entry.runner_uid})
    };
    statuses.iter().enumerate().map(row).collect()
}

/// Reads the document of the task, written so that people can read it.
fn document(sight: &Sight) -> Option<String> {
    let (_, document) = find::read_task(&sight.paths).ok().flatten()?;
    let document =
        serde_json::from_slice::<Value>(&document).ok().filter(|_| document.len() <= MOST_SHOWN)?;
    serde_json::to_string_pretty(&document).ok()
}
