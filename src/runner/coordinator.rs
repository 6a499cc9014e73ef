//! The coordinator of one run: claims it, starts the command, waits, records, cleans up.
//!
//! It is forked, by the runner or by its fork server, and never executes anything itself. Its records are the truth about
//! the run; its exit code tells the runner only why there may be no record.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::assignment::{Assignment, Prepared, Setup};
use super::command::{Console, Output};
use super::journal::wall_seconds;
use crate::checkpoint::claim::unclaim;
use crate::checkpoint::record::Usage;
use crate::checkpoint::stream::Writer;
use crate::checkpoint::{CheckpointError, ProcessState, ProcessStatus, Record};
use crate::process::cgroup::RunGroup;
use crate::process::failpoint::failpoint;
use crate::process::identity::Moment;
use crate::process::reap::{Ended, Exit, Reaped, reap_any};
use crate::process::spawn::{self, Spawned};
use crate::process::{fork, signals, tree};
use crate::schema::LogDestination;

/// Exit codes of a coordinator. Any other means that it did not end as it should.
pub(super) mod code {
    /// All is recorded, nothing is left.
    pub(in crate::runner) const CLEAN: i32 = 0;
    /// Somebody else has the run.
    pub(in crate::runner) const TAKEN: i32 = 3;
    /// No room for the claim, the logs or the command, and so no claim: to be tried again.
    pub(in crate::runner) const NO_ROOM: i32 = 4;
    /// The sandbox cannot be entered.
    pub(in crate::runner) const NO_SANDBOX: i32 = 5;
    /// The logs cannot be opened.
    pub(in crate::runner) const NO_LOGS: i32 = 6;
    /// The claim cannot be written.
    pub(in crate::runner) const NO_CLAIM: i32 = 7;
    /// The limits of the run cannot be set.
    pub(in crate::runner) const NO_LIMITS: i32 = 9;
    /// A record or the system failed it later on.
    pub(in crate::runner) const BROKEN: i32 = 8;
}

/// How long leftovers have between TERM and KILL.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);

/// When a start is tried again for which the system had no room.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Says whether a fork failed for want of memory or of processes that may be had.
pub(super) fn is_lack_of_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM))
}

/// What became of the process that is a coordinator before it had a run.
#[derive(Debug)]
pub(super) struct Birth {
    /// Two moments between which it was forked.
    pub(super) moments: [Moment; 2],
    /// What was the runner's standard output and error, if the command is to have it.
    pub(super) console: Option<Console>,
    /// What is closed once the command has started.
    pub(super) until_started: Option<OwnedFd>,
}

/// Lives through a run in a child that was forked after a moment for this run, and returns its exit code. All signals are
/// blocked.
pub(super) fn coordinate_from_fork(setup: &Setup, assignment: Assignment, forked: Moment) -> i32 {
    let moments = [forked, Moment::now()];
    failpoint!(as "coordinator.{}.{}", assignment.process, assignment.run);
    failpoint!("fork.child");
    match leave_runner(assignment.logger.destination) {
        Ok(console) => {
            let birth = Birth { moments, console, until_started: None };
            coordinate(setup, &Prepared::new(setup, assignment), birth)
        }
        Err(_) => code::BROKEN,
    }
}

/// Lives through a run in a child that has left its runner, and returns its exit code. All signals are blocked.
pub(super) fn coordinate(setup: &Setup, prepared: &Prepared, birth: Birth) -> i32 {
    failpoint!(as "coordinator.{}.{}", prepared.assignment.process, prepared.assignment.run);
    match begin(setup, prepared, birth) {
        Ok(mut coordinator) => {
            let code = coordinator.live().unwrap_or(code::BROKEN);
            // It exits: what is open is closed then.
            std::mem::forget(coordinator);
            code
        }
        Err(code) => code,
    }
}

struct Coordinator<'a> {
    setup: &'a Setup,
    prepared: &'a Prepared,
    output: Output,
    stream: Writer,
    /// The number of the last record.
    seq: u64,
    /// The cgroup of this run, if it is limited.
    group: Option<RunGroup>,
    until_started: Option<OwnedFd>,
    /// Whether the runner wants all dead at once.
    forced: bool,
}

