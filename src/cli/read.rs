//! `thermos read`: a checkpoint, as it was written or as it reads.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::Format;
use super::context::{Context, absolute};
use super::exit::Exit;
use super::failure::Failure;
use super::{clock, completions, tasks};
use crate::checkpoint::load::load;
use crate::checkpoint::{
    CheckpointError, ProcessStatus, Record, State, TaskId, TaskPaths, TaskStatus, stream,
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
        if self.simple {
            return self.print_records(&source, context);
        }
        let state = match &source {
            Source::Task(paths) => load(paths)?,
            Source::Stream(path) => replay(path)?,
        };
        let text = match self.format {
            Format::Json => state_json(&state).to_string() + "\n",
            Format::Text => state_text(&state),
        };
        context.terminal.print(text)?;
        Ok(Exit::Success)
    }

    /// A task is meant before a path: `./ID` is always a path.
    fn find(&self, context: &Context) -> Result<Source, Failure> {
        let id = self.checkpoint.to_str().and_then(|text| TaskId::new(text).ok());
        if let Some(id) = &id
            && let Some(paths) = context.root.find(id)?
        {
            return Ok(Source::Task(paths));
        }
        let path = absolute(&self.checkpoint)?;
        match (fs::metadata(&path), id) {
            (Ok(found), _) if found.is_dir() => Ok(Source::Task(of_folder(&path)?)),
            (Ok(_), _) => Ok(Source::Stream(path)),
            (Err(_), Some(id)) => Err(tasks::unknown(&context.root, &id)),
            (Err(error), None) => Err(Failure::file("cannot read", &path, &error)),
        }
    }

    fn print_records(&self, source: &Source, context: &Context) -> Result<Exit, Failure> {
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
            read?;
        }
        Ok(Exit::Success)
    }
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
fn replay(path: &Path) -> Result<State, Failure> {
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
    json!({"header": state.header, "statuses": state.statuses, "processes": processes})
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
    text += if state.processes.is_empty() { "No processes\n" } else { "Processes:\n" };
    for (name, history) in &state.processes {
        text += &format!("  {}  runs: {}\n", one_line(name), history.run_count());
        if history.past.runs() > 0 {
            text += &format!("    {} runs before these are kept as counts\n", history.past.runs());
        }
        text.extend(history.runs.iter().map(run_line));
    }
    text
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
    parts.extend(run.start_time.map(|time| format!("start:{}", clock::seconds_text(time))));
    parts.extend(run.stop_time.map(|time| format!("finish:{}", clock::seconds_text(time))));
    parts.extend(run.return_code.map(|code| format!("rc={code}")));
    parts.extend(run.reason.as_deref().map(one_line));
    format!("    run {}: {}\n", run.run, parts.join(", "))
}
