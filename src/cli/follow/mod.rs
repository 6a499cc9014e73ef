//! Watching what goes on: files that change, and logs that grow. Nothing in here looks twice without being told to.
//!
//! - [`log`]: a log that grows, is rotated, or is cut off; [`rotation`] finds its next file.
//! - [`pace`]: how often something busy is read.

pub(crate) mod log;
pub(crate) mod pace;
mod rotation;
