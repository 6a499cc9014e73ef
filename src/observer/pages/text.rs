//! A text file of any size: its end or its beginning, what follows an offset, or what was searched for.

use std::fs::File;
use std::io;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use crate::observer::address::{Address, encode};
use crate::observer::ansi::{Look, html};
use crate::observer::answer::Trouble;
use crate::observer::follow::{Place, inode};
use crate::observer::log::{self, Found, Match, Window};
use crate::observer::server::Observer;
use crate::view::size;

/// A file that is looked at.
pub(super) struct Shown<'a> {
    pub(super) observer: &'a Observer,
    pub(super) file: File,
    pub(super) title: String,
    pub(super) heading: String,
    pub(super) crumbs: Vec<Value>,
    pub(super) here: String,
    /// Where the file itself is, and what that is called.
    pub(super) raw: (String, &'static str),
    pub(super) tabs: Vec<Value>,
    /// Where is told what it grows by; one that has this is read from its end.
    pub(super) events: Option<String>,
}

pub(super) fn page(shown: Shown<'_>, address: &Address) -> Result<Response<Body>, Trouble> {
    let number = |name: &str| {
        address.number(name).map_err(|text| Trouble::malformed(text).back_to(shown.here.clone(), "The file"))
    };
    let (from, before) = (number("from")?, number("before")?);
    let query = address.value("q").unwrap_or_default();
    let body = match query {
        "" => shown.part(from),
        query => shown.matches(query, before),
    };
    let back = |error: io::Error| Trouble::of_file(&error).back_to(shown.here.clone(), "The file");
    let mut data = body.map_err(back)?;
    data["heading"] = json!(shown.heading);
    data["crumbs"] = json!(shown.crumbs);
    data["here"] = json!(shown.here);
    data["query"] = json!(query);
    data["raw"] = json!({"href": shown.raw.0, "label": shown.raw.1});
    data["tabs"] = json!(shown.tabs);
    Ok(shown.observer.pages.page("text", &shown.title, &data))
}

impl Shown<'_> {
    fn part(&self, from: Option<u64>) -> io::Result<Value> {
        let window = match from {
            Some(from) => Window::at(&self.file, from),
            None if self.events.is_some() => Window::last(&self.file),
            None => Window::at(&self.file, 0),
        }?;
        if self.events.is_none() && window.is_binary() {
            return Ok(json!({"is_binary": true, "size": size(window.size)}));
        }
        let mut look = Look::default();
        let (lines, open) = window.bytes.split_at(window.lines());
        let lines = html(lines, &mut look);
        let open = html(open, &mut look.clone());
        let at = |offset: u64| format!("{}?from={offset}", self.here);
        let is_end = window.end == window.size;
        let place = Place { inode: inode(&self.file), offset: window.start + window.lines() as u64, look };
        Ok(json!({
            "lines": lines, "open": open, "is_empty": window.size == 0, "is_part": window.start > 0 || !is_end,
            "is_past": from.is_some_and(|from| from > window.size),
            "start": size(window.start), "end": size(window.end), "size": size(window.size),
            "first": (window.start > 0).then(|| at(0)),
            "earlier": (window.start > 0).then(|| at(window.start.saturating_sub(log::WINDOW))),
            "later": (!is_end).then(|| at(window.end)),
            "last": (!is_end).then(|| match self.events {
                Some(_) => self.here.clone(),
                None => at(window.size.saturating_sub(log::WINDOW)),
            }),
            "events": self.events.as_ref().filter(|_| is_end), "place": place.to_string(),
        }))
    }

    fn matches(&self, query: &str, before: Option<u64>) -> io::Result<Value> {
        let Found { matches, left } = log::search(&self.file, query, before.unwrap_or(u64::MAX))?;
        let row = |found: &Match| {
            let [before, text, after] = &found.parts;
            json!({"offset": found.offset, "href": format!("{}?from={}", self.here, found.offset),
                "before": before, "text": text, "after": after})
        };
        let go_on = |left: u64| format!("{}?q={}&before={left}", self.here, encode(query.as_bytes()));
        Ok(json!({
            "is_search": true, "matches": matches.iter().map(row).collect::<Vec<_>>(), "count": matches.len(),
            "is_one": matches.len() == 1, "go_on": left.map(go_on), "left": left.map(size),
            "size": size(self.file.metadata()?.len()),
        }))
    }
}
