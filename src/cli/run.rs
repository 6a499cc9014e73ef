//! `thermos run`: checks a configuration and runs its task.

use clap::Args;

use super::arguments::{ConfigArguments, PortArguments, RunArguments};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{configuration, launch};
use crate::config;
use crate::diagnostics::Diagnostic;
use crate::runner;
use crate::schema::Task;

/// Check a configuration and run its task
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunCommandArguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    ports: PortArguments,
    #[command(flatten)]
    run: RunArguments,
}

const EXAMPLES: &str = "Examples:
  thermos run -E precision=500 pi.thermos
  thermos run -j 4 --sandbox build --task-id build-42 build.thermos
  thermos run --daemon -P http -P admin:8081 service.thermos
  thermos inspect --format json pi.thermos | thermos run --json -";

impl RunCommandArguments {
    /// Runs the task to its end, or sees it off into the background.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runner::keep_early_wishes()?;
        let loaded = config::check(&configuration::request(&self.config)?)?;
        configuration::announce(context, &loaded);
        let task = only(loaded.tasks)?;
        let options = launch::options(&task, &self.run, &self.ports, context)?;
        launch::run(&task, &options, &self.run, context)
    }
}

/// Returns the task if there is just one: nobody can tell which of several is meant.
fn only(tasks: Vec<Task>) -> Result<Task, Failure> {
    match <[Task; 1]>::try_from(tasks) {
        Ok([task]) => Ok(task),
        Err(tasks) => {
            let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            let message = format!("the configuration exports {} tasks: {}", names.len(), names.join(", "));
            let diagnostic =
                Diagnostic::error("several_tasks", message).with_help("name one with --task NAME");
            Err(Failure::invalid(vec![diagnostic]))
        }
    }
}
