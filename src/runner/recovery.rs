//! Recovery: from what is on disk to an engine that goes on. The state is the fold; runs whose end it does not know are
//! attached if their coordinators live, ended or lost if those are dead, and fenced if they never came.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::engine::Engine;
use super::error::RunnerError;
use super::group;
use super::journal::{Journal, wall_ms, wall_seconds};
use super::listener::Listener;
use super::options::Caller;
use super::outcome::Verdict;
use super::sink::{Event, Sink};
use super::stage::Ending;
use super::support;
use crate::checkpoint::claim::Claim;
use crate::checkpoint::load::{RunnerStream, first_line_of, read_run, unended_runs};
use crate::checkpoint::request::Request;
use crate::checkpoint::{
    CheckpointError, Ownership, Past, ProcessState, ProcessStatus, TaskPaths, TaskState,
};
use crate::plan::{IllegalEvent, ProcessId};
use crate::process::failpoint::failpoint;
use crate::process::identity;
use crate::process::pidfd::PidFd;
use crate::schema::Task;

/// Makes an engine for an owned task that has a header and has not ended, and records the takeover.
pub(super) fn recover<'a>(
    task: &'a Task,
    paths: TaskPaths,
    owner: Ownership,
    stream: RunnerStream,
    caller: &Caller,
    sink: &'a mut dyn Sink,
) -> Result<Engine<'a>, RunnerError> {
    Request::check(&paths)?;
    let listener = Listener::open(caller)?;
    let durable = stream.state.header.as_ref().is_some_and(|header| header.durable);
    let mut journal = Journal::open(paths, owner, stream, durable)?;
    let header = journal.header()?;
    if header.hostname != journal.machine.host {
        let (id, host) = (header.task_id.clone(), header.hostname.clone());
        return Err(RunnerError::OtherHost { id, host });
    }
    support::check_header(header)?;
    check_belongings(task, &journal)?;
    if journal.state.statuses.is_empty() {
        let status = journal.task_status(TaskState::Active);
        journal.record_task(status)?;
    }
    let (group, degraded) = group::find(task, journal.header()?);
    degraded.iter().for_each(|note| sink.event(&Event::Note(note)));
    let mut engine = Engine::new(task, journal, group, listener, caller, sink)?;
    engine.take_over()?;
    Ok(engine)
}

/// Refuses to go on with what belongs to another task, or is in a state that only a newer version knows.
fn check_belongings(task: &Task, journal: &Journal) -> Result<(), RunnerError> {
    let paths = &journal.paths;
    let damaged = |path, line, reason| Err(CheckpointError::Damaged { path, line, reason }.into());
    let name = &journal.header()?.name;
    if task.name != *name {
        return damaged(
            paths.active(),
            1,
            format!("it is task '{}', the checkpoint is of '{name}'", task.name),
        );
    }
    if let Some(TaskState::Other(word)) = journal.state.task_state() {
        return Err(RunnerError::Unsupported(format!("a task in state {word}")));
    }
    let names: HashSet<&str> = task.processes.iter().map(|process| process.name.as_str()).collect();
    let reason = |process| format!("the task has no process '{process}'");
    if let Some(process) = journal.state.processes.keys().find(|name| !names.contains(name.as_str())) {
        return damaged(paths.runner(), first_line_of(paths, process)?, reason(process));
    }
    let rerun = journal.header()?.rerun.as_ref();
    let mut carried = rerun.iter().flat_map(|rerun| rerun.carried_over.keys());
    if let Some(process) = carried.find(|name| !names.contains(name.as_str())) {
        return damaged(paths.runner(), 1, reason(process));
    }
    let runs = unended_runs(paths, &journal.state)?;
    match runs.iter().find(|(process, _)| !names.contains(process.as_str())) {
        Some((process, run)) => damaged(paths.run(process, *run), 1, reason(process)),
        None => Ok(()),
    }
}

