//! `thermos kill`: ends tasks.

use std::time::Duration;

use clap::Args;

use super::completions;
use super::context::Context;
use super::ending;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use super::usage::Malformed;
use crate::runner::Wish;

/// End the tasks whose whole id matches an expression
///
/// Processes are asked to end, then the final processes run, then the task is KILLED; all within the time that the task
/// gives for its finalization. A task whose runner is gone is taken over and ended in the same way; a runner that is
/// stopped goes on, to end its task. Returns when all matching tasks have ended.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KillArguments {
    /// Kill every process at once and run no final process; wait for no runner that is stopped or does not answer
    #[arg(long)]
    force: bool,
    /// Give the task this long instead of its finalization_wait
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    grace: Option<Duration>,
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", required = true, value_parser = patterns::parse, add = completions::task_ids())]
    patterns: Vec<Pattern>,
}

const EXAMPLES: &str = "Examples:
  thermos kill build-42
  thermos kill --grace 5 'build-.*'
  thermos kill --force build-42";

impl KillArguments {
    /// Kills all tasks at the same time; one that cannot be killed does not save the others.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let wish = Wish::Kill { force: self.force, grace: self.grace };
        ending::end(&self.patterns, &wish, "Killing", context)
    }
}

fn seconds(text: &str) -> Result<Duration, Malformed> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| {
        Malformed::new(format!("malformed --grace '{text}'"), "write seconds, such as 10 or 0.5")
    })
}
