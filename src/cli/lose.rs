//! `thermos lose`: gives tasks up.

use clap::Args;

use super::completions;
use super::context::Context;
use super::ending;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::{self, Pattern};
use crate::runner::Wish;

/// Give up the tasks whose whole id matches an expression
///
/// Every process is killed at once, no final process runs, and the task is LOST; also if its runner is gone or stopped.
/// Returns when all matching tasks have ended.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LoseArguments {
    /// Ids of tasks, or expressions that match whole ids
    #[arg(value_name = "REGEX", required = true, value_parser = patterns::parse, add = completions::task_ids())]
    patterns: Vec<Pattern>,
}

const EXAMPLES: &str = "Examples:
  thermos lose build-42
  thermos lose 'build-.*'";

impl LoseArguments {
    /// Gives up all tasks at the same time.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        ending::end(&self.patterns, &Wish::Lose, "Giving up", context)
    }
}
