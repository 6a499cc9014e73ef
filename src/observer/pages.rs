//! What people read: each page is data for a template. Text of tasks is escaped by the templates, once.

pub(super) mod log;
mod process;
mod runs;
mod sandbox;
mod style;
mod task;
mod tasks;
mod text;

use std::fs::File;

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use handlebars::Handlebars;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::address::{self, encode};
use super::answer::{self, Trouble, content, part};
use super::ranges::{self, Part};
use super::server::{Asked, Observer};
use super::sight::task_id;
use super::usage::Usage;
use crate::checkpoint::TaskId;
use crate::view::look::Tone;
use crate::view::size;

const SCRIPT: &str = include_str!("pages/script.js");
const ICON: &str = include_str!("pages/icon.svg");
const TEMPLATES: [(&str, &str); 9] = [
    ("layout", include_str!("pages/layout.html")),
    ("badge", include_str!("pages/badge.html")),
    ("crumbs", include_str!("pages/crumbs.html")),
    ("tasks", include_str!("pages/tasks.html")),
    ("task", include_str!("pages/task.html")),
    ("process", include_str!("pages/process.html")),
    ("text", include_str!("pages/text.html")),
    ("folder", include_str!("pages/folder.html")),
    ("trouble", include_str!("pages/trouble.html")),
];

/// The templates of all pages.
pub(super) struct Pages {
    engine: Handlebars<'static>,
    style: String,
    zone: TimeZone,
}

impl Pages {
    pub(super) fn new(zone: TimeZone) -> Pages {
        let mut engine = Handlebars::new();
        for (name, template) in TEMPLATES {
            // They are part of this crate and compiled by its tests: a defect shows as a page without text.
            let _ = engine.register_template_string(name, template);
        }
        Pages { engine, style: style::sheet(), zone }
    }

    fn page(&self, name: &str, title: &str, data: &Value) -> Response<Body> {
        let main = self.engine.render(name, data).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        let whole = json!({"title": title, "main": main, "now": now_ms(), "version": version});
        content("text/html; charset=utf-8", self.engine.render("layout", &whole).unwrap_or_default())
    }

    /// A page that says what is wrong and leads back.
    pub(super) fn trouble(&self, trouble: &Trouble) -> Response<Body> {
        let (back, back_name) = &trouble.back;
        let is_home = back == "/";
        let data = json!({"code": trouble.status.as_u16(), "title": trouble.title, "text": trouble.text,
            "back": back, "back_name": back_name, "is_home": is_home});
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
        json!({"text": text, "iso": time.to_string(), "ms": milliseconds})
    }
}

/// Answers a request for a page or a file.
pub(super) fn respond(observer: &Observer, asked: &Asked) -> Result<Response<Body>, Trouble> {
    let parts: Vec<&[u8]> = asked.address.parts.iter().map(Vec::as_slice).collect();
    let below = || &asked.address.parts[2..];
    match parts.as_slice() {
        [] => tasks::page(observer, &asked.address),
        [b"style.css"] => Ok(fixed("text/css; charset=utf-8", observer.pages.style.clone())),
        [b"script.js"] => Ok(fixed("text/javascript; charset=utf-8", SCRIPT)),
        [b"icon.svg" | b"favicon.ico"] => Ok(fixed("image/svg+xml", ICON)),
        [b"task", id] => task::page(observer, &task_id(id)?),
        [b"process", id, name] => process::page(observer, &task_id(id)?, name),
        [b"logs", id, name, run, stream] => log::page(observer, &task_id(id)?, [name, run, stream], asked),
        [b"browse", id, ..] => sandbox::browse(observer, &task_id(id)?, below(), asked),
        [b"file", id, _, ..] => sandbox::view(observer, &task_id(id)?, below(), asked),
        [b"download", id, _, ..] => sandbox::download(observer, &task_id(id)?, below(), asked),
        _ => Err(Trouble::missing("There is no such page", "The address may be misspelt.")),
    }
}

fn fixed(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = content(kind, body);
    answer::set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

/// Sends a file, or the part that is asked for; under a name it is to be saved, not shown.
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
        let attachment = format!("attachment; filename*=UTF-8''{}", encode(name));
        answer::set(&mut response, header::CONTENT_DISPOSITION, &attachment);
    }
    Ok(response)
}

fn task_link(id: &TaskId) -> String {
    address::path(["task", id.as_str()])
}

fn process_link(id: &TaskId, name: &str) -> String {
    address::path(["process", id.as_str(), name])
}

fn crumb(name: &str, href: String) -> Value {
    json!({"name": name, "href": href})
}

fn badge(word: &str, tone: Tone) -> Value {
    json!({"word": word.to_lowercase(), "tone": tone.class(), "sign": tone.sign()})
}

fn cores(cpu: f64) -> String {
    format!("{cpu:.2} cores")
}

/// Says what something uses now.
fn used(usage: &Usage) -> Value {
    json!({"cpu": usage.cpu.map(cores), "ram": size(usage.ram)})
}

fn now_ms() -> u64 {
    Timestamp::now().as_millisecond().max(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_templates_compile() {
        let mut engine = Handlebars::new();
        for (name, template) in TEMPLATES {
            engine.register_template_string(name, template).unwrap();
        }
    }
}
