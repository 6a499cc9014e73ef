//! Fork, spawn, wait, kill, identity: the only unsafe code, and the only code that makes or ends processes.
//!
//! - [`again`]: this program as a child in the foreground.
//! - `arena`: small blocks of memory for a contained child and for the runner.
//! - [`cgroup`]: the members of a cgroup, and their limits.
//! - [`changes`]: what has changed in folders, from the kernel.
//! - [`contained`]: a closure in a short-lived child under limits.
//! - [`detach`]: going on in the background.
//! - [`events`]: waiting for any of many descriptors.
//! - `failpoint`: places at which a test has the process die; nothing in other builds.
//! - [`fork`]: forking a process with one thread, and what a child does first and last.
//! - [`identity`]: who a process is, proven before it is signalled.
//! - [`memory`]: how much this process has allocated.
//! - [`pidfd`]: a process held by descriptor.
//! - [`pipe`]: pipes, and output that is shared with others.
//! - [`reap`]: taking the statuses of children.
//! - [`signals`]: dispositions, masks, waiting for signals.
//! - [`spawn`]: starting a command.
//! - [`stack`]: how far the stack may grow.
//! - [`tree`]: descendants, and processes that carry a mark.
//! - [`users`]: users and their groups.
#![allow(unsafe_code)]

pub mod again;
mod arena;
pub mod cgroup;
pub mod changes;
pub mod contained;
pub mod detach;
pub mod events;
pub(crate) mod failpoint;
pub mod fork;
pub mod identity;
pub mod memory;
pub mod pidfd;
pub mod pipe;
pub mod reap;
pub mod signals;
pub mod spawn;
pub mod stack;
#[cfg(test)]
pub(crate) mod testing;
pub mod tree;
pub mod users;
