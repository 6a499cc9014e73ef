//! `thermos gc`: removes what tasks have left that have ended.

mod choice;
mod limits;
mod neighbours;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::choice::{Candidate, Limits};
use self::neighbours::Neighbours;
use super::arguments::Format;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::{completions, launch, report, tasks};
use crate::checkpoint::removal::{self, Extent};
use crate::diagnostics::Diagnostic;
use crate::runner::{self, Removal};
use crate::view::{self, one_line};

/// Remove the checkpoints and logs of tasks that have ended
///
/// Of the tasks that have ended and match an expression (all of them if there is none) those go that are beyond a limit;
/// without a limit those that match. What a task has left is its checkpoint and its logs; its sandbox is never touched.
/// A task that has not ended, or whose runner lives, stays whatever is asked; and so do outputs in a log folder that was named
/// while a task that stays has its own there.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GcArguments {
    /// Remove tasks that ended longer ago than this: 7d, 12h, 30min, 1d12h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = limits::age)]
    max_age: Option<Duration>,
    /// Keep the tasks that ended last, so many of them, and remove the others
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
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
        if self.is_unlimited() {
            return Err(undecided(&found.candidates, self.extent()));
        }
        if found.candidates.is_empty() && !self.patterns.is_empty() && !found.is_damaged {
            return Err(nothing_to_remove(context, &self.patterns, found.is_any_active));
        }
        let chosen = self.limits().choose(found.candidates, self.extent());
        let neighbours = Neighbours::find(&context.root, &chosen)?;
        let (mut entries, mut failures) = (Vec::new(), Vec::new());
        for candidate in chosen {
            let neighbour = neighbours.of(&candidate).filter(|_| !self.keep_data);
            failures.extend(neighbour.iter().map(|neighbour| kept_logs(&candidate, neighbour)));
            let extent = if neighbour.is_some() { Extent::AllButLogs } else { self.extent() };
            let (entry, failure) = self.remove(&candidate, extent);
            entries.extend(entry);
            failures.extend(failure);
        }
        if !self.dry_run {
            failures.extend(finish_removals(context));
        }
        context.terminal.say(report::draw(&failures, context.terminal.stderr));
        self.tell(entries, context)?;
        let has_failed = found.is_damaged || failures.iter().any(Diagnostic::is_error);
        Ok(if has_failed { Exit::Other } else { Exit::Success })
    }

    /// What goes with a task that nobody shares a log folder with.
    fn extent(&self) -> Extent {
        if self.keep_data { Extent::AllButLogs } else { Extent::All }
    }

    fn limits(&self) -> Limits {
        Limits { age: self.max_age, tasks: self.max_tasks, space: self.max_space }
    }

    /// Says whether nothing tells what is to go.
    fn is_unlimited(&self) -> bool {
        self.patterns.is_empty() && self.limits().is_none()
    }

    fn remove(&self, candidate: &Candidate, extent: Extent) -> (Option<Entry>, Option<Diagnostic>) {
        let bytes = candidate.size(extent);
        let id = candidate.paths.id().to_string();
        let state = candidate.state.state.as_ref().map(|state| state.as_str().to_owned());
        let entry = |removed| Some(Entry { task_id: id.clone(), state: state.clone(), bytes, removed });
        if self.dry_run {
            return (entry(false), None);
        }
        match runner::remove(&candidate.paths, extent, &launch::caller()) {
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

/// Finishes removals that were cut short, with what was to go then; returns what keeps it from that.
fn finish_removals(context: &Context) -> Vec<Diagnostic> {
    let begun = context.root.left_removals().map_err(Failure::from);
    let finished = begun.and_then(|begun| {
        for (id, extent) in begun {
            // One that somebody else is at, or refuses, is there the next time too.
            runner::remove(&context.root.task(&id), extent, &launch::caller())?;
        }
        Ok(context.root.half_removed()?.iter().try_for_each(|folder| removal::remove_folder(folder))?)
    });
    finished.err().map(|failure| failure.diagnostics).unwrap_or_default()
}

fn kept_logs(candidate: &Candidate, neighbour: &str) -> Diagnostic {
    let folder = candidate.state.log_dir.as_deref().unwrap_or(Path::new(""));
    let message = format!(
        "the outputs of task {} in {} stay: {neighbour}",
        candidate.paths.id(),
        one_line(&folder.display().to_string())
    );
    let help = "name another --log-dir for each task, or none, if outputs are to go with their task";
    Diagnostic::warning("shared_logs", message).with_help(help)
}

/// Nothing said what is to go: everything would be too much, nothing would be a riddle.
fn undecided(candidates: &[Candidate], extent: Extent) -> Failure {
    let bytes: u64 = candidates.iter().map(|candidate| candidate.size(extent)).sum();
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
