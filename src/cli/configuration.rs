//! From the arguments of a command to its configuration: reads the file, asks `config`, words failures.

use super::arguments::ConfigArguments;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::report;
use crate::config::{Binding, ConfigError, Limits, Loaded, Request, Source};

/// Reads the file that the arguments name.
pub(crate) fn request(arguments: &ConfigArguments) -> Result<Request, ConfigError> {
    let source = Source::read(&arguments.file, arguments.json)?;
    let binding = |(name, value): (&String, &String)| Binding { name: name.clone(), value: value.clone() };
    let bindings = arguments.bindings.iter().map(|assignment| binding((&assignment.name, &assignment.value)));
    Ok(Request {
        source,
        bindings: bindings.collect(),
        task: arguments.task.clone(),
        include_root: arguments.include_root.clone(),
        limits: Limits::from(&arguments.limits),
    })
}

/// Shows what the script printed and what is strange about its tasks.
pub(crate) fn announce<T>(context: &Context, loaded: &Loaded<T>) {
    for line in &loaded.printed {
        context.terminal.say(format!("{line}\n"));
    }
    context.terminal.say(report::draw(&loaded.warnings, context.terminal.stderr));
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        match error {
            ConfigError::Unreadable(diagnostic) => Failure::new(Exit::Other, *diagnostic),
            ConfigError::Invalid(diagnostics) => Failure::invalid(diagnostics),
        }
    }
}
