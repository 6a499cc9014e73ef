//! Counting what could not be written.

use std::io;

use nix::errno::Errno;

/// How much was lost, and why the last of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::runner) struct Loss {
    pub(in crate::runner) bytes: u64,
    pub(in crate::runner) reason: String,
}

impl Loss {
    pub(super) fn add(&mut self, bytes: u64, reason: impl Into<String>) {
        self.bytes += bytes;
        self.reason = reason.into();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

/// Words an error as the system does, without its number.
pub(super) fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}
