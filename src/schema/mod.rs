//! `Process`, `Task` and their kin.

pub mod task;

pub use task::{
    CommandLine, CommandLineError, Constraint, Context, LogDestination, LogMode, Logger, Process, Resources,
    RotatePolicy, Task,
};
