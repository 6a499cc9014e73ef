//! `thermos read`: a checkpoint, as it was written or as it reads.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::Format;
use super::context::{Context, absolute};
use super::exit::Exit;
use super::failure::Failure;
use super::{clock, completions, report, tasks};
use crate::checkpoint::load::load;
use crate::checkpoint::{
    CarriedRun, CheckpointError, ProcessStatus, Record, State, TaskId, TaskPaths, TaskStatus, stream,
};
use crate::diagnostics::Diagnostic;
use crate::view::one_line;

/// Print what a checkpoint says: the state that its records come to
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReadArguments {
    /// Print the records as they were written, without replaying them
    #[arg(long)]
    simple: bool,
    /// How to print it; with --simple, JSON is a line for each record
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// The id of a task, the folder of a checkpoint, or one of the files in it
    #[arg(value_name = "CHECKPOINT", add = completions::files_and_task_ids())]
    checkpoint: PathBuf,
}

const EXAMPLES: &str = "Examples:
  thermos read TASK_ID
  thermos read --simple ~/.thermos/checkpoints/TASK_ID/runner";

/// What is to be read.
enum Source {
    /// A whole checkpoint.
    Task(TaskPaths),
    /// One of its streams.
    Stream(PathBuf),
}

impl ReadArguments {
    /// Prints the checkpoint.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let source = self.find(context)?;
        refuse_empty(&source)?;
        if self.simple {
            self.print_records(&source, context)?;
        } else {
            let state = match &source {
                Source::Task(paths) => load(paths)?,
                Source::Stream(path) => replay(path).map_err(no_checkpoint)?,
            };
            context.terminal.print(match self.format {
                Format::Json => state_json(&state).to_string() + "\n",
                Format::Text => state_text(&state),
            })?;
        }
        let torn: Vec<Diagnostic> = streams(&source)?.iter().filter_map(|path| torn_end(path)).collect();
        context.terminal.say(report::draw(&torn, context.terminal.stderr));
        Ok(Exit::Success)
    }

    /// A task is meant before a path: `./ID` is always a path. Its checkpoint will do, whether or not it is listed.
    fn find(&self, context: &Context) -> Result<Source, Failure> {
        let id = self.checkpoint.to_str().and_then(|text| TaskId::new(text).ok());
        if let Some(id) = &id {
            let paths = context.root.task(id);
            if context.root.find(id)?.is_some() || paths.runner().exists() {
                return Ok(Source::Task(paths));
            }
        }
        let path = absolute(&self.checkpoint)?;
        match (fs::metadata(&path), id) {
            (Ok(found), _) if found.is_dir() => Ok(Source::Task(of_folder(&path)?)),
            (Ok(_), _) => Ok(Source::Stream(path)),
            (Err(_), Some(id)) => Err(tasks::unknown(&context.root, &id)),
            (Err(error), None) => Err(Failure::file("cannot read", &path, &error)),
        }
    }

    fn print_records(&self, source: &Source, context: &Context) -> Result<(), Failure> {
        for path in streams(source)? {
            let mut printed = Ok(());
            if self.format == Format::Text && matches!(source, Source::Task(_)) {
                context.terminal.print(format!("{}:\n", one_line(&path.to_string_lossy())))?;
            }
            let mut block = String::new();
            let read = stream::read(&path, |line, record| {
                block += &record_line(line, &record, self.format);
                if block.len() > 64 * 1024 && printed.is_ok() {
                    printed = context.terminal.print(std::mem::take(&mut block));
                }
                Ok(())
            });
            printed?;
            context.terminal.print(block)?;
            read.map_err(|error| match source {
                Source::Stream(_) => no_checkpoint(error),
                Source::Task(_) => error.into(),
            })?;
        }
        Ok(())
    }
}

/// What is said of a path that leads to something else.
const NAME_A_CHECKPOINT: &str = "name a task, the folder of a checkpoint, or one of the files in it";

