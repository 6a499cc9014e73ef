//! What has gone wrong in systems like this, point by point (RUNNER.md section 9): each test is named after its point.

mod damage;
mod dead;
mod files;
