//! Logs and sandboxes: what is shown of files, and files as they are.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use nix::unistd::Uid;
use serde_json::{Value, json};

use super::{bytes, find, process_link, read_status, task_link};
use crate::checkpoint::{Status, TaskId};
use crate::observer::address::{self, Address, encode};
use crate::observer::answer::{self, Trouble, content, part};
use crate::observer::beneath::{self, Kind};
use crate::observer::log::{self, Look, Window};
use crate::observer::ranges::{self, Part};
use crate::observer::server::Observer;

/// A file that is looked at.
struct Shown<'a> {
    observer: &'a Observer,
    file: File,
    title: String,
    here: String,
    raw: String,
    back: (String, &'static str),
    others: Vec<Value>,
    /// Whether it is read from its end.
    is_log: bool,
}

pub(super) fn log(
    observer: &Observer,
    id: &TaskId,
    [name, run, stream]: [&[u8]; 3],
    address: &Address,
    range: Option<&str>,
) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let shown_name = String::from_utf8_lossy(name).into_owned();
    let back = (process_link(id, &shown_name), "The process");
    let kind = std::str::from_utf8(stream).ok().filter(|stream| is_stream(stream));
    let run_number = std::str::from_utf8(run).ok().and_then(|run| run.parse::<u64>().ok());
    let (Some(kind), Some(number)) = (kind, run_number) else {
        let trouble =
            Trouble::missing("There is no such log", "Logs are called stdout and stderr, runs are numbers.");
        return Err(trouble.back_to(back.0, back.1));
    };
    let folder = [name.to_vec(), number.to_string().into_bytes()];
    let parts: Vec<Vec<u8>> = folder.iter().cloned().chain([stream.to_vec()]).collect();
    let owner = owner(observer, id)?;
    let file = beneath::open_file(&status.log_dir, &parts, owner)
        .map_err(|error| Trouble::of_file(&error).back_to(back.0.clone(), back.1))?;
    if address.value("raw").is_some() {
        return send(file, range, "text/plain; charset=utf-8", None);
    }
    let link = |stream: &str| address::path([b"logs", id.as_str().as_bytes(), name, run, stream.as_bytes()]);
    let mut streams = vec!["stdout".to_owned(), "stderr".to_owned()];
    let listed =
        beneath::list(&status.log_dir, &folder, owner).map(|(entries, _)| entries).unwrap_or_default();
    let rotated = listed.into_iter().filter_map(|entry| String::from_utf8(entry.name).ok());
    streams.extend(rotated.filter(|name| is_stream(name) && name.contains('.')));
    let others =
        streams.iter().map(|other| json!({"name": other, "href": link(other), "current": other == kind}));
    let shown = Shown {
        observer,
        file,
        title: format!("{shown_name} · run {number} · {kind}"),
        here: link(kind),
        raw: format!("{}?raw=1", link(kind)),
        back,
        others: others.collect(),
        is_log: true,
    };
    show(shown, address)
}

