//! Pictures of tasks: data first, then text, SVG and the languages of other tools. Reads no file and asks no clock.
//!
//! - [`graph`]: who waits for whom, and how far each is.
//! - [`timeline`]: when each run started and ended.
//! - [`look`]: the colours and signs of states, the same wherever a state is shown.

pub mod graph;
pub mod look;
mod template;
pub mod timeline;
mod units;

pub use units::duration;

/// Says where the name of a process leads.
pub type Link<'a> = &'a dyn Fn(&str) -> String;
