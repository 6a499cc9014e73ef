//! What stands in the checkpoint: what the task is, and what was not told.

use super::Viewer;
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status};
use crate::cli::live::follower::Follower;
use crate::cli::live::lines::Ways;
use crate::cli::terminal::Terminal;
use crate::runner;
use crate::schema::LogDestination;
use crate::view::live::Board;

impl Viewer {
    /// Learns what the task is: it is on record by now.
    pub(super) fn meet(&mut self) {
        let Ok(task) = runner::read_task(&self.paths) else { return };
        let names = task.processes.iter().map(|process| process.name.clone());
        self.board = Board::new(self.paths.id().as_str(), names);
        self.say(&format!(" {} task {}", self.doing, self.paths.id()));
        self.task = Some(task);
        self.catch_up();
    }

    /// Takes in what is on record.
    pub(super) fn catch_up(&mut self) {
        let Ok(Some(status)) = Status::read(&self.paths) else { return };
        self.log_dir = status.log_dir.clone();
        self.start = status.launch_time_ms as f64 / 1000.0;
        self.begin_to_follow(&status);
        for process in status.carried_over.keys() {
            self.board.finished(process);
        }
        for (process, runs) in &status.processes {
            let Some(last) = runs.last() else { continue };
            self.follow_missed(process, runs);
            match &last.state {
                ProcessState::Success => drop(self.board.finished(process)),
                ProcessState::Failed => self.board.failed(process),
                ProcessState::Forked | ProcessState::Running if self.board.is_running(process, last.run) => {}
                ProcessState::Forked | ProcessState::Running => {
                    self.started(process, last.run, self.since(last));
                }
                _ => drop(self.board.stopped(process)),
            }
        }
    }

    /// Follows runs of which nothing was told, for want of room.
    fn follow_missed(&mut self, process: &str, runs: &[RunEntry]) {
        if self.follower.is_none() {
            return;
        }
        for run in runs {
            if run.state != ProcessState::Waiting && !self.before.contains(&(process.to_owned(), run.run)) {
                self.follow(process, run.run, self.since(run));
                if let (Some(follower), true) = (&mut self.follower, run.state.is_terminal()) {
                    follower.finish(process, run.run);
                }
            }
        }
    }

    fn since(&self, run: &RunEntry) -> f64 {
        run.fork_time.or(run.start_time).unwrap_or(self.start)
    }

    fn begin_to_follow(&mut self, status: &Status) {
        if !self.follow || self.follower.is_some() {
            return;
        }
        let runs = status.processes.iter().flat_map(|(name, runs)| runs.iter().map(move |run| (name, run)));
        let ended = runs.filter(|(_, run)| run.state.is_terminal());
        self.before = ended.map(|(name, run)| (name.clone(), run.run)).collect();
        let Some(task) = &self.task else { return };
        let names = task.processes.iter().map(|process| process.name.as_str());
        let Terminal { stdout, stderr } = self.terminal;
        let ways = Ways { terminal: [stdout.terminal, stderr.terminal], color: [stdout.color, stderr.color] };
        self.follower = Some(Follower::new(&self.log_dir, names, ways));
    }

    /// Follows a run whose output goes to files alone; others write to the output of `thermos run` themselves, or nowhere.
    pub(super) fn follow(&mut self, process: &str, run: u64, since: f64) {
        let (Some(follower), Some(task)) = (&mut self.follower, &self.task) else { return };
        let found = task.processes.iter().find(|known| known.name == process);
        let destination = found.and_then(|known| Some(known.logger.as_ref()?.destination));
        if let None | Some(LogDestination::File) = destination {
            follower.add(process, run, since);
        }
    }
}
