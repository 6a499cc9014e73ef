//! Fork, spawn, wait, kill, identity: the only unsafe code, and the only code that makes or ends processes.
//!
//! - [`contained`]: a closure in a short-lived child under limits.
//! - [`fork`]: forking a process with one thread, and what a child does first and last.
//! - [`identity`]: who a process is, proven before it is signalled.
//! - [`pidfd`]: a process held by descriptor.
//! - [`signals`]: dispositions and masks.
#![allow(unsafe_code)]

pub mod contained;
pub mod fork;
pub mod identity;
pub mod pidfd;
pub mod signals;
#[cfg(test)]
pub(crate) mod testing;
