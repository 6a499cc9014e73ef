//! `thermos check`: says what is wrong with a configuration, or that nothing is.

use clap::Args;

use super::arguments::{ConfigArguments, Format};
use super::configuration;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::report;
use crate::config::{self, ConfigError, Loaded, Size};
use crate::diagnostics::Diagnostic;

/// Check a configuration without starting anything
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArguments {
    /// How to show what is found
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArguments,
}

const EXAMPLES: &str = "Examples:
  thermos check -E precision=500 pi.thermos
  thermos check --format json pi.thermos          for an editor";

impl CheckArguments {
    /// Checks every exported task, or the one that is named.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let checked = configuration::request(&self.config).and_then(|request| config::measure(&request));
        match self.format {
            Format::Text => {
                let loaded = checked?;
                configuration::announce(context, &loaded);
                context.terminal.print(format!("ok: {}\n", counts(&loaded.tasks)))?;
                Ok(Exit::Success)
            }
            Format::Json => {
                let (diagnostics, exit) = found(checked);
                context.terminal.print(report::json(&diagnostics))?;
                Ok(exit)
            }
        }
    }
}

fn found(checked: Result<Loaded<Size>, ConfigError>) -> (Vec<Diagnostic>, Exit) {
    match checked {
        Ok(loaded) => (loaded.warnings, Exit::Success),
        Err(error) => {
            let failure = Failure::from(error);
            (failure.diagnostics, failure.exit)
        }
    }
}

fn counts(tasks: &[Size]) -> String {
    let processes = tasks.iter().map(|task| task.processes).sum();
    let constraints = tasks.iter().map(|task| task.constraints).sum();
    let parts = [
        (tasks.len(), "task", "tasks"),
        (processes, "process", "processes"),
        (constraints, "constraint", "constraints"),
    ];
    let part =
        |(count, one, many): (usize, &str, &str)| format!("{count} {}", if count == 1 { one } else { many });
    parts.map(part).join(", ")
}
