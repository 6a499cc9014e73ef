//! Words what a check finds as diagnostics: where, what was expected and found, what to do.

use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean, with_article};
use crate::schema;
use crate::script::Uses;
use crate::template::{ResolveError, Tag, Work};
use crate::types::{Error, ErrorKind, Object, Problem, ProblemKind, Step};

use super::hints::{self, Bindings};
use super::json_places::{self, Key};
use super::places;

/// The most problems of a task that are told.
const MAX_PROBLEMS: usize = 1000;

/// The most bindings that a diagnostic shows.
const MAX_BINDINGS: usize = 8;

/// The most characters of a value that are shown.
const MAX_VALUE: usize = 200;

/// A problem in words, and the object around it that was made somewhere.
pub(super) struct Found {
    /// The words.
    pub(super) diagnostic: Diagnostic,
    /// The innermost element of a list around the value at fault.
    pub(super) object: Option<Object>,
}

impl From<Diagnostic> for Found {
    fn from(diagnostic: Diagnostic) -> Found {
        Found { diagnostic, object: None }
    }
}

/// Words the problems of one task.
pub(super) struct Wording<'a> {
    /// What spans point into.
    pub(super) sources: &'a Sources,
    /// The task's name, as far as it is known.
    pub(super) task: &'a str,
    /// Names that references could have meant.
    pub(super) names: &'a [String],
    /// The place of the task in a JSON document, if it comes from one: its values carry no places themselves.
    pub(super) json: Option<usize>,
    /// Objects from which a field was left out because it is wrong, by place, and the field.
    pub(super) flawed: &'a [(Span, String)],
    /// Where values that are written elsewhere were given.
    pub(super) uses: &'a Uses,
}

