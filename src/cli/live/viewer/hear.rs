//! What the runner tells, and what the view makes of it.

use super::Viewer;
use crate::checkpoint::paths::run_logs;
use crate::checkpoint::{ProcessState, TaskState};
use crate::cli::live::told::Told;
use crate::cli::report::visible;
use crate::cli::{clock, progress};
use crate::runner;
use crate::view::look::{Style, Tone};

impl Viewer {
    /// Takes in an event.
    pub(super) fn hear(&mut self, told: &Told) {
        self.changed = true;
        if self.task.is_none() && !matches!(told, Told::Note(_)) {
            self.meet();
        }
        let now = clock::seconds();
        match told {
            Told::Task { state, reason } => self.entered(state, reason.as_deref()),
            Told::AlreadyEnded { state } => {
                self.say(&format!(" The task has ended already: {}", state.as_str()))
            }
            Told::Forking { process, run, at } => self.started(process, *run, *at),
            Told::Attached { process, run } => {
                // It stands in the checkpoint that was read when the task was met.
                if !self.board.is_running(process, *run) {
                    self.started(process, *run, now);
                }
            }
            Told::Finished { process, run } => {
                self.ended(process, *run);
                self.board.finished(process);
            }
            Told::Failed { process, run, return_code, reason } => {
                self.ended(process, *run);
                self.board.stopped(process);
                self.say_of(Tone::Bad, &progress::failure(process, *return_code, reason.as_deref()));
                let words = progress::last_words(&run_logs(&self.log_dir, process, *run).join("stderr"));
                self.say(words.trim_end());
            }
            Told::Interrupted { process, run, state } => {
                self.ended(process, *run);
                self.board.stopped(process);
                // Of a task that is being ended that is what is meant to happen.
                if !self.board.is_ending() {
                    let tone = if *state == ProcessState::Lost { Tone::Gone } else { Tone::Ended };
                    self.say_of(tone, &format!("Process({process}) was {}", progress::interruption(state)));
                }
            }
            Told::UnderLimit { process } => {
                self.say(&format!("   Process {process} under maximum failure limit, restarting."));
            }
            Told::ReachedLimit { process } => {
                self.board.failed(process);
                self.say(&format!("   Process {process} reached maximum failures."));
            }
            Told::Note(note) => self.say(&format!("   {}", progress::sentence(note))),
            Told::Missed(count) => {
                self.catch_up();
                self.say(&format!("   {count} events are left out here; `thermos status` knows them."));
            }
            Told::Over { .. } => {}
        }
    }

    fn entered(&mut self, state: &TaskState, reason: Option<&str>) {
        self.board.entered(state);
        let Some(reason) = reason.filter(|_| *state == TaskState::Cleaning) else { return };
        self.say_of(Tone::Ended, &format!("Ending the task: {reason}"));
        if reason == runner::ASKED {
            self.board.hint("Ctrl-C again kills");
        }
    }

    /// A run has begun.
    pub(super) fn started(&mut self, process: &str, run: u64, since: f64) {
        self.board.started(process, run, since);
        self.follow(process, run, since);
    }

    fn ended(&mut self, process: &str, run: u64) {
        self.said.remove(&(process.to_owned(), run));
        if let Some(follower) = &mut self.follower {
            follower.finish(process, run);
        }
        self.take_output();
    }

    fn say_of(&self, tone: Tone, text: &str) {
        let style = Style::from(self.terminal.stderr);
        self.say(&format!(" {} {}", style.paint(tone, tone.sign()), visible(text)));
    }
}
