//! The `-E` values: as bindings of a task, and which of them nothing uses.

use super::Parameter;
use super::request::{Binding, Request};
use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::template::{self, Environment, Reference, Work};
use crate::types::{Binder, Object};

type Diagnostics = Vec<Diagnostic>;

/// The most names that a help line lists.
const MAX_SHOWN: usize = 12;

/// The `-E` values, as an environment and as places.
pub(super) struct Flags {
    environment: Environment<Object>,
    /// In the order in which they were given.
    pub(super) bound: Vec<Flag>,
}

/// One `-E`.
pub(super) struct Flag {
    /// Name and value.
    pub(super) binding: Binding,
    /// The name as an address.
    reference: Reference,
    /// The place of the value.
    pub(super) at: Span,
}

impl Flags {
    /// Reads the flags of a request.
    pub(super) fn new(request: &Request, sources: &mut Sources) -> Result<Flags, Diagnostics> {
        let mut flags = Flags { environment: Environment::default(), bound: Vec::new() };
        for binding in &request.bindings {
            let source = sources.add("-E", format!("{}={}", binding.name, binding.value));
            let column = binding.name.chars().count() as u32 + 2;
            let at = Span::new(source, 1, column, binding.value.chars().count() as u32);
            let reference = Reference::parse(&binding.name).map_err(|error| {
                let help = "a name is letters, digits and `_`, with `.name` and `[key]` behind it";
                let place = sources.place(Span::new(source, 1, 1, column.saturating_sub(2)));
                let diagnostic = Diagnostic::error("invalid_reference", format!("-E: {error}"));
                vec![diagnostic.with_label(place, "no reference").with_help(help)]
            })?;
            if reference.components().first() == Reference::name("thermos").components().first() {
                let message =
                    format!("-E {}: what begins with `thermos` is bound by the runner", binding.name);
                let help =
                    "give ports with -P NAME:PORT and the id with --task-id; otherwise use another name";
                let place = sources.place(Span::new(source, 1, 1, column.saturating_sub(2)));
                let diagnostic = Diagnostic::error("reserved_name", message);
                return Err(vec![diagnostic.with_label(place, "reserved").with_help(help)]);
            }
            flags.environment.insert(reference.clone(), template::Binding::Text(binding.value.clone()), at);
            flags.bound.push(Flag { binding: binding.clone(), reference, at });
        }
        Ok(flags)
    }

    /// Binds the values to a task, last of all.
    pub(super) fn bind(&self, task: &Object) -> Object {
        if self.environment.is_empty() {
            return task.clone();
        }
        task.bind([Binder::from(self.environment.clone())])
    }

    /// Tells which values nothing refers to (an error), and which are hidden wherever they are referred to.
    pub(super) fn unused(
        &self,
        work: &Work,
        parameters: &[Parameter],
        sources: &Sources,
    ) -> (Diagnostics, Diagnostics) {
        let (mut unknown, mut hidden) = (Vec::new(), Vec::new());
        for Flag { binding: Binding { name, .. }, reference, at } in &self.bound {
            if work.used(*at) || parameters.iter().any(|parameter| parameter.name == *name) {
                continue;
            }
            let place = sources.place(*at);
            if work.looked_up(reference) {
                let message = format!(
                    "-E {name} changes nothing: wherever {{{{{name}}}}} stands, another binding hides it"
                );
                let help = "a field or binding nearer to the reference wins; rename one of the two";
                let warning = Diagnostic::warning("hidden_binding", message);
                hidden.push(warning.with_label(place, "has no effect").with_help(help));
                continue;
            }
            let mut others: Vec<String> = work.all_looked_up().iter().map(Reference::to_string).collect();
            others.extend(parameters.iter().map(|parameter| parameter.name.clone()));
            let mut others: Vec<&str> = others.iter().map(String::as_str).collect();
            others.sort_unstable();
            let help = match did_you_mean(name, others.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if others.is_empty() => {
                    "the configuration has neither references nor parameters: leave the flag out".to_owned()
                }
                None if others.len() > MAX_SHOWN => {
                    format!("it refers to {} and others", others[..MAX_SHOWN].join(", "))
                }
                None => format!("it refers to {}", others.join(", ")),
            };
            let message = format!("-E {name}: nothing in the configuration refers to `{name}`");
            let error = Diagnostic::error("unknown_binding", message);
            let name_at = Span::new(at.source(), 1, 1, name.chars().count() as u32);
            unknown.push(error.with_label(sources.place(name_at), "is used nowhere").with_help(help));
        }
        (unknown, hidden)
    }
}