/// Gets everything that can fail over with before the claim.
fn begin<'a>(setup: &'a Setup, prepared: &'a Prepared, birth: Birth) -> Result<Coordinator<'a>, i32> {
    let assignment = &prepared.assignment;
    failpoint!("coordinator.detached");
    std::env::set_current_dir(&setup.sandbox).map_err(|_| code::NO_SANDBOX)?;
    let Birth { moments, console, until_started } = birth;
    let output = open_output(setup, prepared, console).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => code::NO_ROOM,
        _ => code::NO_LOGS,
    })?;
    failpoint!("logs.opened");
    let group = confine(setup, assignment).map_err(|_| code::NO_LIMITS)?;
    let status = forked(setup, assignment, moments).map_err(|_| code::BROKEN)?;
    let seq = status.seq;
    match prepared.claim.make(status, setup.durable) {
        Ok(Some(stream)) => {
            Ok(Coordinator { setup, prepared, output, stream, seq, group, until_started, forced: false })
        }
        Ok(None) => Err(code::TAKEN),
        Err(error) if error.is_no_space() => Err(code::NO_ROOM),
        Err(_) => Err(code::NO_CLAIM),
    }
}

/// Opens where the output goes; files belong to the user of the task.
fn open_output(setup: &Setup, prepared: &Prepared, console: Option<Console>) -> io::Result<Output> {
    let Prepared { assignment, logs, .. } = prepared;
    Output::open(&assignment.logger, logs, setup.run_as.credentials.as_ref(), console, &all_signals())
}

/// Leaves the lock, the terminal and the session of the runner that forked this process.
fn leave_runner(destination: LogDestination) -> io::Result<Option<Console>> {
    fork::close_foreign_descriptors()?;
    let console = match destination.has_console() {
        true => Some([fork::duplicate(1)?, fork::duplicate(2)?]),
        false => None,
    };
    fork::detach_standard_descriptors()?;
    leave_session()?;
    Ok(console)
}

/// Begins a session, and takes charge of whatever becomes an orphan below.
pub(super) fn leave_session() -> io::Result<()> {
    nix::unistd::setsid()?;
    // Where that is not allowed, the runner finds what a coordinator leaves.
    let _ = fork::become_subreaper();
    Ok(())
}

/// Makes the cgroup of the run, if there are limits.
fn confine(setup: &Setup, assignment: &Assignment) -> io::Result<Option<RunGroup>> {
    match setup.group.as_ref().filter(|_| setup.enforce) {
        Some(group) => {
            let name = format!("{}.{}", assignment.place, assignment.run);
            group.run(&name, &assignment.confinement.limits)
        }
        None => Ok(None),
    }
}

fn forked(setup: &Setup, assignment: &Assignment, [before, after]: [Moment; 2]) -> io::Result<ProcessStatus> {
    let pid = Pid::this();
    Ok(ProcessStatus {
        seq: assignment.seq + 1,
        process: assignment.process.clone(),
        run: assignment.run,
        state: ProcessState::Forked,
        coordinator_pid: Some(pid.as_raw()),
        coordinator_ticks: Some(before.start_ticks_until(after, pid)?),
        host: Some(setup.machine.host.clone()),
        boot_id: Some(setup.machine.boot_id.clone()),
        fork_time: Some(wall_seconds()),
        ..ProcessStatus::default()
    })
}

