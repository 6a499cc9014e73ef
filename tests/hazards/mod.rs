//! What has gone wrong in systems like this one: a test for each point of the list in the runner's specification
//! (RUNNER.md section 9), named after it.
//!
//! - [`recovery`]: deaths of runners and coordinators.

mod recovery;
