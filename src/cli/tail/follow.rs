//! `thermos tail --follow`: one log after the other, as the runs of a process come, until it has ended for good.
//!
//! What has happened to the task is read before its logs are: what was printed before an end is printed here before it.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

use nix::sys::stat::{SFlag, fstat};

use super::{TailArguments, announce, not_found};
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskPaths, paths};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::follow::log::LogFollower;
use crate::cli::follow::pace::Pace;
use crate::diagnostics::did_you_mean_help;
use crate::process::changes::{Change, Changes, Notice};
use crate::process::events::Events;
use crate::runner::{self, RunnerError};
use crate::schema::{Process, Task};
use crate::view::one_line;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Watched {
    Task,
    Logs,
}

/// Tokens of descriptors.
const CHANGED: u64 = 0;
const READER: u64 = 1;

/// Follows a process; ends with exit code 0 when it has ended, however it has.
pub(super) fn follow(
    arguments: &TailArguments,
    paths: &TaskPaths,
    context: &Context,
) -> Result<Exit, Failure> {
    let task = runner::read_task(paths)?;
    let process = process(arguments, &task, context)?;
    let status = Status::read(paths)?;
    if let Some(status) = status.filter(|status| status.carried_over.contains_key(&process.name)) {
        return arguments.print(&process.name, &status, context);
    }
    let changes = Changes::new(Notice::Writes);
    let mut follower = Follower {
        arguments,
        paths,
        context,
        process,
        changes,
        current: None,
        has_begun: false,
        is_alive: true,
    };
    follower.changes.watch(paths.folder(), Watched::Task).map_err(RunnerError::system("watch the task"))?;
    follower.run()
}

/// Finds the process in the task: it need not have run yet.
fn process<'a>(arguments: &TailArguments, task: &'a Task, context: &Context) -> Result<&'a Process, Failure> {
    let names = || task.processes.iter().map(|process| process.name.as_str());
    let id = &arguments.task_id;
    match (&arguments.process, task.processes.as_slice()) {
        (None, [process]) => Ok(process),
        (None, _) => {
            context.terminal.print(names().map(|name| one_line(name) + "\n").collect::<String>())?;
            let message = format!("task {id} has {} processes", task.processes.len());
            let help = format!("name one of them: thermos tail --follow {id} PROCESS");
            Err(not_found("several_processes", message, help))
        }
        (Some(wanted), _) => {
            let found = task.processes.iter().find(|process| process.name == *wanted);
            found.ok_or_else(|| {
                let help = did_you_mean_help(wanted, names())
                    .unwrap_or_else(|| format!("`thermos tail --follow {id}` lists all processes"));
                let message = format!("task {id} has no process `{}`", one_line(wanted));
                not_found("unknown_process", message, help)
            })
        }
    }
}

struct Follower<'a> {
    arguments: &'a TailArguments,
    paths: &'a TaskPaths,
    context: &'a Context,
    process: &'a Process,
    changes: Changes<Watched>,
    current: Option<(u64, LogFollower)>,
    /// Whether there was a record of the task.
    has_begun: bool,
    /// Whether its runner was alive when it was read last.
    is_alive: bool,
}

