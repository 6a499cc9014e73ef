//! Puts into words why no plan can be made, and what to do.

use std::collections::BTreeSet;

use super::graph::PlanError;
use crate::diagnostics::did_you_mean;
use crate::schema::Task;

/// Returns what is wrong, beginning with the original's sentence (LANGUAGE section 4), and what to do.
pub fn explain(task: &Task, error: &PlanError) -> (String, String) {
    let (detail, help) = detail(task, error);
    let sentence = error.to_string();
    let colon = if sentence.ends_with('!') { "" } else { ":" };
    (format!("{sentence}{colon} {detail}"), help)
}

fn detail(task: &Task, error: &PlanError) -> (String, String) {
    match error {
        PlanError::Cycle { names } => {
            let mut way: Vec<&str> = names.iter().map(String::as_str).collect();
            way.extend(names.first().map(String::as_str));
            let detail = format!("Each of these waits for the one before it: {}.", way.join(" -> "));
            let help = match names.as_slice() {
                [_] => "a process cannot wait for itself: name each once",
                _ => "remove one of the constraints between them",
            };
            (detail, help.to_owned())
        }
        PlanError::Unknown { names, .. } if names.is_empty() => {
            ("An order names no process.".to_owned(), "name processes, or remove the constraint".to_owned())
        }
        PlanError::Unknown { names, constraint } => unknown(task, names, *constraint),
        PlanError::AfterDaemon { previous, next, .. } => (
            format!("`{previous}` never ends, so `{next}` would never start."),
            format!("remove the constraint, or `daemon` from `{previous}`"),
        ),
        PlanError::AfterEphemeral { previous, next, .. } => (
            format!("the task does not wait for `{previous}`, so it cannot wait for `{next}` either."),
            format!("make `{next}` ephemeral too, or `{previous}` not"),
        ),
    }
}

/// The most names that a help line lists.
const MAX_SHOWN: usize = 12;

fn some(names: &[&str]) -> String {
    match names.get(..MAX_SHOWN) {
        Some(first) if names.len() > MAX_SHOWN => format!("{} and others", first.join(", ")),
        _ => names.join(", "),
    }
}

fn unknown(task: &Task, names: &[String], constraint: usize) -> (String, String) {
    let mut known: Vec<&str> = task.processes.iter().map(|process| process.name.as_str()).collect();
    let mut met = BTreeSet::new();
    known.retain(|name| met.insert(*name));
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    match unknown {
        Some(name) => {
            let help = match did_you_mean(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("add `{name}` to the processes, or name one of {}", some(&known)),
            };
            (format!("The task has no process `{name}`."), help)
        }
        None => {
            let order = task.constraints.get(constraint).map_or_else(String::new, |it| it.order.join(", "));
            let detail = format!("The order {order} mixes final and ordinary processes.");
            (
                detail,
                "final processes run after all ordinary ones anyway: order them among themselves".to_owned(),
            )
        }
    }
}
