//! `thermos status`: what tasks there are, and how they are.

mod table;
mod text;
mod watch;

use clap::{Args, ValueEnum};

use self::table::Row;
use self::text::Owners;
use super::arguments::Format;
use super::completions;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::{clock, report, tasks, terminal};
use crate::checkpoint::{Status, TaskEntry, TaskState};
use crate::diagnostics::Diagnostic;

/// Show the tasks whose whole id matches an expression, all tasks if none is given
///
/// On a terminal, a table: those that have not ended come first, then those that ended last, as many as have room. With
/// --verbosity, and elsewhere than on a terminal, a few lines for each.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// 0: id and owner; 1: state and start; 2: user, ports, sandbox; 3: processes
    #[arg(long, short, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=3))]
    verbosity: Option<u8>,
    /// Show only tasks that have not ended, or only those that have
    #[arg(long, value_name = "WHICH", value_enum)]
    only: Option<Only>,
    /// Show changes as they come, until all tasks that were asked for have ended; `q` leaves
    #[arg(long)]
    watch: bool,
    /// How to print it; with --watch, JSON is a line for each task and change
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", value_parser = patterns::parse, add = completions::task_ids())]
    patterns: Vec<Pattern>,
}

const EXAMPLES: &str = "Examples:
  thermos status --watch                 what goes on, until you press q
  thermos status --watch TASK_ID         until it has ended, with the exit code of its state
  thermos status -v 3 TASK_ID            with its processes
  thermos status --only active --format json 'build-.*'";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Tasks that have not ended
    Active,
    /// Tasks that have ended
    Finished,
}

