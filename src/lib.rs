//! Thermos runs a graph of processes on one machine and loses nothing when anything dies.
//!
//! A tour, from the bottom up. Each module imports only from those above it in this list
//! (`ARCHITECTURE.md` has the exact picture, `tests/layers.rs` holds it):
//!
//! - [`diagnostics`]: what every mistake of a user becomes: code, place, path, help.
//! - [`template`]: `{{ref}}` and `<<ref>>` in text: addresses, splitting, resolving in scopes. Knows no types.
//! - [`types`]: `String` to `Struct`: construction, coercion, checks, text forms. Knows templates.
//! - [`schema`]: `Process`, `Task` and their kin as types, and the plain [`schema::Task`] that everything after
//!   the configuration works on.
//! - [`process`]: fork, spawn, wait, kill, identity. The only unsafe code.
//! - [`plan`]: which process may start when. Pure, without a clock.
//! - [`checkpoint`]: records, streams, the state fold, paths, ownership.
//! - [`script`]: the configuration language on top of Rhai.
//! - [`convert`]: from the Python syntax of the original to that of [`script`].
//! - [`config`]: from a file and `-E` values to checked tasks, evaluated in a contained child.
//! - [`runner`]: the event loop that runs one task under coordinators and recovers it.
//! - [`observer`]: pages and JSON about what happens, over HTTP; only reads.
//! - [`cli`]: one file a command; the only layer that prints or exits.

pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod convert;
pub mod diagnostics;
pub mod observer;
pub mod plan;
pub mod process;
pub mod runner;
pub mod schema;
pub mod script;
pub mod template;
pub mod types;
pub mod view;
