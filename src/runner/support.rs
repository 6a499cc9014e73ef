//! Refuses, before anything starts, what cannot be run here or by this version.

use super::error::RunnerError;
use super::options::Options;
use super::run_as::{RunAs, has_shell};
use crate::checkpoint::Header;
use crate::plan;
use crate::process::users::Identity;
use crate::schema::{Context, Process, Task, process_name_problem};

/// The most bytes of one argument that Linux executes.
const MAX_COMMAND: usize = 131_071;

/// Checks a task before it starts and finds its user.
pub(super) fn check(task: &Task, options: &Options) -> Result<Identity, RunnerError> {
    plan::check(task)?;
    let own = Identity::own().map_err(RunnerError::system("look up the user"))?;
    if options.chroot && own.credentials.uid != 0 {
        return Err(RunnerError::NeedsRoot { what: "a chroot".to_owned(), user: own.name });
    }
    if options.chroot && !has_shell(&options.sandbox) {
        return Err(RunnerError::NoShell { sandbox: options.sandbox.clone() });
    }
    let user = find_user(options.user.as_deref().or(task.user.as_deref()), own)?;
    let context = Context { task_id: options.task_id.as_str(), user: &user.name, ports: &options.ports };
    task.processes.iter().try_for_each(|process| check_process(process, &context))?;
    Ok(user)
}

/// Checks that a task that was launched earlier, maybe by a newer version, can go on here as it was launched.
pub(super) fn check_header(header: &Header) -> Result<(), RunnerError> {
    let other = match header {
        Header { launcher, .. } if launcher != "fork" => format!("launcher '{launcher}'"),
        _ => return RunAs::of_header(header).map(drop),
    };
    Err(RunnerError::Unsupported(other))
}

fn check_process(process: &Process, context: &Context<'_>) -> Result<(), RunnerError> {
    let name = &process.name;
    if let Some(problem) = process_name_problem(name) {
        return Err(RunnerError::Refused(format!("the name of a process {problem}")));
    }
    let Some(command) = process.cmdline.bind(context) else {
        let unbound = |port: &&str| !context.ports.iter().any(|(name, _)| name == port);
        let port = process.cmdline.ports().find(unbound).unwrap_or_default();
        return Err(RunnerError::Refused(format!(
            "process '{name}' needs port '{port}', which has no number"
        )));
    };
    if command.len() > MAX_COMMAND || command.contains('\0') {
        let why = format!(
            "the command line of process '{name}' is longer than {MAX_COMMAND} bytes or has a zero byte"
        );
        return Err(RunnerError::Refused(why));
    }
    Ok(())
}

/// Finds as whom commands run: as this process unless somebody else is wanted, which takes root.
fn find_user(wanted: Option<&str>, own: Identity) -> Result<Identity, RunnerError> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != own.name) else { return Ok(own) };
    let found = Identity::find(wanted).map_err(RunnerError::system("look up the user"))?;
    let found = found.ok_or_else(|| RunnerError::UnknownUser(wanted.to_owned()))?;
    match (own.credentials.uid, found.credentials.uid) {
        (own_uid, uid) if own_uid == uid => Ok(Identity { name: found.name, ..own }),
        (0, _) => Ok(found),
        _ => {
            Err(RunnerError::NeedsRoot { what: format!("running as user '{}'", found.name), user: own.name })
        }
    }
}
