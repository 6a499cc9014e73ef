//! What has gone wrong in systems like this one (RUNNER.md section 9): a test for each point, named after it.

mod logs;
