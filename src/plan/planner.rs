//! The planner: what is ready, waiting, running, finished and failed, as runs start and end.
//!
//! Knows the rules of failures, daemons, ephemerals and `min_duration`; knows neither concurrency limits nor stages.

use std::collections::BTreeSet;

use super::graph::{Graph, ProcessId};

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Not running, and it may run again; blocked if something it waits for has not finished.
    Idle,
    Running,
    Finished,
    Failed,
}

/// What the planner keeps for a process.
#[derive(Clone, Copy, Debug)]
struct Progress {
    standing: Standing,
    /// Incoming edges whose start has not finished.
    missing: u32,
    failures: u32,
    /// Seconds; of any outcome.
    last_end: Option<f64>,
    member: bool,
}

/// An event that the state of the process does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("process {name} cannot {event} now")]
pub struct IllegalEvent {
    /// The process.
    pub name: String,
    /// What was said to happen.
    pub event: &'static str,
}

/// The state of one plan. Times are seconds on any clock that does not go back.
#[derive(Clone, Debug)]
pub struct Planner {
    graph: Graph,
    progress: Vec<Progress>,
    /// Unblocked and not throttled when last looked at.
    ready: BTreeSet<ProcessId>,
    /// Unblocked, by the time at which they become ready; times are not negative, so their bits sort as they do.
    throttled: BTreeSet<(u64, ProcessId)>,
    running: BTreeSet<ProcessId>,
    failed: usize,
    /// Members that are neither finished, failed nor ephemeral.
    needed: usize,
}

impl Planner {
    /// Starts a plan from its beginning.
    pub fn new(graph: Graph) -> Planner {
        let progress = |id: ProcessId| Progress {
            standing: Standing::Idle,
            missing: graph.incoming(id),
            failures: 0,
            last_end: None,
            member: graph.is_member(id),
        };
        let progress: Vec<Progress> = (0..graph.len() as u32).map(ProcessId).map(progress).collect();
        let needed = graph.members().filter(|id| !graph.node(*id).ephemeral).count();
        let ready = graph.members().filter(|id| graph.incoming(*id) == 0).collect();
        Planner {
            graph,
            progress,
            ready,
            throttled: BTreeSet::new(),
            running: BTreeSet::new(),
            failed: 0,
            needed,
        }
    }

    /// Returns the graph that is walked.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Returns the first ready process in the order of the task, if any is ready at `now`.
    pub fn next_ready(&mut self, now: f64) -> Option<ProcessId> {
        self.advance(now);
        self.ready.first().copied()
    }

