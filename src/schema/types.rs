//! The types of a task document: `Task`, `Process` and what they are made of, with their fields and defaults.
//!
//! The inventory is the original's (`type_fields` in conformance/thermos_schema.json).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::types::{Error, Field, Type, Value};

/// The types of a task document.
#[derive(Debug)]
pub struct Schema {
    /// What the runner binds to `thermos`.
    pub context: Type,
    /// What a task or process needs of a machine.
    pub resources: Type,
    /// Processes in the order in which they run.
    pub constraint: Type,
    /// When rotated logs are rotated.
    pub rotate_policy: Type,
    /// Where output goes.
    pub logger: Type,
    /// One command line and how it is run.
    pub process: Type,
    /// A graph of processes.
    pub task: Type,
    /// Where a logger writes to.
    pub logger_destination: Type,
    /// How log files grow.
    pub logger_mode: Type,
}

/// The name of a task that is given none.
pub const DEFAULT_NAME: &str = "{{processes[0].name}}";

/// Returns the types of a task document.
pub fn schema() -> &'static Schema {
    #[allow(clippy::expect_used)] // The defaults below are constants; `schema_is_well_formed` builds them.
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new().expect("the defaults fit their types"));
    &SCHEMA
}

impl Schema {
    fn new() -> Result<Schema, Error> {
        let context = Type::structure(
            "ThermosContext",
            vec![
                Field::new("ports", Type::map(&Type::String, &Type::Integer)),
                Field::new("task_id", Type::String),
                Field::new("user", Type::String),
            ],
        );
        let resources = Type::structure(
            "Resources",
            vec![
                Field::new("cpu", Type::Float).required(),
                Field::new("ram", Type::Integer).required(),
                Field::new("disk", Type::Integer).required(),
                Field::new("gpu", Type::Integer).default(&0.into())?,
            ],
        );
        let constraint = Type::structure("Constraint", vec![Field::new("order", Type::list(&Type::String))]);
        let rotate_policy = Type::structure(
            "RotatePolicy",
            vec![
                Field::new("log_size", Type::Integer).default(&(100 * 1024 * 1024).into())?,
                Field::new("backups", Type::Integer).default(&5.into())?,
            ],
        );
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let logger_destination = Type::enumeration(None, texts(&["file", "console", "both", "none"]));
        let logger_mode = Type::enumeration(None, texts(&["standard", "rotate"]));
        let logger = Type::structure(
            "Logger",
            vec![
                Field::new("destination", logger_destination.clone()).default(&"file".into())?,
                Field::new("mode", logger_mode.clone()).default(&"standard".into())?,
                Field::new("rotate", rotate_policy.clone()),
            ],
        );
        let process = Type::structure(
            "Process",
            vec![
                Field::new("cmdline", Type::String).required(),
                Field::new("name", Type::String).required(),
                Field::new("resources", resources.clone()),
                Field::new("max_failures", Type::Integer).default(&1.into())?,
                Field::new("daemon", Type::Boolean).default(&false.into())?,
                Field::new("ephemeral", Type::Boolean).default(&false.into())?,
                Field::new("min_duration", Type::Integer).default(&5.into())?,
                Field::new("final", Type::Boolean).default(&false.into())?,
                Field::new("logger", logger.clone()),
            ],
        );
        let task = Type::structure(
            "Task",
            vec![
                Field::new("name", Type::String).default(&DEFAULT_NAME.into())?,
                Field::new("processes", Type::list(&process)),
                Field::new("constraints", Type::list(&constraint)).default(&Value::List(Vec::new()))?,
                Field::new("resources", resources.clone()),
                Field::new("max_failures", Type::Integer).default(&1.into())?,
                Field::new("max_concurrency", Type::Integer).default(&0.into())?,
                Field::new("finalization_wait", Type::Integer).default(&30.into())?,
                Field::new("user", Type::String),
            ],
        );
        Ok(Schema {
            context,
            resources,
            constraint,
            rotate_policy,
            logger,
            process,
            task,
            logger_destination,
            logger_mode,
        })
    }

    /// Returns the types that scripts know by name.
    pub fn named(&self) -> [(&'static str, &Type); 7] {
        [
            ("Process", &self.process),
            ("Task", &self.task),
            ("Constraint", &self.constraint),
            ("Resources", &self.resources),
            ("Logger", &self.logger),
            ("RotatePolicy", &self.rotate_policy),
            ("ThermosContext", &self.context),
        ]
    }

    /// Returns the names of all fields of these.
    pub fn field_names(&self) -> BTreeSet<String> {
        let fields = |(_, ty): (&str, &Type)| match ty {
            Type::Struct(structure) => structure.fields().to_vec(),
            _ => Vec::new(),
        };
        self.named().into_iter().flat_map(fields).map(|field| field.name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_is_well_formed() {
        assert!(Schema::new().is_ok());
    }
}
