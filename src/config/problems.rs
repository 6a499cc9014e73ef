//! Words what a check finds as diagnostics: where, what was expected and found, what to do.

use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::template::{ResolveError, Tag, Work};
use crate::types::{Error, ErrorKind, Problem, ProblemKind, Step};

use super::{json_places, places};

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
}

impl Wording<'_> {
    /// Makes the diagnostic of a problem.
    pub(super) fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let problem = &Problem { at: self.place_of(problem), ..problem.clone() };
        let diagnostic = match &problem.kind {
            ProblemKind::Missing => self.missing(problem),
            ProblemKind::Unbound(tags) => self.unbound(problem, tags),
            ProblemKind::Interpolation(error) | ProblemKind::Raised(error) => self.failed(problem, error),
            ProblemKind::Open { text, not } => {
                let message = format!("{} failed: '{text}' is not {not}", place_text(problem));
                self.at(Diagnostic::error("wrong_type", message), problem, format!("expected {not}"))
            }
            ProblemKind::NoAlternative { choice, value } => {
                let message =
                    format!("{} failed: no alternative of {choice} takes {value}", place_text(problem));
                self.at(Diagnostic::error("wrong_type", message), problem, "fits no alternative".to_owned())
            }
            ProblemKind::Invalid { message, help, other } => {
                let diagnostic =
                    Diagnostic::error("invalid_value", format!("{} {message}", place_text(problem)));
                let diagnostic = self.at(diagnostic, problem, "this value".to_owned());
                let diagnostic = diagnostic.with_optional_help(help.clone());
                match other {
                    Some((span, text)) => diagnostic.with_label(self.sources.place(*span), text.as_str()),
                    None => diagnostic,
                }
            }
        };
        self.with_bindings(diagnostic, problem).with_path(self.path(&problem.path))
    }

    fn place_of(&self, problem: &Problem) -> Span {
        let text = |index| Some((index, self.sources.get(problem.at.source())?));
        let located = self.json.and_then(text).and_then(|(index, source)| {
            json_places::locate(&source.text, problem.at.source(), index, &problem.path)
        });
        located.unwrap_or(problem.at)
    }

    fn missing(&self, problem: &Problem) -> Diagnostic {
        let field = match problem.path.last() {
            Some(Step::Field { field, .. }) => field.as_str(),
            _ => "field",
        };
        let diagnostic = Diagnostic::error("missing_field", format!("{} is required.", place_text(problem)));
        self.at(diagnostic, problem, format!("has no `{field}`")).with_help(format!("add `{field} = ...`"))
    }

    fn unbound(&self, problem: &Problem, tags: &[Tag]) -> Diagnostic {
        let names = tags.iter().map(Tag::to_string).collect::<Vec<_>>().join(", ");
        let message = format!("{} failed: Uninterpolated variables: {names}", place_text(problem));
        let mut diagnostic = Diagnostic::error("unbound_reference", message);
        for tag in tags {
            let values = [problem.at].into_iter().chain(problem.bound.iter().map(|(_, span)| *span));
            let found = values.filter_map(|value| places::tag_in(self.sources, value, tag)).next();
            let place = self.sources.place(found.unwrap_or(problem.at));
            if !diagnostic.labels.iter().any(|label| Some(&label.place) == place.as_ref()) {
                diagnostic = diagnostic.with_label(place, "nothing is bound to this");
            }
        }
        let help = tags.first().map(|tag| self.unbound_help(tag));
        diagnostic.with_optional_help(help)
    }

    fn unbound_help(&self, tag: &Tag) -> String {
        let name = tag.reference.to_string();
        let (open, close) = tag.delimiters.texts();
        if let Some(meant) = did_you_mean(&name, self.names.iter().map(String::as_str)) {
            return format!("did you mean {open}{meant}{close}?");
        }
        format!(
            "bind it with `-E {name}=VALUE` or in the file with `.bind(...)`; \
             write {open}&{name}{close} for the text itself"
        )
    }

    fn failed(&self, problem: &Problem, error: &Error) -> Diagnostic {
        let place = place_text(problem);
        let at = |diagnostic: Diagnostic, label: &str| self.at(diagnostic, problem, label.to_owned());
        match &error.kind {
            ErrorKind::Coercion { value, target, detail } => {
                let expected = expectation(target, detail.as_deref());
                let message = format!("{place} failed: {error}");
                at(Diagnostic::error("wrong_type", message), &format!("expected {expected}, found '{value}'"))
            }
            ErrorKind::Resolve(ResolveError::InvalidReference(invalid)) => {
                let message = format!("{place} failed: '{}' between braces is no reference", invalid.0);
                let help = match invalid.0.trim() {
                    trimmed if trimmed != invalid.0 => {
                        format!("write {{{{{trimmed}}}}}, without blanks inside")
                    }
                    _ => format!("write {{{{&{}}}}} if the braces are meant for something else", invalid.0),
                };
                at(Diagnostic::error("invalid_reference", message), "in this text").with_help(help)
            }
            ErrorKind::Resolve(ResolveError::Cycle(text)) => {
                let message = format!("{place} failed: its references lead back to themselves ({text})");
                at(Diagnostic::error("reference_cycle", message), "never comes to an end")
                    .with_help("bind one of the names to plain text, or rename it")
            }
            ErrorKind::Resolve(ResolveError::TooLarge) => {
                let message = format!("{place} failed: {error}");
                at(Diagnostic::error("reference_growth", message), "grows without bound")
                    .with_help("look for a name that is bound to text which refers to it twice")
            }
            _ => at(Diagnostic::error("wrong_type", format!("{place} failed: {error}")), "this value"),
        }
    }

    fn at(&self, diagnostic: Diagnostic, problem: &Problem, label: String) -> Diagnostic {
        diagnostic.with_label(self.sources.place(problem.at), label)
    }

    /// Shows where the text came from that was put into the value by reference.
    fn with_bindings(&self, diagnostic: Diagnostic, problem: &Problem) -> Diagnostic {
        if matches!(problem.kind, ProblemKind::Unbound(_) | ProblemKind::Missing) {
            return diagnostic;
        }
        problem.bound.iter().fold(diagnostic, |diagnostic, (tag, span)| {
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

fn element_name(element: &crate::types::Object) -> Option<String> {
    let name = element.interpolated_field("name", &Work::default()).ok().flatten()?;
    name.object.text(&Work::default()).ok()
}

fn key_text(key: &crate::types::Object) -> String {
    key.text(&Work::default()).unwrap_or_default()
}

fn expectation(target: &str, detail: Option<&str>) -> String {
    match (target, detail) {
        ("Integer", _) => "an integer".to_owned(),
        ("Float", _) => "a number".to_owned(),
        ("Boolean", _) => "true or false".to_owned(),
        ("String", _) => "text".to_owned(),
        (_, Some(detail)) => detail.split_once("is not ").map_or(detail, |(_, choices)| choices).to_owned(),
        (other, None) => format!("a {other}"),
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
