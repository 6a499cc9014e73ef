//! The event loop of a runner, which has one thread and sleeps in one place.
//!
//! Each round: let the stage move on; start what is ready while there is room; sleep until a coordinator ends, a signal
//! comes, or a time is reached; take in what happened. Every decision is recorded before it is acted upon.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::assignment::Setup;
use super::error::RunnerError;
use super::fork_server::Forks;
use super::group::Group;
use super::journal::Journal;
use super::listener::{Listener, REQUEST, SIGNALS};
use super::options::Caller;
use super::outcome::Interruptions;
use super::sink::{Event, Sink};
use super::stage::Ending;
use crate::checkpoint::{Header, TaskState, TaskStatus};
use crate::plan::{Graph, Planner, ProcessId, Stage};
use crate::process::events::Events;
use crate::process::memory;
use crate::process::pidfd::Supervised;
use crate::process::reap::{Exit, Reaped, reap_any};
use crate::process::signals::SignalQueue;
use crate::schema::Task;

/// Bytes in which small blocks of memory are kept together.
const SMALL_BLOCKS: usize = 64 << 20;

/// A run whose coordinator lives.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) run: u64,
    pub(super) pid: Pid,
    pub(super) handle: Supervised,
}

/// One task being run.
pub(super) struct Engine<'a> {
    pub(super) task: &'a Task,
    pub(super) journal: Journal,
    pub(super) setup: Setup,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) ordinary: Planner,
    pub(super) finals: Planner,
    pub(super) interruptions: Interruptions,
    pub(super) live: HashMap<ProcessId, Live>,
    /// Our own coordinators.
    pub(super) by_pid: HashMap<Pid, ProcessId>,
    /// Runs that are recorded as WAITING and could not be forked or claimed for lack of room.
    pub(super) postponed: VecDeque<(ProcessId, u64)>,
    pub(super) retry_at: Option<Instant>,
    pub(super) stage: TaskState,
    pub(super) ending: Option<Ending>,
    /// The cgroup of the task, which this process is in.
    pub(super) group: Option<Group>,
    /// Who forks coordinators.
    pub(super) forks: Forks,
    /// Children that this process had before.
    pub(super) earlier_children: Vec<Pid>,
    pub(super) events: Events,
    signals: SignalQueue,
    start: Instant,
}

