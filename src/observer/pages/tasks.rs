//! The list of tasks: searched, paged, live.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::{badge, now_ms, task_link, used};
use crate::checkpoint::TaskId;
use crate::observer::address::{Address, encode};
use crate::observer::answer::Trouble;
use crate::observer::index::{Count, Entry, Line};
use crate::observer::server::Observer;
use crate::observer::usage::Usage;
use crate::view::duration;
use crate::view::look::Tone;

/// Tasks of a page.
const PAGE: usize = 50;

/// What is asked for.
struct Wanted<'a> {
    query: &'a str,
    words: Vec<String>,
    which: &'a str,
    offset: usize,
}

pub(super) fn page(observer: &Observer, address: &Address) -> Result<Response<Body>, Trouble> {
    observer.events.ask_for_usage();
    let wanted = Wanted::of(address)?;
    if !wanted.words.is_empty() {
        observer.index.read_all();
    }
    let found = observer.index.select(|id, entry| wanted.has(id, entry).then_some(()));
    let usage = observer.sampler.of_tasks();
    let shown = found.iter().skip(wanted.offset).take(PAGE);
    let rows: Vec<Value> = shown.filter_map(|(id, ())| row(observer, id, &usage)).collect();
    let end = wanted.offset + rows.len();
    let newer = (wanted.offset > 0).then(|| wanted.place(wanted.which, wanted.offset.saturating_sub(PAGE)));
    let data = json!({
        "query": wanted.query, "show": wanted.which, "rows": rows, "total": found.len(), "last": end,
        "first": wanted.offset + 1, "root": observer.index.root().path().to_string_lossy(),
        "is_searched": !wanted.words.is_empty() || wanted.which != "all" || wanted.offset > 0,
        "tabs": wanted.tabs(observer.index.count()), "newer": newer,
        "older": (end < found.len()).then(|| wanted.place(wanted.which, end)),
    });
    Ok(observer.pages.page("tasks", "Tasks", &data))
}

impl<'a> Wanted<'a> {
    fn of(address: &'a Address) -> Result<Wanted<'a>, Trouble> {
        let query = address.value("q").unwrap_or_default().trim();
        let which = address.value("show").unwrap_or("all");
        if !["all", "active", "finished"].contains(&which) {
            return Err(Trouble::malformed("There are `all`, `active` and `finished` tasks."));
        }
        let offset = address.number("offset").map_err(Trouble::malformed)?.unwrap_or(0) as usize;
        let words = query.split_whitespace().map(str::to_lowercase).collect();
        Ok(Wanted { query, words, which, offset })
    }

    fn has(&self, id: &TaskId, entry: &Entry) -> bool {
        let is_kind = self.which == "all" || entry.finished == (self.which == "finished");
        is_kind && self.words.iter().all(|word| has_word(id, entry, word))
    }

    fn place(&self, which: &str, offset: usize) -> String {
        let mut place = format!("/?show={which}");
        if !self.query.is_empty() {
            place += &format!("&q={}", encode(self.query.as_bytes()));
        }
        if offset > 0 {
            place += &format!("&offset={offset}");
        }
        place
    }

    fn tabs(&self, count: Count) -> Vec<Value> {
        let tabs = [
            ("all", "All", count.all),
            ("active", "Active", count.active),
            ("finished", "Finished", count.finished),
        ];
        let tab = |(name, label, count)| json!({"href": self.place(name, 0), "label": label, "count": count, "current": name == self.which});
        tabs.map(tab).to_vec()
    }
}

fn has_word(id: &TaskId, entry: &Entry, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    has(id.as_str())
        || match &entry.line {
            Some(Ok(line)) => has(&line.name) || has(&line.user) || has(line.state.as_str()),
            Some(Err(_)) => has("damaged"),
            None => has("starting"),
        }
}

fn row(observer: &Observer, id: &TaskId, usage: &HashMap<TaskId, Usage>) -> Option<Value> {
    // One that has gone since it was picked is left out.
    let entry = observer.index.entry(id)?;
    let mut row = match &entry.line {
        Some(Ok(line)) => line_row(observer, line),
        Some(Err(problem)) => json!({"problem": &**problem, "badge": badge("damaged", Tone::Bad)}),
        None => json!({"problem": "Nothing is recorded of it yet.", "badge": badge("starting", Tone::Idle)}),
    };
    row["id"] = json!(id.as_str());
    row["href"] = json!(task_link(id));
    row["used"] = json!(usage.get(id).map(used));
    Some(row)
}

fn line_row(observer: &Observer, line: &Line) -> Value {
    let is_over = line.state.is_terminal();
    let ended = if is_over { line.since } else { now_ms() };
    let counts = line.processes;
    let part = |count: u32| 100.0 * f64::from(count) / f64::from(counts.total.max(1));
    json!({
        "name": line.name, "user": line.user, "badge": badge(line.state.as_str(), Tone::of_task(&line.state)),
        "abandoned": !is_over && !line.runner_alive,
        "launched": observer.pages.time(line.launched),
        "age": duration(now_ms().saturating_sub(line.launched) as f64 / 1000.0),
        "took": duration(ended.saturating_sub(line.launched) as f64 / 1000.0),
        "ticks": (!is_over && line.runner_alive).then_some(line.launched),
        "done": counts.succeeded + counts.failed, "total": counts.total,
        "bars": [
            {"class": "good", "x": 0.0, "width": part(counts.succeeded)},
            {"class": "bad", "x": part(counts.succeeded), "width": part(counts.failed)},
            {"class": "busy", "x": part(counts.succeeded + counts.failed), "width": part(counts.running)},
        ],
    })
}
