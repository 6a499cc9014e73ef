//! What living processes use: sampled only while somebody looks, a rate being a difference over a measured interval.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use crate::checkpoint::{State, TaskId};
use crate::process::identity;

/// The time between two samples, and what a sample may take of it: one part in so many.
const INTERVAL: Duration = Duration::from_secs(2);
const SPARING: u32 = 50;
/// Samples of a run that are kept for its chart.
const KEPT: usize = 90;

/// What a process with its descendants uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Usage {
    /// Cores; nothing until there are two samples.
    pub(super) cpu: f64,
    /// Bytes.
    pub(super) ram: u64,
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
    cost: Duration,
    runs: HashMap<(TaskId, String, u64), Vec<Usage>>,
}

impl Sampler {
    /// Says whether it is time for another sample.
    pub(super) fn is_due(&self) -> bool {
        let inner = self.lock();
        inner.taken.is_none_or(|taken| taken.elapsed() >= INTERVAL.max(inner.cost * SPARING))
    }

    /// Measures the living runs of tasks.
    pub(super) fn sample(&self, tasks: &[(TaskId, State)]) {
        let mut inner = self.lock();
        let begin = Instant::now();
        let Inner { system, before, taken, runs, cost } = &mut *inner;
        let system = system.get_or_insert_with(System::new);
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let seconds = taken.map(|taken| taken.elapsed().as_secs_f64());
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        let (mut times, mut each) = (HashMap::new(), HashMap::new());
        for (pid, process) in system.processes() {
            let pid = pid.as_u32();
            if let Some(parent) = process.parent() {
                children.entry(parent.as_u32()).or_default().push(pid);
            }
            let key = (pid, process.start_time());
            let time = process.accumulated_cpu_time();
            // One that has started since the last sample had no time before it.
            let spent = time.saturating_sub(before.get(&key).copied().unwrap_or(0));
            times.insert(key, time);
            let cpu = seconds.map_or(0.0, |seconds| spent as f64 / 1000.0 / seconds.max(0.001));
            each.insert(pid, Usage { cpu, ram: process.memory() });
        }
        let mut now = HashMap::new();
        for (id, state) in tasks {
            for run in state.live_runs() {
                let root = run.coordinator_pid.zip(run.coordinator_ticks).filter(|(pid, ticks)| {
                    identity::start_ticks(Pid::from_raw(*pid)).is_ok_and(|found| found == *ticks)
                });
                let Some((root, _)) = root else { continue };
                let key = (id.clone(), run.process.clone(), run.run);
                let mut samples = runs.remove(&key).unwrap_or_default();
                if samples.len() >= KEPT {
                    samples.remove(0);
                }
                samples.push(sum(root as u32, &children, &each));
                now.insert(key, samples);
            }
        }
        (*runs, *before, *taken, *cost) = (now, times, Some(Instant::now()), begin.elapsed());
    }

    /// Returns the samples of a run.
    pub(super) fn of_run(&self, id: &TaskId, process: &str, run: u64) -> Vec<Usage> {
        let key = (id.clone(), process.to_owned(), run);
        self.lock().runs.get(&key).cloned().unwrap_or_default()
    }

    /// Returns what each task used at the last sample.
    pub(super) fn of_tasks(&self) -> HashMap<TaskId, Usage> {
        let mut tasks: HashMap<TaskId, Usage> = HashMap::new();
        for ((id, ..), samples) in &self.lock().runs {
            let task = tasks.entry(id.clone()).or_default();
            if let Some(last) = samples.last() {
                (task.cpu, task.ram) = (task.cpu + last.cpu, task.ram + last.ram);
            }
        }
        tasks
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds up a process and its descendants.
fn sum(root: u32, children: &HashMap<u32, Vec<u32>>, each: &HashMap<u32, Usage>) -> Usage {
    let (mut total, mut queue) = (Usage::default(), vec![root]);
    // A number that is given anew while processes are listed could make a ring: nobody is counted twice.
    let mut seen = std::collections::HashSet::new();
    while let Some(pid) = queue.pop() {
        if seen.insert(pid) {
            if let Some(usage) = each.get(&pid) {
                (total.cpu, total.ram) = (total.cpu + usage.cpu, total.ram + usage.ram);
            }
            queue.extend(children.get(&pid).into_iter().flatten());
        }
    }
    total
}
