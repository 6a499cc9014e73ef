//! `thermos kill`: ends tasks.

use std::io;
use std::time::Duration;

use clap::Args;
use nix::sys::wait::WaitStatus;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::progress::Progress;
use super::usage::Malformed;
use super::{launch, report, tasks};
use crate::checkpoint::TaskId;
use crate::process::fork::{self, Forked};
use crate::runner::{self, KillOptions, RunnerError};

/// End the tasks whose whole id matches an expression
///
/// Processes are asked to end, then the final processes run, then the task is KILLED; all within the time that the task
/// gives for its finalization. Returns when all matching tasks have ended.
#[derive(Clone, Debug, Args)]
pub(crate) struct KillArguments {
    /// Kill every process at once and run no final process
    #[arg(long)]
    force: bool,
    /// Give the task this long instead of its finalization_wait
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    grace: Option<Duration>,
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", required = true, value_parser = patterns::parse)]
    patterns: Vec<Pattern>,
}

impl KillArguments {
    /// Kills one task after the other; one that cannot be killed does not save the others.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let found = tasks::select(&context.root, &self.patterns)?;
        if found.is_empty() {
            return Err(tasks::none_found(&context.root, &self.patterns));
        }
        let options = KillOptions { force: self.force, grace: self.grace };
        let idle = tasks::idle_patterns(&found, &self.patterns);
        context.terminal.say(report::draw(&idle, context.terminal.stderr));
        let mut outcome = Exit::Success;
        for task in found {
            if task.finished {
                context.terminal.say(format!(" INFO] Task {} had ended before\n", task.id));
                continue;
            }
            let exit = kill_as_owner(&task.id, &options, context);
            if exit != Exit::Success {
                outcome = exit;
            }
        }
        Ok(outcome)
    }
}

/// Kills a task; one of another user in a child, which acts as that user for good.
fn kill_as_owner(id: &TaskId, options: &KillOptions, context: &Context) -> Exit {
    match runner::is_foreign(&context.root, id) {
        Ok(true) => kill_in_child(id, options, context)
            .unwrap_or_else(|error| say_why(RunnerError::System { action: "fork", source: error }, context)),
        // What is wrong with its files is told by the attempt.
        _ => kill(id, options, context),
    }
}

fn kill_in_child(id: &TaskId, options: &KillOptions, context: &Context) -> io::Result<Exit> {
    let status = match fork::fork()? {
        Forked::Child => fork::leave_by(|| kill(id, options, context) as i32),
        Forked::Parent(child) => fork::reap(child)?,
    };
    Ok(if matches!(status, WaitStatus::Exited(_, 0)) { Exit::Success } else { Exit::Other })
}

/// Kills a task and says how it ended, or why it could not be killed.
fn kill(id: &TaskId, options: &KillOptions, context: &Context) -> Exit {
    let terminal = context.terminal;
    let mut progress = Progress::new(terminal, "Killing", id);
    progress.open();
    match runner::kill(&context.root, id, options, &launch::caller(), &mut progress) {
        Ok(state) => {
            terminal.say(format!(" INFO] Task {id} has ended: {}\n", state.as_str()));
            Exit::Success
        }
        Err(error) => say_why(error, context),
    }
}

fn say_why(error: RunnerError, context: &Context) -> Exit {
    let failure = Failure::from(error);
    context.terminal.say(report::draw(&failure.diagnostics, context.terminal.stderr));
    failure.exit
}

fn seconds(text: &str) -> Result<Duration, Malformed> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| {
        Malformed::new(format!("malformed --grace '{text}'"), "write seconds, such as 10 or 0.5")
    })
}
