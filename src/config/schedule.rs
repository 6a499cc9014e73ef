//! Words what only the plan of a task can tell: cycles, orders of unknown processes, waits that cannot end.

use std::collections::HashSet;

use super::json_places::Key;
use super::problems::Wording;
use crate::diagnostics::{Diagnostic, Span};
use crate::plan::{self, PlanError};
use crate::schema::{self, Constraint, Sketch, Task};
use crate::template::Work;
use crate::types::Object;

/// The most mistakes in a plan that are told.
const MAX_MISTAKES: usize = 20;

/// Tells everything that is wrong with the plan of a task. A message begins with the original's sentence (LANGUAGE
/// section 4).
pub(super) fn check(wording: &Wording, object: &Object, task: &Task) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    // Most plans are right: a copy is made of the others alone.
    let Err(mut error) = plan::check(task) else { return diagnostics };
    let mut task = task.clone();
    while diagnostics.len() < MAX_MISTAKES {
        let links = links(&task, &error);
        diagnostics.push(word(wording, object, &task, &error, &links));
        let Some(constraint) = links.first().and_then(|link| task.constraints.get_mut(link.constraint))
        else {
            break;
        };
        // Without this one the others are found.
        *constraint = Constraint::nothing();
        match plan::check(&task) {
            Ok(()) => break,
            Err(next) => error = next,
        }
    }
    diagnostics
}

/// Tells what is wrong with the plan of a task that is wrong elsewhere too, as far as that can be known.
pub(super) fn check_sketch(wording: &Wording, object: &Object, work: &Work) -> Vec<Diagnostic> {
    let Sketch { mut task, is_complete } = schema::sketch(object, wording.task, work);
    if !is_complete {
        // An order may name, or join, what is not known.
        let names: HashSet<&str> = task.processes.iter().map(|process| process.name.as_str()).collect();
        let is_known = |constraint: &Constraint| {
            constraint.order.iter().all(|name| !name.is_empty() && names.contains(name.as_str()))
        };
        let orders = task.constraints.iter().map(|constraint| match is_known(constraint) {
            true => constraint.clone(),
            false => Constraint::nothing(),
        });
        task.constraints = orders.collect();
    }
    check(wording, object, &task)
}

fn word(wording: &Wording, object: &Object, task: &Task, error: &PlanError, links: &[Link]) -> Diagnostic {
    let constraint = links.first().map(|link| link.constraint);
    let (message, help) = plan::explain(task, error);
    let path = match constraint {
        Some(index) => format!("task \"{}\".constraints[{index}]", task.name),
        None => format!("task \"{}\".constraints", task.name),
    };
    let diagnostic = Diagnostic::error("invalid_plan", message).with_path(path);
    let mut places: Vec<(Span, String)> = Vec::new();
    for link in links.iter().take(MAX_LINKS) {
        let at = link_place(wording, object, link);
        match places.iter_mut().find(|(other, _)| *other == at) {
            Some((_, label)) => *label = format!("{label}, {}", link.label),
            None => places.push((at, link.label.clone())),
        }
    }
    let labelled = places
        .into_iter()
        .fold(diagnostic, |diagnostic, (at, label)| diagnostic.with_label(wording.sources.place(at), label));
    labelled.with_help(help)
}

/// The most constraints that a diagnostic shows.
const MAX_LINKS: usize = 8;

/// A constraint that has to do with an error.
struct Link {
    constraint: usize,
    /// The place in its order of what is wrong.
    position: Option<usize>,
    label: String,
}

fn links(task: &Task, error: &PlanError) -> Vec<Link> {
    let whole = |constraint: usize| Link { constraint, position: None, label: "this constraint".to_owned() };
    match error {
        PlanError::Unknown { constraint, names } => {
            let order = task.constraints.get(*constraint).map(|constraint| constraint.order.as_slice());
            let known = |name: &String| task.processes.iter().any(|process| process.name == *name);
            let position =
                order.and_then(|order| order.iter().position(|name| names.contains(name) && !known(name)));
            let label = if position.is_some() { "no such process" } else { "this constraint" };
            vec![Link { position, label: label.to_owned(), ..whole(*constraint) }]
        }
        PlanError::AfterDaemon { constraint, .. } | PlanError::AfterEphemeral { constraint, .. } => {
            vec![whole(*constraint)]
        }
        PlanError::Cycle { names } => {
            let pairs = names.iter().zip(names.iter().cycle().skip(1));
            pairs.filter_map(|(previous, next)| link(task, previous, next)).collect()
        }
    }
}

/// Finds the constraint that makes `next` wait for `previous`.
fn link(task: &Task, previous: &str, next: &str) -> Option<Link> {
    let links = |order: &[String]| order.windows(2).any(|pair| pair[0] == previous && pair[1] == next);
    let constraint = task.constraints.iter().rposition(|constraint| links(&constraint.order))?;
    Some(Link { constraint, position: None, label: format!("`{previous}` before `{next}`") })
}

fn link_place(wording: &Wording, object: &Object, link: &Link) -> Span {
    let mut keys = vec![Key::Field("constraints".to_owned()), Key::Index(link.constraint)];
    if let Some(position) = link.position {
        keys.extend([Key::Field("order".to_owned()), Key::Index(position)]);
    }
    if let Some(located) = wording.located_key(object.at(), &keys) {
        return located;
    }
    let constraints = object.field("constraints").and_then(Object::elements).unwrap_or_default();
    let Some(constraint) = constraints.get(link.constraint) else { return object.at() };
    let order = constraint.field("order").and_then(Object::elements).unwrap_or_default();
    let name = link.position.and_then(|position| order.get(position)).map_or(Span::NONE, Object::at);
    name.or(constraint.at()).or(object.at())
}
