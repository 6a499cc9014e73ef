//! Where values come from: an evaluation that notes the place of each value, for the sake of what is wrong with some.
//!
//! Objects carry their places, plain values do not: `let n = "abc"; Process(max_failures = n)` knows no more than `n`.
//! A configuration that is wrong is therefore evaluated once more from a text in which the rewriting pass has put
//! `__at(7, ...)` around what makes values. That marks the value, and the mark goes wherever the value goes. Right
//! configurations pay nothing.

use std::collections::{HashMap, HashSet};

use rhai::{Dynamic, FnPtr};

use super::sites::{Origin, Parts};
use crate::diagnostics::{Diagnostic, Sources, Span};
use crate::types::Object;

/// The most lists within lists that are gone through.
const MAX_DEPTH: usize = 100;

/// The most places where a value is given that are shown: of more, it is not known which are wrong.
const MAX_GIVEN: usize = 2;

/// The places of values, while they are noted.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// The expressions that are marked, by number.
    expressions: Vec<Span>,
    /// What each mark stands for, from mark 1 on.
    marks: Vec<Mark>,
    uses: Uses,
}

/// A marked value.
#[derive(Debug)]
struct Mark {
    expression: usize,
    /// The value as it was then: `+=` changes a value, but not its mark.
    value: Option<Dynamic>,
}

/// The places of values that stand elsewhere than where they are given.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Where they are given.
    given: HashMap<Span, Vec<Span>>,
    /// Arguments whose value was computed by something that is not marked.
    computed: HashSet<Span>,
}

impl Uses {
    /// Adds to what is wrong with the value at `at` where it was given, or that it stands nowhere as it is.
    pub fn explain(&self, mut diagnostic: Diagnostic, at: Span, sources: &Sources) -> Diagnostic {
        if self.computed.contains(&at)
            && let Some(label) = diagnostic.labels.first_mut()
        {
            label.text.push_str(", made before this");
        }
        let given = self.given.get(&at).map(Vec::as_slice).filter(|given| given.len() <= MAX_GIVEN);
        let places = given.unwrap_or_default().iter().map(|given| sources.place(*given));
        places.fold(diagnostic, |diagnostic, place| diagnostic.with_label(place, "given here"))
    }
}

impl Origins {
    /// Numbers an expression.
    pub(crate) fn expression(&mut self, span: Span) -> usize {
        self.expressions.push(span);
        self.expressions.len() - 1
    }

    /// Marks a value that an expression made, unless it is marked as that of an expression inside.
    pub(crate) fn mark(&mut self, expression: usize, mut value: Dynamic) -> Dynamic {
        if carries_its_place(&value) || self.found(&value).is_some() {
            return value;
        }
        let container = value.as_array_ref().is_ok() || value.as_map_ref().is_ok();
        self.marks.push(Mark { expression, value: (!container).then(|| value.clone()) });
        if let Ok(mark) = self.marks.len().try_into() {
            value.set_tag(mark);
        }
        value
    }

    /// Returns where a value is written; of an object, where it was made.
    pub(crate) fn place(&self, value: &Dynamic) -> Option<Span> {
        match value.read_lock::<Object>() {
            Some(object) => Some(object.at()).filter(|at| !at.is_none()),
            None => self.found(value),
        }
    }

    fn found(&self, value: &Dynamic) -> Option<Span> {
        let mark = self.marks.get(usize::try_from(value.tag()).ok()?.checked_sub(1)?)?;
        if mark.value.as_ref().is_some_and(|known| !is_same(known, value)) {
            return None;
        }
        self.expressions.get(mark.expression).copied()
    }

    /// Returns where a value and its parts come from that was given at `given`; `is_name` tells variables there.
    pub(crate) fn trace(
        &mut self,
        value: &Dynamic,
        given: &Origin,
        is_name: &dyn Fn(Span) -> bool,
    ) -> Origin {
        let mut tracing = Tracing { origins: self, given: given.span, is_name };
        tracing.origin(value, given, 0)
    }

    /// Returns what is known of the places of values.
    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }
}

struct Tracing<'a> {
    origins: &'a mut Origins,
    /// The argument.
    given: Span,
    is_name: &'a dyn Fn(Span) -> bool,
}

impl Tracing<'_> {
    fn origin(&mut self, value: &Dynamic, given: &Origin, depth: usize) -> Origin {
        if carries_its_place(value) || depth > MAX_DEPTH {
            return given.clone();
        }
        let found = self.origins.found(value);
        let span = found.unwrap_or(given.span);
        self.note(span, found.is_some(), given.span);
        // A list that was made elsewhere tells nothing of the order of its elements now.
        let around = if span == given.span { given.clone() } else { Origin::of(span) };
        let parts = if let Ok(items) = value.as_array_ref() {
            let item = |(index, item): (usize, &Dynamic)| self.origin(item, around.item(index), depth + 1);
            Parts::Items(items.iter().enumerate().map(item).collect())
        } else if let Ok(map) = value.as_map_ref() {
            let field = |(name, value): (&rhai::Identifier, &Dynamic)| {
                (name.to_string(), self.origin(value, around.field(name), depth + 1))
            };
            Parts::Fields(map.iter().map(field).collect())
        } else {
            Parts::Whole
        };
        Origin { span, parts }
    }

    /// Notes that a value of the place `span` is given here; a part of a literal is where it is `written`.
    fn note(&mut self, span: Span, found: bool, written: Span) {
        if found && span != written && !self.given.is_none() {
            let given = self.origins.uses.given.entry(span).or_default();
            if given.len() <= MAX_GIVEN && !given.contains(&self.given) {
                given.push(self.given);
            }
        } else if !found && (self.is_name)(span) {
            self.origins.uses.computed.insert(span);
        }
    }
}

/// Says whether a value needs no mark.
fn carries_its_place(value: &Dynamic) -> bool {
    value.is::<Object>() || value.is::<FnPtr>()
}

fn is_same(left: &Dynamic, right: &Dynamic) -> bool {
    left.type_id() == right.type_id() && left.to_string() == right.to_string()
}
