//! Watching what goes on: files that change, and logs that grow. Nothing in here looks twice without being told to.
//!
//! - [`changes`]: what has changed in folders, from the kernel.
//! - [`log`]: a log that grows, is rotated, or is cut off.

pub(crate) mod changes;
pub(crate) mod log;
