//! From a task's streams to its state: the runner's stream first, then the files of runs that are not ended there.

use std::fs;
use std::io;

use super::error::CheckpointError;
use super::paths::{TaskPaths, parse_run_name};
use super::record::{ProcessState, ProcessStatus, Record};
use super::state::{Applied, FoldError, State};
use super::stream::{self, Extent};

/// How often a task is read whose files do not fit together, as they may while runs come and go.
const ATTEMPTS: u32 = 3;

/// What the runner's stream alone says.
#[derive(Debug, Default)]
pub struct RunnerStream {
    /// The fold over its records.
    pub state: State,
    /// How much of which file that was.
    pub extent: Extent,
}

/// Reads the state of a task as everybody but its owner sees it. Never locks, never writes.
pub fn load(paths: &TaskPaths) -> Result<State, CheckpointError> {
    load_while(paths, || {})
}

/// Lets something happen between the readings of the runner's stream and of the files of runs.
fn load_while(paths: &TaskPaths, mut happen: impl FnMut()) -> Result<State, CheckpointError> {
    let mut failures = 0;
    loop {
        let stream = load_runner(paths)?;
        happen();
        match add_runs(paths, stream.state) {
            // If the stream was compacted since, files of runs may have gone that it should be read with. That takes a
            // thousand runs each time: nobody reads so slowly for ever.
            Ok(_) if stream::file_id(&paths.runner())? != stream.extent.file => {}
            // It was removed meanwhile.
            Err(error) if error.is_not_found() && !paths.folder().exists() => return Ok(State::default()),
            // Runs without a file came and went between the two readings: once more, from what is there by now.
            Err(CheckpointError::Impossible { .. }) if failures + 1 < ATTEMPTS => failures += 1,
            loaded => return loaded,
        }
    }
}

/// Folds in the files of runs that are not ended in the runner's stream.
fn add_runs(paths: &TaskPaths, mut state: State) -> Result<State, CheckpointError> {
    if state.header.is_none() {
        return Ok(state);
    }
    for (process, run) in unended_runs(paths, &state)? {
        each_of_run(paths, &process, run, |line, status| {
            let adopted = adopt(&mut state, &status).map(drop);
            let path = || paths.run(&process, run);
            adopted.map_err(|source| CheckpointError::Impossible { path: path(), line, source })
        })?;
    }
    Ok(state)
}

/// Folds the runner's stream; runs without a header are damage, for nothing starts before it.
pub fn load_runner(paths: &TaskPaths) -> Result<RunnerStream, CheckpointError> {
    let mut stream = fold_runner(paths)?;
    if stream.state.header.is_none() && has_runs(paths)? {
        // A task that is just starting has its header by now.
        stream = fold_runner(paths)?;
        if stream.state.header.is_none() {
            let reason = "its header is missing".to_owned();
            return Err(CheckpointError::Damaged { path: paths.runner(), line: 1, reason });
        }
    }
    Ok(stream)
}

fn fold_runner(paths: &TaskPaths) -> Result<RunnerStream, CheckpointError> {
    let path = paths.runner();
    let mut state = State::default();
    let extent = stream::read(&path, |line, record| {
        check_header(paths, line, &record)?;
        let applied = state.apply(record);
        applied.map(drop).map_err(|source| CheckpointError::Impossible { path: path.clone(), line, source })
    })?;
    Ok(RunnerStream { state, extent })
}

/// A stream of another task may have been put here.
fn check_header(paths: &TaskPaths, line: u64, record: &Record) -> Result<(), CheckpointError> {
    match record {
        Record::RunnerHeader(header) if header.task_id != *paths.id() => {
            let reason = format!("it belongs to task {}", header.task_id);
            Err(CheckpointError::Damaged { path: paths.runner(), line, reason })
        }
        _ => Ok(()),
    }
}

