//! Metrics in the text format of Prometheus.

use std::collections::{BTreeMap, HashMap};

use super::index::{Entry, Line};
use super::server::Observer;
use super::usage::Usage;
use crate::checkpoint::TaskId;

/// Writes what is known now.
pub(super) fn text(observer: &Observer) -> String {
    observer.events.ask_for_usage();
    observer.index.read_all();
    let tasks = observer.index.select(|_, entry| Some(Known::of(entry)));
    let mut text = String::new();
    write_states(&mut text, &tasks);
    write_processes(&mut text, &tasks);
    write_usage(&mut text, &observer.sampler.of_tasks());
    text
}

/// What counts of a task.
struct Known {
    state: String,
    /// Of one that has not ended: its processes that run, have succeeded and have failed.
    processes: Option<[u32; 3]>,
}

impl Known {
    fn of(entry: &Entry) -> Known {
        let state = match &entry.line {
            Some(Ok(line)) => line.state.as_str(),
            Some(Err(_)) => "DAMAGED",
            None => "STARTING",
        };
        let of = |line: &Line| [line.processes.running, line.processes.succeeded, line.processes.failed];
        let line = entry.line.as_ref().and_then(|line| line.as_ref().ok());
        Known { state: state.to_owned(), processes: line.filter(|_| !entry.finished).map(of) }
    }
}

fn write_states(text: &mut String, tasks: &[(TaskId, Known)]) {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, task) in tasks {
        *states.entry(&task.state).or_default() += 1;
    }
    head(text, "thermos_tasks", "Tasks by state.");
    for (state, count) in states {
        sample(text, "thermos_tasks", "state", state, count as f64);
    }
}

fn write_processes(text: &mut String, tasks: &[(TaskId, Known)]) {
    let mut sums = [0_u64; 3];
    for counts in tasks.iter().filter_map(|(_, task)| task.processes) {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(count));
    }
    head(text, "thermos_active_processes", "Processes of active tasks by how their latest run is.");
    for (state, sum) in ["running", "succeeded", "failed"].into_iter().zip(sums) {
        sample(text, "thermos_active_processes", "state", state, sum as f64);
    }
}

fn write_usage(text: &mut String, usage: &HashMap<TaskId, Usage>) {
    let sorted: BTreeMap<&TaskId, &Usage> = usage.iter().collect();
    head(text, "thermos_task_cpu_cores", "Cores that an active task uses.");
    for (id, usage) in &sorted {
        if let Some(cpu) = usage.cpu {
            sample(text, "thermos_task_cpu_cores", "task_id", id.as_str(), cpu);
        }
    }
    head(text, "thermos_task_memory_bytes", "Memory that an active task uses.");
    for (id, usage) in &sorted {
        sample(text, "thermos_task_memory_bytes", "task_id", id.as_str(), usage.ram as f64);
    }
}

fn head(text: &mut String, name: &str, help: &str) {
    *text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
}

fn sample(text: &mut String, name: &str, label: &str, value: &str, number: f64) {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    *text += &format!("{name}{{{label}=\"{value}\"}} {number}\n");
}
