//! Refuses, before anything starts, what cannot be run here or by this version.

use nix::unistd::{User, geteuid};

use super::error::RunnerError;
use super::options::Options;
use crate::checkpoint::{Header, Root};
use crate::plan;
use crate::schema::{Context, Process, Task};

/// The most bytes of one argument that Linux executes.
const MAX_COMMAND: usize = 131_071;

/// The user that commands run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunAs {
    pub(super) name: String,
    pub(super) uid: u32,
}

/// Checks a task before it starts and finds its user.
pub(super) fn check(task: &Task, options: &Options) -> Result<RunAs, RunnerError> {
    plan::check(task)?;
    let user = find_user(options.user.as_deref().or(task.user.as_deref()))?;
    let context = Context { task_id: options.task_id.as_str(), user: &user.name, ports: &options.ports };
    task.processes.iter().try_for_each(|process| check_process(process, &context))?;
    Ok(user)
}

/// Checks that a task that was launched earlier, maybe by a newer version, can go on here as it was launched.
pub(super) fn check_header(header: &Header) -> Result<(), RunnerError> {
    let other = match header {
        Header { chroot: true, .. } => "a task in a chroot".to_owned(),
        Header { enforce: true, .. } => "a task with enforced limits".to_owned(),
        Header { launcher, .. } if launcher != "fork" => format!("launcher '{launcher}'"),
        Header { uid, user, .. } if *uid != geteuid().as_raw() => {
            format!("running as another user ('{user}')")
        }
        _ => return Ok(()),
    };
    Err(RunnerError::Unsupported(other))
}

fn check_process(process: &Process, context: &Context<'_>) -> Result<(), RunnerError> {
    let name = &process.name;
    if name.len() > Root::MAX_PROCESS_NAME {
        let limit = Root::MAX_PROCESS_NAME;
        return Err(RunnerError::Refused(format!(
            "the name of process '{name}' has more than {limit} bytes"
        )));
    }
    let fit_for_files = !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\0']);
    if !fit_for_files {
        return Err(RunnerError::Refused(format!("process name {name:?} cannot be a file name")));
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

fn find_user(wanted: Option<&str>) -> Result<RunAs, RunnerError> {
    let own =
        User::from_uid(geteuid()).map_err(|error| RunnerError::system("look up the user")(error.into()))?;
    let uid = geteuid().as_raw();
    let name = own.map_or_else(|| uid.to_string(), |user| user.name);
    match wanted {
        Some(wanted) if wanted != name => {
            Err(RunnerError::Unsupported(format!("running as another user ('{wanted}')")))
        }
        _ => Ok(RunAs { name, uid }),
    }
}
