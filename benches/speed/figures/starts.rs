//! Processes that do nothing, two at a time, each with its records and its logs.

use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::peers::{loop_case, starters};
use crate::report::{Report, Row};
use crate::work::{Folder, MEMORY, disk, many, run};

/// 1,000 of them in memory and on the disk.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let count = scale.of(1000, 200);
    let commands = vec!["true".to_owned(); count];
    let peers = starters(report, &commands, 2);
    let mut cases = vec![loop_case(count, 2), own(count, "at most 1.45 / 1.45")];
    cases.extend(peers);
    compare(report, Path::new(MEMORY), scale.rounds(), &cases)?;
    let cases = [loop_case(count, 2), own(count, "on the disk")];
    compare(report, &disk(), scale.rounds(), &cases)
}

/// Ten and fifty times as many: a process shall not cost more among many.
pub(super) fn take_many(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let counts = scale.of([1000, 10_000, 50_000], [100, 500, 1000]);
    for count in counts {
        let limit = "the ratio at most 1.15 times that of the fewest";
        compare(report, Path::new(MEMORY), 5, &[loop_case(count, 2), own(count, limit)])?;
        report.row(Row {
            case: format!("the runner of {count} processes"),
            memory: Some(peak_of_runner(count)?),
            limit: "at most 40 MB + 1 KB a process".to_owned(),
            ..Row::default()
        });
    }
    Ok(())
}

/// Returns the most memory that a runner has, in MB: not that of the process that checks its task before.
fn peak_of_runner(count: usize) -> Outcome<f64> {
    let folder = Folder::below(Path::new(MEMORY))?;
    let mut call = run(folder.path(), &many(count, "true"))?;
    let mut runner = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (status, mut peak) = (format!("/proc/{}/status", runner.id()), 0.0);
    while runner.try_wait()?.is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let words = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        // One that has just ended has no memory any more.
        peak = words.split_whitespace().next().map_or(Ok(peak), str::parse)?;
        sleep(Duration::from_millis(20));
    }
    Ok(peak / 1024.0)
}

fn own(count: usize, limit: &str) -> Case<'_> {
    Case::new(format!("thermos, {count} processes"), move |folder| run(folder, &many(count, "true")))
        .limit(limit)
}