/// A file that was named and has no record at all has no state either.
fn refuse_empty(source: &Source) -> Result<(), Failure> {
    let Source::Stream(path) = source else { return Ok(()) };
    let mut is_any = false;
    // What is wrong with it is told by whoever reads it for its records.
    let note = |_, _| {
        is_any = true;
        Ok(())
    };
    let extent = stream::read(path, note).unwrap_or_default();
    if is_any || extent.file.is_none() {
        return Ok(());
    }
    let message = match torn_end(path) {
        None => format!("there is no record in {}: it is empty", path.display()),
        Some(_) => format!("there is no record in {}: it has no whole line", path.display()),
    };
    Err(Failure::new(Exit::Failed, Diagnostic::error("nothing_found", message).with_help(NAME_A_CHECKPOINT)))
}

/// Puts into words that a file that was named is wrong from its first line on: it may be anything.
fn no_checkpoint(error: CheckpointError) -> Failure {
    let reason = match &error {
        CheckpointError::Damaged { path, line: 1, reason } => (path, reason.clone()),
        CheckpointError::Impossible { path, line: 1, source } => (path, source.to_string()),
        CheckpointError::Foreign { .. } => {
            let diagnostic = Diagnostic::error("foreign_file", error.to_string());
            return Failure::new(Exit::Other, diagnostic.with_help(NAME_A_CHECKPOINT));
        }
        _ => return error.into(),
    };
    let (path, reason) = reason;
    let message = format!("{} is no checkpoint: its first line is no record: {reason}", path.display());
    Failure::new(Exit::Other, Diagnostic::error("foreign_file", message).with_help(NAME_A_CHECKPOINT))
}

/// Warns of a last line that has no end: no record that is shown comes of it.
fn torn_end(path: &Path) -> Option<Diagnostic> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut last = [0];
    file.read_exact_at(&mut last, length.checked_sub(1)?).ok()?;
    let message = format!("the last line of {} has no end and is left out", path.display());
    let help = "whoever writes it is at work or died in it; a runner that resumes the task cuts it off";
    (last != *b"\n").then(|| Diagnostic::warning("torn_line", message).with_help(help))
}

/// Finds the id of a checkpoint that lies in any folder, in its header.
fn of_folder(folder: &Path) -> Result<TaskPaths, Failure> {
    let path = folder.join("runner");
    let mut id = None;
    stream::read(&path, |_, record| {
        if let (Record::RunnerHeader(header), None) = (record, &id) {
            id = Some(header.task_id);
        }
        Ok(())
    })?;
    let id = id.ok_or_else(|| {
        let message = format!("there is no checkpoint in {}: no header in a file `runner`", folder.display());
        let help = "name a task, or a folder below `checkpoints` of a root";
        Failure::new(Exit::Failed, Diagnostic::error("nothing_found", message).with_help(help))
    })?;
    Ok(TaskPaths::of_folder(folder, &id))
}

/// Lists the files that have records, that of the runner first.
fn streams(source: &Source) -> Result<Vec<PathBuf>, Failure> {
    let paths = match source {
        Source::Stream(path) => return Ok(vec![path.clone()]),
        Source::Task(paths) => paths,
    };
    let entries = fs::read_dir(paths.folder());
    let entries = entries.map_err(|error| Failure::file("cannot read", paths.folder(), &error))?;
    let is_run = |path: &PathBuf| {
        path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("coordinator."))
    };
    let mut runs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_run).collect();
    runs.sort();
    Ok([vec![paths.runner()], runs].concat())
}

/// Folds one stream; what a coordinator wrote has no header, and is taken as it is.
fn replay(path: &Path) -> Result<State, CheckpointError> {
    let mut state = State::default();
    stream::read(path, |line, record| {
        match record {
            Record::ProcessStatus(status) if state.header.is_none() => {
                let history = state.processes.entry(status.process.clone()).or_default();
                history.runs.retain(|run| run.run != status.run);
                history.runs.push(*status);
                return Ok(());
            }
            record => state.apply(record).map(drop),
        }
        .map_err(|source| CheckpointError::Impossible { path: path.to_owned(), line, source })
    })?;
    Ok(state)
}

