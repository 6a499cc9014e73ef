//! What a session gathers and its native functions share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use rhai::{Dynamic, NativeCallContext};

use super::limits::Limits;
use super::origins::{Origins, Uses};
use super::program::Texts;
use super::raise::{Mistake, Outcome};
use super::sites::{Keyword, Origin, Site};
use super::values::Entry;
use crate::diagnostics::{Diagnostic, Sources, Span};
use crate::process::memory;
use crate::template::Work;
use crate::types::{self, ErrorKind, Object};

/// A task that a script exports.
#[derive(Clone, Debug)]
pub struct Export {
    /// The task as it was built, not checked.
    pub task: Object,
    /// Where it is exported.
    pub at: Span,
}

/// A parameter that a script asked for with `param`.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its default, as text.
    pub default: String,
    /// Its type, in words: `an integer`.
    pub kind: String,
    /// The value it has.
    pub value: String,
    /// Whether the value was given rather than the default taken.
    pub given: bool,
    /// Where the script asks for it.
    pub at: Span,
}

/// A value given for a name, as text, and where it stands.
#[derive(Clone, Debug)]
pub struct Given {
    /// The text.
    pub value: String,
    /// Its place.
    pub at: Span,
}

/// The most typed mistakes that are gathered.
const MAX_PROBLEMS: usize = 100;

/// What natives read and write.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The texts that were read.
    pub(crate) texts: Texts,
    /// Typed mistakes, found so far.
    pub(crate) problems: Vec<Diagnostic>,
    /// Where objects were made from which a field was left out for a typed mistake, and the field.
    pub(crate) flawed: Vec<(Span, String)>,
    /// The making of an object at which evaluation stops, to see which calls lead there: its place and its name.
    pub(crate) trap: Option<(Span, Option<String>)>,
    /// The call of the standard library that was entered last, if values are traced.
    pub(crate) library_call: Option<usize>,
    /// Whether typed mistakes are gathered rather than raised.
    pub(crate) gather: bool,
    /// Exported tasks.
    pub(crate) exports: Vec<Export>,
    /// What the script printed.
    pub(crate) printed: Vec<String>,
    /// Values for parameters, by name.
    pub(crate) given: IndexMap<String, Given>,
    /// Parameters that were asked for.
    pub(crate) parameters: IndexMap<String, Parameter>,
}

/// What a script has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// Its operations.
    Operations,
    /// Its memory.
    Memory,
}

/// The state behind its lock.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    operations: Arc<AtomicU64>,
    /// Whether the places of values are noted.
    traces: Arc<AtomicBool>,
    limits: Limits,
}

impl Shared {
    /// Starts a session.
    pub(crate) fn new(state: State, limits: &Limits) -> Shared {
        Shared {
            state: Arc::new(Mutex::new(state)),
            operations: Arc::default(),
            traces: Arc::default(),
            limits: limits.clone(),
        }
    }

    /// Gives access; nothing of a script runs while the guard lives.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the call that a native function was called by, as it was written.
    pub(crate) fn site(&self, context: &NativeCallContext) -> Arc<Site> {
        let position = context.call_position();
        let (Some(line), None) = (position.line(), context.call_source()) else {
            return Arc::new(Site { callee: self.library_call(), ..Site::default() });
        };
        let column = position.position().unwrap_or(0);
        self.lock().texts.sites.at(line as u32, column as u32).unwrap_or_default()
    }

    /// Notes the call of a function of the standard library that comes next.
    pub(crate) fn enter_library(&self, number: i64) {
        self.lock().library_call = usize::try_from(number).ok();
    }

    /// Returns where the standard library was called from, if that is noted.
    fn library_call(&self) -> Span {
        let state = self.lock();
        let site = state.library_call.and_then(|number| state.texts.sites.get(number));
        site.map_or(Span::NONE, |site| site.callee)
    }

    /// Returns a call by its number, as it was written.
    pub(crate) fn site_of(&self, number: i64) -> Arc<Site> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let site = self.lock().texts.sites.get(number).unwrap_or_default();
        match self.library_call() {
            // The calls inside of the library have no places.
            callee if site.callee.is_none() && !callee.is_none() => {
                Arc::new(Site { callee, ..(*site).clone() })
            }
            _ => site,
        }
    }

    /// Returns where the call of a native function is written.
    pub(crate) fn at(&self, context: &NativeCallContext) -> Span {
        let position = context.call_position();
        let (Some(line), None) = (position.line(), context.call_source()) else { return self.library_call() };
        self.lock().texts.positions.resolve(line as u32, position.position().unwrap_or(0) as u32)
    }

    /// The bound on resolving references.
    pub(crate) fn work(&self) -> Work {
        Work::new(self.limits.template_work)
    }

    /// Counts an operation; tells which bound is passed, if one is.
    ///
    /// Rhai's own count starts anew with each statement, and forgets what callbacks of natives use up.
    pub(crate) fn count_operation(&self) -> Option<Exhausted> {
        // One thread evaluates: no other adds between the load and the store.
        let count = self.operations.load(Ordering::Relaxed) + 1;
        self.operations.store(count, Ordering::Relaxed);
        if count > self.limits.operations {
            return Some(Exhausted::Operations);
        }
        (memory::allocated() > self.limits.memory).then_some(Exhausted::Memory)
    }

    /// Says whether there were too many operations, in case something swallowed the error.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.operations.load(Ordering::Relaxed) > self.limits.operations
    }

    /// Starts counting anew.
    pub(crate) fn reset_operations(&self) {
        self.operations.store(0, Ordering::Relaxed);
    }
}

