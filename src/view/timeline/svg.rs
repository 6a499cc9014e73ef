//! The timeline as SVG.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{Row, Timeline, mark, step};
use crate::view::look::Tone;
use crate::view::{Link, duration, template};

/// Pixels around the drawing, of the title, of the scale, of a row and of a bar in it.
const MARGIN: f64 = 24.0;
const TITLE: f64 = 48.0;
const SCALE: f64 = 22.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
/// Pixels of the axis.
const AXIS: f64 = 760.0;
/// Pixels of a character of a name, and the longest name that is shown whole.
const CHARACTER: f64 = 7.3;
const LONGEST: usize = 30;
/// Pixels for remarks at the right.
const REMARK: f64 = 130.0;
/// The narrowest bar that can be seen.
const LEAST: f64 = 2.0;

#[derive(Serialize)]
struct Drawing {
    width: f64,
    height: f64,
    bottom: f64,
    title: String,
    summary: String,
    class: &'static str,
    marks: Vec<Mark>,
    rows: Vec<Line>,
}

#[derive(Serialize)]
struct Mark {
    x: f64,
    y: f64,
    top: f64,
    text: String,
}

#[derive(Serialize)]
struct Line {
    process: String,
    /// Where it leads; nowhere if empty.
    href: String,
    name: String,
    name_x: f64,
    y: f64,
    bars: Vec<Span>,
    remark: String,
    remark_x: f64,
    class: &'static str,
    shaded: bool,
    top: f64,
    width: f64,
}

#[derive(Serialize)]
struct Span {
    x: f64,
    y: f64,
    width: f64,
    class: &'static str,
    title: String,
}

const TEMPLATE: template::Template =
    template::Template { svg: include_str!("timeline.svg.hbs"), css: include_str!("timeline.css.hbs") };

/// Draws a timeline.
pub fn svg(timeline: &Timeline) -> String {
    template::render(&TEMPLATE, &draw(timeline, None), false)
}

/// Draws a timeline to stand in a page that has [`styles`]; each process leads to where `link` says.
pub fn inline(timeline: &Timeline, link: Link<'_>) -> String {
    template::render(&TEMPLATE, &draw(timeline, Some(link)), true)
}

/// Returns the style sheet of timelines in pages.
pub fn styles() -> String {
    template::styles(&TEMPLATE)
}

fn draw(timeline: &Timeline, link: Option<Link<'_>>) -> Drawing {
    let names = timeline.rows.iter().map(|row| row.name.width().min(LONGEST)).max().unwrap_or_default();
    let left = MARGIN + names as f64 * CHARACTER + 16.0;
    let bottom = MARGIN + TITLE + SCALE + timeline.rows.len() as f64 * ROW;
    let width = left + AXIS + REMARK + MARGIN;
    let mut drawing = Drawing {
        width,
        height: bottom + MARGIN,
        bottom,
        title: timeline.title.clone(),
        summary: format!("{} · {}", timeline.state.as_str(), duration(timeline.seconds)),
        class: Tone::of_task(&timeline.state).class(),
        marks: marks(timeline.seconds, left),
        rows: timeline
            .rows
            .iter()
            .enumerate()
            .map(|(index, row)| line(index, row, timeline, left, width))
            .collect(),
    };
    for row in &mut drawing.rows {
        row.href = link.map_or_else(String::new, |link| link(&row.process));
    }
    drawing
}

fn marks(seconds: f64, left: f64) -> Vec<Mark> {
    let step = step(seconds, 8);
    let count = (seconds / step).floor() as usize;
    let top = MARGIN + TITLE + SCALE - 6.0;
    let at = |index: usize| index as f64 * step;
    (0..=count)
        .map(|index| Mark {
            x: left + at(index) / seconds * AXIS,
            y: top - 4.0,
            top,
            text: mark(at(index), step),
        })
        .collect()
}

fn line(index: usize, row: &Row, timeline: &Timeline, left: f64, width: f64) -> Line {
    let top = MARGIN + TITLE + SCALE + index as f64 * ROW;
    let x = |seconds: f64| left + seconds / timeline.seconds * AXIS;
    let bars = row.bars.iter().map(|bar| {
        let code = bar.return_code.map(|code| format!(", rc={code}")).unwrap_or_default();
        let state = bar.state.as_str().to_lowercase();
        Span {
            x: x(bar.start).min(left + AXIS - LEAST),
            y: top + (ROW - BAR) / 2.0,
            width: (x(bar.end) - x(bar.start)).max(LEAST),
            class: bar.tone().class(),
            title: format!("{}, run {}: {state}{code}, {}", row.name, bar.run, duration(bar.end - bar.start)),
        }
    });
    let runs = if row.bars.len() > 1 { format!(", {} runs", row.bars.len()) } else { String::new() };
    Line {
        process: row.name.clone(),
        href: String::new(),
        name: shorten(&row.name),
        name_x: left - 12.0,
        y: top + ROW / 2.0 + 4.5,
        bars: bars.collect(),
        remark: format!("{}{runs}", duration(row.seconds())),
        remark_x: left + AXIS + 12.0,
        class: row.tone().class(),
        shaded: index.is_multiple_of(2),
        top,
        width,
    }
}

fn shorten(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}
