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
        let mut damaged = Vec::new();
        let is_any = match (self.format, self.is_table(context)) {
            (Format::Json, _) => self.print_json(context, &picked, &mut damaged)?,
            (Format::Text, true) => self.print_table(context, &picked, &mut damaged)?,
            (Format::Text, false) => self.print_text(context, &picked, &mut damaged)?,
        };
        context.terminal.say(report::draw(&damaged, context.terminal.stderr));
        match (is_any, damaged.is_empty()) {
            (_, false) => Ok(Exit::Other),
            (false, true) => Err(tasks::none_found(&context.root, &self.patterns)),
            (true, true) => Ok(Exit::Success),
        }
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
        damaged: &mut Vec<Diagnostic>,
        mut take: impl FnMut(Status) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for TaskEntry { id, .. } in picked {
            match Status::read(&context.root.task(id)) {
                Ok(Some(status)) if self.wants(&status.state) => take(status)?,
                Ok(_) => {}
                Err(error) => damaged.push(tasks::diagnostic(&error)),
            }
        }
        Ok(())
    }

    fn print_json(
        &self,
        context: &Context,
        picked: &[TaskEntry],
        damaged: &mut Vec<Diagnostic>,
    ) -> Result<bool, Failure> {
        let (mut block, mut is_any) = ("[".to_owned(), false);
        self.each(context, picked, damaged, |status| {
            if std::mem::replace(&mut is_any, true) {
                block.push(',');
            }
            block += &json(&status);
            flush(&mut block, context, BLOCK)
        })?;
        block += "]\n";
        flush(&mut block, context, 0)?;
        Ok(is_any)
    }

    fn print_text(
        &self,
        context: &Context,
        picked: &[TaskEntry],
        damaged: &mut Vec<Diagnostic>,
    ) -> Result<bool, Failure> {
        let mut owners = Owners::default();
        let (mut active, mut finished, mut is_any) = (String::new(), String::new(), false);
        self.each(context, picked, damaged, |status| {
            is_any = true;
            if !self.patterns.is_empty() {
                active += &text::found(&status, self.level(), &mut owners);
                return flush(&mut active, context, BLOCK);
            }
            let section = if status.state.is_terminal() { &mut finished } else { &mut active };
            *section += &text::task(&status, self.level(), &mut owners);
            Ok(())
        })?;
        let shown = if self.patterns.is_empty() { text::overview(&active, &finished) } else { active };
        context.terminal.print(shown)?;
        Ok(is_any)
    }

    fn print_table(
        &self,
        context: &Context,
        picked: &[TaskEntry],
        damaged: &mut Vec<Diagnostic>,
    ) -> Result<bool, Failure> {
        let mut rows = Vec::new();
        self.each(context, picked, damaged, |status| {
            rows.push(Row::new(&status));
            Ok(())
        })?;
        if rows.is_empty() {
            return Ok(false);
        }
        table::sort(&mut rows);
        // Who asked for some of them wants to see them; of all, the finished ones get the room that is left.
        let is_whole = self.only.is_some() || !self.patterns.is_empty();
        let most = if is_whole { usize::MAX } else { terminal::size().0.saturating_sub(FRAME).max(LEAST) };
        let shown = table::shown(&rows, most);
        rows[..shown].iter_mut().for_each(|row| row.complete(&context.root));
        let style = context.terminal.stdout.into();
        let mut lines = table::draw(&rows[..shown], &style, clock::seconds());
        lines.push(table::summary(&rows, shown, &style));
        context.terminal.print(lines.join("\n") + "\n")?;
        Ok(true)
    }
}

/// Lines of a screen that are not tasks: the head, the summary, and those of the shell before and after.
const FRAME: usize = 5;

/// So many tasks are shown on any screen.
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
