//! Tasks as a table, as wide as the terminal: what has no room goes, the least telling first.

use serde::Deserialize;
use serde::de::IgnoredAny;
use unicode_width::UnicodeWidthStr;

use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Root, Status, TaskId, TaskState, find};
use crate::view::look::{Style, Tone};
use crate::view::{self, cut, fit, one_line};

/// Names that are listed of processes that run, or have failed.
const NAMED: usize = 6;

/// The narrowest id that columns to its right are worth.
const ID: usize = 20;

/// What the table shows of a task.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) state: TaskState,
    user: String,
    /// Seconds since 1970.
    launched: f64,
    /// Of the last state.
    changed: f64,
    done: usize,
    failed: usize,
    /// How many processes the task has, once that is known.
    pub(super) total: Option<usize>,
    /// What goes on, or what went wrong.
    remark: String,
}

impl Row {
    pub(super) fn new(status: &Status) -> Row {
        let last = |state: ProcessState| {
            let is = move |(_, runs): &(&String, &Vec<RunEntry>)| {
                runs.last().is_some_and(|run| run.state == state)
            };
            status.processes.iter().filter(is).map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        let failed = last(ProcessState::Failed);
        let changed = status.statuses.last().map_or(status.launch_time_ms, |entry| entry.timestamp_ms);
        let remark = match &status.state {
            TaskState::Failed | TaskState::Killed | TaskState::Lost if !failed.is_empty() => {
                format!("failed: {}", names(&failed))
            }
            state if state.is_terminal() => String::new(),
            _ if !status.runner_alive => "its runner is gone".to_owned(),
            _ => going_on(&last(ProcessState::Running), &failed),
        };
        Row {
            id: status.task_id.clone(),
            state: status.state.clone(),
            user: one_line(&status.user),
            launched: status.launch_time_ms as f64 / 1000.0,
            changed: changed as f64 / 1000.0,
            done: last(ProcessState::Success).len() + status.carried_over.len(),
            failed: failed.len(),
            total: None,
            remark,
        }
    }

    /// Reads how many processes the task has; only for what is shown, for it is another file.
    pub(super) fn complete(&mut self, root: &Root) {
        #[derive(Deserialize)]
        struct Document {
            processes: Vec<IgnoredAny>,
        }
        if self.total.is_some() {
            return;
        }
        let Ok(id) = TaskId::new(&self.id) else { return };
        let document = find::read_task(&root.task(&id)).ok().flatten();
        let document = document.and_then(|(_, bytes)| serde_json::from_slice::<Document>(&bytes).ok());
        self.total = document.map(|document| document.processes.len());
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.is_terminal()
    }

    fn tone(&self) -> Tone {
        Tone::of_task(&self.state)
    }

    fn progress(&self) -> String {
        let total = self.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        let failed = if self.failed > 0 { format!(" {}✘", self.failed) } else { String::new() };
        format!("{}/{total}{failed}", self.done)
    }

    fn took(&self, now: f64) -> String {
        view::duration(if self.is_over() { self.changed } else { now } - self.launched)
    }
}

fn going_on(running: &[&str], failed: &[&str]) -> String {
    match (running, failed) {
        ([], []) => String::new(),
        ([], failed) => format!("waits to run {} again", names(failed)),
        (running, _) => names(running),
    }
}

fn names(all: &[&str]) -> String {
    let mut text = all.iter().take(NAMED).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    if all.len() > NAMED {
        text += &format!(" and {} more", all.len() - NAMED);
    }
    text
}

/// Sorts tasks: those that have not ended first, in both parts the latest first.
pub(super) fn sort(rows: &mut [Row]) {
    let key = |row: &Row| if row.is_over() { row.changed } else { row.launched };
    rows.sort_by(|left, right| {
        let parts = left.is_over().cmp(&right.is_over());
        parts.then(key(right).total_cmp(&key(left))).then_with(|| right.id.cmp(&left.id))
    });
}

/// Says how many sorted tasks are shown: all that have not ended, and finished ones up to `most` in all.
pub(super) fn shown(rows: &[Row], most: usize) -> usize {
    let active = rows.partition_point(|row| !row.is_over());
    active.max(most).min(rows.len())
}

/// A column: its head, its cells, whether they stand to the right, and how gladly it goes.
struct Column {
    head: &'static str,
    cells: Vec<String>,
    is_right: bool,
    goes: u8,
}

impl Column {
    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or_default().max(self.head.width())
    }
}

