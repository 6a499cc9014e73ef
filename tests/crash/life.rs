//! The life of one task whose supervisors are killed: started, killed, resumed, killed again, and at last left alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use thermos::checkpoint::load::load;
use thermos::checkpoint::{Root, TaskId, TaskPaths, TaskState};

use super::failpoints::{Plan, Point, binary};
use super::task::{Run, Trace};
use crate::harness::{Invocation, Output, Running, Thermos, wait_until};

/// The processes of the task that never end by themselves.
pub(crate) const ENDLESS: [&str; 2] = ["server", "watcher"];

/// What happens to the coordinators after their runner has died.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aftermath {
    /// The next runner comes at once.
    None,
    /// Their commands end before the next runner comes.
    Ended,
    /// They are killed too.
    Killed,
}

/// A task `id` under a `thermos` with failpoints.
pub(crate) struct Life {
    pub(crate) thermos: Thermos,
    /// Who was killed where, in order.
    pub(crate) deaths: Vec<String>,
    /// Runs whose coordinators were killed: they alone may be lost.
    pub(crate) orphaned: BTreeSet<Run>,
    /// Whether coordinators were killed that are not known by name.
    pub(crate) any_orphaned: bool,
    /// How the task has to end.
    pub(crate) fate: TaskState,
    /// Whether its final processes have the time to run.
    pub(crate) finalizes: bool,
    /// What was wrong with the streams after a death.
    pub(crate) unreadable: Vec<String>,
}

impl Life {
    pub(crate) fn new(task: &Value) -> Life {
        let thermos = Thermos::of_binary(binary());
        thermos.write("task.json", task.to_string());
        Life {
            thermos,
            deaths: Vec::new(),
            orphaned: BTreeSet::new(),
            any_orphaned: false,
            fate: TaskState::Success,
            finalizes: true,
            unreadable: Vec::new(),
        }
    }

    /// Prepares a call that starts the task, or goes on with it if it exists.
    pub(crate) fn run(&self) -> Invocation {
        self.thermos.command(["run", "--json", "--task-id", "id", "task.json"])
    }

    /// Prepares a call that goes on with the task.
    pub(crate) fn resume(&self) -> Invocation {
        self.thermos.command(["resume", "id"])
    }

    /// Prepares a call that ends the task.
    pub(crate) fn kill(&self) -> Invocation {
        self.thermos.command(["kill", "id"])
    }

    /// Starts the task, and returns once a process has started.
    pub(crate) fn start_until(&self, process: &str, point: Option<&Point>) -> (Running, Plan) {
        let plan = Plan::new(&self.thermos, point);
        let running = plan.arm(self.run()).spawn();
        let sandbox = self.thermos.home();
        wait_until(&sandbox.join("trace"), || {
            Trace::read(&sandbox).position("START", process, None).is_some()
        });
        (running, plan)
    }

    /// Makes a call that somebody dies in, or nobody if the point is not reached.
    pub(crate) fn call(&mut self, call: Invocation, point: Option<&Point>) -> (Output, Plan) {
        let plan = Plan::new(&self.thermos, point);
        let output = plan.arm(call).output();
        self.note_death(&plan);
        (output, plan)
    }

    /// Takes down who has died by a plan.
    pub(crate) fn note_death(&mut self, plan: &Plan) {
        let Some((role, place)) = plan.died() else { return };
        self.deaths.push(format!("{role} at {place}"));
        if let Some((process, run)) = role.strip_prefix("coordinator.").and_then(|run| run.rsplit_once('.')) {
            self.orphaned.insert((process.to_owned(), run.parse().unwrap()));
        }
        if let Err(error) = load(&self.paths()) {
            self.unreadable.push(error.to_string());
        }
    }

    /// Lets happen to the coordinators what is to happen while no runner lives.
    pub(crate) fn suffer(&mut self, aftermath: Aftermath) {
        match aftermath {
            Aftermath::None => {}
            Aftermath::Ended => wait_until(&self.folder().join("runner"), || self.has_come_to_rest()),
            Aftermath::Killed => self.kill_supervisors(),
        }
    }

    /// Kills everybody who runs `thermos` for this task.
    pub(crate) fn kill_supervisors(&mut self) {
        self.any_orphaned = true;
        self.deaths.push("all supervisors from outside".to_owned());
        for pid in self.supervisors() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Returns everybody who runs `thermos` for this task, coordinators too.
    pub(crate) fn supervisors(&self) -> Vec<Pid> {
        let is_supervisor = |line: &&String| line.contains("thermos-failpoints");
        let pid = |line: &String| Pid::from_raw(line.split(':').next().unwrap().parse().unwrap());
        self.thermos.processes().iter().filter(is_supervisor).map(pid).collect()
    }

    /// Goes on until the task has ended, with a call that may start it anew if nothing of it has started.
    pub(crate) fn finish(&mut self) -> Output {
        let (output, _) = self.call(self.resume(), None);
        let is_missing = output.code == 1 && output.stderr.contains("unknown_task");
        if is_missing || output.stderr.contains("never_started") {
            return self.call(self.run(), None).0;
        }
        output
    }

    /// Says whether a run may be recorded as KILLED.
    pub(crate) fn may_be_killed(&self, (process, _): &Run) -> bool {
        ENDLESS.contains(&process.as_str()) || self.fate == TaskState::Killed
    }

    /// Says whether all commands that will end have ended, of those that have been claimed.
    fn has_come_to_rest(&self) -> bool {
        let state = load(&self.paths()).unwrap_or_default();
        state.live_runs().all(|run| run.coordinator_pid.is_none() || ENDLESS.contains(&run.process.as_str()))
    }

    pub(crate) fn paths(&self) -> TaskPaths {
        Root::new(self.thermos.root()).task(&TaskId::new("id").unwrap())
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.paths().folder().to_owned()
    }

    /// Returns the state of the task that its streams tell.
    pub(crate) fn state(&self) -> Result<Option<TaskState>, String> {
        load(&self.paths()).map(|state| state.task_state().cloned()).map_err(|error| error.to_string())
    }

    /// Tells all that is left of the life, for whoever has to find out what went wrong.
    pub(crate) fn tell(&self) -> String {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let mut story =
            format!("deaths: {:#?}\ntrace:\n{}", self.deaths, read(self.thermos.home().join("trace")));
        for entry in fs::read_dir(self.folder()).into_iter().flatten().flatten() {
            story += &format!("{}:\n{}", entry.path().display(), read(entry.path()));
        }
        story
    }
}
