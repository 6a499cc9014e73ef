//! `thermos run`: checks a configuration and runs its task.

use clap::Args;

use super::arguments::{ConfigArguments, Format, PortArguments, RunArguments};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{configuration, launch, ports, rehearsal, watch};
use crate::config;
use crate::diagnostics::Diagnostic;
use crate::runner;
use crate::schema::Task;

/// Check a configuration and run its task
///
/// On a terminal a live view shows what goes on. There are lines instead if a process writes to the terminal itself, as one
/// whose `logger` has the destination `console` or `both`, or with --progress lines.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("progress", |arg| arg.hide_env_values(true)))]
pub(crate) struct RunCommandArguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    ports: PortArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Run it, and run it again as a new task whenever FILE or a file that it includes changes; Ctrl-C ends that
    #[arg(long, conflicts_with_all = ["daemon", "task_id", "dry_run"])]
    watch: bool,
    /// The process that runs this whenever files change
    #[arg(long, hide = true, value_name = "PID", conflicts_with = "watch")]
    watched_by: Option<i32>,
    /// Show in which order processes would start, and start none
    #[arg(long, conflicts_with = "daemon")]
    dry_run: bool,
    /// How to show that
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, requires = "dry_run")]
    format: Format,
}

const EXAMPLES: &str = "Examples:
  thermos run -E precision=500 pi.thermos
  thermos run -j 4 --sandbox build --task-id build-42 build.thermos
  thermos run --daemon -P http -P admin:8081 service.thermos
  thermos inspect --format json pi.thermos | thermos run --json -";

impl RunCommandArguments {
    /// Runs the task to its end, or sees it off into the background.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        if self.watch {
            return watch::watch(&self.config.file, context);
        }
        self.watched_by.map_or(Ok(()), watch::follow)?;
        runner::keep_early_wishes()?;
        let loaded = config::check(&configuration::request(&self.config)?)?;
        configuration::announce(context, &loaded);
        let task = only(loaded.tasks)?;
        let options = launch::options(&task, &self.run, &self.ports, context)?;
        ports::warn_of_idle(&task, &self.ports, context);
        if self.dry_run {
            return rehearsal::show(&task, &options, self.format, context);
        }
        launch::run(&task, &options, &self.run, context)
    }
}

/// Returns the task if there is just one: nobody can tell which of several is meant.
pub(super) fn only(tasks: Vec<Task>) -> Result<Task, Failure> {
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
