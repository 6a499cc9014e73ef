//! A task that is to be ended, and how it stands with it. Knows nothing of how that comes about.

use std::time::Instant;

use nix::unistd::Pid;

use crate::checkpoint::{Root, TaskId, TaskPaths};
use crate::process::pidfd::PidFd;

/// One of the tasks.
pub(super) struct Target {
    pub(super) paths: TaskPaths,
    pub(super) standing: Standing,
    /// The runner that was asked last.
    pub(super) asked: Option<Pid>,
    pub(super) takeovers: u32,
}

/// How it stands with it.
pub(super) enum Standing {
    /// Somebody has it and nobody knows who, or there is no room to take it over; looked at again at a time.
    Unclear { since: Instant, next: Instant },
    /// Its runner was asked, and may have heard it.
    Asked {
        runner: PidFd,
        heard: bool,
        /// When it is too long.
        patience: Option<Instant>,
        /// When to look why it takes so long, to tell.
        look: Option<Instant>,
        /// Whether it was told that processes are waited for.
        told: bool,
    },
    /// A child of this process runs it.
    TakenOver { child: Pid, handle: PidFd },
    /// It has ended, or cannot be ended; that has been told.
    Done,
}

impl Target {
    pub(super) fn new(root: &Root, id: &TaskId) -> Target {
        Target { paths: root.task(id), standing: Standing::unclear(), asked: None, takeovers: 0 }
    }

    /// Returns when it is to be looked at though nothing happens.
    pub(super) fn next_time(&self) -> Option<Instant> {
        match &self.standing {
            Standing::Unclear { next, .. } => Some(*next),
            Standing::Asked { patience, look, .. } => [*patience, *look].into_iter().flatten().min(),
            _ => None,
        }
    }
}

impl Standing {
    pub(super) fn unclear() -> Standing {
        Standing::Unclear { since: Instant::now(), next: Instant::now() }
    }
}
