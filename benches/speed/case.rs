//! Cases of one figure, which take turns.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::measure::{Cost, measure, quantile};
use crate::report::{Report, Row};
use crate::work::Folder;

/// Makes the command of a case, for a new folder.
type Make<'a> = Box<dyn Fn(&Path) -> Outcome<Command> + 'a>;

/// One way to do the work of a figure.
pub(crate) struct Case<'a> {
    name: String,
    make: Make<'a>,
    limit: &'a str,
}

impl<'a> Case<'a> {
    /// Makes a case of a command that runs in a new folder each time.
    pub(crate) fn new(name: impl Into<String>, make: impl Fn(&Path) -> Outcome<Command> + 'a) -> Case<'a> {
        Case { name: name.into(), make: Box::new(make), limit: "" }
    }

    /// States what the project promises of this case.
    pub(crate) fn limit(self, limit: &'a str) -> Case<'a> {
        Case { limit, ..self }
    }
}

/// Has all cases take turns in folders below `place`, and reports their medians; ratios are to the first case.
pub(crate) fn compare(report: &mut Report, place: &Path, rounds: usize, cases: &[Case<'_>]) -> Outcome<()> {
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, costs) in cases.iter().zip(&mut costs) {
            let folder = Folder::below(place)?;
            costs.push(measure(&(case.make)(folder.path())?)?);
        }
    }
    for (case, own) in cases.iter().zip(&costs) {
        let of = |part: fn(&Cost) -> f64| quantile(own.iter().map(part).collect(), 0.5);
        let ratio = |part: fn(&Cost) -> f64| {
            let ratios = own.iter().zip(&costs[0]).map(|(own, peer)| part(own) / part(peer).max(1e-6));
            quantile(ratios.collect(), 0.5)
        };
        report.row(Row {
            case: case.name.clone(),
            clock: Some(of(|cost| cost.clock)),
            processor: Some(of(|cost| cost.processor)),
            memory: Some(of(|cost| cost.memory)),
            times_clock: Some(ratio(|cost| cost.clock)),
            times_processor: Some(ratio(|cost| cost.processor)),
            other: String::new(),
            limit: case.limit.to_owned(),
        });
    }
    Ok(())
}
