//! What was found wrong, and what an evaluation that is done again adds to it: places of values, and calls.

use std::collections::BTreeSet;
use std::time::Instant;

use super::evaluate::session;
use super::flags::Flags;
use super::problems::Found;
use super::request::{Request, Source};
use crate::diagnostics::{Diagnostic, Sources};

/// What was found wrong, and what is strange.
pub(super) struct Wrong {
    /// What was found, in order.
    pub(super) found: Vec<Found>,
    /// How many of them may be told better by an evaluation that traces values. What ends an evaluation is none, but for
    /// what a script itself, or the standard library, refuses.
    pub(super) values: usize,
    /// What is strange.
    pub(super) warnings: Vec<Diagnostic>,
}

impl From<Vec<Diagnostic>> for Wrong {
    fn from(diagnostics: Vec<Diagnostic>) -> Wrong {
        let found: Vec<Found> = diagnostics.into_iter().map(Found::from).collect();
        let thrown = found.last().is_some_and(|last| last.diagnostic.code == "thermos::thrown");
        let values = if thrown { found.len() } else { found.len().saturating_sub(1) };
        Wrong { found, values, warnings: Vec::new() }
    }
}

impl Wrong {
    /// Takes over what an evaluation that traced values knows better: the places of the same mistakes.
    pub(super) fn improved(mut self, traced: Wrong) -> Wrong {
        let Wrong { found: mut better, values, .. } = traced;
        better.truncate(values);
        let messages = |found: &[Found]| -> BTreeSet<String> {
            found.iter().map(|one| one.diagnostic.message.clone()).collect()
        };
        if messages(&better) == messages(&self.found[..self.values]) {
            let rest = self.found.split_off(self.values);
            self.values = better.len();
            self.found = better.into_iter().chain(rest).collect();
        }
        self
    }

    /// Returns everything, with what `finish` adds to each.
    pub(super) fn told(self, finish: impl FnMut(Found) -> Diagnostic) -> Vec<Diagnostic> {
        self.found.into_iter().map(finish).chain(self.warnings).collect()
    }
}

/// The most times that a script is evaluated again to find the calls that lead to a mistake.
pub(super) const MAX_REPLAYS: u32 = 8;

/// The operations that each of these may use.
const REPLAY_OPERATIONS: u64 = 2_000_000;

/// Adds the calls that lead to where the object at fault was made.
pub(super) fn with_callers(request: &Request, found: Found, replays: &mut u32, until: Instant) -> Diagnostic {
    let Found { mut diagnostic, object } = found;
    let (Source::Script { path, text }, Some(object)) = (&request.source, object) else { return diagnostic };
    let first = diagnostic.labels.first().map(|label| &label.place);
    if object.at().is_none()
        || first.is_none_or(|place| place.file == "-E")
        || *replays == 0
        || Instant::now() > until
    {
        return diagnostic;
    }
    *replays -= 1;
    let mut sources = Sources::default();
    // The same sources in the same order as before, so that places are the same.
    let Ok(flags) = Flags::new(request, &mut sources) else { return diagnostic };
    let operations = request.limits.operations.min(REPLAY_OPERATIONS);
    let mut session = session(request, (path, text), &flags, sources, operations);
    let callers = session.callers(&path.to_string_lossy(), text, &object);
    diagnostic.labels.extend(callers);
    diagnostic
}

/// Says whether two diagnostics tell one mistake in what several objects are copied from.
pub(super) fn is_same_mistake(left: &Diagnostic, right: &Diagnostic) -> bool {
    !left.labels.is_empty() && left.labels == right.labels && left.message == right.message
}
