//! What it costs that every record survives a loss of power.

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::report::Report;
use crate::work::{disk, many, run};

/// The same task on the disk without and with `--durable`.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let task = many(scale.of(200, 50), "true");
    let cases = [
        Case::new("thermos run", |folder| run(folder, &task)),
        Case::new("thermos run --durable", |folder| {
            let mut call = run(folder, &task)?;
            call.arg("--durable");
            Ok(call)
        }),
    ];
    compare(report, &disk(), scale.rounds(), &cases)
}
