//! Lets a unit test run code that forks, although the test harness has threads.

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::ForkResult;

use super::fork::exit_now;

/// Runs `test` in a forked child, which has one thread, and fails if it panics.
pub(crate) fn alone(test: impl FnOnce()) {
    // SAFETY: glibc keeps its allocator usable in the child of a process with threads; the test uses no other lock
    // that another thread of the harness could hold, but for the one around standard error, which lasts for one line.
    match unsafe { nix::unistd::fork() }.unwrap() {
        ForkResult::Child => {
            let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).is_ok();
            exit_now(if passed { 0 } else { 101 })
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0), "the forked test failed");
        }
    }
}
