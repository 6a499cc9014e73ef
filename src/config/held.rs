//! Objects that a shell holds: checked as those that a file exports.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::contain::within;
use super::document::Document;
use super::evaluate::{Evaluation, Examine, examine_document, examine_task};
use super::flags::Flags;
use super::request::{Binding, ConfigError, Limits, Request, Source};
use crate::diagnostics::Sources;
use crate::schema::Task;
use crate::types::Object;

/// Checks a task object and gives the task, ready to run. What its spans point into are `sources`.
///
/// # Errors
/// All that is wrong with it.
pub fn check_held(
    object: &Object,
    sources: &Sources,
    bindings: &[Binding],
    limits: &Limits,
) -> Result<Task, ConfigError> {
    examine(object, sources, bindings, limits, examine_task)
}

/// Typechecks an object and tells what it is; references may be open.
///
/// # Errors
/// What is of the wrong type.
pub fn inspect_held(
    object: &Object,
    sources: &Sources,
    bindings: &[Binding],
    limits: &Limits,
) -> Result<Document, ConfigError> {
    examine(object, sources, bindings, limits, examine_document)
}

fn examine<T: Serialize + DeserializeOwned>(
    object: &Object,
    sources: &Sources,
    bindings: &[Binding],
    limits: &Limits,
    examine: Examine<T>,
) -> Result<T, ConfigError> {
    let request = Request {
        source: Source::Script { path: "input".into(), text: String::new() },
        bindings: bindings.to_vec(),
        task: None,
        include_root: None,
        limits: *limits,
    };
    within(limits, "the input", || {
        let mut sources = sources.clone();
        let flags = Flags::new(&request, &mut sources)?;
        Evaluation::of(flags.bind(object), sources, limits).examine(examine)
    })
}
