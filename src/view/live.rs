//! A task while it runs, as a few lines that fit a terminal: what runs, how far it has come, how long it takes.

use std::collections::{BTreeMap, HashMap};

use unicode_width::UnicodeWidthStr;

use super::columns::{cut, fit, one_line};
use super::duration;
use super::look::{Style, Tone};
use crate::checkpoint::TaskState;

/// The most columns that a name takes.
const NAMES: usize = 32;

/// Columns of a duration: `23 h 59 min`.
const TIMES: usize = 11;

/// A task while it runs.
#[derive(Clone, Debug)]
pub struct Board {
    /// The id of the task.
    id: String,
    /// How each process is that the task waits for, by name; whether it is done, and how.
    processes: HashMap<String, Progress>,
    /// What runs, oldest first, by number of start.
    running: BTreeMap<u64, Running>,
    /// The number of the next start.
    next: u64,
    stage: TaskState,
    /// What may be done while the task is being ended.
    hint: Option<String>,
}

/// How far a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    done: bool,
    failed: bool,
    /// The number of its running start.
    running: Option<u64>,
}

/// A run that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The process.
    pub process: String,
    /// Which of its runs.
    pub run: u64,
    /// When it was started, in seconds of the clock that [`Board::lines`] is given.
    pub since: f64,
}

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Lines.
    pub rows: usize,
    /// Colours and columns.
    pub style: Style,
}

impl Board {
    /// Begins with nothing done of the processes of those names.
    pub fn new(id: &str, processes: impl IntoIterator<Item = String>) -> Board {
        let processes = processes.into_iter().map(|name| (name, Progress::default())).collect();
        let running = BTreeMap::new();
        Board { id: id.to_owned(), processes, running, next: 0, stage: TaskState::Active, hint: None }
    }

    /// A run goes on since some time.
    pub fn started(&mut self, process: &str, run: u64, since: f64) {
        self.stopped(process);
        let progress = self.processes.entry(process.to_owned()).or_default();
        *progress = Progress { running: Some(self.next), ..Progress::default() };
        self.running.insert(self.next, Running { process: process.to_owned(), run, since });
        self.next += 1;
    }

    /// The run of a process is over, and so is the process for now; returns the run.
    pub fn finished(&mut self, process: &str) -> Option<Running> {
        let stopped = self.stopped(process);
        self.processes.entry(process.to_owned()).or_default().done = true;
        stopped
    }

    /// The run of a process failed, or was interrupted; whether it runs again is told later.
    pub fn stopped(&mut self, process: &str) -> Option<Running> {
        let number = self.processes.get_mut(process)?.running.take()?;
        self.running.remove(&number)
    }

    /// A process has failed for good.
    pub fn failed(&mut self, process: &str) {
        let progress = self.processes.entry(process.to_owned()).or_default();
        (progress.done, progress.failed) = (true, true);
    }

    /// Says whether this run goes on.
    pub fn is_running(&self, process: &str, run: u64) -> bool {
        let number = self.processes.get(process).and_then(|progress| progress.running);
        number.and_then(|number| self.running.get(&number)).is_some_and(|running| running.run == run)
    }

    /// The task has entered a state.
    pub fn entered(&mut self, state: &TaskState) {
        self.stage = state.clone();
    }

    /// Says whether the task is on its way to its end.
    pub fn is_ending(&self) -> bool {
        self.stage != TaskState::Active
    }

    /// From now on something may be done that is not obvious.
    pub fn hint(&mut self, hint: &str) {
        self.hint = Some(hint.to_owned());
    }

    /// Returns the runs that [`Board::lines`] has room for.
    pub fn shown(&self, room: &Room) -> impl Iterator<Item = &Running> {
        self.running.values().take(self.split(room).0)
    }

    /// Returns how many runs are shown, and how many are not.
    fn split(&self, room: &Room) -> (usize, usize) {
        // The last line is for the whole, one is left for the cursor, and one says what is left out.
        let rows = room.rows.saturating_sub(2);
        match self.running.len() {
            all if all <= rows => (all, 0),
            all => (rows.saturating_sub(1), all - rows.saturating_sub(1)),
        }
    }

    /// Draws it at a time; `said` is what a run printed last, `start` when the task was started.
    pub fn lines(
        &self,
        room: &Room,
        now: f64,
        start: f64,
        said: impl Fn(&Running) -> Option<String>,
    ) -> Vec<String> {
        let (shown, hidden) = self.split(room);
        let names: Vec<String> = self.running.values().take(shown).map(name).collect();
        let widest = names.iter().map(|name| name.width()).max().unwrap_or_default();
        let columns = widest.min(NAMES).min(room.style.width / 3);
        let line = |(running, name): (&Running, &String)| {
            self.line(running, &fit(&cut(name, columns), columns), now, room, said(running))
        };
        let mut lines: Vec<String> = self.running.values().zip(&names).map(line).collect();
        if hidden > 0 && room.rows > 2 {
            let more = if shown == 0 { "" } else { "more " };
            lines.push(
                room.style.faint(fit(&format!("   and {hidden} {more}running"), self.width(room)).trim_end()),
            );
        }
        lines.push(self.whole(room, duration(now - start)));
        lines
    }

    /// Columns that may be written to: the last one would move some cursors, and a terminal writes `^C` behind a line.
    fn width(&self, room: &Room) -> usize {
        room.style.width.saturating_sub(3).max(room.style.width.min(8).saturating_sub(1))
    }