impl StatusArguments {
    /// Prints the tasks; exit code 1 if there is none, 6 if one cannot be read.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if self.watch {
            return watch::watch(&self, context);
        }
        let picked = tasks::select(&context.root, &self.patterns)?;
        if !picked.is_empty() {
            let idle = tasks::idle_patterns(&picked, &self.patterns);
            context.terminal.say(report::draw(&idle, context.terminal.stderr));
        }
        let mut seen = Seen::default();
        match (self.format, self.is_table(context)) {
            (Format::Json, _) => self.print_json(context, &picked, &mut seen)?,
            (Format::Text, true) => self.print_table(context, &picked, &mut seen)?,
            (Format::Text, false) => self.print_text(context, &picked, &mut seen)?,
        }
        context.terminal.say(report::draw(&seen.damaged, context.terminal.stderr));
        match seen {
            Seen { damaged, .. } if !damaged.is_empty() => Ok(Exit::Other),
            Seen { is_any: true, .. } => Ok(Exit::Success),
            Seen { left_out: 0, .. } => Err(tasks::none_found(&context.root, &self.patterns)),
            Seen { left_out, .. } => Err(self.none_of_that_kind(left_out)),
        }
    }

    /// There are tasks, but `--only` leaves all of them out.
    fn none_of_that_kind(&self, left_out: usize) -> Failure {
        let (kind, other) = match self.only {
            Some(Only::Finished) => ("finished", "not ended"),
            _ => ("active", "ended"),
        };
        let whom = match self.patterns.as_slice() {
            [] => String::new(),
            patterns => format!(" that matches {}", patterns::texts(patterns)),
        };
        let has = if left_out == 1 { "task has" } else { "tasks have" };
        let message = format!("no task{whom} is {kind}: {left_out} {has} {other}");
        let help = "without --only they are shown too";
        Failure::new(Exit::Failed, Diagnostic::error("nothing_found", message).with_help(help))
    }

    fn is_table(&self, context: &Context) -> bool {
        self.verbosity.is_none() && self.format == Format::Text && context.terminal.stdout.terminal
    }

    /// The level of detail of what is no table.
    fn level(&self) -> u8 {
        self.verbosity.unwrap_or(1)
    }

    fn wants(&self, state: &TaskState) -> bool {
        match self.only {
            None => true,
            Some(Only::Active) => !state.is_terminal(),
            Some(Only::Finished) => state.is_terminal(),
        }
    }

    /// Reads what can be read: one damaged checkpoint hides no other task. No more than one task is held at a time.
    fn each(
        &self,
        context: &Context,
        picked: &[TaskEntry],
        seen: &mut Seen,
        mut take: impl FnMut(Status) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for TaskEntry { id, .. } in picked {
            match Status::read(&context.root.task(id)) {
                Ok(Some(status)) if self.wants(&status.state) => {
                    seen.is_any = true;
                    take(status)?;
                }
                Ok(Some(_)) => seen.left_out += 1,
                Ok(None) => {}
                Err(error) => seen.damaged.push(tasks::diagnostic(&error)),
            }
        }
        Ok(())
    }

    fn print_json(&self, context: &Context, picked: &[TaskEntry], seen: &mut Seen) -> Result<(), Failure> {
        let (mut block, mut is_first) = ("[".to_owned(), true);
        self.each(context, picked, seen, |status| {
            if !std::mem::replace(&mut is_first, false) {
                block.push(',');
            }
            block += &json(&status);
            flush(&mut block, context, BLOCK)
        })?;
        block += "]\n";
        flush(&mut block, context, 0)
    }

    fn print_text(&self, context: &Context, picked: &[TaskEntry], seen: &mut Seen) -> Result<(), Failure> {
        let mut owners = Owners::default();
        let (mut active, mut finished) = (String::new(), String::new());
        self.each(context, picked, seen, |status| {
            if !self.patterns.is_empty() {
                active += &text::found(&status, self.level(), &mut owners);
                return flush(&mut active, context, BLOCK);
            }
            let section = if status.state.is_terminal() { &mut finished } else { &mut active };
            *section += &text::task(&status, self.level(), &mut owners);
            Ok(())
        })?;
        let shown = if self.patterns.is_empty() { text::overview(&active, &finished) } else { active };
        context.terminal.print(shown)
    }

    fn print_table(&self, context: &Context, picked: &[TaskEntry], seen: &mut Seen) -> Result<(), Failure> {
        let mut rows = Vec::new();
        self.each(context, picked, seen, |status| {
            rows.push(Row::new(&status));
            Ok(())
        })?;
        if rows.is_empty() {
            return Ok(());
        }
        table::sort(&mut rows);
        // Who asked for some of them wants to see them; of all, the finished ones get the room that is left.
        let is_whole = self.only.is_some() || !self.patterns.is_empty();
        let screen = terminal::size().0;
        let most = if is_whole { usize::MAX } else { screen.saturating_sub(frame(screen)).max(1) };
        let shown = table::shown(&rows, most);
        rows[..shown].iter_mut().for_each(|row| row.complete(&context.root));
        let style = context.terminal.stdout.into();
        let mut lines = table::draw(&rows[..shown], &style, clock::seconds());
        lines.push(table::summary(&rows, shown, &style));
        if !is_whole && screen < LEAST {
            // Of what frames the tasks, the summary alone says that there are more of them.
            lines.remove(0);
        }
        context.terminal.print(lines.join("\n") + "\n")
    }
}

/// What was read for a listing.
#[derive(Debug, Default)]
struct Seen {
    /// Whether a task was shown.
    is_any: bool,
    /// How many tasks `--only` left out.
    left_out: usize,
    damaged: Vec<Diagnostic>,
}

/// Lines of a screen that are not tasks: the head, the summary, and those of the shell before and after. A small one has
/// no line to spare: the summary, and the prompt below it.
fn frame(screen: usize) -> usize {
    match screen {
        0..LEAST => 2,
        LEAST..10 => 3,
        _ => 5,
    }
}

/// A screen of fewer lines has no room for a head.
const LEAST: usize = 5;

/// Bytes that are written at once.
const BLOCK: usize = 64 << 10;

fn json(status: &Status) -> String {
    // Plain structs of strings and numbers always serialize.
    serde_json::to_string(status).unwrap_or_else(|_| "{}".to_owned())
}

/// Prints a text and empties it, if it is longer than `most`.
fn flush(text: &mut String, context: &Context, most: usize) -> Result<(), Failure> {
    if text.len() > most { context.terminal.print(std::mem::take(text)) } else { Ok(()) }
}