    /// Returns all processes that may start at `now`, in the order of the task.
    pub fn ready(&mut self, now: f64) -> impl Iterator<Item = ProcessId> + '_ {
        self.advance(now);
        self.ready.iter().copied()
    }

    /// Returns the unblocked processes that `min_duration` holds back at `now`, the first to become ready first.
    pub fn waiting(&mut self, now: f64) -> impl Iterator<Item = ProcessId> + '_ {
        self.advance(now);
        self.throttled.iter().map(|(_, id)| *id)
    }

    /// Returns the running processes.
    pub fn running(&self) -> impl Iterator<Item = ProcessId> + '_ {
        self.running.iter().copied()
    }

    /// Returns the processes that will not run again because they have done their work.
    pub fn finished(&self) -> impl Iterator<Item = ProcessId> + '_ {
        self.standing(Standing::Finished)
    }

    /// Returns the processes that have failed for good.
    pub fn failed(&self) -> impl Iterator<Item = ProcessId> + '_ {
        self.standing(Standing::Failed)
    }

    /// Returns how many processes have failed for good.
    pub fn failed_count(&self) -> usize {
        self.failed
    }

    /// Returns how many runs of a process have failed.
    pub fn failures(&self, id: ProcessId) -> u32 {
        self.progress[id.index()].failures
    }

    /// Says whether nothing is left that the plan needs.
    pub fn is_complete(&self) -> bool {
        self.needed == 0
    }

    /// Says whether the plan can never be completed: nothing that it needs runs or may start now or later.
    ///
    /// Nothing that is needed may wait for what is ephemeral, so whatever ephemeral processes do, they change nothing.
    pub fn is_deadlocked(&self) -> bool {
        let active = self.ready.iter().chain(&self.running).chain(self.throttled.iter().map(|(_, id)| id));
        !self.is_complete() && active.into_iter().all(|id| self.graph.node(*id).ephemeral)
    }

    /// Returns the seconds until something may start: 0 if something is ready, infinity if nothing ever will be.
    pub fn min_wait(&mut self, now: f64) -> f64 {
        self.advance(now);
        if !self.ready.is_empty() {
            return 0.0;
        }
        let first = self.throttled.first();
        first.map_or(f64::INFINITY, |(_, id)| self.wait(*id, now))
    }

    /// A run starts; its `min_duration` may not have passed yet.
    pub fn set_running(&mut self, id: ProcessId) -> Result<(), IllegalEvent> {
        match self.progress[id.index()].missing {
            0 => self.recall_running(id),
            _ => Err(self.illegal(id, "start")),
        }
    }

    /// A run is on record, whatever the process waits for: the record of what it waited for may be gone.
    pub fn recall_running(&mut self, id: ProcessId) -> Result<(), IllegalEvent> {
        let progress = self.progress[id.index()];
        match progress.standing {
            Standing::Running => Ok(()),
            Standing::Idle if progress.member => {
                self.unqueue(id);
                self.running.insert(id);
                self.progress[id.index()].standing = Standing::Running;
                Ok(())
            }
            _ => Err(self.illegal(id, "start")),
        }
    }

    /// A process did its work in an earlier run of the task and does not run in this one.
    pub fn carry_over(&mut self, id: ProcessId) -> Result<(), IllegalEvent> {
        self.recall_running(id)?;
        self.leave_running(id, "be carried over")?;
        self.finish(id);
        Ok(())
    }

    /// Before all that is told of a process, it had runs that are no longer on record one by one.
    pub fn recall_past(&mut self, id: ProcessId, failures: u32, last_end: Option<f64>) {
        self.unqueue(id);
        let progress = &mut self.progress[id.index()];
        (progress.failures, progress.last_end) = (failures, last_end);
        if progress.standing == Standing::Idle && progress.member {
            self.requeue(id);
        }
    }

    /// The run ended well at `now`.
    pub fn success(&mut self, id: ProcessId, now: f64) -> Result<(), IllegalEvent> {
        self.end_run(id, "succeed", now)?;
        if self.graph.node(id).daemon {
            self.requeue(id)
        } else {
            self.finish(id)
        }
        Ok(())
    }

    /// The run failed at `now`. Says whether the process will run again.
    pub fn failure(&mut self, id: ProcessId, now: f64) -> Result<bool, IllegalEvent> {
        self.end_run(id, "fail", now)?;
        self.progress[id.index()].failures += 1;
        let node = self.graph.node(id);
        if node.max_failures == 0 || self.progress[id.index()].failures < node.max_failures {
            self.requeue(id);
            return Ok(true);
        }
        if node.ephemeral {
            self.finish(id)
        } else {
            self.fail(id)
        }
        Ok(false)
    }

    /// The run ended at `now` through no fault of its own.
    pub fn lost(&mut self, id: ProcessId, now: f64) -> Result<(), IllegalEvent> {
        self.end_run(id, "be lost", now)?;
        self.requeue(id);
        Ok(())
    }

    /// The running process fails for good, whatever its limit.
    pub fn set_failed(&mut self, id: ProcessId) -> Result<(), IllegalEvent> {
        self.leave_running(id, "be set failed")?;
        self.fail(id);
        Ok(())
    }

    fn standing(&self, standing: Standing) -> impl Iterator<Item = ProcessId> + '_ {
        self.graph.members().filter(move |id| self.progress[id.index()].standing == standing)
    }

    /// Moves what `now` has released from throttled to ready.
    fn advance(&mut self, now: f64) {
        while let Some(&(bits, id)) = self.throttled.first() {
            if self.wait(id, now) > 0.0 {
                return;
            }
            self.throttled.remove(&(bits, id));
            self.ready.insert(id);
        }
    }

    fn wait(&self, id: ProcessId, now: f64) -> f64 {
        let last_end = self.progress[id.index()].last_end;
        last_end.map_or(0.0, |end| self.graph.node(id).min_duration - (now - end))
    }

    fn wake_key(&self, id: ProcessId) -> Option<(u64, ProcessId)> {
        let last_end = self.progress[id.index()].last_end?;
        Some(((last_end + self.graph.node(id).min_duration).max(0.0).to_bits(), id))
    }

    fn unqueue(&mut self, id: ProcessId) {
        self.ready.remove(&id);
        if let Some(key) = self.wake_key(id) {
            self.throttled.remove(&key);
        }
    }

    /// Lets a process run when its wait is over, if it waits for no other.
    fn requeue(&mut self, id: ProcessId) {
        if self.progress[id.index()].missing > 0 {
            return;
        }
        match self.wake_key(id) {
            Some(key) => drop(self.throttled.insert(key)),
            None => drop(self.ready.insert(id)),
        }
    }

    fn leave_running(&mut self, id: ProcessId, event: &'static str) -> Result<(), IllegalEvent> {
        if !self.running.remove(&id) {
            return Err(self.illegal(id, event));
        }
        self.progress[id.index()].standing = Standing::Idle;
        Ok(())
    }

    fn end_run(&mut self, id: ProcessId, event: &'static str, now: f64) -> Result<(), IllegalEvent> {
        self.leave_running(id, event)?;
        self.progress[id.index()].last_end = Some(now);
        Ok(())
    }

    fn finish(&mut self, id: ProcessId) {
        self.progress[id.index()].standing = Standing::Finished;
        self.settle(id);
        for index in 0..self.graph.successors(id).len() {
            let next = self.graph.successors(id)[index];
            let progress = &mut self.progress[next.index()];
            progress.missing -= 1;
            if progress.missing == 0 && progress.standing == Standing::Idle {
                self.requeue(next);
            }
        }
    }

    fn fail(&mut self, id: ProcessId) {
        self.progress[id.index()].standing = Standing::Failed;
        self.failed += 1;
        self.settle(id);
    }

    fn settle(&mut self, id: ProcessId) {
        if !self.graph.node(id).ephemeral {
            self.needed -= 1;
        }
    }

    fn illegal(&self, id: ProcessId, event: &'static str) -> IllegalEvent {
        IllegalEvent { name: self.graph.node(id).name.clone(), event }
    }
}