fn has_runs(paths: &TaskPaths) -> Result<bool, CheckpointError> {
    match unended_runs(paths, &State::default()) {
        Err(CheckpointError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        runs => Ok(!runs?.is_empty()),
    }
}

/// Reads the records of a run; empty if nobody has claimed it.
pub fn read_run(paths: &TaskPaths, process: &str, run: u64) -> Result<Vec<ProcessStatus>, CheckpointError> {
    let mut statuses = Vec::new();
    each_of_run(paths, process, run, |_, status| {
        statuses.push(status);
        Ok(())
    })?;
    Ok(statuses)
}

/// Returns the line of a run's own file that has a record.
pub fn line_of(paths: &TaskPaths, status: &ProcessStatus) -> Option<u64> {
    let mut found = None;
    let read = each_of_run(paths, &status.process, status.run, |line, other| {
        found = found.or_else(|| (other == *status).then_some(line));
        Ok(())
    });
    read.ok().and(found)
}

/// Returns the line of the runner's stream that names a process first.
pub fn first_line_of(paths: &TaskPaths, process: &str) -> Result<u64, CheckpointError> {
    let mut found = 0;
    stream::read(&paths.runner(), |line, record| {
        let named = match &record {
            Record::ProcessStatus(status) => status.process == process,
            Record::ProcessSummary(summary) => summary.process == process,
            _ => false,
        };
        if named && found == 0 {
            found = line;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Takes the records of a run, each with its line.
fn each_of_run(
    paths: &TaskPaths,
    process: &str,
    run: u64,
    mut take: impl FnMut(u64, ProcessStatus) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let path = paths.run(process, run);
    stream::read(&path, |line, record| match record {
        Record::ProcessStatus(status) if status.process == process && status.run == run => {
            take(line, *status)
        }
        Record::Unknown(_) => Ok(()),
        _ => {
            let reason = "a record of another stream".to_owned();
            Err(CheckpointError::Damaged { path: path.clone(), line, reason })
        }
    })
    .map(drop)
}

/// Lists the runs that have a file and are not ended in `state`, in order; among them runs that `state` does not know,
/// whose WAITING went with the power.
pub fn unended_runs(paths: &TaskPaths, state: &State) -> Result<Vec<(String, u64)>, CheckpointError> {
    let folder = paths.folder();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(CheckpointError::io("read", folder))? {
        let name = entry.map_err(CheckpointError::io("read", folder))?.file_name();
        let Some((process, run)) = name.to_str().and_then(parse_run_name) else { continue };
        if !state.processes.get(process).is_some_and(|history| history.is_over(run)) {
            found.push((process.to_owned(), run));
        }
    }
    found.sort();
    Ok(found)
}

/// Takes in a record of a run's own file and returns the records that were news.
///
/// The first record of a run that the state does not know brings along what must have been before it: the end of the
/// run before, and its own WAITING, which went with the power.
pub fn adopt(state: &mut State, status: &ProcessStatus) -> Result<Vec<Record>, FoldError> {
    let mut records = missing_before(state, status);
    records.push(Record::ProcessStatus(Box::new(status.clone())));
    let mut news = Vec::new();
    for record in records {
        if state.apply(record.clone())? == Applied::New {
            news.push(record);
        }
    }
    Ok(news)
}

/// Returns the records that must have been before the first one of a run that the state does not know.
pub fn missing_before(state: &State, first: &ProcessStatus) -> Vec<Record> {
    if state.run(&first.process, first.run).is_some() {
        return Vec::new();
    }
    let history = state.processes.get(&first.process);
    let mut seq = history.map_or(0, |history| history.next_seq);
    let mut record = |run: u64, state: ProcessState| {
        let status =
            ProcessStatus { seq, run, state, process: first.process.clone(), ..ProcessStatus::default() };
        seq += 1;
        Record::ProcessStatus(Box::new(status))
    };
    let unended = history.and_then(|history| history.last()).filter(|last| !last.state.is_terminal());
    let mut records: Vec<Record> =
        unended.map(|last| record(last.run, ProcessState::Lost)).into_iter().collect();
    records.push(record(first.run, ProcessState::Waiting));
    records
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::checkpoint::files;
    use crate::checkpoint::record::tests::header;
    use crate::checkpoint::{History, Past, ProcessSummary, Root, TaskId};

    fn status(seq: u64, run: u64, state: ProcessState) -> ProcessStatus {
        ProcessStatus { seq, process: "p".into(), run, state, ..ProcessStatus::default() }
    }

    #[test]
    fn a_run_whose_waiting_was_lost_is_folded_in() {
        use ProcessState::{Forked, Lost, Running};
        let mut history = History { next_seq: 2, runs: vec![status(1, 0, Forked)], ..History::default() };
        let mut state = State { header: Some(header()), ..State::default() };
        state.processes.insert("p".into(), history.clone());
        assert_eq!(adopt(&mut state, &status(4, 1, Forked)).unwrap().len(), 3);
        assert_eq!(adopt(&mut state, &status(5, 1, Running)).unwrap().len(), 1);
        history = state.processes["p"].clone();
        assert_eq!((history.next_seq, &history.runs[0].state, &history.runs[1].state), (6, &Lost, &Running));
    }

    fn write(path: &Path, records: &[Record]) {
        let mut lines = Vec::new();
        records.iter().for_each(|record| record.write_line(&mut lines).unwrap());
        // Under another name first: what stands there is another file from now on.
        files::replace(path, &lines, 0o600, false).unwrap();
    }

    #[test]
    fn a_stream_that_is_compacted_while_it_is_read_is_read_again() {
        use ProcessState::{Forked, Waiting};
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("t").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        let header = || Record::RunnerHeader(Box::new(header()));
        let record = |seq, run, state| Record::ProcessStatus(Box::new(status(seq, run, state)));
        write(&paths.runner(), &[header(), record(0, 0, Waiting)]);
        let past = Past { next_seq: 2, next_run: 1, failed: 1, ..Past::default() };
        let summary = ProcessSummary { process: "p".into(), past: past.clone() };
        let compacted = [header(), Record::ProcessSummary(Box::new(summary)), record(2, 1, Waiting)];
        let mut readings = 0;
        let state = load_while(&paths, || {
            readings += 1;
            if readings == 1 {
                write(&paths.runner(), &compacted);
                write(&paths.run("p", 1), &[record(3, 1, Forked)]);
            }
        });
        let history = state.unwrap().processes["p"].clone();
        assert_eq!(history, History { next_seq: 4, past, runs: vec![status(3, 1, Forked)] });
    }
}
