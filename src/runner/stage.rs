//! The stages of a task: ACTIVE, CLEANING, FINALIZING, and how each is left. Knows nothing of how runs start and end.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::engine::Engine;
use super::error::RunnerError;
use super::journal::wall_ms;
use super::listener::take_echoes;
use super::sink::Event;
use crate::checkpoint::request::Request;
use crate::checkpoint::{ProcessState, ProcessStatus, TaskState};
use crate::process::failpoint::failpoint;

/// Why a task is ended whose runner got a signal or a request.
pub const ASKED: &str = "asked to end";

/// How long a coordinator that was told to kill everything may take before it is killed itself.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(5);

/// The longest time that an ending takes; no clock overflows by it.
const LONGEST_WAIT: Duration = Duration::from_secs(u32::MAX as u64);

/// How a task is going to end; decided when ACTIVE is left.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) outcome: TaskState,
    pub(super) deadline: Instant,
    pub(super) deadline_ms: u64,
    pub(super) reason: Option<String>,
    /// Whether the final processes are through and their leftovers were told to end.
    pub(super) closing: bool,
    /// When everything was told to be killed.
    pub(super) killed_at: Option<Instant>,
    /// Whether coordinators that did not follow were killed too.
    pub(super) struck: bool,
}

impl Ending {
    pub(super) fn new(outcome: TaskState, wait: Duration, reason: Option<String>) -> Ending {
        let wait = wait.min(LONGEST_WAIT);
        Ending {
            outcome,
            deadline: Instant::now() + wait,
            deadline_ms: wall_ms() + wait.as_millis() as u64,
            reason,
            closing: false,
            killed_at: None,
            struck: false,
        }
    }

    /// Says whether final processes may still start.
    pub(super) fn is_open(&self) -> bool {
        !self.closing && self.killed_at.is_none()
    }
}

