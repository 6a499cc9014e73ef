//! What has gone wrong in systems like this: a test for each, named after its point in section 9 of RUNNER.md.

mod names;
