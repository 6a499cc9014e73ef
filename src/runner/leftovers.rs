//! Hunts what a coordinator left that did not end as it should: orphans that came to this runner, and processes that
//! carry the run's mark in their environment.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::process::failpoint::failpoint;
use crate::process::tree::{self, Found};

/// How long anything may survive KILL before that is reported.
const PATIENCE: Duration = Duration::from_secs(5);

/// The run whose leftovers are hunted, and who is to be left alone.
#[derive(Debug)]
pub(super) struct Hunt<'a> {
    pub(super) launch: &'a str,
    pub(super) process: &'a str,
    pub(super) run: u64,
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
            for stray in &found {
                // Who may not signal it finds it again, until the deadline.
                let _ = stray.handle.signal(Signal::SIGKILL);
            }
            failpoint!("hunt.killed");
            for stray in &found {
                if !stray.handle.wait_ended(Some(deadline))? {
                    return Ok(found.iter().map(|stray| stray.pid).collect());
                }
            }
        }
    }

    fn find(&self) -> io::Result<Vec<Found>> {
        let mark = [
            format!("THERMOS_LAUNCH={}", self.launch).into_bytes(),
            format!("THERMOS_PROCESS={}", self.process).into_bytes(),
            format!("THERMOS_RUN={}", self.run).into_bytes(),
        ];
        let mut found = tree::marked(&mark)?;
        let mut family: HashSet<Pid> = found.iter().map(|stray| stray.pid).collect();
        let marked: Vec<Pid> = family.iter().copied().collect();
        let mut roots = vec![Pid::this()];
        roots.extend(marked);
        // A coordinator is no leftover, nor is what lives below one.
        for stray in tree::descendants(&roots, self.spared)? {
            if family.insert(stray.pid) {
                found.push(stray);
            }
        }
        Ok(found)
    }
}