impl<'a> Engine<'a> {
    /// Prepares to run a task whose journal has a header.
    pub(super) fn new(
        task: &'a Task,
        journal: Journal,
        group: Option<Group>,
        listener: Listener,
        caller: &Caller,
        sink: &'a mut dyn Sink,
    ) -> Result<Engine<'a>, RunnerError> {
        let Listener { events, signals, earlier_children, degraded } = listener;
        degraded.iter().for_each(|note| sink.event(&Event::Note(note)));
        let mut ordinary = Planner::new(Graph::of_task(task, Stage::Ordinary)?);
        carry_over(task, journal.header()?, &mut ordinary)?;
        Ok(Engine {
            ordinary,
            finals: Planner::new(Graph::of_task(task, Stage::Final)?),
            interruptions: Interruptions::new(task.processes.len()),
            setup: super::launch::setup(&journal, group.as_ref(), caller)?,
            group,
            live: HashMap::new(),
            by_pid: HashMap::new(),
            postponed: VecDeque::new(),
            retry_at: None,
            stage: TaskState::Active,
            ending: None,
            forks: Forks::default(),
            earlier_children,
            events,
            signals,
            start: Instant::now(),
            task,
            journal,
            sink,
        })
    }

    /// Runs the task to its end and returns its terminal state.
    pub(super) fn run(mut self) -> Result<TaskState, RunnerError> {
        memory::gather_small_blocks(SMALL_BLOCKS);
        // What was asked for before it could begin.
        self.take_signal()?;
        loop {
            if let Some(outcome) = self.advance()? {
                return self.finish(outcome);
            }
            self.start_ready()?;
            let may_start = self.has_room() && self.retry_at.is_none() && self.current_planner().is_some();
            if may_start && !self.live.is_empty() {
                // Whatever is ready next shall not wait for a fork.
                self.forks.fork_ahead();
            }
            let timeout = self.next_time().map(|time| time.saturating_duration_since(Instant::now()));
            let tokens = self.events.wait(timeout).map_err(RunnerError::system("wait for events"))?;
            for token in tokens {
                match token {
                    SIGNALS => self.take_signal()?,
                    place => self.adopted_ended(ProcessId(place as u32))?,
                }
            }
        }
    }

    /// Returns the seconds since this runner began: the time of the planners.
    pub(super) fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Returns the plan that a process belongs to.
    pub(super) fn planner(&mut self, id: ProcessId) -> &mut Planner {
        if self.task.processes[id.index()].is_final { &mut self.finals } else { &mut self.ordinary }
    }

    /// Returns the plan whose processes may start now.
    pub(super) fn current_planner(&mut self) -> Option<&mut Planner> {
        match self.stage {
            TaskState::Active => Some(&mut self.ordinary),
            TaskState::Finalizing if self.ending.as_ref().is_none_or(Ending::is_open) => {
                Some(&mut self.finals)
            }
            _ => None,
        }
    }

    /// Returns the name of a process, which lives as long as the task.
    pub(super) fn name(&self, id: ProcessId) -> &'a str {
        &self.task.processes[id.index()].name
    }

    /// Says whether one more coordinator may run.
    pub(super) fn has_room(&self) -> bool {
        let own = Some(self.task.max_concurrency).filter(|limit| *limit > 0);
        let header = self.journal.state.header.as_ref().and_then(|header| header.concurrency);
        let limit = own.into_iter().chain(header.filter(|limit| *limit > 0)).min();
        limit.is_none_or(|limit| self.live.len() < limit as usize)
    }

    /// Children of this process that are no orphans.
    pub(super) fn spared(&mut self) -> HashSet<Pid> {
        let coordinators = self.live.values().map(|live| live.pid);
        coordinators.chain(self.forks.pids()).chain(self.earlier_children.iter().copied()).collect()
    }

    /// Records a state of the task and tells of it.
    pub(super) fn enter(&mut self, status: TaskStatus) -> Result<(), RunnerError> {
        self.stage = status.state.clone();
        // Told once, when it is decided, though each later record repeats it.
        let reason = status.reason.clone().filter(|_| self.stage == TaskState::Cleaning);
        self.journal.record_task(status)?;
        self.sink.event(&Event::Task { state: &self.stage, reason: reason.as_deref() });
        Ok(())
    }

    fn finish(mut self, outcome: TaskState) -> Result<TaskState, RunnerError> {
        self.forks.end();
        self.hunt_strays()?;
        let mut status = self.journal.task_status(outcome.clone());
        status.reason = self.ending.as_ref().and_then(|ending| ending.reason.clone());
        self.journal.record_task(status)?;
        self.journal.close()?;
        if let Some(Err(error)) = self.group.take().map(Group::remove) {
            self.sink.event(&Event::Note(&format!("the cgroup of the task cannot be removed: {error}")));
        }
        self.sink.event(&Event::Task { state: &outcome, reason: None });
        Ok(outcome)
    }

    /// Returns the next time at which something is to be done though nothing happens.
    fn next_time(&mut self) -> Option<Instant> {
        let stop = self.next_stop_time();
        let (room, postponed) = (self.has_room(), self.retry_at.is_some());
        let retry = self.retry_at.filter(|_| room);
        let (now, start) = (self.now(), self.start);
        let wait = self.current_planner().filter(|_| room && !postponed).map(|planner| planner.min_wait(now));
        let ready =
            wait.filter(|wait| wait.is_finite()).map(|wait| start + Duration::from_secs_f64(now + wait));
        [stop, retry, ready].into_iter().flatten().min()
    }

    /// Takes one signal: for another the descriptor is readable still.
    fn take_signal(&mut self) -> Result<(), RunnerError> {
        let Some(taken) = self.signals.take().map_err(RunnerError::system("read signals"))? else {
            return Ok(());
        };
        match taken.signal {
            Signal::SIGCHLD => self.reap(),
            _ if taken.value == Some(REQUEST) => self.hear_requests().map(drop),
            signal => self.asked_to_stop(signal),
        }
    }

    /// Reaps coordinators and whatever else became a child of this process.
    fn reap(&mut self) -> Result<(), RunnerError> {
        while let Reaped::Ended(ended) = reap_any().map_err(RunnerError::system("reap"))? {
            match self.by_pid.remove(&ended.pid) {
                Some(id) => self.coordinator_ended(id, Some(ended.exit))?,
                None => self.forks.reaped(ended.pid),
            }
        }
        Ok(())
    }

    fn adopted_ended(&mut self, id: ProcessId) -> Result<(), RunnerError> {
        if let Some(Live { handle: Supervised::Adopted(pidfd), .. }) = self.live.get(&id) {
            self.events.remove(pidfd).map_err(RunnerError::system("watch a coordinator"))?;
            self.coordinator_ended(id, None)?;
        }
        Ok(())
    }
}

/// Tells the plan of a rerun what was done before.
fn carry_over(task: &Task, header: &Header, planner: &mut Planner) -> Result<(), RunnerError> {
    for (process, id) in
        task.processes.iter().zip(0..).filter(|(process, _)| header.carried(&process.name).is_some())
    {
        let carried = planner.carry_over(ProcessId(id));
        carried.map_err(|_| {
            RunnerError::Refused(format!("process '{}' cannot be carried over", process.name))
        })?;
    }
    Ok(())
}

/// Says whether a coordinator has told all there is to tell.
pub(super) fn is_clean(exit: Option<Exit>) -> bool {
    exit == Some(Exit::Code(super::coordinator::code::CLEAN))
}