impl Follower<'_> {
    /// Each round: read the task if it has changed and that is due; sleep; copy what was printed.
    fn run(&mut self) -> Result<Exit, Failure> {
        let mut events = Events::new().map_err(RunnerError::system("open an event descriptor"))?;
        if let Some(descriptor) = self.changes.descriptor() {
            events.add(descriptor, CHANGED).map_err(RunnerError::system("watch files"))?;
        }
        watch_reader(&events);
        let (mut pace, mut has_changed) = (Pace::new(), true);
        loop {
            if has_changed && pace.wait().is_none() {
                let start = Instant::now();
                let status = Status::read(self.paths)?;
                pace.has_read(start);
                has_changed = false;
                let Some(status) = status else { return Err(self.vanished_or_unstarted()?) };
                if self.catch_up(&status)? {
                    return Ok(Exit::Success);
                }
                self.tell_of_runner(status.runner_alive);
            }
            let due = has_changed.then(|| pace.wait().unwrap_or_default());
            let timeout = due.into_iter().chain(self.changes.timeout()).min();
            let mut woken = events.wait(timeout).map_err(RunnerError::system("wait for changes"))?;
            if woken.any(|token| token == READER) {
                return Ok(Exit::Success);
            }
            let changes = self.changes.take().map_err(RunnerError::system("watch files"))?;
            // What is printed changes the log alone: the checkpoint need not be read for it.
            has_changed |= changes.iter().any(|change| !matches!(change, Change::At(Watched::Logs, _)));
            self.copy()?;
        }
    }

    /// Says that the runner has gone, once.
    fn tell_of_runner(&mut self, is_alive: bool) {
        if std::mem::replace(&mut self.is_alive, is_alive) && !is_alive {
            let id = &self.arguments.task_id;
            let text =
                format!(" INFO] The runner of task {id} is gone; `thermos resume {id}` goes on with it\n");
            self.context.terminal.say(text);
        }
    }

    /// Prints what is there by now, of one run after the other; says whether that is all that will ever come.
    fn catch_up(&mut self, status: &Status) -> Result<bool, Failure> {
        self.has_begun = true;
        let runs = status.processes.get(&self.process.name).map(Vec::as_slice).unwrap_or_default();
        let over = status.state.is_terminal() || is_over(self.process, status, runs);
        loop {
            if self.current.is_none() && !self.begin(status, runs, over)? {
                return Ok(over);
            }
            let Some((number, log)) = &mut self.current else { return Ok(over) };
            let number = *number;
            let has_ended = runs.iter().all(|run| run.run != number || run.state.is_terminal());
            if has_ended || status.state.is_terminal() {
                log.finish();
            }
            self.copy()?;
            let next = runs.iter().find(|run| run.run > number);
            match next {
                _ if self.arguments.run.is_some() => return Ok(has_ended || status.state.is_terminal()),
                Some(next) if has_ended => self.start(status, next, None)?,
                _ => return Ok(over && has_ended || status.state.is_terminal()),
            }
        }
    }

    /// Begins with the run that was asked for, or the latest; says whether there is one. If it is `over`, none will come.
    fn begin(&mut self, status: &Status, runs: &[RunEntry], over: bool) -> Result<bool, Failure> {
        let run = match self.arguments.run {
            None => runs.last(),
            Some(wanted) => runs.iter().find(|run| run.run == wanted),
        };
        if let (Some(wanted), None) = (self.arguments.run, run) {
            // It has gone, or is still to come, unless no run comes any more.
            if over || runs.last().is_some_and(|latest| wanted < latest.run) {
                self.arguments.run_number(&self.process.name, status)?;
            }
        }
        let Some(run) = run else { return Ok(false) };
        self.start(status, run, self.arguments.lines)?;
        Ok(true)
    }

    fn start(&mut self, status: &Status, run: &RunEntry, lines: Option<u64>) -> Result<(), Failure> {
        let folder = paths::run_logs(&status.log_dir, &self.process.name, run.run);
        let stream = self.arguments.stream();
        let path = folder.join(stream);
        self.changes.unwatch(&Watched::Logs);
        self.changes.watch(&folder, Watched::Logs).map_err(RunnerError::system("watch a log"))?;
        let since = run.fork_time.or(run.start_time).unwrap_or(status.launch_time_ms as f64 / 1000.0);
        let mut log = LogFollower::new(&path, since).holding();
        if run.state.is_terminal() {
            log.finish();
        }
        if let Some(lines) = lines {
            log = log.at_last_lines(lines).map_err(|error| Failure::file("cannot read", &path, &error))?;
        }
        announce(stream, &path, "", self.context);
        self.current = Some((run.run, log));
        Ok(())
    }

    fn copy(&mut self) -> Result<(), Failure> {
        let Some((number, log)) = &mut self.current else { return Ok(()) };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match log.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.context.terminal.print(&buffer[..count])?,
                Err(error) => {
                    let path = PathBuf::from(&self.process.name).join(number.to_string());
                    return Err(Failure::file("cannot read the log of", &path, &error));
                }
            }
        }
    }

    /// A task that cannot be read has been removed, or is only just beginning.
    fn vanished_or_unstarted(&mut self) -> Result<Failure, Failure> {
        let id = &self.arguments.task_id;
        if self.has_begun || self.context.root.find(id)?.is_none() {
            self.copy()?;
            let help = "somebody removed it, with `thermos gc` or by hand";
            return Ok(not_found(
                "unknown_task",
                format!("task {id} was removed while it was followed"),
                help,
            ));
        }
        Ok(RunnerError::NeverStarted(id.clone()).into())
    }
}

/// Says whether a process will not run again, as far as its runs tell.
fn is_over(process: &Process, status: &Status, runs: &[RunEntry]) -> bool {
    let Some(last) = runs.last() else { return false };
    let failed = runs.iter().filter(|run| run.state == ProcessState::Failed).count() as u64;
    let dropped = status.dropped.contains_key(&process.name);
    match last.state {
        ProcessState::Success => !process.daemon,
        ProcessState::Failed if process.max_failures > 0 && !dropped => {
            failed >= u64::from(process.max_failures)
        }
        _ => false,
    }
}

/// Has the end of whoever reads this wake the follower, who may have nothing to write for long.
fn watch_reader(events: &Events) {
    let stdout = io::stdout();
    let is_pipe = fstat(&stdout)
        .is_ok_and(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO);
    if is_pipe {
        // Without it, the next line that is printed tells.
        let _ = events.add(stdout.as_fd(), READER);
    }
}
