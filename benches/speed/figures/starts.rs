//! Processes that do nothing, two at a time, each with its records and its logs.

use std::path::Path;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::peers::{loop_case, starters};
use crate::report::Report;
use crate::work::{MEMORY, disk, many, run};

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
        let limit = "the ratio at most 1.15 times that of the fewest; memory at most 40 MB + 1 KB a process";
        compare(report, Path::new(MEMORY), 5, &[loop_case(count, 2), own(count, limit)])?;
    }
    Ok(())
}

fn own(count: usize, limit: &str) -> Case<'_> {
    Case::new(format!("thermos, {count} processes"), move |folder| run(folder, &many(count, "true")))
        .limit(limit)
}
