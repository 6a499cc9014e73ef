//! Runs one checked task on this host, survives the death of any part of itself, and loses nothing (RUNNER.md).
//!
//! The process that calls [`run`], [`resume`] or [`kill`] *is* the runner until the call returns: it has one thread,
//! sleeps in one place, and takes INT, TERM and HUP meanwhile. It prints nothing; what happens goes to a [`Sink`].
//! Each run of a process has a coordinator of its own, forked, whose record is the truth about that run.
//!
//! - [`run`] starts a task, or goes on with one of the same id and content; [`resume`] goes on with one by id;
//!   [`kill`] ends one, by its runner if that lives, else itself.
//! - All three return the terminal state of the task, or a [`RunnerError`].
//!
//! Inside: `launch` makes a task's files and opens existing ones, `owner` takes them, `journal` keeps them, `engine` is
//! the event loop with `stage` (ACTIVE, CLEANING, FINALIZING) and `runs` (starts and ends), `recovery` rebuilds an
//! engine from what is on disk, `leftovers` hunts what a dead coordinator left, `coordinator` and `command` are what
//! happens in the child, `run_as` is as whom, `owned` makes what belongs to that user, `group` is the cgroup that holds it
//! all together, `support` refuses what this version cannot do.

mod command;
mod coordinator;
mod engine;
mod error;
mod group;
mod journal;
mod kill;
mod launch;
mod leftovers;
mod options;
mod outcome;
mod owned;
mod owner;
mod recovery;
mod run_as;
mod runs;
mod sink;
mod stage;
mod support;

pub use error::RunnerError;
pub use kill::{KillOptions, kill};
pub use launch::{read_task, resume, run};
pub use options::{Caller, Options};
pub use owner::is_foreign;
pub use sink::{Event, Sink};
