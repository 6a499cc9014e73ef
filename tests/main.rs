//! The integration tests: one binary, one harness, a file a feature.
//!
//! A test that cannot go on panics, also in its helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod bad_input;
mod bindings;
mod compaction;
mod conformance;
mod convert;
mod counts;
mod crash;
mod daemon;
mod documents;
mod dry_run;
mod durable;
mod ending;
mod errors;
mod examples;
mod finalizers;
mod folding;
mod fork_server;
mod fuzz;
mod gc;
mod harness;
mod hazards;
mod help;
mod helpers;
mod language;
mod layers;
mod limits;
mod live;
mod observer;
mod pictures;
mod planning;
mod properties;
mod read;
mod readme;
mod repl;
mod replay;
mod rerun;
mod resources;
mod resume_and_kill;
mod run;
mod simplerun;
mod status;
mod tail;
mod usage;
mod watch;
mod watching;
