//! Hunts what a coordinator left that did not end as it should: members of the task's cgroup, orphans that came to this
//! runner, and processes that carry the run's mark in their environment.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::process::cgroup::TaskGroup;
use crate::process::tree::{self, Found};

/// How long anything may survive KILL before that is reported.
const PATIENCE: Duration = Duration::from_secs(5);

/// The run whose leftovers are hunted, and who is to be left alone.
#[derive(Debug)]
pub(super) struct Hunt<'a> {
    pub(super) launch: &'a str,
    /// The process and its run; all runs of the task have ended if there is none.
    pub(super) run: Option<(&'a str, u64)>,
    /// The cgroup of the task.
    pub(super) group: Option<&'a TaskGroup>,
    /// Children of this runner that are no orphans: its coordinators, and what was there before.
    pub(super) spared: &'a HashSet<Pid>,
}

impl Hunt<'_> {
    /// Kills all leftovers and waits until they are gone; returns those that could not be killed in time.
    pub(super) fn kill(&self) -> io::Result<Vec<Pid>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.find()?;
            if found.is_empty() {
                return Ok(Vec::new());
            }
            let signalled = tree::signal_all(&found, Signal::SIGKILL);
            if signalled.is_refused_by_all() {
                return Ok(signalled.refused);
            }
            for stray in found.iter().filter(|stray| !signalled.refused.contains(&stray.pid)) {
                if !stray.handle.wait_ended(Some(deadline))? {
                    return Ok(found.iter().map(|stray| stray.pid).collect());
                }
            }
        }
    }

    fn find(&self) -> io::Result<Vec<Found>> {
        let mut found = match self.group {
            Some(group) => tree::unsupervised(&group.members()?, self.spared)?,
            None => Vec::new(),
        };
        let Some((process, run)) = self.run else { return Ok(found) };
        let mut family: HashSet<Pid> = found.iter().map(|stray| stray.pid).collect();
        let marked = tree::marked(&[
            format!("THERMOS_LAUNCH={}", self.launch).into_bytes(),
            format!("THERMOS_PROCESS={process}").into_bytes(),
            format!("THERMOS_RUN={run}").into_bytes(),
        ])?;
        let roots: Vec<Pid> = marked.iter().map(|stray| stray.pid).chain([Pid::this()]).collect();
        // A coordinator is no leftover, nor is what lives below one.
        let below = tree::descendants(&roots, self.spared)?;
        found.extend(marked.into_iter().chain(below).filter(|stray| family.insert(stray.pid)));
        Ok(found)
    }
}
