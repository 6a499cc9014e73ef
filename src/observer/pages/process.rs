//! A process: its command line, its runs with their logs, what it uses.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, bytes, cores, find, now_ms, read_status, task_link};
use crate::checkpoint::TaskId;
use crate::checkpoint::load::load;
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::server::Observer;
use crate::observer::usage::Usage;
use crate::runner;
use crate::view::duration;
use crate::view::look::Tone;

/// Pixels of a chart.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 64.0;

pub(super) fn page(observer: &Observer, id: &TaskId, name: &[u8]) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let paths = find(observer, id)?;
    let task = runner::read_task(&paths).ok();
    let declared = task.as_ref().and_then(|task| task.processes.iter().find(|process| process.name == name));
    let entries = status.processes.get(&name);
    if declared.is_none() && entries.is_none() {
        let text = format!("Task {id} has no such process.");
        return Err(Trouble::missing(format!("There is no process '{name}'"), text)
            .back_to(task_link(id), "The task"));
    }
    let state = load(&paths).ok();
    let now = now_ms() as f64 / 1000.0;
    let last = entries.and_then(|runs| runs.last());
    let row = |run: &crate::checkpoint::status::RunEntry| {
        let known = state.as_ref().and_then(|state| state.run(&name, run.run));
        let end = if run.state.is_terminal() { run.stop_time } else { Some(now) };
        let link = |stream: &str| address::path(["logs", id.as_str(), &name, &run.run.to_string(), stream]);
        json!({
            "run": run.run, "badge": badge(run.state.as_str(), Tone::of_process(Some(&run.state))),
            "code": run.return_code, "has_code": run.return_code.is_some(), "pid": run.pid,
            "started": observer.pages.seconds(run.start_time), "ended": observer.pages.seconds(run.stop_time),
            "took": end.zip(run.start_time.or(run.fork_time)).map(|(end, start)| duration(end - start)),
            "stdout": link("stdout"), "stderr": link("stderr"), "reason": known.and_then(|run| run.reason.clone()),
            "cpu": known.and_then(|run| run.usage).map(|usage| duration(usage.user + usage.system)),
            "ram": known.and_then(|run| run.usage).map(|usage| bytes(usage.max_rss)),
        })
    };
    let samples = last.map(|run| observer.sampler.of_run(id, &name, run.run)).unwrap_or_default();
    let runs: Vec<Value> = entries.into_iter().flatten().rev().map(row).collect();
    let state = last.map(|run| &run.state);
    let data = json!({
        "id": id.as_str(), "task": task_link(id), "name": name, "runs": runs,
        "badge": badge(state.map_or("not started", |state| state.as_str()), Tone::of_process(state)),
        "cmdline": declared.map(|process| process.cmdline.to_string()),
        "dropped": status.dropped.get(&name).copied(),
        "facts": declared.map(|process| json!({"max_failures": process.max_failures, "min_duration": process.min_duration,
            "daemon": process.daemon, "ephemeral": process.ephemeral, "final": process.is_final})),
        "charts": charts(&samples),
    });
    Ok(observer.pages.page("process", &name, &data))
}

/// Draws what was measured while somebody looked.
fn charts(samples: &[Usage]) -> Option<Value> {
    let last = samples.last().filter(|_| samples.len() > 1)?;
    let line = |value: fn(&Usage) -> f64| {
        let most = samples.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
        let step = WIDTH / (samples.len() - 1) as f64;
        let points = samples.iter().enumerate();
        let point = |(index, usage): (usize, &Usage)| {
            format!("{:.1},{:.1}", index as f64 * step, HEIGHT - 4.0 - value(usage) / most * (HEIGHT - 8.0))
        };
        points.map(point).collect::<Vec<_>>().join(" ")
    };
    let most = |value: fn(&Usage) -> f64| samples.iter().map(value).fold(0.0, f64::max);
    let cpu: fn(&Usage) -> f64 = |usage| usage.cpu;
    let ram: fn(&Usage) -> f64 = |usage| usage.ram as f64;
    Some(json!([
        {"label": "CPU, cores", "now": cores(last.cpu), "most": cores(most(cpu)), "points": line(cpu)},
        {"label": "Memory", "now": bytes(last.ram), "most": bytes(most(ram) as u64), "points": line(ram)},
    ]))
}
