//! The integration tests: one binary, one harness, a file a feature.
//!
//! A test that cannot go on panics, also in its helpers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_input;
mod bindings;
mod conformance;
mod crash;
mod documents;
mod errors;
mod examples;
mod finalizers;
mod fuzz;
mod harness;
mod hazards;
mod layers;
mod limits;
mod properties;
mod readme;
mod replay;
mod resume_and_kill;
mod run;
mod simplerun;
mod status;
mod tail;
mod usage;