    fn line(&self, running: &Running, name: &str, now: f64, room: &Room, said: Option<String>) -> String {
        let style = &room.style;
        let time = duration(now - running.since);
        let time = format!("{}{time}", " ".repeat(TIMES.saturating_sub(time.width())));
        let left = self.width(room).saturating_sub(3 + name.width() + 2 + TIMES + 2);
        let said = said.map(|text| fit(&one_line(&text), left)).unwrap_or_default();
        // What has no room for a time has none for what is said either.
        match self.width(room).checked_sub(3 + name.width() + 2 + TIMES) {
            None => fit(&format!(" {} {name}", Tone::Busy.sign()), self.width(room)),
            Some(_) => {
                let line =
                    format!(" {} {name}  {}", style.paint(Tone::Busy, Tone::Busy.sign()), style.faint(&time));
                if left == 0 || said.trim().is_empty() {
                    line
                } else {
                    format!("{line}  {}", said.trim_end())
                }
            }
        }
    }

    /// The last line: the bar, and numbers as far as there is room for them.
    fn whole(&self, room: &Room, time: String) -> String {
        let style = &room.style;
        let (all, running) = (self.processes.len(), self.running.len());
        let done = self.processes.values().filter(|process| process.done).count();
        let failed = self.processes.values().filter(|process| process.failed).count();
        let mut parts = vec![(Tone::Idle, format!("{done}/{all} done"))];
        if failed > 0 {
            parts.push((Tone::Bad, format!("{failed} failed")));
        }
        parts.push((Tone::Busy, format!("{running} running")));
        parts.push((Tone::Idle, time));
        if let Some(doing) = self.doing() {
            parts.insert(0, (Tone::Ended, doing));
        }
        if self.width(room) == 0 {
            return String::new();
        }
        let mut room_left = self.width(room) - 1;
        let mut texts = Vec::new();
        for (tone, text) in parts {
            let separator = if texts.is_empty() { 0 } else { 3 };
            if text.width() + separator > room_left && !texts.is_empty() {
                break;
            }
            let text = fit(&text, room_left.min(text.width()));
            room_left = room_left.saturating_sub(text.width() + separator);
            texts.push(match tone {
                Tone::Idle => text,
                tone => style.paint(tone, &text),
            });
        }
        let numbers = texts.join(&style.faint(" · "));
        let bar = (room_left / 2).min(BAR);
        let id = cut(&one_line(&self.id), room_left.saturating_sub(bar + 4).min(40));
        match (bar >= 8, id.width() >= 6) {
            (true, true) => {
                format!(" {}  {}  {numbers}", style.strong(&id), self.bar(bar, done, failed, style))
            }
            (true, false) => format!(" {}  {numbers}", self.bar(bar, done, failed, style)),
            (false, _) => format!(" {numbers}"),
        }
    }

    fn doing(&self) -> Option<String> {
        match (&self.stage, &self.hint) {
            (TaskState::Cleaning, None) => Some("ending".to_owned()),
            (TaskState::Cleaning, Some(hint)) => Some(format!("ending ({})", one_line(hint))),
            (TaskState::Finalizing, None) => Some("finalizing".to_owned()),
            (TaskState::Finalizing, Some(hint)) => Some(format!("finalizing ({})", one_line(hint))),
            _ => None,
        }
    }

    fn bar(&self, columns: usize, done: usize, failed: usize, style: &Style) -> String {
        let share = |count: usize| (count * columns).checked_div(self.processes.len()).unwrap_or_default();
        let (filled, bad) = (share(done), share(failed).max(usize::from(failed > 0)).min(share(done)));
        let part = |count: usize| "━".repeat(count);
        let (good, bad) = (style.paint(Tone::Good, &part(filled - bad)), style.paint(Tone::Bad, &part(bad)));
        format!("{good}{bad}{}", style.faint(&"─".repeat(columns - filled)))
    }
}

/// The most columns of the bar.
const BAR: usize = 30;

fn name(running: &Running) -> String {
    let name = one_line(&running.process);
    if running.run == 0 { name } else { format!("{name} #{}", running.run) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        let names = ["compile", "test \u{1b}[2J", "package", "deploy"].map(str::to_owned);
        let mut board = Board::new("build-20261124-101112.000001", names);
        board.started("compile", 0, 0.0);
        board.finished("compile");
        board.started("test \u{1b}[2J", 2, 5.0);
        board
    }

    fn lines(board: &Board, rows: usize, width: usize) -> Vec<String> {
        let room = Room { rows, style: Style { color: false, width } };
        let lines = board.lines(&room, 12.0, 0.0, |_| Some("ok\t12 tests\rthen".to_owned()));
        for line in &lines {
            assert!(line.width() < width, "{} columns of {width}: {line:?}", line.width());
        }
        lines
    }

    #[test]
    fn what_runs_stands_above_the_whole() {
        assert_eq!(
            lines(&board(), 24, 80),
            [
                " ● test \u{fffd}[2J #2        7.0 s  ok\u{fffd}12 tests\u{fffd}then",
                " build-2026…112.000001  ━━━━━━──────────────────  1/4 done · 1 running · 12 s",
            ]
        );
    }

    #[test]
    fn everything_fits_whatever_the_size() {
        let mut board = board();
        (0..100).for_each(|number| board.started(&format!("数据处理 {number}"), 0, 1.0));
        board.failed("package");
        board.entered(&TaskState::Cleaning);
        board.hint("Ctrl-C again kills");
        for rows in 1..30 {
            for width in [1, 2, 3, 5, 10, 20, 40, 80, 200] {
                assert!(lines(&board, rows, width).len() < rows.max(2), "{rows} rows");
            }
        }
        assert_eq!(lines(&board, 5, 80)[2], "   and 99 more running");
    }

    #[test]
    fn a_process_that_runs_again_is_not_done() {
        let mut board = board();
        board.started("compile", 1, 6.0);
        board.stopped("compile");
        assert!(lines(&board, 24, 80)[1].contains("0/4 done"), "{:?}", lines(&board, 24, 80));
    }
}
