//! Runs as rows of tables, the same on the page of a task and on that of a process.

use serde_json::{Value, json};

use super::{badge, used};
use crate::checkpoint::record::Usage as Spent;
use crate::checkpoint::status::RunEntry;
use crate::observer::address;
use crate::observer::server::Observer;
use crate::observer::sight::Sight;
use crate::view::look::Tone;
use crate::view::{duration, size};

/// Shows a run of a process; `now` is in seconds since 1970.
pub(super) fn row(observer: &Observer, sight: &Sight, name: &str, run: &RunEntry, now: f64) -> Value {
    let known = sight.state.run(name, run.run);
    let is_over = run.state.is_terminal();
    let begin = run.start_time.or(run.fork_time);
    let end = if is_over { run.stop_time } else { Some(now) };
    let link = |stream: &str| address::path(["logs", sight.id.as_str(), name, &run.run.to_string(), stream]);
    let live = sight.samples(observer, name, run.run).last().copied();
    json!({
        "run": run.run, "badge": badge(run.state.as_str(), Tone::of_process(Some(&run.state))),
        "code": run.return_code.map(|code| code.to_string()), "pid": run.pid,
        "started": begin.map(|begin| observer.pages.time((begin.max(0.0) * 1000.0) as u64)),
        "took": begin.zip(end).map(|(begin, end)| duration(end - begin)),
        // A run that has no end, though nobody is there to see to it, does not tick.
        "ticks": begin.filter(|_| !is_over && sight.status.runner_alive).map(|begin| (begin * 1000.0) as u64),
        "reason": known.and_then(|run| run.reason.clone()),
        "lost": known.and_then(|run| run.lost_output.as_ref()).map(|_| "some of its output could not be kept"),
        "used": match live {
            Some(live) if !is_over => Some(used(&live)),
            _ => known.and_then(|run| run.usage).map(spent),
        },
        "stdout": link("stdout"), "stderr": link("stderr"),
    })
}

/// Says what was used in all by something that has ended.
pub(super) fn spent(spent: Spent) -> Value {
    json!({"cpu": duration(spent.user + spent.system), "ram": size(spent.max_rss), "is_over": true})
}
