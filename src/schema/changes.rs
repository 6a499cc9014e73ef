//! What is different between two tasks: processes, constraints, and fields one by one.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::task::{Constraint, Process, Task};

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A field of the task itself.
    Task(FieldChange),
    /// There is a new process of this name.
    Added(String),
    /// The process of this name is gone.
    Removed(String),
    /// A process of this name was there and is another now.
    Process(String, Vec<FieldChange>),
    /// There is a new constraint.
    AddedOrder(Vec<String>),
    /// A constraint is gone.
    RemovedOrder(Vec<String>),
}

/// A field has another value. A field that is absent has none.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Its value before.
    pub before: Option<Value>,
    /// Its value now.
    pub after: Option<Value>,
}

/// Lists what is different: first the task, then processes in their order, then constraints.
pub fn changes(before: &Task, after: &Task) -> Vec<Change> {
    let without_lists = |task: &Task| Task { processes: Vec::new(), constraints: Vec::new(), ..task.clone() };
    let task = fields(&without_lists(before), &without_lists(after));
    let mut found: Vec<Change> = task.into_iter().map(Change::Task).collect();
    for process in &after.processes {
        match before.processes.iter().find(|other| other.name == process.name) {
            None => found.push(Change::Added(process.name.clone())),
            Some(other) if other != process => {
                found.push(Change::Process(process.name.clone(), fields(other, process)));
            }
            Some(_) => {}
        }
    }
    let names: BTreeSet<&str> = after.processes.iter().map(|process| process.name.as_str()).collect();
    let is_gone = |process: &&Process| !names.contains(process.name.as_str());
    found
        .extend(before.processes.iter().filter(is_gone).map(|process| Change::Removed(process.name.clone())));
    let orders = |task: &Task| -> BTreeSet<Vec<String>> {
        task.constraints.iter().map(|constraint: &Constraint| constraint.order.clone()).collect()
    };
    let (old, new) = (orders(before), orders(after));
    found.extend(new.difference(&old).cloned().map(Change::AddedOrder));
    found.extend(old.difference(&new).cloned().map(Change::RemovedOrder));
    found
}

fn fields<T: Serialize>(before: &T, after: &T) -> Vec<FieldChange> {
    let (before, after) = (map(before), map(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| FieldChange {
        field: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Plain structs serialize to objects.
fn map<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Task(field) => write!(f, "~ task: {field}"),
            Change::Added(name) => write!(f, "+ process {name}"),
            Change::Removed(name) => write!(f, "- process {name}"),
            Change::Process(name, fields) => {
                let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
                write!(f, "~ process {name}: {}", fields.join("; "))
            }
            Change::AddedOrder(names) => write!(f, "+ order {}", names.join(", ")),
            Change::RemovedOrder(names) => write!(f, "- order {}", names.join(", ")),
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), Value::to_string);
        write!(f, "{} {} -> {}", self.field, shown(&self.before), shown(&self.after))
    }
}