impl Engine<'_> {
    /// Moves the task on as far as it goes without waiting; returns the terminal state once it may be recorded.
    pub(super) fn advance(&mut self) -> Result<Option<TaskState>, RunnerError> {
        loop {
            if self.ending.as_ref().is_some_and(|ending| Instant::now() >= ending.deadline) {
                return self.kill_everything();
            }
            match self.stage {
                TaskState::Active => match self.judge_ordinary() {
                    Some((outcome, reason)) => {
                        self.begin_cleaning(Ending::new(outcome, self.finalization_wait(), reason))?
                    }
                    None => return Ok(None),
                },
                TaskState::Cleaning if self.live.is_empty() => self.enter_stage(TaskState::Finalizing)?,
                TaskState::Finalizing if self.finals.is_complete() || self.finals.is_deadlocked() => {
                    return self.close_finals();
                }
                _ => return Ok(None),
            }
        }
    }

    /// INT, TERM or HUP came: a wish to end the task, or, if there is a request, what that says. A second wish is an
    /// order; HUP never is, for a terminal that closes may send it more than once.
    pub(super) fn asked_to_stop(&mut self, signal: Signal) -> Result<(), RunnerError> {
        if self.hear_requests()? {
            return Ok(());
        }
        let asked_before = self.ending.as_ref().is_some_and(|ending| ending.outcome == TaskState::Killed);
        if !asked_before {
            take_echoes()?;
        }
        let force = asked_before && signal != Signal::SIGHUP;
        self.stop(&Request { outcome: TaskState::Killed, force, grace: None })?;
        self.hear_requests().map(drop)
    }

    /// Does what was requested; says whether anything was.
    pub(super) fn hear_requests(&mut self) -> Result<bool, RunnerError> {
        let mut heard = false;
        while let Some(request) = self.take_request() {
            self.stop(&request)?;
            failpoint!("request.recorded");
            Request::done(&self.journal.paths)?;
            heard = true;
        }
        Ok(heard)
    }

    fn take_request(&mut self) -> Option<Request> {
        Request::take(&self.journal.paths).unwrap_or_else(|error| {
            self.sink.event(&Event::Note(&error.to_string()));
            None
        })
    }

    /// Ends the task as requested; a deadline that stands already is never put off, and a lost task stays lost.
    pub(super) fn stop(&mut self, request: &Request) -> Result<(), RunnerError> {
        let at_once = request.force || request.outcome == TaskState::Lost;
        let grace = request.grace.and_then(|grace| Duration::try_from_secs_f64(grace).ok());
        let wait = if at_once { Duration::ZERO } else { grace.unwrap_or(self.finalization_wait()) };
        let outcome = match request.outcome {
            TaskState::Lost => TaskState::Lost,
            _ => TaskState::Killed,
        };
        let reason = if outcome == TaskState::Lost { "given up" } else { ASKED };
        let mut ending = Ending::new(outcome, wait, Some(reason.to_owned()));
        let Some(before) = self.ending.take() else { return self.begin_cleaning(ending) };
        if before.outcome == TaskState::Lost {
            ending.outcome = TaskState::Lost;
        }
        if before.deadline < ending.deadline {
            (ending.deadline, ending.deadline_ms) = (before.deadline, before.deadline_ms);
        }
        (ending.closing, ending.killed_at, ending.struck) = (before.closing, before.killed_at, before.struck);
        self.ending = Some(ending);
        self.enter_stage(self.stage.clone())
    }

    /// Returns when the stage is to be looked at again though nothing happens.
    pub(super) fn next_stop_time(&self) -> Option<Instant> {
        let ending = self.ending.as_ref()?;
        match ending.killed_at {
            None => Some(ending.deadline),
            Some(_) if ending.struck => None,
            Some(killed_at) => Some(killed_at + COORDINATOR_PATIENCE),
        }
    }

    /// Sends a signal to all coordinators.
    pub(super) fn signal_all(&mut self, signal: Signal) {
        for live in self.live.values() {
            if let Err(error) = live.handle.signal(signal) {
                self.sink.event(&Event::Note(&format!("cannot signal coordinator {}: {error}", live.pid)));
            }
        }
    }

    pub(super) fn finalization_wait(&self) -> Duration {
        Duration::from_secs(self.task.finalization_wait.into())
    }

    /// Says how the ordinary plan has ended, if it has.
    fn judge_ordinary(&self) -> Option<(TaskState, Option<String>)> {
        let (failed, limit) = (self.ordinary.failed_count(), self.task.max_failures as usize);
        if limit > 0 && failed >= limit {
            return Some((TaskState::Failed, Some(format!("{failed} failed, the limit is {limit}"))));
        }
        if self.ordinary.is_complete() {
            return Some((TaskState::Success, None));
        }
        let reason = || Some("what is left waits for failed processes".to_owned());
        self.ordinary.is_deadlocked().then(|| (TaskState::Failed, reason()))
    }

    fn begin_cleaning(&mut self, ending: Ending) -> Result<(), RunnerError> {
        self.ending = Some(ending);
        self.enter_stage(TaskState::Cleaning)?;
        self.give_up_postponed()?;
        failpoint!("cleaning.recorded");
        self.signal_all(Signal::SIGTERM);
        failpoint!("cleaning.signalled");
        Ok(())
    }

    fn enter_stage(&mut self, stage: TaskState) -> Result<(), RunnerError> {
        let mut status = self.journal.task_status(stage);
        if let Some(ending) = &self.ending {
            status.outcome = Some(ending.outcome.clone());
            status.deadline_ms = Some(ending.deadline_ms);
            status.reason = ending.reason.clone();
        }
        self.enter(status)
    }

    /// The final plan is through: what still runs of it is ephemeral and is told to end.
    fn close_finals(&mut self) -> Result<Option<TaskState>, RunnerError> {
        self.give_up_postponed()?;
        let Some(ending) = &mut self.ending else { return Ok(None) };
        if self.live.is_empty() {
            return Ok(Some(ending.outcome.clone()));
        }
        if !std::mem::replace(&mut ending.closing, true) {
            self.signal_all(Signal::SIGTERM);
        }
        Ok(None)
    }

    /// Names the final processes that never start because the time is over; says nothing if none was meant to.
    fn tell_what_never_runs(&mut self) {
        let is_lost = self.ending.as_ref().is_some_and(|ending| ending.outcome == TaskState::Lost);
        let finals = &self.finals;
        let begun: HashSet<_> = finals.running().chain(finals.finished()).chain(finals.failed()).collect();
        let left = finals.graph().members().filter(|id| !begun.contains(id));
        let names: Vec<&str> = left.map(|id| finals.graph().node(id).name.as_str()).collect();
        if !names.is_empty() && !is_lost {
            let (shown, more) = names.split_at(names.len().min(5));
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            let text = format!("the time to finalize is over: {}{more} will not run", shown.join(", "));
            self.sink.event(&Event::Note(&text));
        }
    }

    /// The time is over: all coordinators kill their trees; one that does not is killed and its tree hunted.
    fn kill_everything(&mut self) -> Result<Option<TaskState>, RunnerError> {
        self.give_up_postponed()?;
        if self.ending.as_ref().is_some_and(|ending| ending.killed_at.is_none()) {
            self.tell_what_never_runs();
        }
        let Some(ending) = &mut self.ending else { return Ok(None) };
        if self.live.is_empty() {
            return Ok(Some(ending.outcome.clone()));
        }
        match ending.killed_at {
            None => {
                ending.killed_at = Some(Instant::now());
                self.signal_all(Signal::SIGQUIT);
                failpoint!("kill.signalled");
            }
            Some(killed_at) if !ending.struck && killed_at.elapsed() >= COORDINATOR_PATIENCE => {
                ending.struck = true;
                self.sink.event(&Event::Note("some processes survive KILL, their coordinators are killed"));
                self.signal_all(Signal::SIGKILL);
            }
            Some(_) => {}
        }
        Ok(None)
    }

    /// What could not be forked so far never will be.
    pub(super) fn give_up_postponed(&mut self) -> Result<(), RunnerError> {
        for (id, run) in std::mem::take(&mut self.postponed) {
            let process = self.name(id);
            let seq = self.journal.state.processes.get(process).map_or(0, |history| history.next_seq);
            let status = ProcessStatus {
                seq,
                run,
                process: process.to_owned(),
                state: ProcessState::Lost,
                reason: Some("never started".to_owned()),
                ..ProcessStatus::default()
            };
            self.run_ended(id, vec![status])?;
        }
        self.retry_at = None;
        Ok(())
    }
}
