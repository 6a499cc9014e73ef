//! Hands a checked task to a runner, which this process becomes until the task has ended.

use std::env;
use std::path::Path;

use super::arguments::{PortArguments, RunArguments};
use super::context::{Context, absolute};
use super::exit::Exit;
use super::failure::{Failure, file_help, reason};
use super::live::Teller;
use super::{clock, daemon, ports, task_id, tasks};
use crate::checkpoint::{TaskId, TaskState};
use crate::diagnostics::Diagnostic;
use crate::runner::{self, Caller, Options, RunnerError, Sink};
use crate::schema::Task;

/// Runs a task and gives the exit code of the state in which it ends; in the background, how it begins.
pub(crate) fn run(
    task: &Task,
    options: &Options,
    arguments: &RunArguments,
    context: &Context,
) -> Result<Exit, Failure> {
    run_for(task, options, arguments, &caller(), context)
}

/// Does the same for another caller than this process was.
pub(crate) fn run_for(
    task: &Task,
    options: &Options,
    arguments: &RunArguments,
    caller: &Caller,
    context: &Context,
) -> Result<Exit, Failure> {
    if arguments.daemon {
        let work = |caller: &Caller, sink: &mut dyn Sink| runner::run(task, options, caller, sink);
        return daemon::run(&options.task_id, caller, context, work);
    }
    let paths = context.root.task(&options.task_id);
    let mut teller = Teller::start("Running", &paths, Some(task), arguments.show, context);
    let state = runner::run(task, options, caller, &mut teller);
    teller.end(state.is_ok());
    Ok(exit(&state?))
}

/// Returns what this process lends to a runner.
pub(crate) fn caller() -> Caller {
    Caller { environment: env::vars_os().collect(), detached: false }
}

/// Says with which code the command of a task in this state ends.
pub(crate) fn exit(state: &TaskState) -> Exit {
    match state {
        TaskState::Success => Exit::Success,
        TaskState::Failed => Exit::Failed,
        TaskState::Killed => Exit::Killed,
        TaskState::Lost => Exit::Lost,
        _ => Exit::Other,
    }
}

/// Turns flags into what a runner takes: picks an id and ports; refuses a port that is needed and not given.
pub(crate) fn options(
    task: &Task,
    arguments: &RunArguments,
    ports: &PortArguments,
    context: &Context,
) -> Result<Options, Failure> {
    let ports = ports::take(&ports.ports)?;
    let unbound = ports::unbound(task, &ports);
    if !unbound.is_empty() {
        return Err(Failure::invalid(unbound));
    }
    Ok(Options {
        root: context.root.clone(),
        task_id: id(task, arguments)?,
        sandbox: absolute(arguments.sandbox.as_deref().unwrap_or(Path::new(".")))?,
        log_dir: arguments.log_dir.as_deref().map(absolute).transpose()?,
        ports,
        preserve_env: arguments.preserve_env,
        concurrency: arguments.jobs,
        durable: arguments.durable,
        enforce: arguments.enforce,
        user: arguments.user.clone(),
        chroot: arguments.chroot,
        rerun: None,
    })
}

/// Returns the id that was given, or makes one.
pub(crate) fn id(task: &Task, arguments: &RunArguments) -> Result<TaskId, Failure> {
    if let Some(id) = &arguments.task_id {
        return Ok(id.clone());
    }
    task_id::make(&task.name, &clock::now()).map_err(|error| {
        let diagnostic =
            Diagnostic::error("usage", error.to_string()).with_help("give one with --task-id ID");
        Failure::new(Exit::Usage, diagnostic)
    })
}

impl From<RunnerError> for Failure {
    fn from(error: RunnerError) -> Failure {
        let (exit, code, help) = match &error {
            RunnerError::NotFound(_) => {
                (Exit::Failed, "unknown_task", "`thermos status` lists all tasks".to_owned())
            }
            RunnerError::NeverStarted(id) => {
                let help = format!(
                    "nothing of it has run: run it with --task-id {id}, or remove it with `thermos kill {id}`"
                );
                (Exit::Other, "never_started", help)
            }
            RunnerError::Owned { id, .. } => {
                let help = format!("watch it with `thermos status {id}`, end it with `thermos kill {id}`");
                (Exit::Other, "task_owned", help)
            }
            RunnerError::NotEnded { id, runner_alive: true } => {
                let help = format!("wait for it, or end it with `thermos kill {id}`");
                (Exit::Other, "not_ended", help)
            }
            RunnerError::NotEnded { id, runner_alive: false } => {
                let help = format!(
                    "`thermos resume {id}` goes on with it, with all that it has done; `thermos kill {id}` ends it"
                );
                (Exit::Other, "not_ended", help)
            }
            RunnerError::Finished { .. } => {
                (Exit::Other, "task_finished", "give another --task-id, or none: then one is made".to_owned())
            }
            RunnerError::OtherTask(id) => {
                let help = format!(
                    "give another --task-id, or go on with the task as it was with `thermos resume {id}`"
                );
                (Exit::Other, "other_task", help)
            }
            RunnerError::OtherHost { host, .. } => {
                (Exit::Other, "other_host", format!("resume it on {host}"))
            }
            RunnerError::UnknownUser(_) => {
                let help = "name one that `getent passwd` lists; nothing was started";
                (Exit::Invalid, "unknown_user", help.to_owned())
            }
            RunnerError::NeedsRoot { .. } => {
                (Exit::Other, "needs_root", "run it as root, or do without; nothing was started".to_owned())
            }
            RunnerError::NoShell { .. } => {
                let help =
                    "copy bash there with the libraries that `ldd /bin/bash` lists; nothing was started";
                (Exit::Other, "no_shell", help.to_owned())
            }
            RunnerError::OtherUser { user, chroot, .. } => {
                let who = if *chroot { "root".to_owned() } else { format!("user '{user}' or root") };
                (Exit::Other, "other_user", format!("only {who} can go on with it or end it"))
            }
            RunnerError::TakeoversKilled(id) => {
                let help = format!("do so again; `thermos status {id}` shows how far it has come");
                (Exit::Other, "runner_killed", help)
            }
            RunnerError::Unsupported(_) => {
                (Exit::Other, "unsupported", "leave it out of the task; nothing was started".to_owned())
            }
            RunnerError::Unlimited(_) => {
                let help = "run it without --enforce, as root, or where a part of the cgroups is yours: \
                    `systemd-run --user --scope -p Delegate=yes thermos run ...`";
                (Exit::Other, "unlimited", help.to_owned())
            }
            RunnerError::Internal(_) => {
                let help = "this is a defect of thermos: please report it with the files of checkpoints/ID";
                (Exit::Other, "internal", help.to_owned())
            }
            RunnerError::Refused(_) | RunnerError::Plan(_) => {
                (Exit::Invalid, "invalid_task", "change the task; nothing was started".to_owned())
            }
            RunnerError::Checkpoint(checkpoint) => {
                return Failure::new(Exit::Other, tasks::diagnostic(checkpoint));
            }
            RunnerError::Full { .. } => {
                let help =
                    "free some space, then `thermos resume` the task; what was started runs on".to_owned();
                (Exit::Other, "disk_full", help)
            }
            RunnerError::System { action, source } => {
                let message = format!("cannot {action}: {}", reason(source));
                let diagnostic = Diagnostic::error("system", message).with_help(file_help(source));
                return Failure::new(Exit::Other, diagnostic);
            }
        };
        Failure::new(exit, Diagnostic::error(code, error.to_string()).with_help(help))
    }
}
