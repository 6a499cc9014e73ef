//! `thermos tail`: what a process printed.

mod follow;

use std::io::{self, Read};
use std::path::Path;

use clap::Args;

use crate::checkpoint::{CarriedRun, Status, TaskId, paths};
use crate::cli::completions;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::logs::Log;
use crate::cli::tasks;
use crate::cli::usage::Malformed;
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::view::one_line;

/// Print the output of a process, that of its latest run unless another is named
///
/// With --follow it goes on with what is printed, across retries, until the process has ended for good; of a process that
/// has not started yet it waits for the start.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TailArguments {
    /// Print standard error instead of standard output
    #[arg(long)]
    stderr: bool,
    /// Print only the last LINES lines
    #[arg(short = 'n', long, value_name = "LINES", allow_hyphen_values = true, value_parser = lines)]
    lines: Option<u64>,
    /// Go on with what is printed until the process has ended, its later runs included
    #[arg(short, long)]
    follow: bool,
    /// Print this run instead of the latest; the first is 0
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = run_number)]
    run: Option<u64>,
    /// The id of the task
    #[arg(value_name = "TASK_ID", value_parser = tasks::parse_id, add = completions::task_ids())]
    task_id: TaskId,
    /// The process; may be left out if there is only one
    #[arg(value_name = "PROCESS", add = completions::processes())]
    process: Option<String>,
}

const EXAMPLES: &str = "Examples:
  thermos tail build-42 compile
  thermos tail --stderr -n 20 --run 0 build-42 compile";

impl TailArguments {
    /// Copies a log to standard output, with its path on standard error.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let task = tasks::find(context, &self.task_id)?;
        if self.follow {
            return follow::follow(&self, &task, context);
        }
        let status = Status::read(&task)?.ok_or_else(|| nothing_yet(&self.task_id))?;
        let process = self.process(&status, context)?;
        self.print(process, &status, context)
    }

    /// Prints what is there by now; of a process that was carried over, what it printed in the earlier task.
    fn print(&self, process: &str, status: &Status, context: &Context) -> Result<Exit, Failure> {
        let stream = self.stream();
        let (folder, origin) = match status.carried_over.get(process) {
            Some(carried) => {
                let run = self.carried_run(process, carried)?;
                let origin = format!(" of task {}, from which {process} was carried over", carried.task_id);
                (paths::run_logs(&carried.log_dir, process, run), origin)
            }
            None => {
                let run = self.run_number(process, status)?;
                (paths::run_logs(&status.log_dir, process, run), String::new())
            }
        };
        let path = folder.join(stream);
        let origin_task = status.carried_over.get(process).map(|carried| &carried.task_id);
        let log = self.open(&path).map_err(|error| match origin_task {
            Some(id)
                if error.kind() == io::ErrorKind::NotFound
                    && !matches!(context.root.find(id), Ok(Some(_))) =>
            {
                removed_with(process, id)
            }
            _ => unreadable(&path, &error),
        })?;
        announce(stream, &path, &origin, context);
        copy(log, &path, context)?;
        Ok(Exit::Success)
    }

    fn stream(&self) -> &'static str {
        if self.stderr { "stderr" } else { "stdout" }
    }

    fn process<'a>(&self, status: &'a Status, context: &Context) -> Result<&'a str, Failure> {
        let names: Vec<&str> = names(status).collect();
        let mut names = names.into_iter();
        match (&self.process, names.len()) {
            (Some(wanted), _) => {
                names.find(|name| name == wanted).ok_or_else(|| unknown_process(wanted, status))
            }
            (None, 1) => Ok(names.next().unwrap_or_default()),
            (None, 0) => Err(nothing_yet(&self.task_id)),
            (None, _) => Err(several_processes(status, context)?),
        }
    }

    /// A process that was carried over has the one run by which it succeeded.
    fn carried_run(&self, process: &str, carried: &CarriedRun) -> Result<u64, Failure> {
        match self.run {
            Some(run) if run != carried.run => {
                let CarriedRun { task_id, run: kept, .. } = carried;
                let message = format!("process {process} was carried over from run {kept} of task {task_id}");
                let help = format!("`thermos tail --run {run} {task_id} {process}` asks that task");
                Err(not_found("unknown_run", message, help))
            }
            _ => Ok(carried.run),
        }
    }

    fn run_number(&self, process: &str, status: &Status) -> Result<u64, Failure> {
        let runs = status.processes.get(process).map(Vec::as_slice).unwrap_or_default();
        let latest = runs.last().map_or(0, |run| run.run);
        match self.run {
            None => Ok(latest),
            Some(run) if runs.iter().any(|known| known.run == run) => Ok(run),
            Some(run) if is_dropped(run, process, status) => {
                let message =
                    format!("run {run} of process {process} is no longer kept, its logs were dropped");
                let first = runs.first().map_or(latest, |run| run.run);
                Err(not_found(
                    "dropped_run",
                    message,
                    format!("the first run that is kept is {first}, the latest {latest}"),
                ))
            }
            Some(run) => {
                let message = format!("process {process} has no run {run}");
                let help = match runs {
                    [] => "it has not run".to_owned(),
                    _ => format!("the first run is 0, the latest {latest}"),
                };
                Err(not_found("unknown_run", message, help))
            }
        }
    }

    fn open(&self, path: &Path) -> io::Result<Log> {
        match self.lines {
            Some(lines) => Log::open_at_last_lines(path, lines),
            None => Log::open(path),
        }
    }
}

