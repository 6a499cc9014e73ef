//! Pictures of tasks: data first, then text, SVG and the languages of other tools. Reads no file and asks no clock.
//!
//! - [`graph`]: who waits for whom, and how far each is.
//! - [`summary`]: how a task went, in a few lines.
//! - [`timeline`]: when each run started and ended.
//! - [`live`]: a task while it runs, in a few lines.
//! - [`look`]: the colours and signs of states, the same wherever a state is shown.

mod columns;
pub mod graph;
pub mod live;
pub mod look;
pub mod summary;
mod template;
pub mod timeline;
mod units;
mod words;

pub use columns::{cut, fit, one_line};
pub use units::{duration, size};
pub use words::shell_word;

/// Says where the name of a process leads.
pub type Link<'a> = &'a dyn Fn(&str) -> String;
