//! `thermos status`: what tasks there are, and how they are.

mod text;

use clap::{Args, ValueEnum};

use super::arguments::Format;
use super::completions;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::{report, tasks};
use crate::checkpoint::{Status, TaskEntry};
use crate::diagnostics::Diagnostic;

/// Show the tasks whose whole id matches an expression, all tasks if none is given
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// 0: id and owner; 1: state and start; 2: user, ports, sandbox; 3: processes
    #[arg(long, short, value_name = "LEVEL", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    verbosity: u8,
    /// Show only tasks that have not ended, or only those that have
    #[arg(long, value_name = "WHICH", value_enum)]
    only: Option<Only>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", value_parser = patterns::parse, add = completions::task_ids())]
    patterns: Vec<Pattern>,
}

const EXAMPLES: &str = "Examples:
  thermos status
  thermos status --verbosity 3 build-42
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
        let (found, damaged) = self.read(context)?;
        context.terminal.print(self.show(&found))?;
        context.terminal.say(report::draw(&damaged, context.terminal.stderr));
        match (found.is_empty(), damaged.is_empty()) {
            (_, false) => Ok(Exit::Other),
            (true, true) => Err(tasks::none_found(&context.root, &self.patterns)),
            (false, true) => Ok(Exit::Success),
        }
    }

    /// Reads what can be read: one damaged checkpoint hides no other task.
    fn read(&self, context: &Context) -> Result<(Vec<Status>, Vec<Diagnostic>), Failure> {
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        let picked = tasks::select(&context.root, &self.patterns)?;
        if !picked.is_empty() {
            let idle = tasks::idle_patterns(&picked, &self.patterns);
            context.terminal.say(report::draw(&idle, context.terminal.stderr));
        }
        for TaskEntry { id, .. } in picked {
            match Status::read(&context.root.task(&id)) {
                Ok(status) => found.extend(status.filter(|status| self.wants(status))),
                Err(error) => damaged.push(tasks::diagnostic(&error)),
            }
        }
        Ok((found, damaged))
    }

    fn wants(&self, status: &Status) -> bool {
        match self.only {
            None => true,
            Some(Only::Active) => !status.state.is_terminal(),
            Some(Only::Finished) => status.state.is_terminal(),
        }
    }

    fn show(&self, found: &[Status]) -> String {
        match self.format {
            // Plain structs of strings and numbers always serialize.
            Format::Json => serde_json::to_string(found).unwrap_or_else(|_| "[]".to_owned()) + "\n",
            Format::Text if self.patterns.is_empty() => text::overview(found, self.verbosity),
            Format::Text => found.iter().map(|status| text::found(status, self.verbosity)).collect(),
        }
    }
}
