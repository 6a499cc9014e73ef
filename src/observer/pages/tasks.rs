//! The list of tasks: searched, paged, live.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, bytes, cores, now_ms, task_link};
use crate::checkpoint::TaskId;
use crate::observer::address::{Address, encode};
use crate::observer::answer::Trouble;
use crate::observer::index::{Entry, Line};
use crate::observer::server::Observer;
use crate::view::duration;
use crate::view::look::Tone;

/// Tasks of a page.
const PAGE: usize = 50;

pub(super) fn page(observer: &Observer, address: &Address) -> Result<Response<Body>, Trouble> {
    let query = address.value("q").unwrap_or_default().trim().to_lowercase();
    let which = address.value("show").unwrap_or("all");
    let offset = address.number("offset").map_err(Trouble::malformed)?.unwrap_or(0) as usize;
    if !["all", "active", "finished"].contains(&which) {
        return Err(Trouble::malformed("There are `all`, `active` and `finished` tasks."));
    }
    let words: Vec<&str> = query.split_whitespace().collect();
    let found = observer.index.select(|id, entry| {
        (which == "all" || entry.finished == (which == "finished"))
            && words.iter().all(|word| has_word(id, entry, word))
    });
    let count = observer.index.count();
    let usage = observer.sampler.of_tasks();
    let rows: Vec<Value> = found.iter().skip(offset).take(PAGE).map(|(id, _)| {
        let used = usage.get(id).map(|used| json!({"cpu": cores(used.cpu), "ram": bytes(used.ram)}));
        let entry = observer.index.line(id);
        let line = entry.as_ref().and_then(|entry| entry.line.clone());
        let row = match &line {
            Some(Ok(line)) => row(observer, line, entry.as_ref()),
            Some(Err(problem)) => json!({"problem": &**problem, "badge": badge("damaged", Tone::Bad)}),
            None => json!({"problem": "Nothing is recorded of it yet.", "badge": badge("starting", Tone::Idle)}),
        };
        let mut row = row;
        row["id"] = json!(id.as_str());
        row["href"] = json!(task_link(id));
        row["used"] = json!(used);
        row
    }).collect();
    let place = |offset: usize| format!("/?show={which}&q={}&offset={offset}", encode(query.as_bytes()));
    let tab = |name: &str, label: &str, count: usize| {
        let href = format!("/?show={name}&q={}", encode(query.as_bytes()));
        json!({"href": href, "label": label, "count": count, "current": name == which})
    };
    let end = offset + rows.len();
    let data = json!({
        "query": address.value("q").unwrap_or_default(), "show": which, "rows": rows, "total": found.len(),
        "first": offset + 1, "last": end, "root": observer.index.root().path().to_string_lossy(),
        "is_searched": !query.is_empty(),
        "tabs": [tab("all", "All", count.all), tab("active", "Active", count.active), tab("finished", "Finished", count.finished)],
        "newer": (offset > 0).then(|| place(offset.saturating_sub(PAGE))),
        "older": (end < found.len()).then(|| place(end)),
    });
    Ok(observer.pages.page("tasks", "Tasks", &data))
}

fn has_word(id: &TaskId, entry: &Entry, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    has(id.as_str())
        || match &entry.line {
            Some(Ok(line)) => has(&line.name) || has(&line.user) || has(line.state.as_str()),
            Some(Err(_)) => has("damaged"),
            None => false,
        }
}

fn row(observer: &Observer, line: &Line, entry: Option<&Entry>) -> Value {
    let launched = entry.map_or(0, |entry| entry.launched);
    let ended = if line.state.is_terminal() { line.since } else { now_ms() };
    let tone = Tone::of_task(&line.state);
    let part = |count: u32| 100.0 * f64::from(count) / f64::from(line.total.max(1));
    json!({
        "name": line.name, "user": line.user, "badge": badge(line.state.as_str(), tone),
        "abandoned": !line.state.is_terminal() && !line.runner_alive,
        "launched": observer.pages.time(launched),
        "took": duration(ended.saturating_sub(launched) as f64 / 1000.0),
        "done": line.succeeded + line.failed, "total": line.total, "succeeded": part(line.succeeded),
        "failed": part(line.failed), "failed_from": part(line.succeeded), "running": part(line.running),
        "running_from": part(line.succeeded + line.failed),
    })
}