impl Wording<'_> {
    /// Makes the diagnostics of the problems, but of those that follow from a mistake told before.
    pub(super) fn diagnostics(&self, problems: &[Problem]) -> Vec<Found> {
        let mut diagnostics = Vec::new();
        for (told, problem) in problems.iter().enumerate() {
            if diagnostics.len() == MAX_PROBLEMS {
                diagnostics.push(self.more(problems.len() - told).into());
                break;
            }
            let placed = Problem { at: self.place_of(problem), ..problem.clone() };
            if self.is_known(&placed) {
                continue;
            }
            let inner = self.is_inner(problem);
            let used = Some(problem.at).filter(|_| inner).and_then(|at| self.sources.place(at));
            let diagnostic = self.diagnostic(&placed, inner).with_label(used, "referred to here");
            let object = problem.path.iter().rev().find_map(|step| match step {
                Step::Element { element, .. } => Some(element.clone()),
                _ => None,
            });
            diagnostics.push(Found { diagnostic, object });
        }
        diagnostics
    }

    fn more(&self, count: usize) -> Diagnostic {
        let message = format!("{count} more of the task's values may be wrong");
        Diagnostic::error("more", message)
            .with_path(format!("task \"{}\"", self.task))
            .with_help("mend those above first: they may have one cause")
    }

    /// Says whether the value at fault is not the checked one, but one inside of what that refers to.
    fn is_inner(&self, problem: &Problem) -> bool {
        match &problem.kind {
            ProblemKind::Interpolation(error) | ProblemKind::Raised(error) if self.json.is_none() => {
                !error.at.is_none() && error.at != problem.at
            }
            _ => false,
        }
    }

    /// Says whether a field is missing because what was given for it, or for a field of nearly its name, is wrong.
    fn is_known(&self, problem: &Problem) -> bool {
        let (ProblemKind::Missing, Some(Step::Field { field, .. })) = (&problem.kind, problem.path.last())
        else {
            return false;
        };
        let mut left_out = self.flawed.iter().filter(|(at, _)| *at == problem.at);
        left_out.any(|(_, name)| name == field || did_you_mean(name, [field.as_str()]).is_some())
    }

    fn diagnostic(&self, problem: &Problem, inner: bool) -> Diagnostic {
        let diagnostic = match &problem.kind {
            ProblemKind::Missing => self.missing(problem),
            ProblemKind::Unbound(tags) => self.unbound(problem, tags),
            ProblemKind::Interpolation(error) | ProblemKind::Raised(error) => {
                self.failed(problem, error, inner)
            }
            ProblemKind::Open { text, not } => {
                let message = format!("{} failed: '{text}' is not {not}", place_text(problem));
                self.at(Diagnostic::error("wrong_type", message), problem, format!("expected {not}"))
                    .with_help(hints::open(not, &self.bindings(problem).field))
            }
            ProblemKind::NoAlternative { choice, value } => {
                let message =
                    format!("{} failed: no alternative of {choice} takes {value}", place_text(problem));
                self.at(Diagnostic::error("wrong_type", message), problem, "fits no alternative".to_owned())
                    .with_help(format!("give it a value of one of the types of {choice}"))
            }
            ProblemKind::Invalid { message, help, other } => {
                let diagnostic =
                    Diagnostic::error("invalid_value", format!("{} {message}", place_text(problem)));
                let diagnostic = self.at(diagnostic, problem, "this value".to_owned());
                let help = help.clone().unwrap_or_else(|| "give it another value".to_owned());
                let diagnostic = diagnostic.with_help(help);
                match other {
                    Some((span, text)) => {
                        // A copy that keeps its name has it from the same place.
                        let other = Some(*span).filter(|span| *span != problem.at);
                        let at = if self.json.is_some() { self.twin(problem) } else { other };
                        diagnostic.with_label(at.and_then(|at| self.sources.place(at)), text.as_str())
                    }
                    None => diagnostic,
                }
            }
        };
        let diagnostic = match &problem.kind {
            ProblemKind::Missing | ProblemKind::Unbound(_) => diagnostic,
            _ => self.uses.explain(diagnostic, problem.at, self.sources),
        };
        self.with_bindings(diagnostic, problem).with_path(self.path(&problem.path))
    }

    fn place_of(&self, problem: &Problem) -> Span {
        if let Some(located) = self.located(problem.at, &problem.path) {
            return located;
        }
        match &problem.kind {
            ProblemKind::Interpolation(error) | ProblemKind::Raised(error) => error.at.or(problem.at),
            _ => problem.at,
        }
    }

    /// Finds the end of `path` in the text of a JSON document.
    fn located(&self, document: Span, path: &[Step]) -> Option<Span> {
        let keys: Vec<Key> = path.iter().map(Key::from).collect();
        self.located_key(document, &keys)
    }

    /// Finds the end of a path in the text of a JSON document; nothing for scripts.
    pub(super) fn located_key(&self, document: Span, keys: &[Key]) -> Option<Span> {
        let source = self.sources.get(document.source())?;
        json_places::locate(&source.text, document.source(), self.json?, keys)
    }

    fn missing(&self, problem: &Problem) -> Diagnostic {
        let field = match problem.path.last() {
            Some(Step::Field { field, .. }) => field.as_str(),
            _ => "field",
        };
        let help = match self.json {
            Some(_) => format!("add `\"{field}\": ...`"),
            None => format!("add `{field} = ...`"),
        };
        let diagnostic = Diagnostic::error("missing_field", format!("{} is required.", place_text(problem)));
        self.at(diagnostic, problem, format!("has no `{field}`")).with_help(help)
    }

    fn unbound(&self, problem: &Problem, tags: &[Tag]) -> Diagnostic {
        // The default name of a task refers to its first process.
        if place_text(problem) == "Task[name]"
            && matches!(tags, [tag] if tag.to_string() == schema::DEFAULT_NAME)
        {
            let diagnostic = Diagnostic::error("missing_field", "Task[name] is required.");
            let label = "has neither a name nor a process to take it from".to_owned();
            return self.at(diagnostic, problem, label).with_help("add a name, and processes");
        }
        let mut written = Vec::new();
        let mut labels = Vec::new();
        for tag in tags {
            let values = || [problem.at].into_iter().chain(problem.bound.iter().map(|(_, span)| *span));
            let found = values().find_map(|value| Some((value, places::tag_in(self.sources, value, tag)?)));
            let at = found.map_or(problem.at, |(_, at)| at);
            // The dot of `{{.name}}` is not part of the reference.
            let spelling = found.and_then(|(_, at)| places::region(self.sources, at));
            let around = found.and_then(|(value, _)| places::region(self.sources, value)).unwrap_or_default();
            written.push(hints::Open { tag, spelling: spelling.unwrap_or_else(|| tag.to_string()), around });
            if !labels.contains(&at) {
                labels.push(at);
            }
        }
        let names: Vec<&str> = written.iter().map(|open| open.spelling.as_str()).collect();
        let message =
            format!("{} failed: Uninterpolated variables: {}", place_text(problem), names.join(", "));
        let diagnostic =
            labels.into_iter().fold(Diagnostic::error("unbound_reference", message), |diagnostic, at| {
                diagnostic.with_label(self.sources.place(at), "nothing is bound to this")
            });
        diagnostic.with_help(hints::unbound(&written, self.names, self.json.is_some()))
    }

    fn failed(&self, problem: &Problem, error: &Error, inner: bool) -> Diagnostic {
        let place = place_text(problem);
        let at = |diagnostic: Diagnostic, label: &str| self.at(diagnostic, problem, label.to_owned());
        match &error.kind {
            ErrorKind::Coercion { value, target, detail } => {
                let expected = expectation(target, detail.as_deref());
                let value = shortened(value);
                let message = match detail {
                    Some(_) => format!("{place} failed: '{value}' is not {expected}"),
                    None => format!("{place} failed: Cannot coerce '{value}' to {target}"),
                };
                let bindings = (!inner).then(|| self.bindings(problem));
                at(Diagnostic::error("wrong_type", message), &format!("expected {expected}, found '{value}'"))
                    .with_help(hints::wrong_type(target, detail.as_deref(), &value, bindings.as_ref()))
            }
            ErrorKind::Resolve(ResolveError::InvalidReference(invalid)) => {
                let message = format!("{place} failed: '{}' between braces is no reference", invalid.0);
                let tag = format!("{{{{{}}}}}", invalid.0);
                let values =
                    [problem.at].into_iter().chain(problem.bound.iter().rev().map(|(_, span)| *span));
                let found = values.into_iter().find_map(|value| places::text_in(self.sources, value, &tag));
                let place = self.sources.place(found.unwrap_or(problem.at));
                Diagnostic::error("invalid_reference", message)
                    .with_label(place, if found.is_some() { "no reference" } else { "in this text" })
                    .with_help(hints::invalid_reference(&invalid.0))
            }
            ErrorKind::Resolve(ResolveError::Cycle(_)) => {
                let message =
                    format!("{place} failed: its references lead back to themselves{}", self.way(problem));
                at(Diagnostic::error("reference_cycle", message), "never comes to an end")
                    .with_help("bind one of the names to plain text, or rename it")
            }
            ErrorKind::Resolve(ResolveError::TooLarge) => {
                let message = format!("{place} failed: {error}");
                at(Diagnostic::error("reference_growth", message), "grows without bound").with_help(
                    "look for a name that is bound to text which refers to it, or to others, many times",
                )
            }
            _ => at(Diagnostic::error("wrong_type", format!("{place} failed: {error}")), "this value")
                .with_help("give it a value of the right type"),
        }
    }

    /// Tells how references lead back to themselves, as far as their texts stand in the sources: ` ({{a}} -> {{a}})`.
    fn way(&self, problem: &Problem) -> String {
        let refers = |from: Span, tag: &Tag| places::tag_in(self.sources, from, tag).is_some();
        for (first, _) in &problem.bound {
            let mut way: Vec<&(Tag, Span)> = Vec::new();
            let mut next = problem.bound.iter().find(|(tag, _)| tag == first);
            while let Some(step) = next.filter(|step| !way.contains(step)) {
                way.push(step);
                next = problem.bound.iter().find(|(tag, _)| refers(step.1, tag));
            }
            if next.is_some_and(|(tag, _)| tag == first) {
                let names = way.iter().map(|(tag, _)| tag).chain([first]);
                let names: Vec<String> = names.map(Tag::to_string).collect();
                return format!(": {}", names.join(" -> "));
            }
        }
        String::new()
    }

    fn bindings(&self, problem: &Problem) -> Bindings {
        let field = problem.path.iter().rev().find_map(|step| match step {
            Step::Field { field, .. } => Some(field.clone()),
            _ => None,
        });
        let flag = problem
            .bound
            .iter()
            .find(|(_, span)| self.sources.get(span.source()).is_some_and(|source| source.name == "-E"));
        let bound = flag.or(problem.bound.first());
        Bindings {
            field: field.unwrap_or_default(),
            json: self.json.is_some(),
            flag: flag.map(|(tag, _)| tag.reference.to_string()),
            tag: bound.map(|(tag, _)| tag.to_string()),
        }
    }

    /// Finds the first element of a JSON list that has the same text in the same field.
    fn twin(&self, problem: &Problem) -> Option<Span> {
        let text = places::region(self.sources, problem.at)?;
        let mut keys: Vec<Key> = problem.path.iter().map(Key::from).collect();
        let at = keys.iter().rposition(|key| matches!(key, Key::Index(_)))?;
        let Key::Index(own) = keys[at] else { return None };
        (0..own).find_map(|index| {
            keys[at] = Key::Index(index);
            let found = self.located_key(problem.at, &keys)?;
            (places::region(self.sources, found)? == text).then_some(found)
        })
    }

    fn at(&self, diagnostic: Diagnostic, problem: &Problem, label: String) -> Diagnostic {
        diagnostic.with_label(self.sources.place(problem.at), label)
    }

    /// Shows where the text came from that was put into the value by reference.
    fn with_bindings(&self, diagnostic: Diagnostic, problem: &Problem) -> Diagnostic {
        if matches!(problem.kind, ProblemKind::Unbound(_) | ProblemKind::Missing) {
            return diagnostic;
        }
        let shown = problem.bound.iter().filter(|(_, span)| *span != problem.at).take(MAX_BINDINGS);
        shown.fold(diagnostic, |diagnostic, (tag, span)| {
            diagnostic.with_label(self.sources.place(*span), format!("{tag} is bound here"))
        })
    }

    fn path(&self, steps: &[Step]) -> String {
        let root = format!("task \"{}\"", self.task);
        steps.iter().fold(root, |path, step| match step {
            Step::Field { field, .. } => format!("{path}.{field}"),
            Step::Element { index, element, .. } => match element_name(element) {
                Some(name) => format!("{path}[{index} \"{name}\"]"),
                None => format!("{path}[{index}]"),
            },
            Step::Key { key, .. } => format!("{path} key \"{}\"", key_text(key)),
            Step::Value { key, .. } => format!("{path}[\"{}\"]", key_text(key)),
        })
    }
}

