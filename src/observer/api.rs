//! The same facts as JSON, as the original's observer offered them, and as metrics for Prometheus.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

use super::address::Address;
use super::answer::{self, Trouble, content};
use super::index::Entry;
use super::pages::{read_status, task_id};
use super::server::Observer;
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskId};

/// Tasks that are listed unless a number is given, and the most.
const SOME: usize = 20;
const MOST: usize = 10_000;

/// Answers a request for data.
pub(super) fn respond(observer: &Observer, address: &Address) -> Result<Response<Body>, Trouble> {
    let parts: Vec<&[u8]> = address.parts.iter().map(Vec::as_slice).collect();
    match parts.as_slice() {
        [b"j", b"task_ids", rest @ ..] if rest.len() <= 3 => task_ids(observer, rest),
        [b"j", b"task_id_count"] => Ok(answer::json(&observer.index.count())),
        [b"j", b"task"] => {
            each(address.value("task_id"), |id| read_status(observer, id).map(|status| json!(status)))
        }
        [b"j", b"task", id] => Ok(answer::json(&read_status(observer, &task_id(id)?)?)),
        [b"j", b"processes"] => {
            each(address.value("task_ids"), |id| read_status(observer, id).map(|status| groups(&status)))
        }
        [b"j", b"process", id, rest @ ..] if rest.len() <= 2 => process(observer, &task_id(id)?, rest),
        [b"events"] => observer.events.listen(),
        [b"metrics"] => Ok(content("text/plain; version=0.0.4; charset=utf-8", metrics(observer))),
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

fn task_ids(observer: &Observer, rest: &[&[u8]]) -> Result<Response<Body>, Trouble> {
    let which = rest.first().map_or("all", |which| std::str::from_utf8(which).unwrap_or_default());
    let wants: fn(&TaskId, &Entry) -> bool = match which {
        "all" => |_, _| true,
        "active" => |_, entry| !entry.finished,
        "finished" => |_, entry| entry.finished,
        _ => return Err(Trouble::malformed("There are `all`, `active` and `finished` tasks.")),
    };
    let number = |index: usize, default: usize| match rest.get(index) {
        None => Ok(default),
        Some(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Trouble::malformed(format!("`{}` is no whole number.", String::from_utf8_lossy(text)))
        }),
    };
    let (offset, count) = (number(1, 0)?, number(2, SOME)?.min(MOST));
    let found = observer.index.select(wants);
    let shown: Vec<&TaskId> = found.iter().skip(offset).take(count).map(|(id, _)| id).collect();
    let rows: Vec<Value> = shown.iter().filter_map(|id| row(observer, id)).collect();
    Ok(answer::json(&json!({
        "task_ids": shown.iter().map(|id| id.as_str()).collect::<Vec<_>>(), "tasks": rows, "type": which,
        "offset": offset, "num": count, "task_count": found.len(),
    })))
}

fn row(observer: &Observer, id: &TaskId) -> Option<Value> {
    let entry = observer.index.line(id)?;
    Some(match entry.line.as_ref()? {
        Ok(line) => json!({
            "task_id": id.as_str(), "name": line.name, "role": line.user, "state": line.state.as_str(),
            "launch_timestamp": entry.launched as f64 / 1000.0, "state_timestamp": line.since as f64 / 1000.0,
            "runner_alive": line.runner_alive, "ports": line.ports.iter().cloned().collect::<BTreeMap<_, _>>(),
            "processes": {"total": line.total, "succeeded": line.succeeded, "failed": line.failed, "running": line.running},
        }),
        Err(problem) => json!({"task_id": id.as_str(), "error": &**problem}),
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
    let status = read_status(observer, id)?;
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
    if let Some(usage) = observer.sampler.of_run(id, &name, run.run).last() {
        shown["used"] = json!(usage);
    }
    Ok(answer::json(&shown))
}

fn metrics(observer: &Observer) -> String {
    observer.events.ask_for_usage();
    let (mut states, mut processes): (BTreeMap<String, usize>, BTreeMap<&str, u32>) = Default::default();
    let tasks = observer.index.select(|_, _| true);
    for (_, entry) in &tasks {
        let state = match &entry.line {
            Some(Ok(line)) => line.state.as_str().to_owned(),
            Some(Err(_)) => "DAMAGED".to_owned(),
            None => "UNREAD".to_owned(),
        };
        *states.entry(state).or_default() += 1;
        if let Some(Ok(line)) = entry.line.as_ref().filter(|_| !entry.finished) {
            for (state, count) in
                [("running", line.running), ("succeeded", line.succeeded), ("failed", line.failed)]
            {
                *processes.entry(state).or_default() += count;
            }
        }
    }
    let mut text = String::new();
    let head = |text: &mut String, name: &str, help: &str| {
        *text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    };
    head(&mut text, "thermos_tasks", "Tasks by state.");
    for (state, count) in states {
        text += &format!("thermos_tasks{{state=\"{}\"}} {count}\n", label(&state));
    }
    head(&mut text, "thermos_active_processes", "Processes of active tasks by how their latest run is.");
    for (state, count) in processes {
        text += &format!("thermos_active_processes{{state=\"{state}\"}} {count}\n");
    }
    let usage = observer.sampler.of_tasks();
    head(&mut text, "thermos_task_cpu_cores", "Cores that an active task uses.");
    let active = || tasks.iter().filter_map(|(id, _)| Some((id, usage.get(id)?)));
    for (id, usage) in active() {
        text += &format!("thermos_task_cpu_cores{{task_id=\"{id}\"}} {}\n", usage.cpu);
    }
    head(&mut text, "thermos_task_memory_bytes", "Memory that an active task uses.");
    for (id, usage) in active() {
        text += &format!("thermos_task_memory_bytes{{task_id=\"{id}\"}} {}\n", usage.ram);
    }
    text
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
