//! `thermos gc`: removes what tasks have left that have ended.

mod choice;
mod limits;

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::choice::{Candidate, Limits};
use super::arguments::Format;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::{completions, launch, report, tasks};
use crate::checkpoint::{CheckpointError, removal};
use crate::diagnostics::Diagnostic;
use crate::runner::{self, Removal};
use crate::view;

/// Remove the checkpoints and logs of tasks that have ended
///
/// Of the tasks that have ended and match an expression (all of them if there is none) those go that are beyond a limit;
/// without a limit those that match. What a task has left is its checkpoint and its logs; its sandbox is never touched.
/// A task that has not ended, or whose runner lives, stays whatever is asked.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GcArguments {
    /// Remove tasks that ended longer ago than this: 7d, 12h, 30min, 1d12h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = limits::age)]
    max_age: Option<Duration>,
    /// Keep the tasks that ended last, so many of them, and remove the others
    #[arg(long, value_name = "N")]
    max_tasks: Option<usize>,
    /// Keep as many of those that ended last as have room in this: 10G, 500MB; units count by 1024
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = limits::space)]
    max_space: Option<u64>,
    /// Keep the logs
    #[arg(long)]
    keep_data: bool,
    /// Remove nothing; say what would go, with its bytes
    #[arg(long)]
    dry_run: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", value_parser = patterns::parse, add = completions::task_ids())]
    patterns: Vec<Pattern>,
}

const EXAMPLES: &str = "Examples:
  thermos gc --max-age 30d --dry-run     what ended over 30 days ago
  thermos gc --max-tasks 100             all but the last hundred
  thermos gc 'test-.*'                   every ended task whose id begins with test-";

/// What became of one task, or would.
#[derive(Debug, Serialize)]
struct Entry {
    task_id: String,
    /// None if it never started.
    state: Option<String>,
    bytes: u64,
    removed: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    dry_run: bool,
    /// Of all that was removed, or would be.
    bytes: u64,
    tasks: Vec<Entry>,
}

impl GcArguments {
    /// Removes tasks one after the other; one that cannot be removed saves no other.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let found = choice::find(context, &self.patterns)?;
        context.terminal.say(report::draw(&found.notes, context.terminal.stderr));
        let mut exit = if found.is_damaged { Exit::Other } else { Exit::Success };
        if self.is_unlimited() {
            return Err(undecided(&found.candidates, !self.keep_data));
        }
        let is_empty = found.candidates.is_empty();
        let chosen = self.limits().choose(found.candidates, !self.keep_data);
        let (mut entries, mut failures) = (Vec::new(), Vec::new());
        for candidate in chosen {
            let (entry, failure) = self.remove(&candidate);
            entries.extend(entry);
            failures.extend(failure);
        }
        if !self.dry_run
            && let Err(error) = sweep(context)
        {
            failures.extend(Failure::from(error).diagnostics);
        }
        context.terminal.say(report::draw(&failures, context.terminal.stderr));
        if failures.iter().any(Diagnostic::is_error) {
            exit = Exit::Other;
        }
        self.tell(entries, context)?;
        if is_empty && !self.patterns.is_empty() && exit == Exit::Success {
            return Err(nothing_to_remove(context, &self.patterns, found.is_any_active));
        }
        Ok(exit)
    }

    fn limits(&self) -> Limits {
        Limits { age: self.max_age, tasks: self.max_tasks, space: self.max_space }
    }

    /// Says whether nothing tells what is to go.
    fn is_unlimited(&self) -> bool {
        self.patterns.is_empty() && self.limits().is_none()
    }

    fn remove(&self, candidate: &Candidate) -> (Option<Entry>, Option<Diagnostic>) {
        let bytes = candidate.size(!self.keep_data);
        let id = candidate.paths.id().to_string();
        let state = candidate.state.state.as_ref().map(|state| state.as_str().to_owned());
        let entry = |removed| Some(Entry { task_id: id.clone(), state: state.clone(), bytes, removed });
        if self.dry_run {
            return (entry(false), None);
        }
        match runner::remove(&candidate.paths, self.keep_data, &launch::caller()) {
            Ok(Removal::Removed) => (entry(true), None),
            Ok(Removal::InUse) => {
                let message = format!("task {id} is in use and stays");
                let help = "somebody runs, ends or removes it right now";
                (None, Some(Diagnostic::warning("task_owned", message).with_help(help)))
            }
            Ok(Removal::Refused(reason)) => {
                let message = format!("cannot remove task {id}: {reason}");
                (None, Some(Diagnostic::error("io", message).with_help("remove it as its owner")))
            }
            Err(error) => (None, Failure::from(error).diagnostics.into_iter().next()),
        }
    }

    fn tell(&self, tasks: Vec<Entry>, context: &Context) -> Result<(), Failure> {
        let bytes = tasks.iter().map(|entry| entry.bytes).sum();
        let report = Report { dry_run: self.dry_run, bytes, tasks };
        context.terminal.print(match self.format {
            // Plain structs of strings and numbers always serialize.
            Format::Json => serde_json::to_string(&report).unwrap_or_default() + "\n",
            Format::Text => text(&report),
        })
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let doing = if report.dry_run { "would remove" } else { "removed" };
    for entry in &report.tasks {
        let state = entry.state.as_deref().unwrap_or("never started");
        text += &format!("{doing} {} ({state}, {})\n", entry.task_id, view::size(entry.bytes));
    }
    let freed = if report.dry_run { "would be freed" } else { "freed" };
    let count = report.tasks.len();
    let tasks = if count == 1 { "task" } else { "tasks" };
    text += &format!("{count} {tasks}, {} {freed}\n", view::size(report.bytes));
    text
}

/// Finishes removals that were cut short.
fn sweep(context: &Context) -> Result<(), CheckpointError> {
    context.root.half_removed()?.iter().try_for_each(|folder| removal::remove_folder(folder))
}

/// Nothing said what is to go: everything would be too much, nothing would be a riddle.
fn undecided(candidates: &[Candidate], with_logs: bool) -> Failure {
    let bytes: u64 = candidates.iter().map(|candidate| candidate.size(with_logs)).sum();
    let count = candidates.len();
    let tasks = if count == 1 { "task has" } else { "tasks have" };
    let message =
        format!("nothing says which tasks to remove; {count} {tasks} ended, with {}", view::size(bytes));
    let help = "name a limit, such as --max-age 30d, --max-tasks 100 or --max-space 10G, or tasks: `.*` is all \
        that have ended; --dry-run shows what would go";
    Failure::new(Exit::Usage, Diagnostic::error("usage", message).with_help(help))
}

fn nothing_to_remove(context: &Context, patterns: &[Pattern], is_any_active: bool) -> Failure {
    if !is_any_active {
        return tasks::none_found(&context.root, patterns);
    }
    let message = format!("no task that matches {} has ended", patterns::texts(patterns));
    let help = "end it first with `thermos kill`, or wait";
    Failure::new(Exit::Failed, Diagnostic::error("nothing_found", message).with_help(help))
}
