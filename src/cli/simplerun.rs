//! `thermos simplerun`: runs one command as a task of one process.

use clap::Args;

use super::arguments::{Assignment, PortArguments, RunArguments, assignment};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{launch, ports, simple_task};
use crate::runner;

/// Run one command as a task
///
/// The command is run by bash. Several arguments are joined with blanks.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("progress", |arg| arg.hide_env_values(true)))]
pub(crate) struct SimplerunArguments {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    ports: PortArguments,
    /// Bind {{NAME}} in the command; may be repeated
    #[arg(short = 'E', value_name = "NAME=VALUE", value_parser = assignment)]
    bindings: Vec<Assignment>,
    /// The name of the task
    #[arg(long, value_name = "NAME", default_value = simple_task::NAME)]
    name: String,
    /// What to run
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  thermos simplerun 'make test'
  thermos simplerun --daemon --task-id backup -- rsync -a /home /backup
  thermos simplerun -E who=world 'echo hello {{who}}'";

impl SimplerunArguments {
    /// Says what is run and runs it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runner::keep_early_wishes()?;
        let command = self.command.join(" ");
        let task = simple_task::make(&self.name, &command, &self.bindings)?;
        let options = launch::options(&task, &self.run, &self.ports, context)?;
        ports::warn_of_idle(&task, &self.ports, context);
        let text = format!("Running command: '{command}'\n");
        // The task runs, whether or not anybody reads this. Of a task in the background, the id is all that is printed.
        match self.run.daemon {
            true => context.terminal.say(text),
            false => drop(context.terminal.print(text)),
        }
        launch::run(&task, &options, &self.run, context)
    }
}
