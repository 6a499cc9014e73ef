//! The same facts as JSON, as the original's observer offered them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

use super::answer::{self, Trouble, content};
use super::follow::{Place, follow};
use super::index::Entry;
use super::pages::log;
use super::server::{Asked, Observer};
use super::sight::{Sight, task_id};
use super::{metrics, sight};
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskId};

/// Tasks that are listed unless a number is given, and the most.
const SOME: usize = 20;
const MOST: usize = 10_000;

/// Answers a request for data.
pub(super) fn respond(observer: &Observer, asked: &Asked) -> Result<Response<Body>, Trouble> {
    let address = &asked.address;
    let parts: Vec<&[u8]> = address.parts.iter().map(Vec::as_slice).collect();
    match parts.as_slice() {
        [b"j", b"task_ids", rest @ ..] if rest.len() <= 3 => task_ids(observer, rest),
        [b"j", b"task_id_count"] => Ok(answer::json(&observer.index.count())),
        [b"j", b"task"] => each(address.value("task_id"), |id| Ok(json!(sight::read(observer, id)?.status))),
        [b"j", b"task", id] => Ok(answer::json(&sight::read(observer, &task_id(id)?)?.status)),
        [b"j", b"processes"] => {
            each(address.value("task_ids"), |id| Ok(groups(&sight::read(observer, id)?.status)))
        }
        [b"j", b"process", id, rest @ ..] if rest.len() <= 2 => process(observer, &task_id(id)?, rest),
        [b"events"] => observer.events.listen(),
        [b"events", id, name, run, stream] => log_events(observer, asked, id, [name, run, stream]),
        [b"metrics"] => Ok(content("text/plain; version=0.0.4; charset=utf-8", metrics::text(observer))),
        [b"health"] => Ok(answer::json(&json!({"status": "ok"}))),
        _ => Err(Trouble::missing(
            "There is nothing at this address",
            "JSON is at /j/task_ids, /j/task_id_count, /j/task/ID and the like.",
        )),
    }
}

/// Tells trouble as data.
pub(super) fn trouble(trouble: &Trouble) -> Response<Body> {
    let mut response = answer::json(&json!({"error": trouble.title, "help": trouble.text}));
    *response.status_mut() = trouble.status;
    response
}

/// What a log grows by, from the place on that the page, or the browser that lost its connection, knows.
fn log_events(
    observer: &Observer,
    asked: &Asked,
    id: &[u8],
    names: [&[u8]; 3],
) -> Result<Response<Body>, Trouble> {
    let Sight { status, owner, .. } = sight::read(observer, &task_id(id)?)?;
    let log = log::find(&status, owner, names)?;
    let place = match asked.last_event.as_deref().or(asked.address.value("from")) {
        None => Place::default(),
        Some(text) => Place::parse(text)
            .ok_or_else(|| Trouble::malformed("`from` is what a page or an event has said."))?,
    };
    log.open().map_err(|error| Trouble::of_file(&error))?;
    Ok(follow(log, place, observer.events.seat(false)?))
}

fn task_ids(observer: &Observer, rest: &[&[u8]]) -> Result<Response<Body>, Trouble> {
    let which = rest.first().map_or("all", |which| std::str::from_utf8(which).unwrap_or_default());
    let wants: fn(&Entry) -> bool = match which {
        "all" => |_| true,
        "active" => |entry| !entry.finished,
        "finished" => |entry| entry.finished,
        _ => return Err(Trouble::malformed("There are `all`, `active` and `finished` tasks.")),
    };
    let number = |index: usize, default: usize| match rest.get(index) {
        None => Ok(default),
        Some(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Trouble::malformed(format!("`{}` is no whole number.", String::from_utf8_lossy(text)))
        }),
    };
    let (offset, count) = (number(1, 0)?, number(2, SOME)?.min(MOST));
    let found = observer.index.select(|_, entry| wants(entry).then_some(()));
    let shown: Vec<&TaskId> = found.iter().skip(offset).take(count).map(|(id, _)| id).collect();
    let rows: Vec<Value> = shown.iter().filter_map(|id| row(observer, id)).collect();
    Ok(answer::json(&json!({
        "task_ids": shown.iter().map(|id| id.as_str()).collect::<Vec<_>>(), "tasks": rows, "type": which,
        "offset": offset, "num": count, "task_count": found.len(),
    })))
}

fn row(observer: &Observer, id: &TaskId) -> Option<Value> {
    let entry = observer.index.entry(id)?;
    Some(match &entry.line {
        Some(Ok(line)) => json!({
            "task_id": id.as_str(), "name": line.name, "role": line.user, "state": line.state.as_str(),
            "launch_timestamp": entry.launched as f64 / 1000.0, "state_timestamp": line.since as f64 / 1000.0,
            "runner_alive": line.runner_alive, "ports": line.ports.iter().cloned().collect::<BTreeMap<_, _>>(),
            "processes": line.processes,
        }),
        Some(Err(problem)) => json!({"task_id": id.as_str(), "error": &**problem}),
        None => json!({"task_id": id.as_str(), "error": "nothing is recorded of it yet"}),
    })
}

/// Answers for each of several tasks; for one that is not there, with nothing.
fn each(
    ids: Option<&str>,
    show: impl Fn(&TaskId) -> Result<Value, Trouble>,
) -> Result<Response<Body>, Trouble> {
    let mut all = Map::new();
    for id in ids.unwrap_or_default().split(',').filter(|id| !id.is_empty()).take(1000) {
        let id = task_id(id.as_bytes())?;
        let shown = show(&id).unwrap_or_else(|trouble| json!({"error": trouble.title, "help": trouble.text}));
        all.insert(id.to_string(), shown);
    }
    Ok(answer::json(&all))
}

/// Lists processes by how their latest run is.
fn groups(status: &Status) -> Value {
    let mut groups =
        json!({"waiting": [], "running": [], "success": [], "failed": [], "killed": [], "lost": []});
    for (name, runs) in &status.processes {
        let group = match runs.last().map(|run| &run.state) {
            Some(ProcessState::Forked | ProcessState::Running) => "running",
            Some(ProcessState::Success) => "success",
            Some(ProcessState::Failed) => "failed",
            Some(ProcessState::Killed) => "killed",
            Some(ProcessState::Lost) => "lost",
            _ => "waiting",
        };
        if let Some(names) = groups[group].as_array_mut() {
            names.push(json!(name));
        }
    }
    groups
}

fn process(observer: &Observer, id: &TaskId, rest: &[&[u8]]) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let status = &sight.status;
    let Some(name) = rest.first() else { return Ok(answer::json(&status.processes)) };
    let name = String::from_utf8_lossy(name);
    let runs = status.processes.get(&*name).ok_or_else(|| {
        Trouble::missing(
            format!("There is no run of '{name}'"),
            format!("Task {id} has not run such a process."),
        )
    })?;
    let run: Option<&RunEntry> = match rest.get(1) {
        None => runs.last(),
        Some(number) => {
            let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<u64>().ok());
            let number =
                number.ok_or_else(|| Trouble::malformed("The number of a run is a whole number."))?;
            runs.iter().find(|run| run.run == number)
        }
    };
    let run =
        run.ok_or_else(|| Trouble::missing("There is no such run", "Old runs are dropped after a while."))?;
    let mut shown = json!(run);
    shown["process_name"] = json!(name);
    if let Some(usage) = sight.samples(observer, &name, run.run).last() {
        shown["used"] = json!(usage);
    }
    Ok(answer::json(&shown))
}
