//! The JSON Schema of a task document, for editors and other tools that write one.
//!
//! Made of the types, so that it cannot disagree with them; only the sentences stand here.

use serde_json::{Map, Value as Json, json};

use super::types::schema;
use crate::types::{Field, StructType, Type};

/// The dialect: what most tools know by now.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns the schema of what `thermos run --json` reads: one task document or a list of them.
pub fn json_schema() -> Json {
    let types = schema();
    let definitions = [
        &types.task,
        &types.process,
        &types.constraint,
        &types.resources,
        &types.logger,
        &types.rotate_policy,
    ];
    let definitions = definitions.iter().filter_map(|ty| match ty {
        Type::Struct(structure) => Some((structure.name().to_owned(), definition(structure))),
        _ => None,
    });
    json!({
        "$schema": DIALECT,
        "title": "thermos task document",
        "description": "What `thermos run --json` reads and `thermos inspect --format json` writes.",
        "anyOf": [reference("Task"), {"type": "array", "items": reference("Task")}],
        "$defs": definitions.collect::<Map<_, _>>(),
    })
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn definition(structure: &StructType) -> Json {
    let property = |field: &Field| (field.name.clone(), property(structure, field));
    let required = structure.fields().iter().filter(|field| field.required).map(|field| field.name.clone());
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required.collect::<Vec<_>>(),
        "properties": structure.fields().iter().map(property).collect::<Map<_, _>>(),
    })
}

fn property(structure: &StructType, field: &Field) -> Json {
    let mut property = match of_type(&field.ty) {
        Json::Object(property) => property,
        other => Map::from_iter([("const".to_owned(), other)]),
    };
    property.insert("description".to_owned(), Json::from(description(structure.name(), &field.name)));
    if let Some(default) = field.default.as_ref().and_then(|default| default.get().ok()) {
        property.insert("default".to_owned(), Json::from(&default));
    }
    Json::Object(property)
}

/// A value of a type, or text that becomes one: numbers may be written as text, and hold references.
fn of_type(ty: &Type) -> Json {
    const OPEN: &str = r"\{\{|<<";
    match ty {
        Type::String => json!({"type": ["string", "number", "boolean"]}),
        Type::Integer => {
            json!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": format!(r"^\s*[-+]?[0-9]+\s*$|{OPEN}")}]})
        }
        Type::Float => {
            json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": format!(r"^\s*[-+]?[0-9.]+|{OPEN}")}]})
        }
        Type::Boolean => {
            json!({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": format!("^([Tt]rue|[Ff]alse|0|1)$|{OPEN}")}]})
        }
        Type::Enum(enumeration) => {
            json!({"anyOf": [{"enum": enumeration.values()}, {"type": "string", "pattern": OPEN}]})
        }
        Type::Choice(choice) => {
            json!({"anyOf": choice.alternatives().iter().map(of_type).collect::<Vec<_>>()})
        }
        Type::List(element) => json!({"type": "array", "items": of_type(element)}),
        Type::Map(entry) => json!({"type": "object", "additionalProperties": of_type(&entry.1)}),
        Type::Struct(structure) => reference(structure.name()),
        Type::Own(name) => reference(name),
    }
}

fn description(structure: &str, field: &str) -> &'static str {
    match (structure, field) {
        ("Task", "name") => "What the task is called; task ids begin with it.",
        ("Task", "processes") => "What runs; ready processes start in this order. Names are unique.",
        ("Task", "constraints") => "Which processes wait for which.",
        ("Task", "max_failures") => "Failed processes that fail the task; 0 is no limit.",
        ("Task", "max_concurrency") => "Processes that run at once; 0 is no limit.",
        ("Task", "finalization_wait") => {
            "Seconds from the end of the ordinary processes to the end of the final ones."
        }
        ("Task", "user") => "The user to run as.",
        ("Process", "name") => "Unique in the task, and a valid file name.",
        ("Process", "cmdline") => "What bash runs.",
        ("Process", "max_failures") => "Failed runs that fail the process; 0 is no limit.",
        ("Process", "daemon") => "Whether it runs again after success.",
        ("Process", "ephemeral") => "Whether the task is complete without it.",
        ("Process", "min_duration") => "Seconds from the end of a run to the start of the next.",
        ("Process", "final") => "Whether it runs at the end, whatever became of the others.",
        ("Process", "logger") => "Where its output goes.",
        ("Task" | "Process", "resources") => "What it needs of a machine.",
        ("Constraint", "order") => "Names of processes each of which waits for the one before it.",
        ("Resources", "cpu") => "Cores.",
        ("Resources", "ram") => "Bytes of memory.",
        ("Resources", "disk") => "Bytes of disk.",
        ("Resources", "gpu") => "Graphics processors.",
        ("Logger", "destination") => "The run's log folder, the runner's own output, both, or neither.",
        ("Logger", "mode") => "One file that grows, or files of bounded size.",
        ("Logger", "rotate") => "When files of bounded size are closed.",
        ("RotatePolicy", "log_size") => "Bytes at which a file is closed.",
        ("RotatePolicy", "backups") => "Closed files that are kept.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_described() {
        let schema = json_schema();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            for (field, property) in definition["properties"].as_object().unwrap() {
                assert_ne!(property["description"], "", "{name}.{field}");
            }
        }
    }
}
