//! What living processes use: sampled only while somebody looks, a rate being a difference over a measured interval.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use super::index::Live;
use crate::checkpoint::TaskId;

/// The time between two samples, and what a sample may take of it: one part in so many.
const INTERVAL: Duration = Duration::from_secs(2);
const SPARING: u32 = 50;
/// The time from the first sample to the second one, so that a rate is known soon.
const FIRST: Duration = Duration::from_millis(500);
/// Samples of a run that are kept for its chart.
const KEPT: usize = 90;

/// What a process with its descendants uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Usage {
    /// Cores; nothing until there are two samples.
    pub(super) cpu: Option<f64>,
    /// Bytes.
    pub(super) ram: u64,
}

impl Usage {
    fn add(&mut self, other: Usage) {
        self.cpu = self.cpu.zip(other.cpu).map(|(left, right)| left + right).or(self.cpu).or(other.cpu);
        self.ram += other.ram;
    }
}

/// Takes samples and keeps the last ones.
#[derive(Debug, Default)]
pub(super) struct Sampler(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    system: Option<System>,
    /// Processor milliseconds of each process, by number and start.
    before: HashMap<(u32, u64), u64>,
    taken: Option<Instant>,
    next: Option<Instant>,
    runs: HashMap<(TaskId, Live), Vec<Usage>>,
}

/// The processes of the machine at a moment.
#[derive(Debug, Default)]
struct Snapshot {
    children: HashMap<u32, Vec<u32>>,
    each: HashMap<u32, Usage>,
    times: HashMap<(u32, u64), u64>,
}

impl Sampler {
    /// Returns when another sample is to be taken; nothing if there was none.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().next
    }

    /// Forgets what was measured: nobody has looked for a while, and a rate over that time would tell nothing.
    pub(super) fn forget(&self) {
        *self.lock() = Inner::default();
    }

    /// Measures living runs.
    pub(super) fn sample(&self, live: &[(TaskId, Live)]) {
        let mut inner = self.lock();
        let begin = Instant::now();
        let is_first = inner.taken.is_none();
        let snapshot = inner.look(begin);
        let mut known = std::mem::take(&mut inner.runs);
        for key in live {
            let mut samples = known.remove(key).unwrap_or_default();
            if samples.len() >= KEPT {
                samples.remove(0);
            }
            samples.push(snapshot.sum(key.1.pid as u32));
            inner.runs.insert(key.clone(), samples);
        }
        inner.before = snapshot.times;
        let pause = if is_first { FIRST } else { INTERVAL };
        inner.next = Some(Instant::now() + pause.max(begin.elapsed() * SPARING));
    }

    /// Returns the samples of a run.
    pub(super) fn of_run(&self, id: &TaskId, live: &Live) -> Vec<Usage> {
        self.lock().runs.get(&(id.clone(), live.clone())).cloned().unwrap_or_default()
    }

    /// Returns what each task used at the last sample.
    pub(super) fn of_tasks(&self) -> HashMap<TaskId, Usage> {
        let mut tasks: HashMap<TaskId, Usage> = HashMap::new();
        for ((id, _), samples) in &self.lock().runs {
            if let Some(last) = samples.last() {
                tasks.entry(id.clone()).or_default().add(*last);
            }
        }
        tasks
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn look(&mut self, now: Instant) -> Snapshot {
        let system = self.system.get_or_insert_with(System::new);
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let seconds = self.taken.replace(now).map(|taken| now.duration_since(taken).as_secs_f64());
        let mut snapshot = Snapshot::default();
        for (pid, process) in system.processes() {
            let pid = pid.as_u32();
            if let Some(parent) = process.parent() {
                snapshot.children.entry(parent.as_u32()).or_default().push(pid);
            }
            let key = (pid, process.start_time());
            let time = process.accumulated_cpu_time();
            // One that has started since the last sample had no time before it.
            let spent = time.saturating_sub(self.before.get(&key).copied().unwrap_or(0));
            let cpu = seconds.map(|seconds| spent as f64 / 1000.0 / seconds.max(0.001));
            snapshot.times.insert(key, time);
            snapshot.each.insert(pid, Usage { cpu, ram: process.memory() });
        }
        snapshot
    }
}

impl Snapshot {
    /// Adds up a process and its descendants.
    fn sum(&self, root: u32) -> Usage {
        let (mut total, mut queue) = (Usage::default(), vec![root]);
        // A number that is given anew while processes are listed could make a ring: nobody is counted twice.
        let mut seen = HashSet::new();
        while let Some(pid) = queue.pop() {
            if seen.insert(pid) {
                self.each.get(&pid).into_iter().for_each(|usage| total.add(*usage));
                queue.extend(self.children.get(&pid).into_iter().flatten());
            }
        }
        total
    }
}
