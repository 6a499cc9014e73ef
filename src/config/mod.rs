//! From a file and `-E` values to checked tasks.
//!
//! A pure function: the same files and values give the same tasks, byte for byte. It is evaluated in a contained child
//! that hands the tasks back, so that no script can eat the machine; the parent turns the child's death into a
//! diagnostic (LANGUAGE section 7).
//!
//! - [`check`] gives the tasks that may run, [`measure`] their sizes alone, [`inspect`] what is known of tasks that may still be open.
//! - [`check_held`] and [`inspect_held`] do the same for an object that a shell holds; [`within`] contains any evaluation.
//! - `evaluate` is what happens in the child, `problems` words what is wrong with a task,
//!   `hints` says what to do about it; `wrong` evaluates again to tell it better.

mod contain;
mod document;
mod evaluate;
mod flags;
mod held;
mod hints;
mod json_places;
mod json_shape;
mod json_unique;
mod places;
mod problems;
mod request;
mod schedule;
mod wrong;

pub use contain::{STACK, check, inspect, measure, within};
pub use document::Document;
pub use held::{check_held, inspect_held};
pub use request::{Binding, ConfigError, Limits, Request, Source};

use serde::{Deserialize, Serialize};

use crate::diagnostics::{Diagnostic, Place};

/// What a configuration is found to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded<T> {
    /// The exported tasks that were asked for, in the order of their exports.
    pub tasks: Vec<T>,
    /// What is strange about them.
    pub warnings: Vec<Diagnostic>,
    /// What the script printed, a line each.
    pub printed: Vec<String>,
    /// What `-E` may set in the script.
    pub parameters: Vec<Parameter>,
}

/// How large a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its processes.
    pub processes: usize,
    /// Its constraints.
    pub constraints: usize,
}

/// What a script asks for with `param`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// As `-E` knows it.
    pub name: String,
    /// Its type, in words: `an integer`.
    pub kind: String,
    /// Its default, as text.
    pub default: String,
    /// The value that it has, as text.
    pub value: String,
    /// Where the script asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}
