//! What people read: each page is data for a template. Text of tasks is escaped by the templates, once.

mod files;
mod process;
mod task;
mod tasks;

use axum::body::Body;
use axum::http::{Response, header};
use handlebars::Handlebars;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::{Value, json};

use super::address::{self, Address};
use super::answer::{self, Trouble, content};
use super::server::Observer;
use crate::checkpoint::{Status, TaskId, TaskPaths};
use crate::view::look::Tone;
use crate::view::{graph, timeline};

const SCRIPT: &str = include_str!("pages/script.js");
const STYLE: &str = include_str!("pages/style.css");
const ICON: &str = include_str!("pages/icon.svg");

/// The templates of all pages.
pub(super) struct Pages {
    engine: Handlebars<'static>,
    style: String,
    zone: TimeZone,
}

impl Pages {
    pub(super) fn new(zone: TimeZone) -> Pages {
        let mut engine = Handlebars::new();
        let templates = [
            ("layout", include_str!("pages/layout.html")),
            ("tasks", include_str!("pages/tasks.html")),
            ("task", include_str!("pages/task.html")),
            ("process", include_str!("pages/process.html")),
            ("file", include_str!("pages/file.html")),
            ("folder", include_str!("pages/folder.html")),
            ("trouble", include_str!("pages/trouble.html")),
        ];
        for (name, template) in templates {
            // The templates are part of this crate and are rendered by its tests: a defect shows as a page without text.
            let _ = engine.register_template_string(name, template);
        }
        Pages { engine, style: format!("{STYLE}\n{}\n{}", graph::styles(), timeline::styles()), zone }
    }

    fn page(&self, name: &str, title: &str, data: &impl Serialize) -> Response<Body> {
        let main = self.engine.render(name, data).unwrap_or_else(|error| format!("<!-- {error} -->"));
        let page = self.engine.render("layout", &json!({"title": title, "main": main}));
        content("text/html; charset=utf-8", page.unwrap_or_default())
    }

    /// A page that says what is wrong and leads back.
    pub(super) fn trouble(&self, trouble: &Trouble) -> Response<Body> {
        let data = json!({"code": trouble.status.as_u16(), "title": trouble.title, "text": trouble.text,
            "back": trouble.back.0, "back_name": trouble.back.1});
        let mut response = self.page("trouble", &trouble.title, &data);
        *response.status_mut() = trouble.status;
        response
    }

    /// Writes a time as people and as programs read it.
    fn time(&self, milliseconds: u64) -> Value {
        let Ok(time) = Timestamp::from_millisecond(i64::try_from(milliseconds).unwrap_or(i64::MAX)) else {
            return json!({"text": "an impossible time", "iso": ""});
        };
        let text = time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        json!({"text": text, "iso": time.to_string()})
    }

    fn seconds(&self, seconds: Option<f64>) -> Option<Value> {
        seconds.map(|seconds| self.time((seconds.max(0.0) * 1000.0) as u64))
    }
}

/// Answers a request for a page or a file.
pub(super) fn respond(
    observer: &Observer,
    address: &Address,
    range: Option<&str>,
) -> Result<Response<Body>, Trouble> {
    let parts: Vec<&[u8]> = address.parts.iter().map(Vec::as_slice).collect();
    match parts.as_slice() {
        [] => tasks::page(observer, address),
        [b"style.css"] => Ok(fixed("text/css; charset=utf-8", observer.pages.style.clone())),
        [b"script.js"] => Ok(fixed("text/javascript; charset=utf-8", SCRIPT)),
        [b"icon.svg" | b"favicon.ico"] => Ok(fixed("image/svg+xml", ICON)),
        [b"task", id] => task::page(observer, &task_id(id)?),
        [b"process", id, name] => process::page(observer, &task_id(id)?, name),
        [b"logs", id, name, run, stream] => {
            files::log(observer, &task_id(id)?, [name, run, stream], address, range)
        }
        [b"browse", id, ..] => files::browse(observer, &task_id(id)?, &address.parts[2..]),
        [b"file", id, _, ..] => files::view(observer, &task_id(id)?, &address.parts[2..], address),
        [b"download", id, _, ..] => files::download(observer, &task_id(id)?, &address.parts[2..], range),
        _ => Err(Trouble::missing("There is no such page", "The address may be misspelt.")),
    }
}

fn fixed(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = content(kind, body);
    answer::set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

/// Reads an id; one that is none names no task.
pub(super) fn task_id(bytes: &[u8]) -> Result<TaskId, Trouble> {
    let text = String::from_utf8_lossy(bytes);
    TaskId::new(&text).map_err(|_| unknown(&text))
}

/// Reads how a task is.
pub(super) fn read_status(observer: &Observer, id: &TaskId) -> Result<Status, Trouble> {
    let paths = find(observer, id)?;
    match Status::read(&paths) {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(Trouble::missing(
            format!("Task {id} has not started"),
            "Nothing is recorded of it yet. Look again in a moment.",
        )),
        Err(error) => Err(Trouble::missing(
            format!("The checkpoint of {id} cannot be read"),
            format!("{error}. Other tasks are not affected."),
        )),
    }
}

fn find(observer: &Observer, id: &TaskId) -> Result<TaskPaths, Trouble> {
    observer.index.root().find(id).ok().flatten().ok_or_else(|| unknown(id.as_str()))
}

fn unknown(id: &str) -> Trouble {
    Trouble::missing(
        format!("There is no task {id}"),
        "It may have been removed, or the address is misspelt.",
    )
}

fn task_link(id: &TaskId) -> String {
    address::path(["task", id.as_str()])
}

fn process_link(id: &TaskId, name: &str) -> String {
    address::path(["process", id.as_str(), name])
}

fn badge(word: &str, tone: Tone) -> Value {
    json!({"word": word.to_lowercase(), "tone": tone.class(), "sign": tone.sign()})
}

/// Writes a number of bytes as people read it.
fn bytes(number: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    if unit == 0 || value >= 99.5 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

fn cores(cpu: f64) -> String {
    format!("{cpu:.2}")
}

fn now_ms() -> u64 {
    Timestamp::now().as_millisecond().max(0) as u64
}
