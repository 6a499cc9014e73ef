//! What the exit code of `thermos` says.

use std::process::ExitCode;

/// How a command ended; the numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; a task that was run succeeded.
    Success = 0,
    /// The task failed, or nothing was found.
    Failed = 1,
    /// The command line itself is wrong.
    Usage = 2,
    /// The configuration is wrong; nothing was started.
    Invalid = 3,
    /// The task was killed.
    Killed = 4,
    /// The task was lost.
    Lost = 5,
    /// Anything else: files, I/O, a task that another runner owns.
    Other = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
