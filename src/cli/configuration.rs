//! From the arguments of a command to its configuration: reads the file, asks `config`, words failures.

use super::arguments::ConfigArguments;
use super::exit::Exit;
use super::failure::Failure;
use crate::config::{Binding, ConfigError, Limits, Request, Source};

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
        limits: Limits::default(),
    })
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        match error {
            ConfigError::Unreadable(diagnostic) => Failure::new(Exit::Other, *diagnostic),
            ConfigError::Invalid(diagnostics) => Failure::invalid(diagnostics),
        }
    }
}
