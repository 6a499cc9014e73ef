//! `Process`, `Task` and their kin: as types of the configuration language, and as the plain task that runs.
//!
//! - [`schema`]: the types, with their fields and defaults.
//! - [`changes`]: what is different between two tasks.
//! - [`check_task`]: what must hold of a task object; makes a [`Task`] of it.
//! - [`task`]: the plain values, without templates but for what the runner binds.
//! - [`json_schema`]: the types for other tools.
//! - [`sketch`]: what can be known of the plan of a task that is wrong elsewhere.
//! - [`ports`]: the ports that an object refers to.

pub mod changes;
mod check;
mod json_schema;
mod ports;
mod sketch;
pub mod task;
mod types;

pub use check::{
    MAX_COMMAND_LINE, MAX_PROCESS_NAME, check_object, check_task, is_runtime_reference, process_name_problem,
};
pub use json_schema::json_schema;
pub use ports::{PortsError, ports};
pub use sketch::{Sketch, sketch};
pub use task::{
    CommandLine, CommandLineError, Constraint, Context, Fragment, LogDestination, LogMode, Logger, Process,
    Resources, RotatePolicy, Task,
};
pub use types::{DEFAULT_NAME, Schema, schema};