fn is_stream(name: &str) -> bool {
    let rest = name.strip_prefix("stdout").or_else(|| name.strip_prefix("stderr"));
    rest.is_some_and(|rest| {
        let number = rest.strip_prefix('.');
        rest.is_empty()
            || number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

pub(super) fn browse(observer: &Observer, id: &TaskId, parts: &[Vec<u8>]) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let owner = owner(observer, id)?;
    let place = |kind: &str, parts: &[Vec<u8>]| link(kind, id, parts);
    let (entries, more) =
        beneath::list(&status.sandbox, parts, owner).map_err(|error| trouble(&error, id, parts))?;
    let row = |entry: beneath::Entry| {
        let inside: Vec<Vec<u8>> = parts.iter().cloned().chain([entry.name.clone()]).collect();
        // A link is followed only as far as it stays inside.
        let is_folder = match entry.kind {
            Kind::Folder => true,
            Kind::Link => beneath::is_folder(&status.sandbox, &inside).unwrap_or(false),
            _ => false,
        };
        let href = match entry.kind {
            Kind::Special => None,
            _ if is_folder => Some(place("browse", &inside)),
            _ => Some(place("file", &inside)),
        };
        let kind = match entry.kind {
            Kind::Folder => "folder",
            Kind::File => "file",
            Kind::Link => "link",
            Kind::Special => "special",
        };
        json!({"name": String::from_utf8_lossy(&entry.name), "href": href, "kind": kind,
            "size": (entry.kind == Kind::File).then(|| bytes(entry.size)),
            "modified": observer.pages.time(entry.modified.max(0) as u64 * 1000),
            "download": (entry.kind == Kind::File).then(|| place("download", &inside))})
    };
    let rows: Vec<Value> = entries.into_iter().map(row).collect();
    let data = json!({"id": id.as_str(), "task": task_link(id), "crumbs": crumbs(id, parts), "rows": rows, "more": more,
        "most": beneath::MOST_ENTRIES, "sandbox": status.sandbox.to_string_lossy()});
    Ok(observer.pages.page("folder", &format!("Sandbox of {id}"), &data))
}

pub(super) fn view(
    observer: &Observer,
    id: &TaskId,
    parts: &[Vec<u8>],
    address: &Address,
) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let file = open(observer, id, &status, parts)?;
    let shown = Shown {
        observer,
        file,
        title: String::from_utf8_lossy(&parts.join(&b'/')).into_owned(),
        here: link("file", id, parts),
        raw: link("download", id, parts),
        back: (link("browse", id, &parts[..parts.len() - 1]), "The folder"),
        others: Vec::new(),
        is_log: false,
    };
    show(shown, address)
}

pub(super) fn download(
    observer: &Observer,
    id: &TaskId,
    parts: &[Vec<u8>],
    range: Option<&str>,
) -> Result<Response<Body>, Trouble> {
    let status = read_status(observer, id)?;
    let file = open(observer, id, &status, parts)?;
    send(file, range, "application/octet-stream", parts.last().map(Vec::as_slice))
}

fn open(observer: &Observer, id: &TaskId, status: &Status, parts: &[Vec<u8>]) -> Result<File, Trouble> {
    let opened = beneath::open_file(&status.sandbox, parts, owner(observer, id)?);
    opened.map_err(|error| trouble(&error, id, &parts[..parts.len().saturating_sub(1)]))
}

fn trouble(error: &std::io::Error, id: &TaskId, parts: &[Vec<u8>]) -> Trouble {
    match parts.split_last() {
        Some((_, above)) => Trouble::of_file(error).back_to(link("browse", id, above), "The folder above"),
        None => Trouble::of_file(error).back_to(task_link(id), "The task"),
    }
}

/// Who can write a checkpoint chooses the folders that are shown: of another user's task only what is that user's own.
fn owner(observer: &Observer, id: &TaskId) -> Result<Option<u32>, Trouble> {
    let folder: PathBuf = find(observer, id)?.folder().to_owned();
    let uid = fs::metadata(folder).map_err(|error| Trouble::of_file(&error))?.uid();
    Ok((uid != 0 && uid != Uid::effective().as_raw()).then_some(uid))
}

fn link(kind: &str, id: &TaskId, parts: &[Vec<u8>]) -> String {
    let before = [kind.as_bytes(), id.as_str().as_bytes()];
    address::path(before.into_iter().chain(parts.iter().map(Vec::as_slice)))
}

fn crumbs(id: &TaskId, parts: &[Vec<u8>]) -> Vec<Value> {
    let crumb = |end: usize| json!({"name": String::from_utf8_lossy(&parts[end - 1]), "href": link("browse", id, &parts[..end])});
    (1..=parts.len()).map(crumb).collect()
}

/// Shows a part of a file: its end or its beginning, what follows an offset, or what was searched for.
fn show(shown: Shown<'_>, address: &Address) -> Result<Response<Body>, Trouble> {
    let number = |name: &str| {
        address.number(name).map_err(|text| Trouble::malformed(text).back_to(shown.here.clone(), "The file"))
    };
    let (from, before) = (number("from")?, number("before")?);
    let query = address.value("q").unwrap_or_default();
    let failed = |error: std::io::Error| Trouble::of_file(&error).back_to(shown.back.0.clone(), shown.back.1);
    let mut look = Look::parse(address.value("look").unwrap_or_default());
    if address.value("part").is_some() {
        let window = Window::at(&shown.file, from.unwrap_or(0)).map_err(failed)?;
        let html = log::html(&window.bytes, &mut look);
        return Ok(answer::json(&json!({"from": window.start, "to": window.end, "size": window.size,
            "is_cut": from.is_some_and(|from| from > window.size), "look": look.code(), "html": html})));
    }
    let found = match query {
        "" => None,
        query => Some(log::search(&shown.file, query, before.unwrap_or(u64::MAX)).map_err(failed)?),
    };
    let window = match from {
        Some(from) => Window::at(&shown.file, from),
        None if shown.is_log => Window::last(&shown.file),
        None => Window::at(&shown.file, 0),
    }
    .map_err(failed)?;
    let matches = found.as_ref().map(|found| {
        let line = |found: &log::Match| {
            json!({"offset": found.offset, "href": format!("{}?from={}", shown.here, found.offset), "before": found.parts[0],
                "text": found.parts[1], "after": found.parts[2]})
        };
        found.matches.iter().map(line).collect::<Vec<_>>()
    });
    let is_binary = !shown.is_log && window.is_binary();
    let at = |offset: u64| format!("{}?from={offset}", shown.here);
    let data = json!({
        "title": shown.title, "here": shown.here, "raw": shown.raw, "back": shown.back.0, "back_name": shown.back.1,
        "others": shown.others, "query": query, "is_search": found.is_some(), "matches": matches,
        "none": found.as_ref().is_some_and(|found| found.matches.is_empty()),
        "go_on": found.as_ref().and_then(|found| found.left).map(|left| {
            format!("{}?q={}&before={left}", shown.here, encode(query.as_bytes()))
        }),
        "html": if is_binary { String::new() } else { log::html(&window.bytes, &mut look) }, "look": look.code(),
        "is_binary": is_binary, "is_empty": window.size == 0, "from": window.start, "to": window.end,
        "size": bytes(window.size), "is_log": shown.is_log, "follows": shown.is_log && window.end == window.size,
        "older": (window.start > 0).then(|| at(window.start.saturating_sub(log::WINDOW))),
        "newer": (window.end < window.size).then(|| at(window.end)),
        "first": (window.start > 0).then(|| at(0)), "latest": (window.end < window.size).then(|| shown.here.clone()),
    });
    Ok(shown.observer.pages.page("file", &shown.title, &data))
}

/// Sends a file, or the part that is asked for.
fn send(
    file: File,
    range: Option<&str>,
    kind: &'static str,
    name: Option<&[u8]>,
) -> Result<Response<Body>, Trouble> {
    let size = file.metadata().map_err(|error| Trouble::of_file(&error))?.len();
    let wanted =
        ranges::parse(range, size).map_err(|()| Trouble::malformed("The range of bytes is malformed."))?;
    let (start, end) = match wanted {
        Part::Whole => (0, size),
        Part::Range(start, end) => (start, end),
        Part::Unsatisfiable => {
            let mut response = content("text/plain; charset=utf-8", "The file does not reach so far.\n");
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            answer::set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let mut response = content(kind, part(file, start, end));
    answer::set(&mut response, header::ACCEPT_RANGES, "bytes");
    answer::set(&mut response, header::CONTENT_LENGTH, &(end - start).to_string());
    if let Part::Range(start, end) = wanted {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        answer::set(&mut response, header::CONTENT_RANGE, &format!("bytes {start}-{}/{size}", end - 1));
    }
    if let Some(name) = name {
        answer::set(
            &mut response,
            header::CONTENT_DISPOSITION,
            &format!("attachment; filename*=UTF-8''{}", encode(name)),
        );
    }
    Ok(response)
}
