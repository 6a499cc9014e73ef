//! Ending tasks, all at once: each by its runner if that lives, else by taking it over and doing the same.
//!
//! First every living runner is asked. Then whatever ends is looked at again: a task that has no runner and has not
//! ended is taken over, by this process if it is the only one, else by a child that becomes its runner.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::coordinator::{RETRY, is_lack_of_room};
use super::error::RunnerError;
use super::group;
use super::journal::close;
use super::launch::read_task;
use super::listener::REQUEST;
use super::options::Caller;
use super::owner::{PATIENCE, PAUSE, act_as_owner, is_foreign, living_runner};
use super::recovery::recover;
use super::target::{Standing, Target};
use super::wish::{Wish, Witness};
use crate::checkpoint::load::{RunnerStream, load_runner};
use crate::checkpoint::{CheckpointError, Ownership, Root, TaskId, TaskPaths, TaskState, files};
use crate::process::events::Events;
use crate::process::failpoint::failpoint;
use crate::process::fork::{Forked, fork, leave_by, reap};
use crate::process::identity;
use crate::process::pidfd::PidFd;

/// How long a runner may take to hear a request.
const HEARING: Duration = Duration::from_secs(5);

/// After how long it is told why it takes so long.
const LOOK: Duration = Duration::from_secs(2);

/// How long it may take over a forced end that it has heard; longer than it waits for coordinators and for what
/// survives KILL.
const FORCED_END: Duration = Duration::from_secs(15);

/// How often a task is taken over whose runners are killed one after the other.
const MAX_TAKEOVERS: u32 = 3;

/// Ends tasks and returns 0, or what the witness last said of one that is not 0; a task that had ended keeps its state.
pub fn end(
    root: &Root,
    ids: &[TaskId],
    wish: &Wish,
    caller: &Caller,
    witness: &mut dyn Witness,
) -> Result<i32, RunnerError> {
    let caller = match ids {
        // For good: of several, each has a child that acts as its owner.
        [id] => &act_as_owner(&root.task(id), caller)?,
        _ => caller,
    };
    let events = Events::new().map_err(RunnerError::system("open an event descriptor"))?;
    let targets = ids.iter().map(|id| Target::new(root, id)).collect();
    let mut roundup =
        Roundup { root, wish, caller, witness, events, targets, alone: ids.len() == 1, code: 0 };
    roundup.run()?;
    Ok(roundup.code)
}

/// All of them.
struct Roundup<'a> {
    root: &'a Root,
    wish: &'a Wish,
    caller: &'a Caller,
    witness: &'a mut dyn Witness,
    events: Events,
    targets: Vec<Target>,
    /// Whether there is one task, which this process may run itself.
    alone: bool,
    code: i32,
}

