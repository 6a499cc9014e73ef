//! Logs: their ends, live, and their parts.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::text::{self, Shown};
use super::{crumb, process_link, send, task_link};
use crate::checkpoint::{Status, TaskId};
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::follow::Log;
use crate::observer::server::{Asked, Observer};
use crate::observer::sight;

pub(super) fn page(
    observer: &Observer,
    id: &TaskId,
    names: [&[u8]; 3],
    asked: &Asked,
) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let [name, run, stream] = names.map(|part| String::from_utf8_lossy(part).into_owned());
    let back = (process_link(id, &name), "The process");
    let log =
        find(&sight.status, sight.owner, names).map_err(|trouble| trouble.back_to(back.0.clone(), back.1))?;
    let opened = log.open();
    let file = opened.map_err(|error| Trouble::of_file(&error).back_to(back.0.clone(), back.1))?;
    if asked.address.value("raw").is_some() {
        return send(file, asked.range.as_deref(), "text/plain; charset=utf-8", None);
    }
    let place = |kind: &str, stream: &str| {
        address::path([kind.as_bytes(), id.as_str().as_bytes(), names[0], names[1], stream.as_bytes()])
    };
    let here = place("logs", &stream);
    let tab =
        |other: &String| json!({"label": other, "href": place("logs", other), "current": *other == stream});
    let shown = Shown {
        observer,
        file,
        title: format!("{name} · run {run} · {stream}"),
        heading: format!("{stream} of run {run}"),
        crumbs: vec![crumb(id.as_str(), task_link(id)), crumb(&name, process_link(id, &name))],
        raw: (format!("{here}?raw=1"), "Raw"),
        here,
        tabs: streams(&log).iter().map(tab).collect::<Vec<Value>>(),
        events: Some(place("events", &stream)),
    };
    text::page(shown, &asked.address)
}

/// Finds the log of a run; its name comes from outside.
pub(in crate::observer) fn find(
    status: &Status,
    owner: Option<u32>,
    [name, run, stream]: [&[u8]; 3],
) -> Result<Log, Trouble> {
    let is_named = std::str::from_utf8(stream).is_ok_and(is_stream);
    let number = std::str::from_utf8(run).ok().and_then(|run| run.parse::<u64>().ok());
    let Some(number) = number.filter(|_| is_named) else {
        return Err(Trouble::missing(
            "There is no such log",
            "Logs are called stdout and stderr, runs are numbers.",
        ));
    };
    let parts = [name.to_vec(), number.to_string().into_bytes(), stream.to_vec()];
    Ok(Log { folder: status.log_dir.clone(), parts, owner })
}

/// Lists the logs of a run, those that were rotated after those that are written to.
fn streams(log: &Log) -> Vec<String> {
    let mut streams = vec!["stdout".to_owned(), "stderr".to_owned()];
    let mut rotated: Vec<String> =
        log.siblings().into_iter().filter(|name| name.contains('.') && is_stream(name)).collect();
    rotated.sort_by_key(|name| (name.starts_with("stderr"), name.len(), name.clone()));
    streams.extend(rotated);
    streams
}

fn is_stream(name: &str) -> bool {
    let rest = name.strip_prefix("stdout").or_else(|| name.strip_prefix("stderr"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.').is_some_and(is_number))
}