fn record_line(line: u64, record: &Record, format: Format) -> String {
    let json = serde_json::to_string(record).unwrap_or_default();
    match format {
        Format::Json => json + "\n",
        Format::Text => format!("{line:>6}  {}\n", one_line(&json)),
    }
}

fn state_json(state: &State) -> Value {
    let processes: serde_json::Map<String, Value> = state
        .processes
        .iter()
        .map(|(name, history)| {
            let past = (history.past.runs() > 0).then_some(&history.past);
            (name.clone(), json!({"next_seq": history.next_seq, "past": past, "runs": history.runs}))
        })
        .collect();
    let carried_over =
        state.header.as_ref().and_then(|header| header.rerun.as_ref()).map(|rerun| &rerun.carried_over);
    json!({
        "header": state.header, "statuses": state.statuses, "carried_over": carried_over, "processes": processes,
    })
}

fn state_text(state: &State) -> String {
    let mut text = String::new();
    match &state.header {
        None => text += "No task header\n",
        Some(header) => {
            text += "Task header:\n";
            let fields = serde_json::to_value(header).unwrap_or_default();
            for (name, value) in fields.as_object().into_iter().flatten() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text += &format!("  {name}: {}\n", one_line(&value));
            }
        }
    }
    text += if state.statuses.is_empty() { "No task states\n" } else { "Task states:\n" };
    text.extend(state.statuses.iter().map(task_line));
    let carried = state.header.iter().flat_map(|header| &header.rerun).flat_map(|rerun| &rerun.carried_over);
    let carried: Vec<_> = carried.map(|(name, run)| carried_line(name, run)).collect();
    let is_empty = state.processes.is_empty() && carried.is_empty();
    text += if is_empty { "No processes\n" } else { "Processes:\n" };
    text.extend(carried);
    for (name, history) in &state.processes {
        text += &format!("  {}  runs: {}\n", one_line(name), history.run_count());
        if history.past.runs() > 0 {
            text += &format!("    {} runs before these are kept as counts\n", history.past.runs());
        }
        text.extend(history.runs.iter().map(run_line));
    }
    text
}

fn carried_line(name: &str, run: &CarriedRun) -> String {
    let mut parts = vec![format!("task={}", run.task_id), format!("run={}", run.run)];
    parts.extend(times(run.start_time, run.stop_time, run.return_code));
    format!("  {}  carried over: {}\n", one_line(name), parts.join(", "))
}

fn times(start: Option<f64>, stop: Option<f64>, code: Option<i32>) -> impl Iterator<Item = String> {
    let start = start.map(|time| format!("start:{}", clock::seconds_text(time)));
    let stop = stop.map(|time| format!("finish:{}", clock::seconds_text(time)));
    let code = code.map(|code| format!("rc={code}"));
    [start, stop, code].into_iter().flatten()
}

fn task_line(status: &TaskStatus) -> String {
    let reason = status.reason.as_deref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
    let time = clock::text(status.timestamp_ms as i64);
    let (state, pid) = (one_line(status.state.as_str()), status.runner_pid);
    format!("  {time}  {state} [runner: {pid}, uid: {}]{reason}\n", status.runner_uid)
}

fn run_line(run: &ProcessStatus) -> String {
    let mut parts = vec![one_line(run.state.as_str()), format!("seq={}", run.seq)];
    parts.extend(run.coordinator_pid.map(|pid| format!("coordinator={pid}")));
    parts.extend(run.pid.map(|pid| format!("pid={pid}")));
    parts.extend(times(run.start_time, run.stop_time, run.return_code));
    parts.extend(run.reason.as_deref().map(one_line));
    format!("    run {}: {}\n", run.run, parts.join(", "))
}
