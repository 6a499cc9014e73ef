//! The timeline as SVG.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{Row, Timeline, mark, step};
use crate::view::look::Tone;
use crate::view::{Link, cut, duration, one_line, template};

/// Pixels around the drawing, of the title, of the scale, of a row and of a bar in it.
const MARGIN: f64 = 24.0;
const TITLE: f64 = 48.0;
const SCALE: f64 = 22.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
/// Pixels of the line of the title, which stands above all else.
const HEADING: f64 = 34.0;
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
    /// Where the part that is shown begins: a page has the title already.
    top: f64,
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
    let carried = &timeline.carried_over;
    let all = timeline.rows.iter().map(|row| &row.name).chain(carried);
    let names = all.map(|name| name.width().min(LONGEST)).max().unwrap_or_default();
    let left = MARGIN + names as f64 * CHARACTER + 16.0;
    let bottom = MARGIN + TITLE + SCALE + (carried.len() + timeline.rows.len()) as f64 * ROW;
    let width = left + AXIS + REMARK + MARGIN;
    let top = if link.is_some() { HEADING } else { 0.0 };
    let place = |index| Place { index, left, width, link };
    let carried_lines = carried.iter().enumerate().map(|(index, name)| carried_line(name, &place(index)));
    let rows = timeline.rows.iter().enumerate();
    let lines = rows.map(|(index, row)| line(row, timeline, &place(carried.len() + index)));
    Drawing {
        width,
        height: bottom + MARGIN - top,
        top,
        bottom,
        title: one_line(&timeline.title),
        summary: format!("{} · {}", timeline.state.as_str(), duration(timeline.seconds)),
        class: Tone::of_task(&timeline.state).class(),
        marks: marks(timeline.seconds, left),
        rows: carried_lines.chain(lines).collect(),
    }
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

/// Where a row stands.
struct Place<'a> {
    index: usize,
    /// Where the axis begins.
    left: f64,
    /// The width of the picture.
    width: f64,
    link: Option<Link<'a>>,
}

impl Place<'_> {
    fn top(&self) -> f64 {
        MARGIN + TITLE + SCALE + self.index as f64 * ROW
    }

    fn line(&self, name: &str, tone: Tone, bars: Vec<Span>, remark: String) -> Line {
        Line {
            process: one_line(name),
            href: self.link.map_or_else(String::new, |link| link(name)),
            name: cut(&one_line(name), LONGEST),
            name_x: self.left - 12.0,
            y: self.top() + ROW / 2.0 + 4.5,
            bars,
            remark,
            remark_x: self.left + AXIS + 12.0,
            class: tone.class(),
            shaded: self.index.is_multiple_of(2),
            top: self.top(),
            width: self.width,
        }
    }
}

fn carried_line(name: &str, place: &Place<'_>) -> Line {
    place.line(name, Tone::Good, Vec::new(), "carried over".to_owned())
}

fn line(row: &Row, timeline: &Timeline, place: &Place<'_>) -> Line {
    let x = |seconds: f64| place.left + seconds / timeline.seconds * AXIS;
    let bars = row.bars.iter().map(|bar| {
        let code = bar.return_code.map(|code| format!(", rc={code}")).unwrap_or_default();
        let state = bar.state.as_str().to_lowercase();
        let time = duration(bar.end - bar.start);
        Span {
            x: x(bar.start).min(place.left + AXIS - LEAST),
            y: place.top() + (ROW - BAR) / 2.0,
            width: (x(bar.end) - x(bar.start)).max(LEAST),
            class: bar.tone().class(),
            title: format!("{}, run {}: {state}{code}, {time}", one_line(&row.name), bar.run),
        }
    });
    let runs = if row.bars.len() > 1 { format!(", {} runs", row.bars.len()) } else { String::new() };
    place.line(&row.name, row.tone(), bars.collect(), format!("{}{runs}", duration(row.seconds())))
}
