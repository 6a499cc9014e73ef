//! Runs one checked task on this host, survives the death of any part of itself, and loses nothing (RUNNER.md).
//!
//! The process that calls [`run`], [`resume`] or [`end`] *is* the runner until the call returns: it has one thread,
//! sleeps in one place, and takes INT, TERM and HUP meanwhile. They stay blocked afterwards, so that the process ends
//! with the code of its task. It prints nothing; what happens goes to a [`Sink`].
//! Each run of a process has a coordinator of its own, forked, whose record is the truth about that run.
//!
//! - [`run`] starts a task, or goes on with one of the same id and content; [`resume`] goes on with one by id. Both return
//!   the terminal state of the task, or a [`RunnerError`].
//! - [`earlier()`] reads a task that has ended, for a rerun of it; [`examine`] says what would keep a task from being run.
//! - [`end`] ends tasks, each by its runner if that lives, else as their runner, and tells a [`Witness`].
//! - [`remove`] removes what is left of a task that has ended.
//!
//! Inside: `launch` makes a task's files and opens existing ones, `owner` takes them, `journal` keeps them, `compaction`
//! drops old runs, `listener` hears signals, `engine` is the event loop with `stage` (ACTIVE, CLEANING, FINALIZING) and
//! `runs` (starts and ends), `recovery` rebuilds an engine from what is on disk, `leftovers` hunts what a dead coordinator
//! left, [`fork_server`] forks coordinators for a runner that has many to start, `kill` ends tasks from outside (`target`
//! is one of them, `wish` what is wanted), `assignment` is what a coordinator is told, `coordinator` and `command` are what
//! happens in the child, `output` what it does with output that it takes itself, `run_as` is as whom, `owned` makes what
//! belongs to that user, `group` is the cgroup that holds it all together, `support` refuses what this version cannot do.

mod assignment;
mod command;
mod compaction;
mod coordinator;
mod earlier;
mod engine;
mod error;
pub mod fork_server;
mod group;
mod journal;
mod kill;
mod launch;
mod leftovers;
mod listener;
mod options;
mod outcome;
mod output;
mod owned;
mod owner;
mod recovery;
mod removal;
mod run_as;
mod runs;
mod sink;
mod stage;
mod support;
mod target;
mod wish;

pub use earlier::{Earlier, earlier, examine};
pub use error::RunnerError;
pub use kill::end;
pub use launch::{read_task, resume, run};
pub use listener::keep_early_wishes;
pub use options::{Caller, Options};
pub use removal::{Removal, remove};
pub use sink::{Event, Sink};
pub use stage::ASKED;
pub use wish::{Wish, Witness};
