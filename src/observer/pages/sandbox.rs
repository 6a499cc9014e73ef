//! The sandbox of a task: its folders, and its files shown and sent.

use std::fs::File;
use std::io;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::text::{self, Shown};
use super::{crumb, send, task_link};
use crate::checkpoint::TaskId;
use crate::observer::address;
use crate::observer::answer::Trouble;
use crate::observer::beneath::{self, Entry, Kind};
use crate::observer::disk::Taken;
use crate::observer::server::{Asked, Observer};
use crate::observer::sight::{self, Sight};
use crate::view::size;

pub(super) fn browse(
    observer: &Observer,
    id: &TaskId,
    parts: &[Vec<u8>],
    asked: &Asked,
) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let listed = beneath::list(&sight.status.sandbox, parts, sight.owner);
    let (entries, more) = listed.map_err(|error| trouble(&error, id, parts))?;
    let rows: Vec<Value> = entries.iter().map(|entry| row(observer, &sight, parts, entry)).collect();
    let above = parts.split_last().map(|(_, above)| link("browse", id, above));
    let data = json!({
        "crumbs": crumbs(id, &parts[..parts.len().saturating_sub(1)], !parts.is_empty()),
        "heading": parts.last().map_or("Sandbox".into(), |name| String::from_utf8_lossy(name)),
        "rows": rows, "above": above, "count": rows.len(), "more": more,
        "path": (parts.is_empty()).then(|| sight.status.sandbox.to_string_lossy()),
        "taken": asked.address.value("disk").is_some().then(|| measure(observer, &sight, parts)),
        "measure": format!("{}?disk=1", link("browse", id, parts)),
    });
    Ok(observer.pages.page("folder", &format!("Sandbox of {id}"), &data))
}

/// Says how much a folder takes.
fn measure(observer: &Observer, sight: &Sight, parts: &[Vec<u8>]) -> String {
    match observer.scale.measure(&sight.status.sandbox, parts, sight.owner) {
        Ok(Some(Taken { bytes, entries, is_more })) => {
            let more = if is_more { "more than " } else { "" };
            let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
            format!("{more}{} in {entries}", size(bytes))
        }
        Ok(None) => "something else is being measured, ask again in a moment".to_owned(),
        Err(error) => format!("this cannot be measured: {error}"),
    }
}

fn row(observer: &Observer, sight: &Sight, parts: &[Vec<u8>], entry: &Entry) -> Value {
    let inside: Vec<Vec<u8>> = parts.iter().cloned().chain([entry.name.clone()]).collect();
    // A link is followed only as far as it stays inside.
    let is_folder = match entry.kind {
        Kind::Folder => true,
        Kind::Link => beneath::is_folder(&sight.status.sandbox, &inside).unwrap_or(false),
        _ => false,
    };
    let href = match entry.kind {
        Kind::Special => None,
        _ if is_folder => Some(link("browse", &sight.id, &inside)),
        _ => Some(link("file", &sight.id, &inside)),
    };
    let (kind, note) = match entry.kind {
        Kind::Folder => ("folder", None),
        Kind::File => ("file", None),
        Kind::Link => ("link", Some("link")),
        Kind::Special => ("other", Some("neither a file nor a folder")),
    };
    let is_file = entry.kind == Kind::File;
    json!({"name": String::from_utf8_lossy(&entry.name), "href": href, "kind": kind, "note": note,
        "size": is_file.then(|| size(entry.size)),
        "modified": observer.pages.time(entry.modified.max(0) as u64 * 1000),
        "download": is_file.then(|| link("download", &sight.id, &inside))})
}

pub(super) fn view(
    observer: &Observer,
    id: &TaskId,
    parts: &[Vec<u8>],
    asked: &Asked,
) -> Result<Response<Body>, Trouble> {
    let sight = sight::read(observer, id)?;
    let file = open(&sight, parts)?;
    let name = parts.last().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let shown = Shown {
        observer,
        file,
        title: name.clone(),
        heading: name,
        crumbs: crumbs(id, &parts[..parts.len().saturating_sub(1)], true),
        here: link("file", id, parts),
        raw: (link("download", id, parts), "Download"),
        tabs: Vec::new(),
        events: None,
    };
    text::page(shown, &asked.address)
}

pub(super) fn download(
    observer: &Observer,
    id: &TaskId,
    parts: &[Vec<u8>],
    asked: &Asked,
) -> Result<Response<Body>, Trouble> {
    let file = open(&sight::read(observer, id)?, parts)?;
    send(file, asked.range.as_deref(), "application/octet-stream", parts.last().map(Vec::as_slice))
}

fn open(sight: &Sight, parts: &[Vec<u8>]) -> Result<File, Trouble> {
    let opened = beneath::open_file(&sight.status.sandbox, parts, sight.owner);
    opened.map_err(|error| trouble(&error, &sight.id, parts))
}

/// Leads back to the folder above.
fn trouble(error: &io::Error, id: &TaskId, parts: &[Vec<u8>]) -> Trouble {
    match parts.split_last() {
        Some((_, above)) => Trouble::of_file(error).back_to(link("browse", id, above), "The folder above"),
        None => Trouble::of_file(error).back_to(task_link(id), "The task"),
    }
}

fn link(kind: &str, id: &TaskId, parts: &[Vec<u8>]) -> String {
    let before = [kind.as_bytes(), id.as_str().as_bytes()];
    address::path(before.into_iter().chain(parts.iter().map(Vec::as_slice)))
}

fn crumbs(id: &TaskId, parts: &[Vec<u8>], is_below: bool) -> Vec<Value> {
    let mut crumbs = vec![crumb(id.as_str(), task_link(id))];
    if is_below {
        crumbs.push(crumb("Sandbox", link("browse", id, &[])));
    }
    let inner = (1..=parts.len())
        .map(|end| crumb(&String::from_utf8_lossy(&parts[end - 1]), link("browse", id, &parts[..end])));
    crumbs.extend(inner);
    crumbs
}