/// Words the innermost field as the original does: `Process[cmdline]`.
fn place_text(problem: &Problem) -> String {
    let field = problem.path.iter().rev().find_map(|step| match step {
        Step::Field { structure, field } => Some(format!("{structure}[{field}]")),
        _ => None,
    });
    field.unwrap_or_else(|| "the object".to_owned())
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}

fn element_name(element: &Object) -> Option<String> {
    let name = element.interpolated_field("name", &Work::default()).ok().flatten()?;
    name.object.text(&Work::default()).ok()
}

fn key_text(key: &Object) -> String {
    key.text(&Work::default()).unwrap_or_default()
}

fn expectation(target: &str, detail: Option<&str>) -> String {
    match (target, detail) {
        ("Integer", _) => "an integer".to_owned(),
        ("Float", _) => "a number".to_owned(),
        ("Boolean", _) => "true or false".to_owned(),
        ("String", _) => "text".to_owned(),
        (_, Some(detail)) => detail.split_once(" is not ").map_or(detail, |(_, choices)| choices).to_owned(),
        (other, None) => with_article(other),
    }
}

/// Words an error outside of any task, at the place it carries.
pub(super) fn error_diagnostic(sources: &Sources, error: &Error, fallback: Span) -> Diagnostic {
    let (code, help) = match &error.kind {
        ErrorKind::UnknownField { field, fields, .. } => {
            let known = did_you_mean(field, fields.iter().map(String::as_str));
            let help = match known {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("it has {}", fields.join(", ")),
            };
            ("unknown_field", help)
        }
        ErrorKind::NotList { .. } => ("wrong_type", "put it between [ and ]".to_owned()),
        ErrorKind::NotMap { .. } | ErrorKind::NotMapping { .. } => {
            ("wrong_type", "give it as a map".to_owned())
        }
        ErrorKind::BadEnum { values, .. } => ("wrong_type", format!("write one of {}", values.join(", "))),
        _ => ("wrong_type", "give it a value of the right type".to_owned()),
    };
    let message = match &error.kind {
        ErrorKind::UnknownField { name, field, .. } => format!("{name} has no field `{field}`"),
        kind => kind.to_string(),
    };
    let place = sources.place(error.at.or(fallback));
    Diagnostic::error(code, message).with_label(place, "here").with_help(help)
}
