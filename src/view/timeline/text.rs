//! The timeline as text: a line for each process, bars to an eighth of a column.

use unicode_width::UnicodeWidthStr;

use super::{Bar, Row, Timeline, mark, step};
use crate::view::look::{Style, Tone};
use crate::view::{cut, duration, fit, one_line};

/// The widest column of names.
const NAMES: usize = 28;

/// Columns at the right, for durations.
const TIMES: usize = 12;

/// The narrowest axis that says anything.
const AXIS: usize = 10;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws a timeline to the width of a terminal.
pub fn text(timeline: &Timeline, style: &Style) -> String {
    let all = timeline.rows.iter().map(|row| &row.name).chain(&timeline.carried_over);
    let names = all.map(|name| name.width()).max().unwrap_or_default().min(NAMES);
    let axis = style.width.saturating_sub(names + TIMES + 4).max(AXIS);
    let state = style.paint(Tone::of_task(&timeline.state), timeline.state.as_str());
    let total =
        if timeline.rows.is_empty() { String::new() } else { format!("  {}", duration(timeline.seconds)) };
    let mut drawn = format!("{}  {state}{total}\n\n", style.strong(&one_line(&timeline.title)));
    for name in &timeline.carried_over {
        let sign = style.paint(Tone::Good, Tone::Good.sign());
        drawn += &format!(
            "{sign} {}  {}\n",
            fit(&cut(&one_line(name), names), names),
            style.faint("carried over")
        );
    }
    if timeline.rows.is_empty() {
        return drawn + "nothing has started\n";
    }
    drawn += &format!("{}{}\n", " ".repeat(names + 4), style.faint(scale(timeline.seconds, axis).trim_end()));
    for row in &timeline.rows {
        let sign = style.paint(row.tone(), row.tone().sign());
        let bars = bars(row, timeline.seconds, axis, style);
        drawn += &format!(
            "{sign} {}  {bars} {}\n",
            fit(&cut(&one_line(&row.name), names), names),
            style.faint(&remark(row))
        );
    }
    drawn
}

fn remark(row: &Row) -> String {
    let time = duration(row.seconds());
    let code = row.bars.last().and_then(|bar| bar.return_code).filter(|code| *code != 0);
    let code = code.map(|code| format!(" rc={code}")).unwrap_or_default();
    let runs = if row.bars.len() > 1 { format!(" {}x", row.bars.len()) } else { String::new() };
    format!("{time}{code}{runs}")
}

fn scale(seconds: f64, axis: usize) -> String {
    let step = step(seconds, (axis / 12).max(1));
    let mut line = String::new();
    let mut at = 0.0;
    while at <= seconds {
        let column = (at / seconds * axis as f64) as usize;
        if line.width() <= column {
            line += &" ".repeat(column - line.width());
            line += &format!("╷{} ", mark(at, step));
        }
        at += step;
    }
    line
}

/// Each column shows the run that has most of it; of many short ones in a column, the worst.
fn bars(row: &Row, seconds: f64, axis: usize, style: &Style) -> String {
    let mut line = String::new();
    let mut column = 0;
    let per_column = seconds / axis as f64;
    for bar in &row.bars {
        let from = ((bar.start / per_column) as usize).min(axis - 1);
        if from < column {
            continue;
        }
        line += &style.faint(&"·".repeat(from - column));
        let (text, columns) = bar_text(bar, from, per_column, axis);
        line += &style.paint(bar.tone(), &text);
        column = from + columns;
    }
    line += &style.faint(&"·".repeat(axis.saturating_sub(column)));
    line
}

fn bar_text(bar: &Bar, from: usize, per_column: f64, axis: usize) -> (String, usize) {
    let fill = match bar.tone() {
        Tone::Bad | Tone::Gone => "▓",
        Tone::Ended => "▒",
        _ => "█",
    };
    let end = (bar.end / per_column).min(axis as f64);
    let whole = (end.floor() as usize).saturating_sub(from);
    let eighths = ((end - end.floor()) * 8.0).round() as usize;
    match (whole, eighths) {
        (0, eighths) => (EIGHTHS[eighths.clamp(1, 7)].to_owned(), 1),
        (whole, 1..8) if from + whole < axis => (fill.repeat(whole) + EIGHTHS[eighths], whole + 1),
        (whole, _) => (fill.repeat(whole), whole),
    }
}
