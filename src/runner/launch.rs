//! How a task comes to be run: a new one gets its files, an existing one is opened.

use std::fs;
use std::io::Read;

use super::command::common_environment;
use super::coordinator::Setup;
use super::engine::Engine;
use super::error::RunnerError;
use super::journal::{Journal, close, wall_ms};
use super::options::{Caller, Options};
use super::owner::own;
use super::recovery::recover;
use super::sink::{Event, Sink};
use super::support::{self, RunAs};
use crate::checkpoint::find::read_task;
use crate::checkpoint::load::{RunnerStream, load_runner};
use crate::checkpoint::{
    CheckpointError, Header, Ownership, Record, Root, TaskId, TaskPaths, TaskState, files,
};
use crate::process::failpoint::failpoint;
use crate::process::identity::Machine;
use crate::process::signals;
use crate::schema::Task;

/// Runs a task to its end and returns its terminal state; goes on with an existing task of the same id and content.
pub fn run(
    task: &Task,
    options: &Options,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let user = support::check(task, options)?;
    // What the user named comes first: if it cannot be made, nothing of the task is.
    for folder in [Some(&options.sandbox), options.log_dir.as_ref()].into_iter().flatten() {
        fs::create_dir_all(folder).map_err(CheckpointError::io("create", folder))?;
    }
    let paths = options.root.task(&options.task_id);
    [paths.folder(), &options.root.active(), &options.root.finished()]
        .into_iter()
        .try_for_each(|folder| files::create_private_folders(folder, options.durable))?;
    failpoint!("launch.folders");
    let owner = own(&paths)?;
    failpoint!("launch.owned");
    let stream = load_runner(&paths)?;
    let durable = stream.state.header.as_ref().is_some_and(|header| header.durable);
    match (stream.state.header.is_some(), stream.state.task_state().cloned()) {
        (false, _) => start(task, options, &user, paths, owner, stream, caller, sink),
        (true, Some(state)) if state.is_terminal() => {
            close(&paths, durable)?;
            Err(RunnerError::Finished { id: paths.id().clone(), state })
        }
        (true, _) if read_document(&paths)? != *task => Err(RunnerError::OtherTask(paths.id().clone())),
        (true, _) => go_on(task, paths, owner, stream, caller, sink),
    }
}

/// Goes on with a task whose runner has died, as it was launched; says how it ended if it has ended.
pub fn resume(
    root: &Root,
    id: &TaskId,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let paths = root.find(id)?.ok_or_else(|| RunnerError::NotFound(id.clone()))?;
    let owner = own(&paths)?;
    failpoint!("resume.owned");
    let stream = load_runner(&paths)?;
    let Some(header) = &stream.state.header else { return Err(RunnerError::NeverStarted(id.clone())) };
    if let Some(state) = stream.state.task_state().filter(|state| state.is_terminal()) {
        close(&paths, header.durable)?;
        sink.event(&Event::AlreadyEnded { state });
        return Ok(state.clone());
    }
    let task = read_document(&paths)?;
    go_on(&task, paths, owner, stream, caller, sink)
}

/// Takes over an owned task that has a header and has not ended.
fn go_on(
    task: &Task,
    paths: TaskPaths,
    owner: Ownership,
    stream: RunnerStream,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    recover(task, paths, owner, stream, caller, sink)?.run()
}

#[allow(clippy::too_many_arguments)]
fn start(
    task: &Task,
    options: &Options,
    user: &RunAs,
    paths: TaskPaths,
    owner: Ownership,
    stream: RunnerStream,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let document = serde_json::to_vec(task).map_err(std::io::Error::from);
    let document = document.map_err(CheckpointError::io("write", &paths.active()))?;
    files::replace(&paths.active(), &document, 0o600, options.durable)?;
    let mut journal = Journal::open(paths, owner, stream, options.durable)?;
    let header = header(task, options, user, &journal)?;
    let status = journal.task_status(TaskState::Active);
    journal.record(vec![Record::RunnerHeader(Box::new(header)), Record::TaskStatus(Box::new(status))])?;
    journal.sync()?;
    if options.durable {
        files::sync_folder_of(&journal.paths.runner())?;
    }
    journal.forget();
    sink.event(&Event::Task { state: &TaskState::Active, reason: None });
    Engine::new(task, journal, caller, sink)?.run()
}

fn header(task: &Task, options: &Options, user: &RunAs, journal: &Journal) -> Result<Header, RunnerError> {
    let Machine { host, boot_id } = journal.machine.clone();
    Ok(Header {
        task_id: options.task_id.clone(),
        name: task.name.clone(),
        launch_time_ms: wall_ms(),
        sandbox: options.sandbox.clone(),
        log_dir: options.log_dir.clone().unwrap_or_else(|| journal.paths.default_logs()),
        hostname: host,
        user: user.name.clone(),
        uid: user.uid,
        ports: options.ports.iter().cloned().collect(),
        boot_id,
        launch: random_mark().map_err(RunnerError::system("read random bytes"))?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        chroot: false,
        preserve_env: options.preserve_env,
        concurrency: options.concurrency,
        durable: options.durable,
        enforce: false,
        launcher: "fork".to_owned(),
        extra: serde_json::Map::new(),
    })
}

/// Makes what all coordinators of a task have in common.
pub(super) fn setup(journal: &Journal, caller: &Caller) -> Result<Setup, RunnerError> {
    let header = journal.header()?;
    Ok(Setup {
        paths: journal.paths.clone(),
        machine: journal.machine.clone(),
        sandbox: header.sandbox.clone(),
        log_dir: header.log_dir.clone(),
        environment: common_environment(header, caller),
        ignored: signals::ignored(),
        durable: header.durable,
    })
}

/// Reads the task that a checkpoint belongs to.
pub(super) fn read_document(paths: &TaskPaths) -> Result<Task, RunnerError> {
    let document = read_task(paths)?.ok_or_else(|| RunnerError::NotFound(paths.id().clone()))?;
    let task = serde_json::from_slice(&document);
    Ok(task.map_err(|error| CheckpointError::Damaged {
        path: paths.active(),
        line: error.line() as u64,
        reason: error.to_string(),
    })?)
}

fn random_mark() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
