//! Runs the evaluation in a contained child and turns the child's death into a diagnostic.

use nix::libc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::evaluate;
use super::request::{ConfigError, Limits, Request};
use super::{Diagnostic, Loaded, Size};
use crate::process::contained::{self, ContainedError};
use crate::schema::Task;

/// Checks a configuration and gives its tasks, ready to run.
///
/// All exported tasks, or the one that the request names.
pub fn check(request: &Request) -> Result<Loaded<Task>, ConfigError> {
    contain(request, evaluate::check)
}

/// Checks a configuration and tells how large its tasks are; the tasks themselves stay where they were made.
pub fn measure(request: &Request) -> Result<Loaded<Size>, ConfigError> {
    contain(request, evaluate::measure)
}

/// Typechecks a configuration and tells what its tasks are; references may be open.
pub fn inspect(request: &Request) -> Result<Loaded<Document>, ConfigError> {
    contain(request, evaluate::inspect)
}

/// What the child hands back.
#[derive(Serialize, Deserialize)]
enum Reply<T> {
    Loaded(T),
    Invalid(Vec<Diagnostic>),
}

/// Bytes of stack: enough for any nesting that the script limits allow.
pub const STACK: u64 = 64 << 20;

fn contain<T: Serialize + DeserializeOwned>(
    request: &Request,
    evaluate: fn(&Request) -> Result<Loaded<T>, Vec<Diagnostic>>,
) -> Result<Loaded<T>, ConfigError> {
    within(&request.limits, &request.source.name(), || evaluate(request))
}

/// Evaluates what `name` names in a contained child.
///
/// # Errors
/// What is wrong with it, or that the child did not live to its end.
pub fn within<T: Serialize + DeserializeOwned>(
    limits: &Limits,
    name: &str,
    evaluate: impl FnOnce() -> Result<T, Vec<Diagnostic>>,
) -> Result<T, ConfigError> {
    let contained_limits =
        contained::Limits { address_space: limits.memory, stack: STACK, cpu: limits.time, wall: limits.time };
    let bytes = contained::run(&contained_limits, || {
        let reply = match evaluate() {
            Ok(loaded) => Reply::Loaded(loaded),
            Err(diagnostics) => Reply::Invalid(diagnostics),
        };
        // Records of text and numbers always serialize; nothing at all is reported as a death below.
        serde_json::to_vec(&reply).unwrap_or_default()
    });
    let bytes = bytes.map_err(|error| death(&error, name, limits))?;
    // Text that is known to be text is read faster than bytes.
    let text =
        String::from_utf8(bytes).map_err(|error| internal(format!("the evaluation answered {error}")))?;
    match serde_json::from_str(&text) {
        Ok(Reply::Loaded(loaded)) => Ok(loaded),
        Ok(Reply::Invalid(diagnostics)) => Err(ConfigError::Invalid(diagnostics)),
        Err(error) => {
            let message = format!("the evaluation gave no answer that can be read: {error}");
            Err(internal(message))
        }
    }
}

fn death(error: &ContainedError, file: &str, limits: &Limits) -> ConfigError {
    let seconds = match limits.time.as_secs_f64() {
        1.0 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    };
    let (code, message, help) = match error {
        ContainedError::Deadline(_) | ContainedError::Cpu(_) => (
            "out_of_time",
            format!("{file} is not evaluated after {seconds}"),
            "look for a loop that does not end, or for one that makes too much; --max-time allows more",
        ),
        ContainedError::Memory(_) => (
            "out_of_memory",
            format!("{file} needs more than {} MiB of memory", limits.memory >> 20),
            "look for text or lists that grow in a loop; --max-memory allows more",
        ),
        ContainedError::Stack(_) => (
            "too_deep",
            format!("{file} is nested too deep to be evaluated"),
            "look for a value that contains itself, or for a function that calls itself without end",
        ),
        ContainedError::Signal(libc::SIGINT) => {
            ("interrupted", format!("the evaluation of {file} was interrupted"), "nothing of it has happened")
        }
        other => return internal(format!("the evaluation {other}")),
    };
    ConfigError::Invalid(vec![Diagnostic::error(code, message).with_help(help)])
}

fn internal(message: String) -> ConfigError {
    let help = "this is a defect of thermos; please report it with the configuration";
    ConfigError::Unreadable(Box::new(Diagnostic::error("internal", message).with_help(help)))
}
