//! What has gone wrong in systems like this: a test for each point, named after it.

mod clocks;
mod control;
mod escapees;
mod room;
mod sizes;