impl Coordinator<'_> {
    /// Lives through the run, and returns the exit code.
    fn live(&mut self) -> Result<i32, CheckpointError> {
        let start = wall_seconds();
        let stopped = signals::wait(&stop_signals(), Some(Duration::ZERO));
        if stopped.map_err(CheckpointError::io("wait in", self.setup.paths.folder()))?.is_some() {
            self.record_end(ProcessState::Killed, |_| {})?;
            return Ok(code::CLEAN);
        }
        failpoint!("spawn.before");
        let spawned = match self.spawn() {
            // Waiting for room here would take room from commands whose coordinators wait as well.
            Err(error) if is_lack_of_room(&error) => {
                let _ = self.group.as_ref().map(RunGroup::remove);
                failpoint!("unclaim.before");
                unclaim(&self.setup.paths, &self.prepared.assignment.process, self.prepared.assignment.run)?;
                return Ok(code::NO_ROOM);
            }
            spawned => spawned.map_err(CheckpointError::io("start a command in", &self.setup.sandbox))?,
        };
        let (pid, [before, after]) = (spawned.pid, spawned.began);
        self.until_started = None;
        self.output.release();
        failpoint!("spawn.after");
        self.record(ProcessState::Running, |status| {
            status.pid = Some(pid.as_raw());
            status.sid = Some(pid.as_raw());
            status.ticks = before.start_ticks_until(after, pid).ok();
            status.start_time = Some(start);
        })?;
        failpoint!("command.runs");
        let ended = self.wait(pid).map_err(CheckpointError::io("wait in", self.setup.paths.folder()))?;
        failpoint!("command.ended");
        match spawned.failure {
            Some(failure) => self.record_end(ProcessState::Failed, |status| {
                status.return_code = Some(127);
                status.reason = Some(self.setup.run_as.explain(&self.setup.sandbox, &failure));
            })?,
            None => self.record_command(&ended)?,
        }
        failpoint!("cleanup.before");
        let cleaned = self.clean_up().and_then(|()| self.output.finish());
        cleaned.map_err(CheckpointError::io("clean up in", self.setup.paths.folder()))?;
        failpoint!("cleanup.after");
        // What cannot be removed now is removed with the task's.
        let _ = self.group.as_ref().map(RunGroup::remove);
        Ok(code::CLEAN)
    }

    fn spawn(&self) -> io::Result<Spawned> {
        let Prepared { arguments, environment, profile, .. } = self.prepared;
        let bash_env = profile.bash_env();
        let environment: Vec<&CStr> =
            environment.iter().map(CString::as_c_str).chain(bash_env.as_deref()).collect();
        let [stdout, stderr] = self.output.ends()?;
        // The command is born where this process is; only it shall be limited.
        let _inside = self.group.as_ref().map(RunGroup::enter).transpose()?;
        let run_as = &self.setup.run_as;
        let spawned = spawn::spawn(&spawn::Command {
            arguments: arguments.as_ref().ok_or(io::ErrorKind::InvalidInput)?,
            environment: &environment,
            stdout,
            stderr,
            ignored: &self.setup.ignored,
            address_space: self.prepared.assignment.confinement.address_space,
            credentials: run_as.credentials.as_ref(),
            chroot: run_as.chroot,
        })?;
        match spawned {
            // The new user has no room for a process more.
            Spawned { pid, failure: Some(failure), .. } if is_lack_of_room(&failure.error) => {
                fork::reap(pid)?;
                Err(failure.error)
            }
            spawned => Ok(spawned),
        }
    }

    /// Waits for the command and passes on what the runner wants; reaps whatever becomes an orphan.
    fn wait(&mut self, command: Pid) -> io::Result<Ended> {
        let signals = all_signals();
        loop {
            match reap_any()? {
                Reaped::Ended(ended) if ended.pid == command => return Ok(ended),
                Reaped::Ended(_) => continue,
                Reaped::AllRunning => {}
                Reaped::NoChildren => return Err(io::Error::other("the command is gone")),
            }
            match self.output.wait(&signals, None)? {
                Some(Signal::SIGTERM) => {
                    tree::signal_descendants(Pid::this(), Signal::SIGTERM)?;
                    // What is stopped hears it only when it goes on.
                    tree::signal_descendants(Pid::this(), Signal::SIGCONT)?;
                }
                Some(Signal::SIGQUIT) => {
                    self.forced = true;
                    tree::signal_descendants(Pid::this(), Signal::SIGKILL)?;
                }
                _ => {}
            }
        }
    }

    fn record_command(&mut self, ended: &Ended) -> Result<(), CheckpointError> {
        let (mut state, return_code) = judge(ended.exit);
        let out_of_memory = state != ProcessState::Success && self.ran_out_of_memory(ended.exit);
        if out_of_memory {
            state = ProcessState::Failed;
        }
        let lost_output = self.output.drain();
        let usage = Usage { user: ended.user, system: ended.system, max_rss: ended.max_rss };
        self.record_end(state, |status| {
            status.return_code = Some(return_code);
            status.usage = Some(usage);
            status.reason = out_of_memory.then(|| "out of memory".to_owned());
            status.lost_output = lost_output;
        })
    }

    /// Says whether the kernel ended the command, or a part of it, for want of memory.
    fn ran_out_of_memory(&self, exit: Exit) -> bool {
        match &self.group {
            Some(group) => group.ran_out_of_memory(),
            None => {
                let killed = exit == Exit::Signal(libc::SIGKILL) && !self.forced;
                let kills = self.prepared.assignment.oom_kills;
                killed && self.setup.oom.as_ref().is_some_and(|counter| counter.is_above(kills))
            }
        }
    }

    fn record_end(
        &mut self,
        state: ProcessState,
        fill: impl FnOnce(&mut ProcessStatus),
    ) -> Result<(), CheckpointError> {
        self.record(state, |status| {
            status.stop_time = Some(wall_seconds());
            fill(status);
        })?;
        self.stream.sync()
    }

    fn record(
        &mut self,
        state: ProcessState,
        fill: impl FnOnce(&mut ProcessStatus),
    ) -> Result<(), CheckpointError> {
        let mut status = ProcessStatus {
            seq: self.seq + 1,
            process: self.prepared.assignment.process.clone(),
            run: self.prepared.assignment.run,
            state,
            ..ProcessStatus::default()
        };
        fill(&mut status);
        let record = Record::ProcessStatus(Box::new(status));
        self.stream.append([&record])?;
        // This process exits soon: to take it apart would only bring in more code.
        std::mem::forget(record);
        self.seq += 1;
        Ok(())
    }

    /// Ends what the command left behind: TERM, a second later KILL, until nothing is left.
    fn clean_up(&mut self) -> io::Result<()> {
        if !has_children()? {
            return Ok(());
        }
        let grace = if self.forced { Duration::ZERO } else { LEFTOVER_GRACE };
        let deadline = Instant::now() + grace;
        tree::signal_descendants(Pid::this(), Signal::SIGTERM)?;
        failpoint!("cleanup.termed");
        let signals = all_signals();
        let mut force = false;
        while has_children()? {
            force |= Instant::now() >= deadline;
            if force && tree::signal_descendants(Pid::this(), Signal::SIGKILL)?.is_refused_by_all() {
                // The runner looks for them too, and reports them.
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            if force {
                failpoint!("cleanup.killed");
            }
            // After KILL a child may have forked once more, or be slow to die: looked at again now and then.
            let pause =
                if force { Duration::from_millis(100) } else { deadline - Instant::now().min(deadline) };
            force |= self.output.wait(&signals, Some(pause))? == Some(Signal::SIGQUIT);
        }
        Ok(())
    }
}

fn stop_signals() -> SigSet {
    SigSet::from_iter([Signal::SIGTERM, Signal::SIGQUIT])
}

fn all_signals() -> SigSet {
    let mut signals = stop_signals();
    signals.add(Signal::SIGCHLD);
    signals
}

/// Reaps all who have ended and says whether anybody is left.
fn has_children() -> io::Result<bool> {
    loop {
        match reap_any()? {
            Reaped::Ended(_) => {}
            Reaped::AllRunning => return Ok(true),
            Reaped::NoChildren => return Ok(false),
        }
    }
}

/// Tells a failure from an interruption (RUNNER.md section 1).
fn judge(exit: Exit) -> (ProcessState, i32) {
    match exit {
        Exit::Code(0) => (ProcessState::Success, 0),
        Exit::Code(code) => (ProcessState::Failed, code),
        Exit::Signal(signal @ (libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGKILL)) => {
            (ProcessState::Killed, -signal)
        }
        Exit::Signal(signal) => (ProcessState::Failed, -signal),
    }
}
