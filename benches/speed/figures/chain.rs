//! A chain: how soon after the end of one process the next one starts.

use std::path::Path;

use serde_json::Value;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::measure::{measure, quantile};
use crate::peers::{STARTS, loop_call, loop_case};
use crate::report::{Report, Row};
use crate::work::{Folder, MEMORY, chain, name, run};

/// The whole chain against the loop, and the gaps between its processes by their own records.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let count = scale.of(500, 100);
    let task = chain(count, "true");
    let own = Case::new(format!("thermos, a chain of {count}"), |folder| run(folder, &task));
    compare(
        report,
        Path::new(MEMORY),
        scale.rounds(),
        &[loop_case(count, 1), own.limit("at most 1.5 on the clock")],
    )?;
    let mut taken: [Vec<f64>; 3] = Default::default();
    for _ in 0..scale.rounds() {
        let of_loop = Folder::below(Path::new(MEMORY))?;
        measure(&loop_call(of_loop.path(), count, 1)?)?;
        let starts = std::fs::read_to_string(of_loop.path().join(STARTS))?;
        let starts = starts.lines().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let folder = Folder::below(Path::new(MEMORY))?;
        measure(&run(folder.path(), &task)?)?;
        let times = times(folder.path(), count)?;
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
        let steps =
            |starts: &[f64]| quantile(starts.windows(2).map(|pair| pair[1] - pair[0]).collect(), 0.99);
        let own: Vec<f64> = times.iter().map(|(start, _)| *start).collect();
        let values = [quantile(gaps.clone(), 0.5), quantile(gaps, 0.99), steps(&own) - steps(&starts)];
        taken.iter_mut().zip(values).for_each(|(taken, value)| taken.push(value));
    }
    let names = [
        ("from exit to the next start, median", ""),
        ("from exit to the next start, 99 of 100", ""),
        ("a step more than the loop's, 99 of 100", "under 1 ms"),
    ];
    for ((name, limit), values) in names.into_iter().zip(taken) {
        report.row(Row {
            case: name.to_owned(),
            clock: Some(quantile(values, 0.5)),
            limit: limit.to_owned(),
            ..Row::default()
        });
    }
    Ok(())
}

/// Reads when each process started and stopped.
fn times(folder: &Path, count: usize) -> Outcome<Vec<(f64, f64)>> {
    let text = |number| {
        std::fs::read_to_string(folder.join(format!("root/checkpoints/id/coordinator.{}.0", name(number))))
    };
    let mut times = Vec::new();
    for number in 0..count {
        let (mut start, mut stop) = (None, None);
        for line in text(number)?.lines() {
            let record: Value = serde_json::from_str(line)?;
            start = record["process_status"]["start_time"].as_f64().or(start);
            stop = record["process_status"]["stop_time"].as_f64().or(stop);
        }
        times.push((start.ok_or("a process without a start")?, stop.ok_or("a process without an end")?));
    }
    Ok(times)
}