impl Engine<'_> {
    fn take_over(&mut self) -> Result<(), RunnerError> {
        self.restore_stage();
        let mut status = self.journal.task_status(self.stage.clone());
        if let Some(ending) = &self.ending {
            status.outcome = Some(ending.outcome.clone());
            status.deadline_ms = Some(ending.deadline_ms);
            status.reason = ending.reason.clone();
        }
        failpoint!("takeover.before");
        self.enter(status)?;
        failpoint!("takeover.recorded");
        let ids: HashMap<&str, ProcessId> = self
            .task
            .processes
            .iter()
            .zip(0..)
            .map(|(process, id)| (process.name.as_str(), ProcessId(id)))
            .collect();
        let mut attached = Vec::new();
        // Of runs whose end is found now, this runner is the first to tell.
        let known: HashMap<String, u64> = self.ended_runs();
        self.recover_files(&mut attached)?;
        failpoint!("takeover.folded");
        self.fence_the_rest(&mut attached)?;
        failpoint!("takeover.fenced");
        self.replay(&known)?;
        self.journal.forget();
        self.compact_if_due();
        for (status, pidfd) in attached {
            if let Some(id) = ids.get(status.process.as_str()) {
                self.attach(*id, status.run, status.coordinator_pid.unwrap_or_default(), pidfd)?;
            }
        }
        failpoint!("takeover.attached");
        self.settle_in()
    }

    /// Reads the stage off the last status. The deadline is of the wall clock, and never put off.
    fn restore_stage(&mut self) {
        let Some(last) = self.journal.state.statuses.last() else { return };
        self.stage = last.state.clone();
        if self.stage == TaskState::Active {
            return;
        }
        let outcome = last.outcome.clone().unwrap_or(TaskState::Failed);
        let deadline_ms = last.deadline_ms.unwrap_or_else(wall_ms);
        // If the clock was set back meanwhile, at most what was granted.
        let granted = deadline_ms.saturating_sub(last.timestamp_ms);
        let left = Duration::from_millis(deadline_ms.saturating_sub(wall_ms()).min(granted));
        let reason = last.reason.clone();
        let mut ending = Ending::new(outcome, left, reason);
        ending.deadline_ms = ending.deadline_ms.min(deadline_ms);
        self.ending = Some(ending);
    }

    /// Looks at each run that has a file and no end in the runner's stream.
    fn recover_files(&mut self, attached: &mut Vec<(ProcessStatus, PidFd)>) -> Result<(), RunnerError> {
        let mut dead = Vec::new();
        for (process, run) in unended_runs(&self.journal.paths, &self.journal.state)? {
            if let Some(statuses) = self.recover_file(&process, run, attached)? {
                dead.push((process, run, statuses));
            }
        }
        // Whoever lives is known by now: what the dead left is not taken for theirs.
        dead.into_iter().try_for_each(|(process, run, statuses)| self.bury(&process, run, statuses, attached))
    }

    /// Takes note of a run whose coordinator lives; returns the records of one whose coordinator is dead.
    fn recover_file(
        &mut self,
        process: &str,
        run: u64,
        attached: &mut Vec<(ProcessStatus, PidFd)>,
    ) -> Result<Option<Vec<ProcessStatus>>, RunnerError> {
        let statuses = read_run(&self.journal.paths, process, run)?;
        let Some(pidfd) = self.living_coordinator(&statuses)? else {
            // It may have ended since its records were read: they are whole only now that it is dead.
            return read_run(&self.journal.paths, process, run).map(Some).map_err(Into::into);
        };
        // Its own file goes on; the runner's stream has to know the run, no more.
        self.journal.record_waiting_before(&statuses[0])?;
        attached.push((statuses[0].clone(), pidfd));
        Ok(None)
    }

    /// Claims, as lost, each run that has no file.
    fn fence_the_rest(&mut self, attached: &mut Vec<(ProcessStatus, PidFd)>) -> Result<(), RunnerError> {
        let live: Vec<(String, u64)> =
            self.journal.state.live_runs().map(|run| (run.process.clone(), run.run)).collect();
        let known: HashSet<String> = attached.iter().map(|(status, _)| status.process.clone()).collect();
        for (process, run) in live.into_iter().filter(|(process, _)| !known.contains(process)) {
            let reason = "its coordinator never came".to_owned();
            let lost = self.end_without_coordinator(&process, run, ProcessState::Lost, reason);
            let claim = Claim::new(&self.journal.paths, "fence", &process, run);
            match claim.make(lost.clone(), self.setup.durable)? {
                Some(_) => {
                    failpoint!("fence.claimed");
                    self.journal.record_statuses(&[lost])?
                }
                // It came after all.
                None => {
                    if let Some(statuses) = self.recover_file(&process, run, attached)? {
                        self.bury(&process, run, statuses, attached)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the coordinator of a run if it is proven to live.
    fn living_coordinator(&self, statuses: &[ProcessStatus]) -> Result<Option<PidFd>, RunnerError> {
        let Some(first) = statuses.first() else { return Ok(None) };
        let machine = &self.journal.machine;
        let this_boot =
            first.host.as_ref() == Some(&machine.host) && first.boot_id.as_ref() == Some(&machine.boot_id);
        match (this_boot, first.coordinator_pid, first.coordinator_ticks) {
            (true, Some(pid), Some(ticks)) => {
                identity::prove(pid, ticks).map_err(RunnerError::system("look for a coordinator"))
            }
            _ => Ok(None),
        }
    }

    /// Ends a run whose coordinator is dead: first what it left, then its records.
    fn bury(
        &mut self,
        process: &str,
        run: u64,
        mut statuses: Vec<ProcessStatus>,
        attached: &[(ProcessStatus, PidFd)],
    ) -> Result<(), RunnerError> {
        let living = attached.iter().filter_map(|(status, _)| status.coordinator_pid).map(Pid::from_raw);
        let spared = living.chain(self.spared()).collect();
        self.hunt_leftovers(process, run, &spared)?;
        failpoint!("bury.hunted");
        if !statuses.last().is_some_and(|status| status.state.is_terminal()) {
            let reason = "its coordinator died".to_owned();
            let mut lost = self.end_without_coordinator(process, run, ProcessState::Lost, reason);
            lost.seq = statuses.last().map_or(lost.seq, |status| status.seq + 1);
            statuses.push(lost);
        }
        self.journal.record_statuses(&statuses)
    }

    /// Walks the plans through all that is on record, each process after those that it waits for.
    fn replay(&mut self, known: &HashMap<String, u64>) -> Result<(), RunnerError> {
        let order =
            [self.ordinary.graph().topological_order(), self.finals.graph().topological_order()].concat();
        for id in order {
            let process = self.name(id);
            let Some(history) = self.journal.state.processes.get(process) else { continue };
            let (past, runs) = (history.past.clone(), history.runs.clone());
            self.replay_past(id, &past);
            for run in runs {
                let verdict = self.replay_run(id, &run);
                let verdict = verdict.map_err(|error| RunnerError::Internal(error.to_string()))?;
                let is_news = known.get(process).is_none_or(|last| run.run > *last);
                if let Some(verdict) = verdict.filter(|_| is_news) {
                    self.tell(process, &run, verdict);
                }
            }
        }
        Ok(())
    }

    fn replay_past(&mut self, id: ProcessId, past: &Past) {
        if past.next_run == 0 {
            return;
        }
        let last_end = past.stop_time.map(|stop| self.now() - (wall_seconds() - stop).max(0.0));
        let planner =
            if self.task.processes[id.index()].is_final { &mut self.finals } else { &mut self.ordinary };
        self.interruptions.recall(planner, id, past, last_end);
    }

    fn replay_run(&mut self, id: ProcessId, run: &ProcessStatus) -> Result<Option<Verdict>, IllegalEvent> {
        let ago = run.stop_time.map_or(0.0, |stop| (wall_seconds() - stop).max(0.0));
        let time = self.now() - ago;
        let planner =
            if self.task.processes[id.index()].is_final { &mut self.finals } else { &mut self.ordinary };
        planner.recall_running(id)?;
        if !run.state.is_terminal() {
            return Ok(None);
        }
        let claimed = run.is_claimed();
        self.interruptions.settle(planner, id, &run.state, claimed, time).map(Some)
    }

    /// Returns the last ended run of each process, as the runner's stream has it.
    fn ended_runs(&self) -> HashMap<String, u64> {
        let ended =
            |runs: &[ProcessStatus]| runs.iter().rfind(|run| run.state.is_terminal()).map(|run| run.run);
        let processes = self.journal.state.processes.iter();
        processes.filter_map(|(name, history)| Some((name.clone(), ended(&history.runs)?))).collect()
    }

    /// Goes on with an ending that was under way, and with a wish that nobody heard.
    fn settle_in(&mut self) -> Result<(), RunnerError> {
        self.hear_requests()?;
        failpoint!("takeover.stopped");
        if self.stage == TaskState::Cleaning {
            self.signal_all(Signal::SIGTERM);
        }
        failpoint!("takeover.after");
        Ok(())
    }
}
