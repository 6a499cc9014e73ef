//! Words what only the plan of a task can tell: cycles, orders of unknown processes, waits that cannot end.

use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::plan::{self, PlanError};
use crate::schema::Task;
use crate::types::Object;

/// Checks the plan of a task. The message begins with the original's sentence (LANGUAGE section 4).
pub(super) fn check(sources: &Sources, object: &Object, task: &Task) -> Result<(), Box<Diagnostic>> {
    let error = match plan::check(task) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let constraint = match &error {
        PlanError::Unknown { constraint, .. }
        | PlanError::AfterDaemon { constraint, .. }
        | PlanError::AfterEphemeral { constraint, .. } => Some(*constraint),
        PlanError::Cycle { names } => link(task, names),
    };
    let (detail, help) = explain(task, &error, constraint);
    let at = constraint.map_or(Span::NONE, |index| constraint_place(object, index)).or(object.at());
    let path = match constraint {
        Some(index) => format!("task \"{}\".constraints[{index}]", task.name),
        None => format!("task \"{}\".constraints", task.name),
    };
    let diagnostic = Diagnostic::error("invalid_plan", format!("{error} {detail}"))
        .with_label(sources.place(at), "this constraint")
        .with_path(path);
    Err(Box::new(diagnostic.with_help(help)))
}

fn explain(task: &Task, error: &PlanError, constraint: Option<usize>) -> (String, String) {
    match error {
        PlanError::Cycle { names } => {
            let mut way: Vec<&str> = names.iter().map(String::as_str).collect();
            way.extend(names.first().map(String::as_str));
            let detail = format!("Each of these waits for the one before it: {}.", way.join(" -> "));
            (detail, "remove one of the constraints between them".to_owned())
        }
        PlanError::Unknown { names, .. } if names.is_empty() => {
            ("An order names no process.".to_owned(), "name processes, or remove the constraint".to_owned())
        }
        PlanError::Unknown { names, .. } => explain_unknown(task, names, constraint),
        PlanError::AfterDaemon { previous, next, .. } => (
            format!("`{previous}` never ends, so `{next}` would never start."),
            format!("remove the constraint, or `daemon` from `{previous}`"),
        ),
        PlanError::AfterEphemeral { previous, next, .. } => (
            format!("The task does not wait for `{previous}`, so it cannot wait for `{next}` either."),
            format!("make `{next}` ephemeral too, or `{previous}` not"),
        ),
    }
}

fn explain_unknown(task: &Task, names: &[String], constraint: Option<usize>) -> (String, String) {
    let known: Vec<&str> = task.processes.iter().map(|process| process.name.as_str()).collect();
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    match unknown {
        Some(name) => {
            let help = match did_you_mean(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the task has {}", known.join(", ")),
            };
            (format!("The task has no process `{name}`."), help)
        }
        None => {
            let order = constraint.map(|index| task.constraints[index].order.join(", ")).unwrap_or_default();
            let detail = format!("The order {order} mixes final and ordinary processes.");
            (
                detail,
                "final processes run after all ordinary ones anyway: order them among themselves".to_owned(),
            )
        }
    }
}

/// Finds a constraint that makes one process of a cycle wait for the one before it.
fn link(task: &Task, names: &[String]) -> Option<usize> {
    let mut pairs = names.iter().zip(names.iter().cycle().skip(1));
    pairs.find_map(|(previous, next)| {
        let links = |order: &[String]| order.windows(2).any(|pair| pair[0] == *previous && pair[1] == *next);
        task.constraints.iter().rposition(|constraint| links(&constraint.order))
    })
}

fn constraint_place(object: &Object, index: usize) -> Span {
    let constraints = object.field("constraints").and_then(Object::elements).unwrap_or_default();
    constraints.get(index).map_or(Span::NONE, Object::at)
}
