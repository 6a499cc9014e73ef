//! Ending a task: by its runner if that lives, else by taking the task over and doing the same.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::error::RunnerError;
use super::group;
use super::journal::close;
use super::launch::read_task;
use super::options::Caller;
use super::owner::{PATIENCE, PAUSE, act_as_owner, living_runner};
use super::recovery::recover;
use super::sink::{Event, Sink};
use crate::checkpoint::load::{RunnerStream, load_runner};
use crate::checkpoint::request::Request;
use crate::checkpoint::{CheckpointError, Ownership, Root, TaskId, TaskPaths, TaskState, files};
use crate::process::failpoint::failpoint;
use crate::process::identity;
use crate::process::pidfd::PidFd;

/// How a task is to be killed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KillOptions {
    /// Everything at once, and no finalizers; also a runner that is stopped.
    pub force: bool,
    /// How long processes and finalizers have; the task's `finalization_wait` if not given.
    pub grace: Option<Duration>,
}

/// Kills a task and returns its terminal state once it is recorded; a task that had ended keeps its own.
pub fn kill(
    root: &Root,
    id: &TaskId,
    options: &KillOptions,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let paths = root.find(id)?.ok_or_else(|| RunnerError::NotFound(id.clone()))?;
    let caller = &act_as_owner(&paths, caller)?;
    let grace = options.grace.map(|grace| grace.as_secs_f64());
    let request = Request { outcome: TaskState::Killed, force: options.force, grace };
    let start = Instant::now();
    let mut asked = None;
    loop {
        if let Some(owner) = Ownership::acquire(&paths)? {
            return match ended_state(&paths)? {
                Some((state, durable)) if asked.is_some() => {
                    // The runner may have died before it did, and the request may have come too late to be read.
                    close(&paths, durable)?;
                    sink.event(&Event::Task { state: &state, reason: None });
                    Ok(state)
                }
                _ => end_owned(paths, owner, &request, caller, sink),
            };
        }
        match living_runner(&paths)? {
            Some((pid, _)) if asked == Some(pid) => {}
            Some((pid, runner)) => {
                ask(&paths, &request, pid, &runner)?;
                failpoint!("kill.asked");
                runner.wait_ended(None).map_err(RunnerError::system("wait for the runner"))?;
                asked = Some(pid);
                continue;
            }
            None => {}
        }
        if start.elapsed() >= PATIENCE && asked.is_none() {
            return Err(RunnerError::Owned { id: id.clone(), pid: None });
        }
        std::thread::sleep(PAUSE);
    }
}

/// Returns how a task has ended, if it has, and whether its files are synced.
fn ended_state(paths: &TaskPaths) -> Result<Option<(TaskState, bool)>, RunnerError> {
    let state = load_runner(paths)?.state;
    let durable = state.header.as_ref().is_some_and(|header| header.durable);
    Ok(state.task_state().filter(|state| state.is_terminal()).map(|state| (state.clone(), durable)))
}

/// Leaves the request and wakes the runner; a stopped one cannot hear and is killed if need be.
fn ask(paths: &TaskPaths, request: &Request, pid: Pid, runner: &PidFd) -> Result<(), RunnerError> {
    request.write(paths)?;
    failpoint!("kill.requested");
    let stopped = || identity::stat(pid).ok().flatten().is_some_and(|stat| matches!(stat.state, 'T' | 't'));
    let signal = if request.force && stopped() { Signal::SIGKILL } else { Signal::SIGTERM };
    runner.signal(signal).map_err(RunnerError::system("signal the runner"))?;
    Ok(())
}

/// Ends a task that this process owns now.
fn end_owned(
    paths: TaskPaths,
    owner: Ownership,
    request: &Request,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let stream = load_runner(&paths)?;
    match (&stream.state.header, stream.state.task_state()) {
        (None, _) => remove_unstarted(&paths),
        (Some(header), Some(state)) if state.is_terminal() => {
            close(&paths, header.durable)?;
            group::forget(header);
            sink.event(&Event::AlreadyEnded { state });
            Ok(state.clone())
        }
        _ => take_over(paths, owner, stream, request, caller, sink),
    }
}

fn take_over(
    paths: TaskPaths,
    owner: Ownership,
    stream: RunnerStream,
    request: &Request,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let task = read_task(&paths)?;
    // On disk before anything happens: whoever comes after a death of this process goes on with it.
    request.write(&paths)?;
    failpoint!("kill.takes_over");
    recover(&task, paths, owner, stream, caller, sink)?.run()
}

/// A task without a header never did anything.
fn remove_unstarted(paths: &TaskPaths) -> Result<TaskState, RunnerError> {
    files::remove(&paths.active())?;
    failpoint!("kill.unlisted");
    let folder = paths.folder();
    fs::remove_dir_all(folder).map_err(CheckpointError::io("remove", folder))?;
    Ok(TaskState::Killed)
}
