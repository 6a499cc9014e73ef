//! How a task comes to be run: a new one gets its files, an existing one is opened.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::assignment::Setup;
use super::command::common_environment;
use super::engine::Engine;
use super::error::RunnerError;
use super::group::{self, Group};
use super::journal::{Journal, close, wall_ms};
use super::listener::Listener;
use super::options::{Caller, Options};
use super::owned;
use super::owner::{act_as_owner, own};
use super::recovery::recover;
use super::run_as::RunAs;
use super::sink::{Event, Sink};
use super::support;
use crate::checkpoint::find;
use crate::checkpoint::load::{RunnerStream, load_runner};
use crate::checkpoint::{
    CheckpointError, Header, Ownership, Record, Root, TaskId, TaskPaths, TaskState, files,
};
use crate::process::failpoint::failpoint;
use crate::process::identity::Machine;
use crate::process::signals;
use crate::process::users::{Identity, is_root};
use crate::schema::Task;

/// Runs a task to its end and returns its terminal state; goes on with an existing task of the same id and content.
pub fn run(
    task: &Task,
    options: &Options,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let paths = options.root.task(&options.task_id);
    let caller = &act_as_owner(&paths, caller)?;
    let user = support::check(task, options)?;
    // What the user named comes first: if it cannot be made, nothing of the task is.
    create_sandbox(&options.sandbox, &user).map_err(CheckpointError::io("create", &options.sandbox))?;
    if let Some(folder) = &options.log_dir {
        fs::create_dir_all(folder).map_err(CheckpointError::io("create", folder))?;
    }
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
        (true, _) if read_task(&paths)? != *task => Err(RunnerError::OtherTask(paths.id().clone())),
        (true, _) => go_on(task, paths, owner, stream, caller, sink),
    }
}

/// One that is there already keeps its owner.
fn create_sandbox(sandbox: &Path, user: &Identity) -> std::io::Result<()> {
    match user.credentials.uid {
        0 => fs::create_dir_all(sandbox),
        _ if is_root() => owned::create_folders(sandbox, &user.credentials),
        _ => fs::create_dir_all(sandbox),
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
    let caller = &act_as_owner(&paths, caller)?;
    let owner = own(&paths)?;
    failpoint!("resume.owned");
    let stream = load_runner(&paths)?;
    let Some(header) = &stream.state.header else { return Err(RunnerError::NeverStarted(id.clone())) };
    if let Some(state) = stream.state.task_state().filter(|state| state.is_terminal()) {
        close(&paths, header.durable)?;
        group::forget(header);
        sink.event(&Event::AlreadyEnded { state });
        return Ok(state.clone());
    }
    let task = read_task(&paths)?;
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
    user: &Identity,
    paths: TaskPaths,
    owner: Ownership,
    stream: RunnerStream,
    caller: &Caller,
    sink: &mut dyn Sink,
) -> Result<TaskState, RunnerError> {
    let listener = Listener::open(caller)?;
    let document = serde_json::to_vec(task).map_err(std::io::Error::from);
    let document = document.map_err(CheckpointError::io("write", &paths.active()))?;
    files::replace(&paths.active(), &document, 0o600, options.durable)?;
    let mut journal = Journal::open(paths, owner, stream, options.durable)?;
    let launch = random_mark().map_err(RunnerError::system("read random bytes"))?;
    let (group, degraded) = group::make(task, &launch, options.enforce)?;
    let mut header = header(task, options, user, &journal)?;
    (header.launch, header.cgroup) = (launch, group.as_ref().map(Group::record));
    let status = journal.task_status(TaskState::Active);
    journal.record(vec![Record::RunnerHeader(Box::new(header)), Record::TaskStatus(Box::new(status))])?;
    journal.sync()?;
    if options.durable {
        files::sync_folder_of(&journal.paths.runner())?;
    }
    journal.forget();
    sink.event(&Event::Task { state: &TaskState::Active, reason: None });
    let unlimited = Some(task).filter(|_| options.enforce).and_then(group::not_enforced);
    degraded.iter().chain(&unlimited).for_each(|note| sink.event(&Event::Note(note)));
    Engine::new(task, journal, group, listener, caller, sink)?.run()
}

fn header(task: &Task, options: &Options, user: &Identity, journal: &Journal) -> Result<Header, RunnerError> {
    let Machine { host, boot_id } = journal.machine.clone();
    Ok(Header {
        task_id: options.task_id.clone(),
        name: task.name.clone(),
        launch_time_ms: wall_ms(),
        sandbox: options.sandbox.clone(),
        log_dir: options.log_dir.clone().unwrap_or_else(|| journal.paths.default_logs()),
        hostname: host,
        user: user.name.clone(),
        uid: user.credentials.uid,
        gid: Some(user.credentials.gid),
        groups: user.credentials.groups.clone(),
        home: options.chroot.then(|| user.home.clone()),
        ports: options.ports.iter().cloned().collect(),
        boot_id,
        launch: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        chroot: options.chroot,
        preserve_env: options.preserve_env,
        concurrency: options.concurrency,
        durable: options.durable,
        enforce: options.enforce,
        resources: task.resources.clone(),
        cgroup: None,
        launcher: "fork".to_owned(),
        rerun: options.rerun.clone(),
        extra: serde_json::Map::new(),
    })
}

/// Makes what all coordinators of a task have in common.
pub(super) fn setup(journal: &Journal, group: Option<&Group>, caller: &Caller) -> Result<Setup, RunnerError> {
    let header = journal.header()?;
    Ok(Setup {
        paths: journal.paths.clone(),
        machine: journal.machine.clone(),
        sandbox: header.sandbox.clone(),
        log_dir: header.log_dir.clone(),
        environment: common_environment(header, caller),
        ignored: signals::ignored(),
        run_as: RunAs::of_header(header)?,
        durable: header.durable,
        group: group.map(|group| group.group.clone()),
        enforce: header.enforce,
        oom: group::oom_counter(),
    })
}

/// Reads the task that a checkpoint belongs to.
pub fn read_task(paths: &TaskPaths) -> Result<Task, RunnerError> {
    let found = find::read_task(paths)?;
    let (path, document) = found.ok_or_else(|| RunnerError::NotFound(paths.id().clone()))?;
    let task = serde_json::from_slice(&document);
    Ok(task.map_err(|error| CheckpointError::malformed(&path, &error))?)
}

fn random_mark() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
