//! A chain: how soon after the end of one process the next one starts.

use std::path::Path;

use serde_json::Value;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::measure::{measure, quantile};
use crate::peers::loop_case;
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
    let (mut middle, mut late) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let folder = Folder::below(Path::new(MEMORY))?;
        measure(&run(folder.path(), &task)?)?;
        let times = times(folder.path(), count)?;
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
        middle.push(quantile(gaps.clone(), 0.5));
        late.push(quantile(gaps, 0.99));
    }
    for (case, values, limit) in [("median", middle, ""), ("99 of 100", late, "under 1 ms")] {
        report.row(Row {
            case: format!("from exit to the next start, {case}"),
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
