//! The plan of a task that is wrong elsewhere: its processes and orders as far as they can be known.
//!
//! So that cycles and misspelt names are told together with wrong types. Knows nothing of what a plan must be.

use super::task::{CommandLine, Constraint, Process, Task};
use crate::template::Work;
use crate::types::{Members, Object, Value};

/// A task of which only names, orders and kinds of processes count.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The task. What is not known of a process has its default; an order of which not all is known orders nothing.
    pub task: Task,
    /// Whether the name and the stage of each process are known. The name of one that is not is empty.
    pub is_complete: bool,
}

/// Reads a task object, whatever is wrong with it.
pub fn sketch(object: &Object, name: &str, work: &Work) -> Sketch {
    let members = object.members();
    let mut is_complete = true;
    let processes = elements(&members, "processes");
    let process = |process: &Object| process_of(process, &mut is_complete, work);
    let processes = processes.iter().map(process).collect();
    let constraints = elements(&members, "constraints");
    let constraints = constraints.iter().map(|constraint| constraint_of(constraint, work)).collect();
    let task = Task {
        name: name.to_owned(),
        processes,
        constraints,
        resources: None,
        max_failures: 1,
        max_concurrency: 0,
        finalization_wait: 0,
        user: None,
    };
    Sketch { task, is_complete }
}

impl Constraint {
    /// Returns a constraint that orders nothing: it names only what no task has, which is ignored.
    pub fn nothing() -> Constraint {
        Constraint { order: vec![String::new()] }
    }
}

fn elements(members: &Members<'_>, field: &str) -> Vec<Object> {
    members.field(field).map(|list| list.elements_in_scope()).unwrap_or_default()
}

fn process_of(process: &Object, is_complete: &mut bool, work: &Work) -> Process {
    let members = process.members();
    let name = members.field("name").and_then(|name| text(&name, work));
    let flag = |field: &str| match members.field(field).map(|value| scalar(&value, work)) {
        Some(Some(Value::Bool(flag))) => Some(flag),
        _ => None,
    };
    let (daemon, ephemeral, is_final) = (flag("daemon"), flag("ephemeral"), flag("final"));
    // Of a process whose stage is not known it cannot be told what may wait for it.
    let name = name.filter(|_| is_final.is_some());
    *is_complete &= name.is_some();
    Process {
        name: name.unwrap_or_default(),
        cmdline: CommandLine::default(),
        resources: None,
        max_failures: 1,
        daemon: daemon.unwrap_or(false),
        ephemeral: ephemeral.unwrap_or(false),
        min_duration: 0,
        is_final: is_final.unwrap_or(false),
        logger: None,
    }
}

fn constraint_of(constraint: &Object, work: &Work) -> Constraint {
    let order = elements(&constraint.members(), "order");
    let names: Option<Vec<String>> = order.iter().map(|name| text(name, work)).collect();
    names.map_or_else(Constraint::nothing, |order| Constraint { order })
}

fn text(object: &Object, work: &Work) -> Option<String> {
    scalar(object, work).map(|value| value.to_string())
}

/// The value of a scalar; nothing if it does not convert or refers to what is not known.
fn scalar(object: &Object, work: &Work) -> Option<Value> {
    let interpolated = object.interpolate(work).ok()?;
    interpolated.unbound.is_empty().then(|| interpolated.object.raw().cloned())?
}
