//! A process: its command line, its runs with their logs, what it uses.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, cores, crumb, now_ms, process_link, runs, task_link};
use crate::checkpoint::TaskId;
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::server::Observer;
use crate::observer::sight;
use crate::observer::usage::Usage;
use crate::runner;
use crate::schema::Process;
use crate::view::look::Tone;
use crate::view::size;

/// Pixels of a chart.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 64.0;

pub(super) fn page(observer: &Observer, id: &TaskId, name: &[u8]) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let task = runner::read_task(&sight.paths).ok();
    let declared = task.as_ref().and_then(|task| task.processes.iter().find(|process| process.name == name));
    let entries = sight.status.processes.get(&name).map_or(&[][..], Vec::as_slice);
    let carried = sight.status.carried_over.get(&name);
    if declared.is_none() && entries.is_empty() && carried.is_none() {
        let text = format!("Task {id} has no such process.");
        return Err(Trouble::missing(format!("There is no process '{name}'"), text)
            .back_to(task_link(id), "The task"));
    }
    let now = now_ms() as f64 / 1000.0;
    let state = entries.last().map(|run| &run.state);
    let samples = entries.last().map(|run| sight.samples(observer, &name, run.run)).unwrap_or_default();
    let rows = entries.iter().rev().map(|run| runs::row(observer, &sight, &name, run, now));
    let from = sight.status.rerun_of.as_ref().filter(|_| carried.is_some());
    let data = json!({
        "crumbs": [crumb(id.as_str(), task_link(id))], "name": name, "runs": rows.collect::<Vec<_>>(),
        "badge": match state {
            None if carried.is_some() => badge("carried over", Tone::Good),
            state => badge(state.map_or("not started", |state| state.as_str()), Tone::of_process(state)),
        },
        "carried_from": from.map(|from| json!({"id": from.as_str(), "href": process_link(from, &name)})),
        "cmdline": declared.map(|process| process.cmdline.to_string()), "facts": declared.map(facts),
        "dropped": sight.status.dropped.get(&name).copied(), "charts": charts(&samples),
        "json": address::path(["j", "process", id.as_str(), &name]),
    });
    Ok(observer.pages.page("process", &name, &data))
}

fn facts(process: &Process) -> Value {
    let kinds = [("daemon", process.daemon), ("ephemeral", process.ephemeral), ("final", process.is_final)];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect();
    let failures = match process.max_failures {
        0 => "never".to_owned(),
        1 => "1 failed run".to_owned(),
        number => format!("{number} failed runs"),
    };
    let asked = process
        .resources
        .as_ref()
        .map(|asked| format!("{} cores, {} memory, {} disk", asked.cpu, size(asked.ram), size(asked.disk)));
    json!({"failures": failures, "pause": process.min_duration, "kinds": kinds, "asked": asked})
}

/// Draws what was measured while somebody looked.
fn charts(samples: &[Usage]) -> Option<Value> {
    let last = samples.last().filter(|_| samples.len() > 1)?;
    let cpu: Vec<f64> = samples.iter().map(|usage| usage.cpu.unwrap_or_default()).collect();
    let ram: Vec<f64> = samples.iter().map(|usage| usage.ram as f64).collect();
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    Some(json!([
        {"label": "CPU", "now": cores(last.cpu.unwrap_or_default()), "most": cores(most(&cpu)), "points": line(&cpu)},
        {"label": "Memory", "now": size(last.ram), "most": size(most(&ram) as u64), "points": line(&ram)},
    ]))
}

/// Returns the points of a line that fills a chart.
fn line(values: &[f64]) -> String {
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let step = WIDTH / (values.len().max(2) - 1) as f64;
    let point = |(index, value): (usize, &f64)| {
        format!("{:.1},{:.1}", index as f64 * step, HEIGHT - 4.0 - value / most * (HEIGHT - 8.0))
    };
    values.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_one_side_to_the_other() {
        assert_eq!(line(&[0.0, 1.0, 2.0]), "0.0,60.0 180.0,32.0 360.0,4.0");
        assert_eq!(line(&[0.0, 0.0]), "0.0,60.0 360.0,60.0");
    }
}
