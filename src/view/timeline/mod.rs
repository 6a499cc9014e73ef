//! When each run of a task started and ended.

mod svg;
mod text;

pub use svg::{inline, styles, svg};
pub use text::text;

use super::look::Tone;
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskState};
use crate::schema::Task;

/// The runs of a task on one axis of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The id of the task.
    pub title: String,
    /// How the task is.
    pub state: TaskState,
    /// Seconds since 1970 at which the axis begins.
    pub start: f64,
    /// Seconds that the axis is long.
    pub seconds: f64,
    /// The processes that ran, in the order of the task.
    pub rows: Vec<Row>,
    /// Processes that ran in an earlier task of which this is a rerun.
    pub carried_over: Vec<String>,
}

/// The runs of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// In order.
    pub bars: Vec<Bar>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// From 0.
    pub run: u64,
    /// Seconds from the begin of the axis.
    pub start: f64,
    /// Seconds from the begin of the axis; of a run that goes on, now.
    pub end: f64,
    /// How it is.
    pub state: ProcessState,
    /// What the command returned.
    pub return_code: Option<i32>,
}

impl Timeline {
    /// Reads the runs of a task as they are at `now`, in seconds since 1970.
    pub fn new(task: &Task, status: &Status, now: f64) -> Timeline {
        let start = status.launch_time_ms as f64 / 1000.0;
        let row = |name: &String| {
            let runs = status.processes.get(name)?;
            let bars: Vec<Bar> = runs.iter().filter_map(|run| bar(run, start, now)).collect();
            (!bars.is_empty()).then(|| Row { name: name.clone(), bars })
        };
        let rows: Vec<Row> = task.processes.iter().filter_map(|process| row(&process.name)).collect();
        let last = rows.iter().flat_map(|row| &row.bars).map(|bar| bar.end).fold(0.0, f64::max);
        let title = status.task_id.clone();
        let carried_over = status.carried_over.keys().cloned().collect();
        Timeline { title, state: status.state.clone(), start, seconds: last.max(0.001), rows, carried_over }
    }
}

impl Row {
    /// How its last run is.
    fn tone(&self) -> Tone {
        Tone::of_process(self.bars.last().map(|bar| &bar.state))
    }

    /// Seconds of all its runs.
    fn seconds(&self) -> f64 {
        self.bars.iter().map(|bar| bar.end - bar.start).sum()
    }
}

impl Bar {
    fn tone(&self) -> Tone {
        Tone::of_process(Some(&self.state))
    }
}

/// Nothing of a run that has not begun.
fn bar(run: &RunEntry, start: f64, now: f64) -> Option<Bar> {
    let from = run.start_time.or(run.fork_time)? - start;
    let to =
        if run.state.is_terminal() { run.stop_time.map_or(from, |stop| stop - start) } else { now - start };
    // A clock that was set back draws no bar to the left.
    let from = from.max(0.0);
    Some(Bar {
        run: run.run,
        start: from,
        end: to.max(from),
        state: run.state.clone(),
        return_code: run.return_code,
    })
}

/// Returns the distance of the marks of an axis so that there are at most `most` of them: 1, 2, 5, 10, .. of a unit.
fn step(seconds: f64, most: usize) -> f64 {
    const STEPS: [f64; 17] = [
        0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0,
        21_600.0, 86_400.0,
    ];
    let fits = |step: &f64| seconds / step <= most as f64;
    let days = 86_400.0 * (seconds / 86_400.0 / most.max(1) as f64).ceil();
    STEPS.into_iter().find(fits).unwrap_or(days)
}

/// Writes the time at a mark of an axis.
fn mark(seconds: f64, step: f64) -> String {
    match step {
        step if step < 0.1 => format!("{seconds:.3} s"),
        step if step < 1.0 => format!("{seconds:.1} s"),
        _ if seconds == 0.0 => "0 s".to_owned(),
        _ if seconds < 60.0 => format!("{seconds:.0} s"),
        _ => super::duration(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_an_axis_are_round_numbers() {
        let cases = [
            (0.004, 0.001),
            (1.0, 0.2),
            (7.0, 2.0),
            (59.0, 10.0),
            (4_000.0, 1_800.0),
            (900_000.0, 172_800.0),
        ];
        for (seconds, expected) in cases {
            assert_eq!(step(seconds, 6), expected, "{seconds}");
        }
        assert_eq!(
            (mark(0.5, 0.5), mark(90.0, 30.0), mark(0.0, 10.0)),
            ("0.5 s".into(), "1 min 30 s".into(), "0 s".into())
        );
    }
}
