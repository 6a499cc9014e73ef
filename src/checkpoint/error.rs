//! What can be wrong with a checkpoint.

use std::io;
use std::path::{Path, PathBuf};

use super::state::FoldError;

/// A checkpoint cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The system refused something.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried, as in `cannot read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something stands in the place of a file that thermos did not put there.
    #[error("{path} is {what}, not a file", path = .path.display())]
    Foreign {
        /// The place.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A line that is not the last one is no record.
    #[error("{path}:{line}: damaged checkpoint: {reason}", path = .path.display())]
    Damaged {
        /// The stream.
        path: PathBuf,
        /// Counts from 1.
        line: u64,
        /// What is wrong with the line.
        reason: String,
    },
    /// A record that no runner would have written after those before it.
    #[error("{path}:{line}: impossible record: {source}", path = .path.display())]
    Impossible {
        /// The stream.
        path: PathBuf,
        /// Counts from 1.
        line: u64,
        /// What is wrong with it.
        source: FoldError,
    },
}

impl CheckpointError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
        move |source| CheckpointError::Io { action, path: path.to_owned(), source }
    }

    /// A file that is read whole is not what it should be.
    pub(crate) fn malformed(path: &Path, error: &serde_json::Error) -> CheckpointError {
        let line = (error.line() as u64).max(1);
        CheckpointError::Damaged { path: path.to_owned(), line, reason: error.to_string() }
    }

    /// Says whether the file is missing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, CheckpointError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Says whether a full disk or a used-up quota is the cause.
    pub fn is_no_space(&self) -> bool {
        let CheckpointError::Io { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}
