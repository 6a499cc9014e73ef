//! How runs start and end: WAITING before the fork, the coordinator's records after its end, and what the plan is told.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Instant;

use nix::libc;
use nix::unistd::Pid;

use super::assignment::Assignment;
use super::coordinator::{RETRY, code, coordinate_from_fork, is_lack_of_room};
use super::engine::{Engine, Live, is_clean};
use super::error::RunnerError;
use super::group::confinement;
use super::journal::wall_seconds;
use super::leftovers::Hunt;
use super::outcome::Verdict;
use super::owned::open_logs;
use super::sink::Event;
use crate::checkpoint::load::read_run;
use crate::checkpoint::paths::run_logs;
use crate::checkpoint::record::LostOutput;
use crate::checkpoint::{ProcessState, ProcessStatus};
use crate::plan::ProcessId;
use crate::process::cgroup::OomCounter;
use crate::process::failpoint::failpoint;
use crate::process::fork::{Forked, fork_blocked, leave_by};
use crate::process::identity::Moment;
use crate::process::pidfd::{PidFd, Supervised};
use crate::process::reap::Exit;
use crate::schema::Context;

impl Engine<'_> {
    /// Starts what is ready, in the order of the task, while there is room.
    pub(super) fn start_ready(&mut self) -> Result<(), RunnerError> {
        if self.retry_at.is_some_and(|time| Instant::now() >= time) {
            self.retry()?;
        }
        while self.retry_at.is_none() && self.has_room() {
            let now = self.now();
            let Some(id) = self.current_planner().and_then(|planner| planner.next_ready(now)) else {
                return Ok(());
            };
            self.start(id)?;
        }
        Ok(())
    }

    /// A coordinator has ended; `exit` is unknown if it was not our child.
    pub(super) fn coordinator_ended(&mut self, id: ProcessId, exit: Option<Exit>) -> Result<(), RunnerError> {
        failpoint!("coordinator.ended");
        let Some(live) = self.live.remove(&id) else { return Ok(()) };
        let process = self.name(id);
        if exit == Some(Exit::Code(code::NO_ROOM)) {
            self.postpone(id, live.run);
            // Where nothing starts any more there is no later.
            return if self.current_planner().is_none() { self.give_up_postponed() } else { Ok(()) };
        }
        // There is room for one more now.
        self.retry_at = self.retry_at.map(|_| Instant::now());
        let mut statuses = read_run(&self.journal.paths, process, live.run)?;
        if statuses.is_empty()
            && let Some(reason) = self.why_not_started(id, live.run, exit)
        {
            statuses.push(self.end_without_coordinator(process, live.run, ProcessState::Failed, reason));
            return self.run_ended(id, statuses);
        }
        if !is_clean(exit) {
            let spared = self.spared();
            self.hunt_leftovers(process, live.run, &spared)?;
        }
        self.dead_run_ended(id, live.run, statuses)
    }

    /// A run ended whose coordinator and leftovers are gone: what is on record counts, or it is lost.
    pub(super) fn dead_run_ended(
        &mut self,
        id: ProcessId,
        run: u64,
        mut statuses: Vec<ProcessStatus>,
    ) -> Result<(), RunnerError> {
        if !statuses.last().is_some_and(|status| status.state.is_terminal()) {
            let reason = "its coordinator ended without a word".to_owned();
            let mut lost = self.end_without_coordinator(self.name(id), run, ProcessState::Lost, reason);
            lost.seq = statuses.last().map_or(lost.seq, |status| status.seq + 1);
            statuses.push(lost);
        }
        self.run_ended(id, statuses)
    }

    /// Copies the records of an ended run into the runner's stream by one write, and tells the plan.
    pub(super) fn run_ended(
        &mut self,
        id: ProcessId,
        statuses: Vec<ProcessStatus>,
    ) -> Result<(), RunnerError> {
        let process = self.name(id);
        self.journal.record_statuses(&statuses)?;
        self.journal.sync()?;
        let Some(end) = statuses.last() else { return Ok(()) };
        if end.return_code == Some(-libc::SIGKILL) {
            // What was killed for want of memory has been told; the next run is judged by what comes after.
            self.setup.oom.as_mut().map(OomCounter::mark_seen);
        }
        let claimed = statuses.iter().any(ProcessStatus::is_claimed);
        let now = self.now();
        let planner =
            if self.task.processes[id.index()].is_final { &mut self.finals } else { &mut self.ordinary };
        let verdict = self
            .interruptions
            .settle(planner, id, &end.state, claimed, now)
            .map_err(|error| RunnerError::Internal(error.to_string()))?;
        self.tell(process, end, verdict);
        self.compact_if_due();
        Ok(())
    }

    /// Makes the end of a run that no coordinator records.
    pub(super) fn end_without_coordinator(
        &self,
        process: &str,
        run: u64,
        state: ProcessState,
        reason: String,
    ) -> ProcessStatus {
        ProcessStatus {
            seq: self.journal.state.processes.get(process).map_or(0, |history| history.next_seq),
            process: process.to_owned(),
            run,
            state,
            stop_time: Some(wall_seconds()),
            reason: Some(reason),
            ..ProcessStatus::default()
        }
    }

    /// Kills what a run has left behind, and reports what cannot be killed.
    ///
    /// `spared` are the living coordinators and what else is not to be touched.
    pub(super) fn hunt_leftovers(
        &mut self,
        process: &str,
        run: u64,
        spared: &HashSet<Pid>,
    ) -> Result<(), RunnerError> {
        failpoint!("hunt.before");
        let launch = &self.journal.header()?.launch;
        let left =
            Hunt { launch, run: Some((process, run)), group: self.setup.group.as_ref(), spared }.kill();
        failpoint!("hunt.after");
        for pid in left.map_err(RunnerError::system("search /proc"))? {
            self.sink.event(&Event::Note(&format!("process {pid}, left by {process}, cannot be killed")));
        }
        Ok(())
    }

    /// Kills what is still in the cgroup of the task though all its runs have ended.
    pub(super) fn hunt_strays(&mut self) -> Result<(), RunnerError> {
        let spared = self.spared();
        let Some(group) = &self.setup.group else { return Ok(()) };
        let launch = &self.journal.header()?.launch;
        let left = Hunt { launch, run: None, group: Some(group), spared: &spared }.kill();
        for pid in left.map_err(RunnerError::system("search the cgroup of the task"))? {
            self.sink.event(&Event::Note(&format!("process {pid}, left by the task, cannot be killed")));
        }
        Ok(())
    }

    fn start(&mut self, id: ProcessId) -> Result<(), RunnerError> {
        let process = self.name(id);
        let history = self.journal.state.processes.get(process);
        let (seq, run) = history.map_or((0, 0), |history| (history.next_seq, history.next_run()));
        let waiting = ProcessStatus { seq, run, process: process.to_owned(), ..ProcessStatus::default() };
        self.journal.record_run(waiting)?;
        self.journal.sync()?;
        let started = self.planner(id).set_running(id);
        started.map_err(|error| RunnerError::Internal(error.to_string()))?;
        self.sink.event(&Event::Forking { process, run });
        self.fork(id, run)
    }

    /// Forks the coordinator of a run that is recorded as WAITING.
    fn fork(&mut self, id: ProcessId, run: u64) -> Result<(), RunnerError> {
        failpoint!("fork.before");
        let mut forks = std::mem::take(&mut self.forks);
        let asked = forks.ask(&self.setup, || self.assignment(id, run));
        self.forks = forks;
        let now = Moment::now();
        match asked.map_or_else(fork_blocked, |answer| answer.map(Forked::Parent)) {
            Ok(Forked::Child) => leave_by(|| match self.assignment(id, run) {
                Some(assignment) => coordinate_from_fork(&self.setup, assignment, now),
                None => code::NO_CLAIM,
            }),
            Ok(Forked::Parent(pid)) => {
                failpoint!("fork.after");
                self.by_pid.insert(pid, id);
                self.live.insert(id, Live { run, pid, handle: Supervised::Child(pid) });
                Ok(())
            }
            Err(error) if is_lack_of_room(&error) => {
                self.postpone(id, run);
                Ok(())
            }
            Err(error) => Err(RunnerError::system("fork")(error)),
        }
    }

    /// Makes what a coordinator is to do.
    fn assignment(&self, id: ProcessId, run: u64) -> Option<Assignment> {
        let process = &self.task.processes[id.index()];
        let header = self.journal.state.header.as_ref()?;
        let ports: Vec<(String, u16)> =
            header.ports.iter().map(|(name, port)| (name.clone(), *port)).collect();
        let context = Context { task_id: header.task_id.as_str(), user: &header.user, ports: &ports };
        let resources = process.resources.as_ref().filter(|_| header.enforce);
        Some(Assignment {
            process: process.name.clone(),
            place: id.0,
            run,
            seq: self.journal.state.run(&process.name, run).map_or(0, |status| status.seq),
            command: process.cmdline.bind(&context)?,
            logger: process.logger.clone().unwrap_or_default(),
            confinement: confinement(resources, self.task, self.setup.group.as_ref()),
            oom_kills: self.setup.oom.as_ref().map_or(0, OomCounter::seen),
        })
    }

    /// Forks one of the runs for which there was no room. All at once would take the room from each other again: each
    /// needs it for two, its coordinator and its command.
    fn retry(&mut self) -> Result<(), RunnerError> {
        self.retry_at = None;
        if self.has_room()
            && let Some((id, run)) = self.postponed.pop_front()
        {
            self.fork(id, run)?;
        }
        if !self.postponed.is_empty() && self.retry_at.is_none() {
            self.retry_at = Some(Instant::now() + RETRY);
        }
        Ok(())
    }

    fn postpone(&mut self, id: ProcessId, run: u64) {
        self.postponed.push_back((id, run));
        self.retry_at = Some(Instant::now() + RETRY);
    }

    /// Finds out why a coordinator did not even claim its run, if that is the command's fate and not the coordinator's.
    fn why_not_started(&self, id: ProcessId, run: u64, exit: Option<Exit>) -> Option<String> {
        let logs = run_logs(&self.setup.log_dir, self.name(id), run);
        let Some(Exit::Code(code)) = exit else { return None };
        let (what, tried) = match code {
            code::NO_SANDBOX => (&self.setup.sandbox, std::fs::read_dir(&self.setup.sandbox).map(drop)),
            code::NO_LOGS => (&logs, self.try_logs(&logs, self.name(id), run)),
            code::NO_CLAIM => return Some("its checkpoint cannot be written".to_owned()),
            code::NO_LIMITS => return Some("its limits cannot be set".to_owned()),
            _ => return None,
        };
        let why = tried.err().map_or_else(|| "refused".to_owned(), |error| error.to_string());
        Some(format!("cannot use {}: {why}", what.display()))
    }

    fn try_logs(&self, logs: &Path, process: &str, run: u64) -> io::Result<()> {
        match &self.setup.run_as.credentials {
            Some(owner) => open_logs(&self.setup.log_dir, process, run, owner).map(drop),
            None => std::fs::create_dir_all(logs),
        }
    }

    /// Tells what became of a run.
    pub(super) fn tell(&mut self, process: &str, end: &ProcessStatus, verdict: Verdict) {
        let run = end.run;
        let logs = run_logs(&self.setup.log_dir, process, run);
        let event = match verdict {
            Verdict::Finished => {
                Event::Finished { process, run, return_code: end.return_code.unwrap_or_default() }
            }
            Verdict::UnderLimit | Verdict::ReachedLimit => {
                let reason = end.reason.as_deref();
                Event::Failed { process, run, return_code: end.return_code, reason, logs: &logs }
            }
            Verdict::Again | Verdict::Exhausted => Event::Interrupted { process, run, state: &end.state },
        };
        self.sink.event(&event);
        if let Some(LostOutput { bytes, reason }) = &end.lost_output {
            let text =
                format!("{bytes} bytes of output of process {process}, run {run}, were lost: {reason}");
            self.sink.event(&Event::Note(&text));
        }
        match verdict {
            Verdict::UnderLimit => self.sink.event(&Event::UnderLimit { process }),
            Verdict::ReachedLimit => self.sink.event(&Event::ReachedLimit { process }),
            Verdict::Exhausted => {
                let text = format!(
                    "process {process} was killed or lost ten times in a row, marking process run failed"
                );
                self.sink.event(&Event::Note(&text));
            }
            Verdict::Finished | Verdict::Again => {}
        }
    }

    /// Watches the coordinator of a run that an earlier runner started.
    pub(super) fn attach(
        &mut self,
        id: ProcessId,
        run: u64,
        pid: i32,
        pidfd: PidFd,
    ) -> Result<(), RunnerError> {
        let watched = self.events.add(&pidfd, u64::from(id.0));
        watched.map_err(RunnerError::system("watch a coordinator"))?;
        self.live.insert(id, Live { run, pid: Pid::from_raw(pid), handle: Supervised::Adopted(pidfd) });
        self.sink.event(&Event::Attached { process: self.name(id), run });
        Ok(())
    }
}