impl Roundup<'_> {
    fn run(&mut self) -> Result<(), RunnerError> {
        loop {
            for index in 0..self.targets.len() {
                while self.targets[index].next_time().is_some_and(|time| Instant::now() >= time) {
                    self.guarded(index, Roundup::step);
                }
            }
            if self.targets.iter().all(|target| matches!(target.standing, Standing::Done)) {
                return Ok(());
            }
            let next = self.targets.iter().filter_map(Target::next_time).min();
            let timeout = next.map(|time| time.saturating_duration_since(Instant::now()));
            let tokens = self.events.wait(timeout).map_err(RunnerError::system("wait for runners"))?;
            tokens.for_each(|token| self.guarded(token as usize, Roundup::somebody_ended));
        }
    }

    /// Moves one task on; what cannot be done ends the matter for it and for no other.
    fn guarded(&mut self, index: usize, act: fn(&mut Self, usize) -> Result<(), RunnerError>) {
        if let Err(error) = act(self, index) {
            self.finish(index, Err(error));
        }
    }

    fn finish(&mut self, index: usize, outcome: Result<TaskState, RunnerError>) {
        self.targets[index].standing = Standing::Done;
        let code = self.witness.ended(self.targets[index].paths.id(), outcome);
        self.keep(code);
    }

    fn keep(&mut self, code: i32) {
        if code != 0 {
            self.code = code;
        }
    }

    /// Looks at a task: ended, without a runner, or with one that is to be asked.
    fn step(&mut self, index: usize) -> Result<(), RunnerError> {
        let paths = self.targets[index].paths.clone();
        if let Standing::Asked { patience, .. } = &self.targets[index].standing {
            return match patience.is_some_and(|time| Instant::now() >= time) {
                true => self.lose_patience(index),
                false => self.look(index),
            };
        }
        if self.root.find(paths.id())?.is_none() {
            return Err(RunnerError::NotFound(paths.id().clone()));
        }
        if !self.alone && is_foreign(&paths)? {
            return self.fork(index);
        }
        if let Some(owner) = Ownership::acquire(&paths)? {
            return self.end_owned(index, owner);
        }
        match living_runner(&paths)? {
            Some((pid, runner)) if self.targets[index].asked != Some(pid) => self.ask(index, pid, runner),
            _ => self.wait_for_owner(index),
        }
    }

    fn wait_for_owner(&mut self, index: usize) -> Result<(), RunnerError> {
        let Target { paths, standing, .. } = &mut self.targets[index];
        let Standing::Unclear { since, next } = standing else { return Ok(()) };
        if since.elapsed() >= PATIENCE {
            return Err(RunnerError::Owned { id: paths.id().clone(), pid: None });
        }
        *next = Instant::now() + PAUSE;
        Ok(())
    }

    /// Leaves the request and wakes the runner.
    fn ask(&mut self, index: usize, pid: Pid, runner: PidFd) -> Result<(), RunnerError> {
        let Target { paths, standing, asked, .. } = &mut self.targets[index];
        self.wish.request().write(paths)?;
        failpoint!("kill.requested");
        let stopped = identity::stat(pid).ok().flatten().map(|stat| stat.state);
        let stopped = stopped.filter(|state| matches!(state, 'T' | 't'));
        let refused = RunnerError::system("signal the runner");
        match stopped {
            // It cannot hear.
            Some(_) if self.wish.is_forced() => runner.signal(Signal::SIGKILL),
            _ => runner.signal_with(Signal::SIGTERM, REQUEST),
        }
        .map_err(refused)?;
        match stopped {
            Some('T') if !self.wish.is_forced() => {
                runner.signal(Signal::SIGCONT).map_err(RunnerError::system("signal the runner"))?;
                self.witness.note(paths.id(), "its runner was stopped and goes on now, to end it");
            }
            Some('t') if !self.wish.is_forced() => {
                let text = "its runner is held by a debugger and waited for; --force does not wait";
                self.witness.note(paths.id(), text);
            }
            _ => {}
        }
        failpoint!("kill.asked");
        let watched = self.events.add(&runner, index as u64);
        watched.map_err(RunnerError::system("watch the runner"))?;
        *asked = Some(pid);
        let now = Instant::now();
        // By force nobody is waited for that long, and of a debugger it was told.
        let look = (!self.wish.is_forced() && stopped != Some('t')).then_some(now + LOOK);
        *standing =
            Standing::Asked { runner, heard: false, patience: Some(now + HEARING), look, told: false };
        Ok(())
    }

    /// Tells whom a runner waits for, and that it is stopped, once each: it may be stopped at any time.
    fn look(&mut self, index: usize) -> Result<(), RunnerError> {
        let Target { paths, standing, asked, .. } = &mut self.targets[index];
        let (Standing::Asked { look, told, .. }, Some(pid)) = (standing, *asked) else { return Ok(()) };
        *look = Some(Instant::now() + LOOK);
        if identity::stat(pid).ok().flatten().is_some_and(|stat| stat.state == 'T') {
            *look = None;
            let text = format!(
                "its runner is stopped and waited for; `kill -CONT {pid}` lets it go on, --force does not wait"
            );
            self.witness.note(paths.id(), &text);
        } else if !*told && !paths.request().exists() {
            *told = true;
            let text = "waiting for its processes to end, final ones included; --force kills them at once";
            self.witness.note(paths.id(), text);
        }
        Ok(())
    }

    /// A runner that does not hear, as one that cannot write to its terminal, is reported, or killed by force so that its
    /// task can be taken over; as is one that has heard that it is to end at once and does not.
    fn lose_patience(&mut self, index: usize) -> Result<(), RunnerError> {
        let Target { paths, standing, .. } = &mut self.targets[index];
        let Standing::Asked { runner, heard, patience, .. } = standing else { return Ok(()) };
        let hears_now = !*heard && !paths.request().exists();
        *patience = None;
        match (hears_now, self.wish.is_forced()) {
            (true, true) => {
                *heard = true;
                *patience = Some(Instant::now() + FORCED_END);
            }
            (true, false) => {}
            (false, false) => {
                let text = "its runner does not answer and is waited for; --force does not wait";
                self.witness.note(paths.id(), text);
            }
            (false, true) => {
                self.witness.note(paths.id(), "its runner does not answer and is killed");
                runner.signal(Signal::SIGKILL).map_err(RunnerError::system("signal the runner"))?;
            }
        }
        Ok(())
    }

    /// A runner that was asked has ended, or a child that was one.
    fn somebody_ended(&mut self, index: usize) -> Result<(), RunnerError> {
        let failed = RunnerError::system("wait for a runner");
        match std::mem::replace(&mut self.targets[index].standing, Standing::unclear()) {
            Standing::Asked { runner, .. } => self.events.remove(&runner).map_err(failed),
            Standing::TakenOver { child, handle } => {
                self.events.remove(&handle).map_err(RunnerError::system("wait for a runner"))?;
                if let WaitStatus::Exited(_, code) = reap(child).map_err(failed)? {
                    // The child has told what there is to tell.
                    self.targets[index].standing = Standing::Done;
                    self.keep(code);
                }
                Ok(())
            }
            other => {
                self.targets[index].standing = other;
                Ok(())
            }
        }
    }

    /// Ends a task that this process owns now.
    fn end_owned(&mut self, index: usize, owner: Ownership) -> Result<(), RunnerError> {
        let paths = self.targets[index].paths.clone();
        let stream = load_runner(&paths)?;
        match (&stream.state.header, stream.state.task_state()) {
            (None, _) => {
                remove_unstarted(&paths)?;
                self.finish(index, Ok(TaskState::Killed));
            }
            (Some(header), Some(state)) if state.is_terminal() => {
                close(&paths, header.durable)?;
                group::forget(header);
                self.finish(index, Ok(state.clone()));
            }
            _ if self.alone => {
                let state = self.take_over(paths, owner, stream)?;
                self.finish(index, Ok(state));
            }
            _ => {
                // The child takes it itself: the lock goes with the first of the two who lets go.
                drop(owner);
                return self.fork(index);
            }
        }
        Ok(())
    }

    fn take_over(
        &mut self,
        paths: TaskPaths,
        owner: Ownership,
        stream: RunnerStream,
    ) -> Result<TaskState, RunnerError> {
        let task = read_task(&paths)?;
        // On disk before anything happens: whoever comes after a death of this process goes on with it.
        self.wish.request().write(&paths)?;
        failpoint!("kill.takes_over");
        let mut sink = self.witness.sink(paths.id());
        recover(&task, paths, owner, stream, self.caller, sink.as_mut())?.run()
    }

    /// Has a child end the task, alone.
    fn fork(&mut self, index: usize) -> Result<(), RunnerError> {
        let id = self.targets[index].paths.id().clone();
        if self.targets[index].takeovers == MAX_TAKEOVERS {
            return Err(RunnerError::TakeoversKilled(id));
        }
        match fork() {
            Ok(Forked::Child) => leave_by(|| {
                let ended = end(self.root, std::slice::from_ref(&id), self.wish, self.caller, self.witness);
                ended.unwrap_or_else(|error| self.witness.ended(&id, Err(error)))
            }),
            Ok(Forked::Parent(child)) => {
                let handle = PidFd::open(child).map_err(RunnerError::system("watch a runner"))?;
                let watched = self.events.add(&handle, index as u64);
                watched.map_err(RunnerError::system("watch a runner"))?;
                self.targets[index].standing = Standing::TakenOver { child, handle };
                self.targets[index].takeovers += 1;
                Ok(())
            }
            Err(error) if is_lack_of_room(&error) => {
                let since = Instant::now();
                self.targets[index].standing = Standing::Unclear { since, next: since + RETRY };
                Ok(())
            }
            Err(error) => Err(RunnerError::system("fork")(error)),
        }
    }
}

/// A task without a header never did anything.
fn remove_unstarted(paths: &TaskPaths) -> Result<(), RunnerError> {
    files::remove(&paths.active())?;
    failpoint!("kill.unlisted");
    let folder = paths.folder();
    Ok(fs::remove_dir_all(folder).map_err(CheckpointError::io("remove", folder))?)
}