/// Draws the table, a line for each task below a head; a terminal that has room for nothing else shows ids.
pub(super) fn draw(rows: &[Row], style: &Style, now: f64) -> Vec<String> {
    let mut columns = columns(rows, now);
    let ids = rows.iter().map(|row| row.id.width()).max().unwrap_or_default();
    let room = style.width.saturating_sub(2);
    let taken = |columns: &[Column]| columns.iter().map(|column| column.width() + 2).sum::<usize>();
    while let Some(last) = columns.iter().map(|column| column.goes).max()
        && taken(&columns) + ids.min(ID) > room
    {
        columns.retain(|column| column.goes != last);
    }
    let id = ids.min(room.saturating_sub(taken(&columns))).max(4.min(room));
    let remark = room.saturating_sub(id + taken(&columns) + 2);
    let has_remark = remark >= 8 && rows.iter().any(|row| !row.remark.is_empty());
    let mut head = format!("  {}", fit("TASK", id));
    for column in &columns {
        head += &format!("  {}", align(column.head, column.width(), column.is_right));
    }
    let mut lines = vec![style.faint(head.trim_end())];
    for (index, row) in rows.iter().enumerate() {
        let name = fit(&cut(&row.id, id), id);
        let name = if row.is_over() { name } else { style.strong(&name) };
        let mut line = format!("{} {name}", style.paint(row.tone(), row.tone().sign()));
        for column in &columns {
            let cell = align(&column.cells[index], column.width(), column.is_right);
            let cell = if column.head == "STATE" { style.paint(row.tone(), &cell) } else { cell };
            line += &format!("  {cell}");
        }
        if has_remark && !row.remark.is_empty() {
            let text = fit(&row.remark, remark);
            line += &format!("  {}", style.faint(text.trim_end()));
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

fn columns(rows: &[Row], now: f64) -> Vec<Column> {
    let column = |head, is_right, goes, cell: &dyn Fn(&Row) -> String| Column {
        head,
        cells: rows.iter().map(cell).collect(),
        is_right,
        goes,
    };
    vec![
        column("STATE", false, 1, &|row| one_line(row.state.as_str())),
        column("DONE", true, 2, &Row::progress),
        column("USER", false, 5, &|row| cut(&row.user, 12)),
        column("AGE", true, 4, &|row| age(now - row.launched)),
        column("TOOK", true, 3, &|row| row.took(now)),
    ]
}

fn align(text: &str, columns: usize, is_right: bool) -> String {
    let blanks = " ".repeat(columns.saturating_sub(text.width()));
    if is_right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// Writes an age in one unit: `3 s`, `5 min`, `2 h`, `4 d`.
fn age(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.max(0.0) as u64 } else { 0 };
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min", whole / 60),
        3_600..86_400 => format!("{} h", whole / 3_600),
        _ => format!("{} d", whole / 86_400),
    }
}

/// Says how many tasks there are of which kind, and how many are not shown.
pub(super) fn summary(rows: &[Row], shown: usize, style: &Style) -> String {
    let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
    let kinds = [
        ("active", count(&|row| !row.is_over())),
        ("succeeded", count(&|row| row.state == TaskState::Success)),
        ("failed", count(&|row| row.state == TaskState::Failed)),
        ("killed", count(&|row| row.state == TaskState::Killed)),
        ("lost", count(&|row| row.state == TaskState::Lost)),
    ];
    let parts = kinds.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
    let mut text = parts.collect::<Vec<_>>().join(", ");
    let hidden = rows.len() - shown;
    if hidden > 0 {
        text += &format!("; {hidden} not shown, `--only finished` shows all that have ended");
    }
    style.faint(fit(&text, style.width.max(1)).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, state: TaskState, done: usize, failed: usize) -> Row {
        let (launched, changed) = (1_000.0, 1_075.0);
        let remark = if failed > 0 { "failed: b".to_owned() } else { String::new() };
        let user = "wickman".to_owned();
        Row { id: id.into(), state, user, launched, changed, done, failed, total: Some(7), remark }
    }

    fn drawn(width: usize) -> Vec<String> {
        let rows = [
            row("simple-20120529-162532.018646", TaskState::Active, 5, 0),
            row("数据-20120529-162532.018646", TaskState::Failed, 3, 1),
        ];
        draw(&rows, &Style { color: false, width }, 8_300.0)
    }

    #[test]
    fn a_table_is_never_wider_than_the_terminal() {
        for width in 1..200 {
            let widest = drawn(width).iter().map(|line| line.width()).max().unwrap();
            assert!(widest <= width.max(2), "{width}: {:?}", drawn(width));
        }
    }

    #[test]
    fn what_has_no_room_goes_the_least_telling_first() {
        let has = |width: usize, word: &str| drawn(width)[0].contains(word);
        assert!(has(120, "USER") && drawn(120)[2].ends_with("failed: b"), "{:?}", drawn(120));
        assert!(!has(60, "USER") && has(60, "STATE") && has(60, "DONE"), "{:?}", drawn(60));
        assert!(has(34, "STATE") && !has(34, "TOOK"), "{:?}", drawn(34));
        assert_eq!(drawn(10)[1], "● simp…646");
    }
}
