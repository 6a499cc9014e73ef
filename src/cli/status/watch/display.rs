//! Where a watched table goes: a screen of its own on a terminal, lines elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{self, IsTerminal, Read, Stdin};
use std::time::Duration;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::super::text::{self, Owners};
use super::super::{Row, StatusArguments, json, table};
use crate::checkpoint::{Status, TaskId};
use crate::cli::arguments::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{clock, terminal};
use crate::view::fit;
use crate::view::look::Style;

/// The other screen of the terminal, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What was said while the screen was another is said on the way back.
pub(super) struct Display<'a> {
    arguments: &'a StatusArguments,
    context: &'a Context,
    screen: Option<Screen>,
    owners: Owners,
    said: String,
    last: Vec<String>,
    /// How many processes the tasks have that were on the screen.
    totals: HashMap<String, usize>,
    /// A hash of what was printed last of each task.
    printed: HashMap<String, u64>,
}

/// The terminal while it is taken; given back when this goes.
struct Screen {
    keys: Option<(Stdin, Termios)>,
    context: Context,
}

impl<'a> Display<'a> {
    /// Takes the terminal if a table is to be shown there.
    pub(super) fn open(arguments: &'a StatusArguments, context: &'a Context) -> Display<'a> {
        let screen = arguments.is_table(context).then(|| Screen::enter(context));
        let (owners, said, last) = (Owners::default(), String::new(), Vec::new());
        Display {
            arguments,
            context,
            screen,
            owners,
            said,
            last,
            totals: HashMap::new(),
            printed: HashMap::new(),
        }
    }

    /// Says whether a table is shown.
    pub(super) fn is_table(&self) -> bool {
        self.screen.is_some()
    }

    /// Where keys come from, if they mean something.
    pub(super) fn keys(&self) -> Option<&Stdin> {
        self.screen.as_ref()?.keys.as_ref().map(|(stdin, _)| stdin)
    }

    /// Takes what was typed; says whether it was to leave. A keyboard that has gone leaves too.
    pub(super) fn wants_to_leave(&self) -> bool {
        let mut typed = [0; 64];
        match self.keys().map(|keys| keys.lock().read(&mut typed)) {
            Some(Ok(count)) => {
                count == 0 || typed[..count].iter().any(|key| matches!(key, b'q' | b'Q' | 3 | 4))
            }
            Some(Err(error)) => error.kind() != io::ErrorKind::Interrupted,
            None => false,
        }
    }

    /// When to draw again though nothing has changed: ages grow while something runs.
    pub(super) fn tick(&self, rows: &BTreeMap<TaskId, Row>) -> Option<Duration> {
        let is_growing = self.is_table() && rows.values().any(|row| !row.is_over());
        is_growing.then_some(Duration::from_secs(1))
    }

    /// A task has changed: outside of a table it is printed.
    pub(super) fn changed(&mut self, status: &Status) -> Result<(), Failure> {
        if self.is_table() {
            return Ok(());
        }
        let text = match self.arguments.format {
            Format::Json => json(status) + "\n",
            Format::Text => text::task(status, self.arguments.level(), &mut self.owners),
        };
        // It may have been read because nobody could tell whether it had changed.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&text);
        match self.printed.insert(status.task_id.to_string(), hash) {
            Some(known) if known == hash => Ok(()),
            _ => self.context.terminal.print(text),
        }
    }

    /// A task is no longer there.
    pub(super) fn vanished(&mut self, id: &TaskId) {
        self.say(&format!(" INFO] Task {id} was removed\n"));
    }

    /// A task cannot be read.
    pub(super) fn damaged(&mut self, drawn: String) {
        if !self.said.contains(&drawn) {
            self.say(&drawn);
        }
    }

    fn say(&mut self, text: &str) {
        match self.is_table() {
            true => self.said += text,
            false => self.context.terminal.say(text),
        }
    }

    /// Draws the table over the old one, without a moment of an empty screen.
    pub(super) fn draw(&mut self, rows: &BTreeMap<TaskId, Row>) -> Result<(), Failure> {
        if !self.is_table() {
            return Ok(());
        }
        let (height, width) = terminal::size();
        let style = Style { width, ..self.context.terminal.stdout.into() };
        let wanted = rows.values().filter(|row| self.arguments.wants(&row.state));
        let mut rows: Vec<Row> = wanted.cloned().collect();
        table::sort(&mut rows);
        for row in rows.iter_mut().take(height) {
            self.complete(row);
        }
        self.last = lines(&rows, &style, height);
        let mut text = "\x1b[H".to_owned();
        text += &self.last.join("\x1b[K\r\n");
        self.context.terminal.print(text + "\x1b[K\x1b[J")
    }

    /// Reads how many processes a task has, once.
    fn complete(&mut self, row: &mut Row) {
        let known = self.totals.get(&row.id).copied();
        row.total = known;
        row.complete(&self.context.root);
        if let (None, Some(total)) = (known, row.total) {
            self.totals.insert(row.id.clone(), total);
        }
    }

    /// Gives the terminal back and leaves the last table on it.
    pub(super) fn close(mut self) {
        if self.screen.take().is_some() {
            let last = self.last.iter().filter(|line| !line.contains(HINT)).cloned().collect::<Vec<_>>();
            let _ = self.context.terminal.print(last.join("\n") + "\n");
        }
    }
}

impl Drop for Display<'_> {
    fn drop(&mut self) {
        self.screen = None;
        self.context.terminal.say(&self.said);
    }
}

const HINT: &str = "q leaves";

/// The lines of a screen, no more than it has; the summary stands last, and goes only where there is no room at all.
fn lines(rows: &[Row], style: &Style, height: usize) -> Vec<String> {
    if rows.is_empty() {
        return vec![fit("no task yet; q leaves", style.width).trim_end().to_owned()];
    }
    let (head, tail) = (height >= 4, if height >= 6 { 2 } else { usize::from(height >= 3) });
    let shown = rows.len().min(height.saturating_sub(usize::from(head) + tail).max(1));
    let mut lines = table::draw(&rows[..shown], style, clock::seconds());
    if !head {
        lines.remove(0);
    }
    if tail > 0 {
        lines.push(table::summary(rows, shown, style));
    }
    if tail > 1 {
        lines.push(style.faint(fit(HINT, style.width).trim_end()));
    }
    lines
}

impl Screen {
    fn enter(context: &Context) -> Screen {
        let stdin = io::stdin();
        let keys = stdin.is_terminal().then(|| tcgetattr(&stdin).ok()).flatten();
        if let Some(before) = &keys {
            let mut raw = before.clone();
            raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
            let _ = tcsetattr(&stdin, SetArg::TCSANOW, &raw);
        }
        let _ = context.terminal.print(ENTER);
        Screen { keys: keys.map(|before| (stdin, before)), context: context.clone() }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.context.terminal.print(LEAVE);
        if let Some((stdin, before)) = &self.keys {
            let _ = tcsetattr(stdin, SetArg::TCSANOW, before);
        }
    }
}
