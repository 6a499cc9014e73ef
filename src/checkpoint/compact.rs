//! Compaction: the runner's stream is written anew without old runs, then what those runs left goes too, so that a
//! task that runs for years grows neither its stream nor its folders without bound.
//!
//! The new stream is written beside, synced and renamed; until then the old one is as it was. A summary of each process
//! stands for the runs that are gone. Only once the name is durable are files removed: first the logs of a run, then
//! the run's file, so that a file that a crash left tells the next compaction that there may be logs.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use indexmap::IndexMap;
use nix::libc;

use super::error::CheckpointError;
use super::files;
use super::load::read_run;
use super::paths::{TaskPaths, parse_run_name, run_logs};
use super::record::{ProcessState, ProcessStatus, ProcessSummary, Record};
use super::state::{KEPT_STATUSES, State, StatusFilter};
use super::stream::{self, Writer};

/// Runs of each process that are kept one by one.
pub const KEPT_RUNS: u64 = 100;

/// Runs that may be dropped before it is worth while.
const LEAST_SURPLUS: u64 = 1000;

/// Bytes that are written at once.
const CHUNK: usize = 64 << 10;

/// How much of the runner's stream could be dropped. A compaction is due when that is half of it: what it costs is paid
/// by the runs that it drops, each of which was read and written a bounded number of times.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    kept: u64,
    surplus: u64,
    /// The first run in the stream, of those processes whose earlier runs were dropped.
    firsts: HashMap<String, u64>,
}

impl Backlog {
    /// Looks at the fold of a whole stream.
    pub fn of(state: &State) -> Backlog {
        let mut backlog = Backlog::default();
        backlog.count(state.statuses.len() as u64, KEPT_STATUSES as u64);
        for (process, history) in &state.processes {
            backlog.count(history.runs.len() as u64, KEPT_RUNS);
            if history.past.next_run > 0 {
                backlog.firsts.insert(process.clone(), history.past.next_run);
            }
        }
        backlog
    }

    fn count(&mut self, all: u64, kept: u64) {
        self.kept += all.min(kept);
        self.surplus += all.saturating_sub(kept);
    }

    /// A run was added to the stream.
    pub fn add_run(&mut self, process: &str, run: u64) {
        let first = self.firsts.get(process).copied().unwrap_or_default();
        let is_surplus = run.saturating_sub(first) >= KEPT_RUNS;
        *(if is_surplus { &mut self.surplus } else { &mut self.kept }) += 1;
    }

    /// Says whether it is worth while to compact the stream.
    pub fn is_due(&self) -> bool {
        self.surplus >= LEAST_SURPLUS && self.surplus >= self.kept
    }

    /// The stream was compacted.
    fn settle(&mut self, state: &State) {
        self.surplus = 0;
        for process in state.processes.keys() {
            match first_kept(state, process) {
                0 => {}
                first => drop(self.firsts.insert(process.clone(), first)),
            }
        }
    }

    /// The stream could not be compacted: to be tried again when there is as much more to be dropped.
    pub fn put_off(&mut self) {
        self.surplus = 0;
    }
}

/// The runs that a compaction dropped, whose files are still there.
#[derive(Debug)]
pub struct Dropped {
    /// All runs that the stream knows in sum only, as a state without any other.
    past: State,
    /// Those that it knew one by one before.
    runs: IndexMap<String, Vec<u64>>,
}

/// Writes the runner's stream anew without old runs and renames it into place. `state` is the fold over it.
///
/// Until the new stream has its name, an error leaves everything as it was. The files of dropped runs are for
/// [`Dropped::remove`], and only if there is a [`Dropped`]: else the name is not known to be durable.
pub fn compact(
    paths: &TaskPaths,
    state: &State,
    durable: bool,
    backlog: &mut Backlog,
) -> Result<(Writer, Result<Dropped, CheckpointError>), CheckpointError> {
    let path = paths.runner();
    let (dropped, statuses) = read_old(&path, state)?;
    let beside = paths.runner_beside();
    let filter = StatusFilter::new(statuses);
    let written = write_new(&path, &beside, state, &dropped.past, filter, durable)
        .and_then(|writer| {
            fs::rename(&beside, &path).map_err(CheckpointError::io("write", &path))?;
            Ok(writer.renamed(&path))
        })
        .inspect_err(|_| drop(fs::remove_file(&beside)))?;
    backlog.settle(state);
    Ok((written, files::sync_folder_of(&path).map(|()| dropped)))
}

/// Returns the first run of a process that is kept.
fn first_kept(state: &State, process: &str) -> u64 {
    let next = state.processes.get(process).map_or(0, |history| history.next_run());
    next.saturating_sub(KEPT_RUNS)
}

