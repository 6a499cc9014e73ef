//! What a coordinator is told: what all those of a task have in common, and one run.

use std::ffi::CString;
use std::path::PathBuf;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::command::{Profile, RunLogs, arguments, run_environment};
use super::group::Confinement;
use super::run_as::RunAs;
use crate::checkpoint::TaskPaths;
use crate::checkpoint::claim::Claim;
use crate::process::cgroup::{OomCounter, TaskGroup};
use crate::process::identity::Machine;
use crate::schema::Logger;

/// What all coordinators of a task have in common, made before any of them is forked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) paths: TaskPaths,
    pub(super) machine: Machine,
    pub(super) sandbox: PathBuf,
    pub(super) log_dir: PathBuf,
    pub(super) environment: Vec<CString>,
    /// Signals that the runner ignores and commands shall not.
    pub(super) ignored: Vec<libc::c_int>,
    pub(super) run_as: RunAs,
    pub(super) durable: bool,
    /// The cgroup of the task.
    pub(super) group: Option<TaskGroup>,
    /// Whether resources are limits.
    pub(super) enforce: bool,
    /// Counts what the kernel kills for want of memory, where runs have no cgroups of their own.
    pub(super) oom: Option<OomCounter>,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) process: String,
    /// The place of the process in its task.
    pub(super) place: u32,
    pub(super) run: u64,
    /// The number of its WAITING record.
    pub(super) seq: u64,
    pub(super) command: String,
    pub(super) logger: Logger,
    pub(super) confinement: Confinement,
    /// What [`Setup::oom`] had counted before.
    pub(super) oom_kills: u64,
}

/// An assignment with all that can be made of it before there is a coordinator: what its parent has done costs the child
/// no page, neither of memory nor of code.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) assignment: Assignment,
    pub(super) logs: RunLogs,
    pub(super) claim: Claim,
    /// Those of bash; nothing if the command cannot be one, for a zero byte in it.
    pub(super) arguments: Option<Vec<CString>>,
    /// All but what depends on the profile.
    pub(super) environment: Vec<CString>,
    pub(super) profile: Profile,
}

impl Prepared {
    pub(super) fn new(setup: &Setup, assignment: Assignment) -> Prepared {
        let Assignment { process, run, command, .. } = &assignment;
        Prepared {
            logs: RunLogs::new(&setup.log_dir, process, *run),
            claim: Claim::new(&setup.paths, "claim", process, *run),
            arguments: arguments(command),
            environment: run_environment(&setup.environment, process, *run),
            profile: Profile::of(&setup.sandbox, setup.run_as.chroot),
            assignment,
        }
    }
}
