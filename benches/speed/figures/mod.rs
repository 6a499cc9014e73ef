//! The figures, a file each.

mod chain;
mod check;
mod durable;
mod history;
mod idle;
mod mappers;
mod output;
mod starts;
mod startup;

use crate::Outcome;
use crate::report::Report;

/// How much work is done.
pub(crate) struct Scale {
    /// Whether a look will do.
    pub(crate) is_short: bool,
}

impl Scale {
    /// Chooses between all of the work and a look.
    pub(crate) fn of<T>(&self, whole: T, look: T) -> T {
        if self.is_short { look } else { whole }
    }

    /// How often each case takes its turn.
    pub(crate) fn rounds(&self) -> usize {
        self.of(7, 5)
    }
}

type Figure = fn(&Scale, &mut Report) -> Outcome<()>;

/// All figures by name, in the order in which they are taken.
pub(crate) const ALL: [(&str, Figure); 11] = [
    ("starts", starts::take),
    ("many", starts::take_many),
    ("chain", chain::take),
    ("mappers", mappers::take),
    ("idle", idle::take),
    ("check", check::take),
    ("startup", startup::take),
    ("history", history::take),
    ("output", output::take),
    ("follow", output::take_follow),
    ("durable", durable::take),
];