fn is_kept(state: &State, status: &ProcessStatus) -> bool {
    status.run >= first_kept(state, &status.process)
}

/// Sums up the runs that are to be dropped, and counts the statuses of the task.
fn read_old(path: &Path, state: &State) -> Result<(Dropped, usize), CheckpointError> {
    let mut statuses = 0;
    let mut dropped = Dropped { past: State::default(), runs: IndexMap::new() };
    stream::read(path, |line, record| {
        let process = match &record {
            Record::ProcessStatus(status) if is_kept(state, status) => return Ok(()),
            Record::TaskStatus(_) => {
                statuses += 1;
                return Ok(());
            }
            Record::ProcessStatus(status) => Some(status.process.clone()),
            _ => None,
        };
        let applied = dropped.past.apply(record);
        applied.map_err(|source| CheckpointError::Impossible { path: path.to_owned(), line, source })?;
        if let Some(process) = process {
            dropped.forget_ended(process);
        }
        Ok(())
    })?;
    Ok((dropped, statuses))
}

/// Writes a stream beside: the header, a summary of each process, and all that is kept.
fn write_new(
    path: &Path,
    beside: &Path,
    state: &State,
    past: &State,
    mut filter: StatusFilter,
    durable: bool,
) -> Result<Writer, CheckpointError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let file = files::open("create", beside, &mut options, libc::O_TRUNC)?;
    let mut writer = Writer::of_empty(file, beside, durable);
    let mut buffer = Vec::with_capacity(CHUNK + CHUNK / 4);
    let mut put = |record: &Record| {
        let line = record.write_line(&mut buffer).map_err(io::Error::from);
        line.map_err(CheckpointError::io("write", beside))?;
        if buffer.len() >= CHUNK {
            writer.append_bytes(&buffer)?;
            buffer.clear();
        }
        Ok(())
    };
    stream::read(path, |_, record| match &record {
        Record::RunnerHeader(_) => {
            put(&record)?;
            summaries(state, past).try_for_each(|summary| put(&summary))
        }
        Record::TaskStatus(status) if !filter.keeps(status) => Ok(()),
        Record::ProcessStatus(status) if !is_kept(state, status) => Ok(()),
        Record::ProcessSummary(_) => Ok(()),
        _ => put(&record),
    })?;
    writer.append_bytes(&buffer)?;
    writer.sync_always()?;
    Ok(writer)
}

/// Every process has one, in the order in which they ran first, which is so kept.
fn summaries<'a>(state: &'a State, past: &'a State) -> impl Iterator<Item = Record> + 'a {
    state.processes.keys().map(|process| {
        let past = past.processes.get(process).map(|history| history.past.clone());
        let summary = ProcessSummary { process: process.clone(), past: past.unwrap_or_default() };
        Record::ProcessSummary(Box::new(summary))
    })
}

impl Dropped {
    /// Counts an ended run as past.
    fn forget_ended(&mut self, process: String) {
        let Some(history) = self.past.processes.get_mut(&process) else { return };
        let Some(last) = history.last().filter(|last| last.state.is_terminal()).map(|last| last.run) else {
            return;
        };
        history.forget_before(last + 1);
        self.runs.entry(process).or_default().push(last);
    }

    /// Removes the logs and then the files of dropped runs, also those that a compaction before this one left behind.
    ///
    /// The file of a run that was fenced stays: its coordinator may come yet and has to find the name taken.
    pub fn remove(&self, paths: &TaskPaths, logs: &Path) -> Result<(), CheckpointError> {
        let mut outcome = Ok(());
        // Those that nobody claimed have no file, and may have logs all the same.
        for (process, runs) in &self.runs {
            for run in runs {
                outcome = outcome.and(remove_folder(&run_logs(logs, process, *run)));
            }
        }
        let folder = paths.folder();
        for entry in fs::read_dir(folder).map_err(CheckpointError::io("read", folder))? {
            let name = entry.map_err(CheckpointError::io("read", folder))?.file_name();
            let run = name.to_str().and_then(parse_run_name);
            if let Some((process, run)) = run.filter(|(process, run)| self.has(process, *run)) {
                outcome = outcome.and(remove_run(paths, logs, process, run));
            }
        }
        outcome
    }

    fn has(&self, process: &str, run: u64) -> bool {
        self.past.processes.get(process).is_some_and(|history| run < history.past.next_run)
    }
}

fn remove_run(paths: &TaskPaths, logs: &Path, process: &str, run: u64) -> Result<(), CheckpointError> {
    let first = read_run(paths, process, run)?.into_iter().next();
    if first.is_none_or(|first| first.state == ProcessState::Lost) {
        return Ok(());
    }
    remove_folder(&run_logs(logs, process, run))?;
    files::remove(&paths.run(process, run))
}

fn remove_folder(path: &Path) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