/// Returns the processes that have run, in this task or in an earlier one.
fn names(status: &Status) -> impl Iterator<Item = &str> {
    status.carried_over.keys().chain(status.processes.keys()).map(String::as_str)
}

/// Says whether a run was there and is no longer.
fn is_dropped(run: u64, process: &str, status: &Status) -> bool {
    let first = status.processes.get(process).and_then(|runs| runs.first());
    status.dropped.contains_key(process) && first.is_none_or(|first| run < first.run)
}

/// Passes bytes on as they are; output need not be text.
fn copy(mut from: Log, path: &Path, context: &Context) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => context.terminal.print(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::file("cannot read", path, &error)),
        }
    }
}

/// Reads the value of `-n`.
fn lines(text: &str) -> Result<u64, Malformed> {
    number(text).ok_or_else(|| {
        let message = format!("malformed -n '{}': it is no number of lines", text.escape_debug());
        Malformed::new(message, "write how many of the last lines to print: 0, 10, 100")
    })
}

/// Reads the value of `--run`.
fn run_number(text: &str) -> Result<u64, Malformed> {
    number(text).ok_or_else(|| {
        let message = format!("malformed --run '{}': it is no number of a run", text.escape_debug());
        Malformed::new(message, "write which run to print: 0 is the first, 1 the one after it")
    })
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Says which log is printed.
fn announce(stream: &str, path: &Path, origin: &str, context: &Context) {
    let text = format!("Tail of {stream} log {}{origin}", path.display());
    context.terminal.say(one_line(&text) + "\n");
}

fn nothing_yet(id: &TaskId) -> Failure {
    let help = "a log begins with the first run of a process; `thermos status --verbosity 3` shows what ran";
    not_found("nothing_found", format!("no process of task {id} has run"), help)
}

fn unknown_process(wanted: &str, status: &Status) -> Failure {
    let help = did_you_mean_help(wanted, names(status))
        .unwrap_or_else(|| format!("`thermos tail {}` lists those that have", status.task_id));
    let wanted = one_line(wanted);
    not_found("unknown_process", format!("no process `{wanted}` of task {} has run", status.task_id), help)
}

/// Lists the processes on standard output, so that one can be chosen.
fn several_processes(status: &Status, context: &Context) -> Result<Failure, Failure> {
    context.terminal.print(names(status).map(|name| one_line(name) + "\n").collect::<String>())?;
    let message = format!("{} processes of task {} have run", names(status).count(), status.task_id);
    let help = format!("name one of them: thermos tail {} PROCESS", status.task_id);
    Ok(not_found("several_processes", message, help))
}

fn not_found(code: &str, message: String, help: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, Diagnostic::error(code, message).with_help(help))
}

/// The output of a process that was carried over goes with the task in which it ran.
fn removed_with(process: &str, id: &TaskId) -> Failure {
    let message = format!("process {} ran in task {id}, which was removed with its logs", one_line(process));
    not_found("nothing_found", message, "`thermos gc --keep-data` leaves the logs of what it removes")
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        let message = format!("there is no log {}", path.display());
        let help = "the run printed nothing into a file: it did not start, its logger writes elsewhere, or the log was removed";
        return not_found("nothing_found", message, help);
    }
    Failure::file("cannot read", path, error)
}
