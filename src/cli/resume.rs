//! `thermos resume`: goes on with a task whose runner is gone.

use std::fs;
use std::os::unix::fs::MetadataExt;

use clap::Args;
use nix::unistd::geteuid;

use super::completions;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::live::{ShowArguments, Teller};
use super::{daemon, launch, tasks};
use crate::checkpoint::TaskId;
use crate::runner::{self, Caller, Sink};

/// Go on with a task whose runner is gone
///
/// Commands that still run are watched again, those that ended meanwhile count as they ended. A task that has ended
/// stays as it is: the exit code says how it ended. It goes on as it was launched: as which user, in which root and with
/// which limits is in its checkpoint. Root goes on with the task of another user as that user.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("progress", |arg| arg.hide_env_values(true)))]
pub(crate) struct ResumeArguments {
    /// The id of the task
    #[arg(value_name = "TASK_ID", value_parser = tasks::parse_id, add = completions::task_ids())]
    task_id: TaskId,
    /// Go on in the background: print the task id and return as soon as the task has a runner
    #[arg(long, conflicts_with = "follow")]
    daemon: bool,
    #[command(flatten)]
    show: ShowArguments,
}

const EXAMPLES: &str = "Examples:
  thermos resume build-42
  thermos resume --daemon build-42";

impl ResumeArguments {
    /// Runs the task to its end and gives the exit code of its state; in the background, how it goes on.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runner::keep_early_wishes()?;
        let paths = tasks::find(context, &self.task_id)?;
        if self.daemon {
            let work = |caller: &Caller, sink: &mut dyn Sink| {
                runner::resume(&context.root, &self.task_id, caller, sink)
            };
            return daemon::run(&self.task_id, &launch::caller(), context, work);
        }
        // A viewer would read as root what another user laid out. Whatever is wrong with the task is told by the runner.
        let is_ours = fs::metadata(paths.folder()).is_ok_and(|folder| folder.uid() == geteuid().as_raw());
        let task = is_ours.then(|| runner::read_task(&paths).ok()).flatten();
        let mut teller = Teller::start("Resuming", &paths, task.as_ref(), self.show, context);
        let state = runner::resume(&context.root, &self.task_id, &launch::caller(), &mut teller);
        teller.end(state.is_ok());
        Ok(launch::exit(&state?))
    }
}