impl Shared {
    /// Notes a typed mistake; where they are not gathered, raises it.
    ///
    /// # Errors
    /// The mistake.
    pub(crate) fn note(&self, mistake: Mistake) -> Outcome<()> {
        let mut state = self.lock();
        if !state.gather {
            return mistake.raise();
        }
        let (at, sources) = (mistake.at, &state.texts.sources);
        let diagnostic = mistake.diagnostic(sources);
        let diagnostic = match &state.texts.origins {
            Some(origins) => origins.uses().explain(diagnostic, at, sources),
            None => diagnostic,
        };
        // What a loop does wrong is one mistake.
        if state.problems.len() < MAX_PROBLEMS && !state.problems.contains(&diagnostic) {
            state.problems.push(diagnostic);
        }
        Ok(())
    }

    /// Notes that a field of the object at `at` was left out because it is wrong.
    pub(crate) fn flaw(&self, at: Span, field: &str) {
        let mut state = self.lock();
        if !state.flawed.iter().any(|(place, name)| *place == at && name == field) {
            state.flawed.push((at, field.to_owned()));
        }
    }
}

impl State {
    /// Returns what is known of the places of values.
    pub(crate) fn uses(&self) -> Uses {
        self.texts.origins.as_ref().map(Origins::uses).cloned().unwrap_or_default()
    }
}

impl Shared {
    /// Notes the places of values from now on.
    pub(crate) fn trace_values(&self) {
        self.lock().texts.origins = Some(Origins::default());
        self.traces.store(true, Ordering::Relaxed);
    }

    /// Marks a value that an expression made, if the places of values are noted.
    pub(crate) fn mark(&self, expression: i64, value: Dynamic) -> Dynamic {
        match (self.lock().texts.origins.as_mut(), usize::try_from(expression)) {
            (Some(origins), Ok(expression)) => origins.mark(expression, value),
            _ => value,
        }
    }

    /// Returns where a value that was given at `given` comes from, if that is noted.
    pub(crate) fn origin(&self, value: &Dynamic, given: &Origin) -> Option<Origin> {
        if !self.traces.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.lock();
        let Texts { origins, sources, .. } = &mut state.texts;
        let is_name = |span: Span| is_name(sources, span);
        Some(origins.as_mut()?.trace(value, given, &is_name))
    }

    /// Finds the key of a field that a struct does not have, for which the place of its value is known.
    pub(crate) fn at_key(&self, error: types::Error) -> types::Error {
        let ErrorKind::UnknownField { field, .. } = &error.kind else { return error };
        let at = key_before(&self.lock().texts.sources, error.at, field).unwrap_or(error.at);
        types::Error { at, ..error }
    }

    /// Returns keywords each of which knows where its value comes from, if that is noted.
    pub(crate) fn traced(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &mut entries {
            if let Some(value) = self.origin(&entry.value, entry.origin()) {
                let Keyword { name, name_span, value: given } = (*entry.keyword).clone();
                // The keys of a map are where its values are.
                let name_span = if name_span == given.span { value.span } else { name_span };
                entry.keyword = Arc::new(Keyword { name, name_span, value });
            }
        }
        entries
    }
}

fn is_name(sources: &Sources, span: Span) -> bool {
    sources.place(span).is_some_and(|place| {
        let word =
            place.text.chars().skip((span.column as usize).saturating_sub(1)).take(span.length as usize);
        word.enumerate().all(|(at, c)| c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit())
    })
}

/// Finds the key before a value on its line: `name: value` or `"name": value`.
fn key_before(sources: &Sources, value: Span, name: &str) -> Option<Span> {
    let text = sources.place(value)?.text;
    let before: String = text.chars().take((value.column as usize).saturating_sub(1)).collect();
    let key = before.trim_end().strip_suffix(':')?.trim_end();
    let bare = key.strip_suffix('"').unwrap_or(key).strip_suffix(name)?;
    let (column, length) = (bare.chars().count() as u32 + 1, name.chars().count() as u32);
    Some(Span::new(value.source(), value.line, column, length))
}
