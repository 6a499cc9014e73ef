//! The owner's view of a task's checkpoint: the lock, the runner's stream, the state that it folds to.

use std::time::{Duration, Instant, SystemTime};

use nix::unistd::{Pid, getuid};
use serde_json::Map;

use super::error::RunnerError;
use crate::checkpoint::compact::{Backlog, compact};
use crate::checkpoint::load::{RunnerStream, adopt, line_of, missing_before};
use crate::checkpoint::request::Request;
use crate::checkpoint::state::FoldError;
use crate::checkpoint::stream::Writer;
use crate::checkpoint::{
    CheckpointError, Header, Ownership, ProcessState, ProcessStatus, Record, State, TaskPaths, TaskState,
    TaskStatus, files,
};
use crate::process::identity::{self, Machine};

/// How long a full disk is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const RETRY: Duration = Duration::from_millis(500);

/// The checkpoint of a task that this process owns.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) paths: TaskPaths,
    pub(super) machine: Machine,
    /// The fold over the runner's stream, not over the files of runs; without old runs once it is told to forget.
    pub(super) state: State,
    writer: Writer,
    ticks: u64,
    pid: Pid,
    uid: u32,
    backlog: Backlog,
    remembers: bool,
    _owner: Ownership,
}

/// Returns milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Returns seconds since 1970.
pub(super) fn wall_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Journal {
    /// Opens the runner's stream of an owned task and cuts off its torn last line.
    pub(super) fn open(
        paths: TaskPaths,
        owner: Ownership,
        stream: RunnerStream,
        durable: bool,
    ) -> Result<Journal, RunnerError> {
        let mut writer = Writer::open(&paths.runner(), durable)?;
        // What is no stream of a task has not even a header: it starts from nothing.
        writer.truncate(if stream.state.header.is_some() { stream.extent.length } else { 0 })?;
        files::remove(&paths.runner_beside())?;
        let machine = Machine::current().map_err(RunnerError::system("read the identity of this host"))?;
        let pid = Pid::this();
        let ticks = identity::start_ticks(pid).map_err(RunnerError::system("read /proc"))?;
        let backlog = Backlog::of(&stream.state);
        let (state, uid) = (stream.state, getuid().as_raw());
        Ok(Journal {
            paths,
            machine,
            state,
            writer,
            ticks,
            pid,
            uid,
            backlog,
            remembers: true,
            _owner: owner,
        })
    }

    /// Returns the header; there is one once a journal is in use.
    pub(super) fn header(&self) -> Result<&Header, RunnerError> {
        self.state.header.as_ref().ok_or_else(|| RunnerError::NeverStarted(self.paths.id().clone()))
    }

    /// Folds records in and appends them by one write. Waits a while for a full disk.
    pub(super) fn record(&mut self, records: Vec<Record>) -> Result<(), RunnerError> {
        for record in &records {
            let applied = self.state.apply(record.clone());
            applied.map_err(|source| self.impossible(record, source))?;
        }
        self.write(&records)
    }

    /// Copies those records of a run that the runner's stream does not have, by one write.
    pub(super) fn record_statuses(&mut self, statuses: &[ProcessStatus]) -> Result<(), RunnerError> {
        let mut news = Vec::new();
        for status in statuses {
            let adopted = adopt(&mut self.state, status);
            let record = || Record::ProcessStatus(Box::new(status.clone()));
            news.extend(adopted.map_err(|source| self.impossible(&record(), source))?);
        }
        self.write(&news)?;
        statuses.iter().for_each(|status| self.forget_old_runs(&status.process));
        Ok(())
    }

    /// Makes a run known whose WAITING was lost, without its own records, which its coordinator still writes.
    pub(super) fn record_waiting_before(&mut self, first: &ProcessStatus) -> Result<(), RunnerError> {
        let missing = missing_before(&self.state, first);
        if missing.is_empty() { Ok(()) } else { self.record(missing) }
    }

    /// A record does not follow those before it: one that was read from the file of its run, or one of this runner.
    fn impossible(&self, record: &Record, source: FoldError) -> RunnerError {
        let Record::ProcessStatus(status) = record else { return RunnerError::Internal(source.to_string()) };
        match line_of(&self.paths, status) {
            None => RunnerError::Internal(source.to_string()),
            Some(line) => {
                let path = self.paths.run(&status.process, status.run);
                CheckpointError::Impossible { path, line, source }.into()
            }
        }
    }

    fn write(&mut self, records: &[Record]) -> Result<(), RunnerError> {
        for record in records {
            if let Record::ProcessStatus(status) = record
                && status.state == ProcessState::Waiting
            {
                self.backlog.add_run(&status.process, status.run);
            }
        }
        let start = Instant::now();
        while let Err(error) = self.writer.append(records) {
            if !error.is_no_space() {
                return Err(error.into());
            }
            if start.elapsed() >= PATIENCE {
                return Err(RunnerError::Full { seconds: PATIENCE.as_secs(), source: error });
            }
            // Nothing tells when a disk has room again.
            std::thread::sleep(RETRY);
        }
        Ok(())
    }

    /// Appends one record of a run.
    pub(super) fn record_run(&mut self, status: ProcessStatus) -> Result<(), RunnerError> {
        let process = status.process.clone();
        self.record(vec![Record::ProcessStatus(Box::new(status))])?;
        self.forget_old_runs(&process);
        Ok(())
    }

    /// Appends a state of the task, with this process as its runner.
    pub(super) fn record_task(&mut self, status: TaskStatus) -> Result<(), RunnerError> {
        self.record(vec![Record::TaskStatus(Box::new(status))])?;
        self.sync()
    }

    /// Makes a status of this runner.
    pub(super) fn task_status(&self, state: TaskState) -> TaskStatus {
        TaskStatus {
            state,
            timestamp_ms: wall_ms(),
            runner_pid: self.pid.as_raw(),
            runner_uid: self.uid,
            runner_ticks: self.ticks,
            runner_host: self.machine.host.clone(),
            runner_boot_id: self.machine.boot_id.clone(),
            reason: None,
            outcome: None,
            deadline_ms: None,
            extra: Map::new(),
        }
    }

    /// Makes what was recorded survive a power failure, if the task asks for that.
    pub(super) fn sync(&self) -> Result<(), RunnerError> {
        Ok(self.writer.sync()?)
    }

    /// Moves an ended task to the finished ones.
    pub(super) fn close(&self) -> Result<(), RunnerError> {
        close(&self.paths, self.header()?.durable)
    }

    /// Forgets all runs but the latest of each process, now and from now on.
    pub(super) fn forget(&mut self) {
        self.remembers = false;
        self.state.forget(1);
    }

    /// Says whether enough old runs are in the runner's stream to drop them.
    pub(super) fn is_compaction_due(&self) -> bool {
        !self.remembers && self.backlog.is_due()
    }

    /// Drops old runs from the runner's stream, and then their files and logs. After an error it is as it was, but for
    /// files that the next compaction removes.
    pub(super) fn compact(&mut self) -> Result<(), RunnerError> {
        let Header { durable, log_dir, .. } = self.header()?;
        let (durable, logs) = (*durable, log_dir.clone());
        let compacted = compact(&self.paths, &self.state, durable, &mut self.backlog);
        let (writer, dropped) = compacted.inspect_err(|_| self.backlog.put_off())?;
        self.writer = writer;
        Ok(dropped?.remove(&self.paths, &logs)?)
    }

    /// Keeps the latest run of a process: all that the runner asks for again.
    fn forget_old_runs(&mut self, process: &str) {
        if self.remembers {
            return;
        }
        if let Some(history) = self.state.processes.get_mut(process) {
            history.forget_before(history.next_run().saturating_sub(1));
        }
    }
}

/// Moves an ended task to the finished ones; its owner may have died before it did.
pub(super) fn close(paths: &TaskPaths, durable: bool) -> Result<(), RunnerError> {
    let (from, to) = (paths.active(), paths.finished());
    match std::fs::rename(&from, &to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CheckpointError::Io { action: "rename", path: from, source: error }.into());
        }
        _ => {}
    }
    if durable {
        files::sync_folder_of(&to)?;
        files::sync_folder_of(&from)?;
    }
    Ok(Request::remove(paths)?)
}
