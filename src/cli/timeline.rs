//! `thermos timeline`: when each run of a task started and ended.

use clap::{Args, ValueEnum};

use super::completions;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{clock, tasks};
use crate::checkpoint::TaskId;
use crate::view::timeline::{self, Timeline};

/// Show when each run of a task started and ended
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TimelineArguments {
    /// How to draw it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: TimelineFormat,
    /// The id of the task
    #[arg(value_name = "TASK_ID", value_parser = tasks::parse_id, add = completions::task_ids())]
    task_id: TaskId,
}

const EXAMPLES: &str = "Examples:
  thermos timeline build-42
  thermos timeline --format svg build-42 > build-42.svg";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TimelineFormat {
    /// For a terminal
    #[default]
    Text,
    /// A picture for browsers
    Svg,
}

impl TimelineArguments {
    /// Prints the timeline.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (task, status) = tasks::read(&tasks::find(context, &self.task_id)?)?;
        let timeline = Timeline::new(&task, &status, clock::seconds());
        context.terminal.print(match self.format {
            TimelineFormat::Text => timeline::text(&timeline, &context.terminal.stdout.into()),
            TimelineFormat::Svg => timeline::svg(&timeline),
        })?;
        Ok(Exit::Success)
    }
}
