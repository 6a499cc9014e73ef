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

impl Exit {
    /// Returns what a child meant by its exit code; nothing if no command ends with that.
    pub(crate) fn from_code(code: i32) -> Option<Exit> {
        use Exit::{Failed, Invalid, Killed, Lost, Other, Success, Usage};
        let all = [Success, Failed, Usage, Invalid, Killed, Lost, Other];
        all.into_iter().find(|exit| *exit as i32 == code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
