//! Limits of a cgroup and what became of them, in the files of both versions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hierarchy::Hierarchy;

/// Microseconds in which a share of processor time is counted.
const PERIOD: u64 = 100_000;

/// The least share of a period that the kernel takes.
const LEAST_QUOTA: u64 = 1_000;

/// What the processes of a cgroup may use together; nothing is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
}

impl Limits {
    /// Lists the controllers that the limits need.
    pub fn controllers(&self) -> Vec<&'static str> {
        let cpu = self.cpu.map(|_| "cpu");
        cpu.into_iter().chain(self.memory.map(|_| "memory")).collect()
    }

    /// Returns the tighter of two limits each.
    pub fn within(self, other: Limits) -> Limits {
        fn least<T: PartialOrd>(left: Option<T>, right: Option<T>) -> Option<T> {
            match (left, right) {
                (Some(left), Some(right)) => Some(if right < left { right } else { left }),
                (left, right) => left.or(right),
            }
        }
        Limits { cpu: least(self.cpu, other.cpu), memory: least(self.memory, other.memory) }
    }

    /// Sets those limits whose controllers the cgroup in `folder` has.
    pub(super) fn set(&self, folder: &Path) -> io::Result<()> {
        if let Some(memory) = self.memory {
            write_existing(folder, &["memory.max", "memory.limit_in_bytes"], &memory.to_string())?;
        }
        if let Some(cpu) = self.cpu {
            let quota = ((cpu * PERIOD as f64) as u64).max(LEAST_QUOTA);
            write_existing(folder, &["cpu.cfs_period_us"], &PERIOD.to_string())?;
            write_existing(folder, &["cpu.cfs_quota_us"], &quota.to_string())?;
            write_existing(folder, &["cpu.max"], &format!("{quota} {PERIOD}"))?;
        }
        Ok(())
    }
}

/// Writes to the first of the files that is there.
pub(super) fn write_existing(folder: &Path, names: &[&str], text: &str) -> io::Result<()> {
    let path = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    path.map_or(Ok(()), |path| fs::write(path, text))
}

/// Counts the processes of a cgroup that the kernel killed for want of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomCounter {
    path: PathBuf,
    seen: u64,
}

impl OomCounter {
    /// Finds the counter that covers this process and all it starts; nothing where the kernel keeps none.
    pub fn of_self(hierarchies: &[Hierarchy]) -> Option<OomCounter> {
        // Who has no memory controller is counted where the next one above has.
        let unified = hierarchies.iter().filter(|hierarchy| hierarchy.is_unified());
        let legacy =
            hierarchies.iter().filter(|hierarchy| !hierarchy.is_unified() && hierarchy.has("memory"));
        let mut folders = unified.flat_map(Hierarchy::upwards).chain(legacy.map(Hierarchy::own));
        folders.find_map(OomCounter::of)
    }

    /// Opens the counter of a cgroup, if it has one.
    pub(super) fn of(folder: &Path) -> Option<OomCounter> {
        let paths = ["memory.events", "memory.oom_control"].map(|name| folder.join(name));
        paths.into_iter().find_map(|path| Some(OomCounter { seen: read(&path)?, path }))
    }

    /// Returns how many processes were killed before the counter was opened or last marked as seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Says whether more than `count` processes were killed so far.
    pub fn is_above(&self, count: u64) -> bool {
        read(&self.path).is_some_and(|now| now > count)
    }

    /// Takes what has been counted so far as seen.
    pub fn mark_seen(&mut self) {
        self.seen = read(&self.path).unwrap_or(self.seen);
    }
}

fn read(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_go_to_the_files_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { cpu: Some(0.5), memory: Some(1 << 20) };
        limits.set(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
        for name in ["memory.max", "cpu.max"] {
            fs::write(folder.path().join(name), "max").unwrap();
        }
        limits.set(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("memory.max")).unwrap(), "1048576");
        assert_eq!(fs::read_to_string(folder.path().join("cpu.max")).unwrap(), "50000 100000");
        Limits { cpu: Some(1e-9), memory: None }.set(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("cpu.max")).unwrap(), "1000 100000");
    }

    #[test]
    fn of_two_limits_the_tighter_counts() {
        let wide = Limits { cpu: Some(2.0), memory: None };
        let tight = Limits { cpu: Some(0.5), memory: Some(7) };
        assert_eq!(wide.within(tight), tight);
        assert_eq!(tight.within(wide), tight);
        assert_eq!(wide.controllers(), ["cpu"]);
    }

    #[test]
    fn kills_for_want_of_memory_are_counted_from_when_they_were_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(OomCounter::of(folder.path()), None);
        let path = folder.path().join("memory.events");
        fs::write(&path, "low 0\noom 3\noom_kill 2\n").unwrap();
        let mut counter = OomCounter::of(folder.path()).unwrap();
        assert!(!counter.is_above(counter.seen()));
        fs::write(&path, "low 0\noom 4\noom_kill 3\n").unwrap();
        assert!(counter.is_above(counter.seen()));
        counter.mark_seen();
        assert!(!counter.is_above(counter.seen()));
    }
}
