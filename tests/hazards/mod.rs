//! What has gone wrong in systems like this: a test for each, named after its point in section 9 of RUNNER.md.

mod chroot;
mod clocks;
mod control;
mod damage;
mod dead;
mod degraded;
mod escapees;
mod files;
mod logs;
mod names;
mod room;
mod sizes;
mod surroundings;
mod users;

use nix::unistd::{User, geteuid};

/// A user that every system has, with numbers of the system's choice.
fn games() -> User {
    User::from_name("games").unwrap().unwrap()
}

/// Says whether this is root; tests of other users end at once if not.
#[allow(clippy::print_stderr)]
fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: takes root");
    }
    is_root
}
