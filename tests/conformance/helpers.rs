//! The helpers of the standard library, called from a script as users call them.

use std::fmt::Write;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};
use thermos::diagnostics::Sources;
use thermos::script::{Exports, Limits, NoFiles, Session};
use thermos::template::Work;
use thermos::types::{Object, Value};

use super::answers::same_value;
use super::objects::observe;
use super::{Verdict, answers::Types, same};

pub(super) fn run(case: &Json) -> Verdict {
    let (helper, expect) = (case["helper"].as_str().unwrap(), &case["expect"]);
    let script = match helper {
        "constants" => "print(`${BYTES} ${KB} ${MB} ${GB} ${TB}`);".to_owned(),
        "order" => format!("export(Task(name = \"t\", constraints = {}));", call("order", case)),
        "resources_sum" | "resources_max" => {
            format!("export(Task(name = \"t\", resources = {}));", call(&format!("Units::{helper}"), case))
        }
        "finalization_wait_sum" | "finalization_wait_max" => {
            format!("print({});", call(&format!("Units::{helper}"), case))
        }
        "java_options" | "python_options" => format!("print({});", call(helper, case)),
        _ => format!("export({});", call(helper, case)),
    };
    let mut session =
        Session::new(&Limits::default(), Box::new(NoFiles), IndexMap::new(), Sources::default());
    let result = match session.run("case.thermos", &script) {
        Ok(exports) if expect["error"].is_null() => compare(helper, &exports, case),
        Ok(_) if expect["error"]["class"] == "crash" => Ok(()),
        Ok(exports) => Err(format!("expected {}, found {:?}", expect["error"], exports.printed)),
        Err(found) if expect["error"].is_null() => Err(format!("{found:?}")),
        Err(found) => match expect["error"]["message"].as_str() {
            Some(message) if !found[0].message.contains(message) => {
                Err(format!("message: {}", found[0].message))
            }
            _ => Ok(()),
        },
    };
    result.map_err(|reason| format!("{helper}: {reason}\n{script}"))
}

fn compare(helper: &str, exports: &Exports, case: &Json) -> Verdict {
    let expect = &case["expect"];
    let printed = || exports.printed.first().cloned().unwrap_or_default();
    let task = || exports.tasks.first().map(|export| export.task.clone()).ok_or("nothing is exported");
    match helper {
        "constants" => {
            let expected = ["BYTES", "KB", "MB", "GB", "TB"].map(|name| expect[name].to_string()).join(" ");
            same("constants", printed(), expected)
        }
        "java_options" | "python_options" => {
            same("text", printed().as_str(), expect["text"].as_str().unwrap())
        }
        "finalization_wait_sum" | "finalization_wait_max" => {
            same("value", printed(), expect["value"].to_string())
        }
        "order" => constraints(&task()?, &expect["constraints"], true),
        "SimpleTask" => observe(&task()?, case, &Types::of(case)),
        "SequentialTask" => {
            let task = task()?;
            constraints(&task, &expect["constraints"], true)?;
            value("processes", &task, &expect["processes"])
        }
        "resources_sum" | "resources_max" => value("resources", &task()?, &expect["resources"]),
        _ => {
            let task = task()?;
            for field in ["resources", "finalization_wait", "max_failures", "max_concurrency", "user", "name"]
            {
                if expect.get(field).is_some() {
                    value(field, &task, &expect[field])?;
                }
            }
            constraints(&task, &expect["constraints_multiset"], false)?;
            processes(&task, &expect["processes_set"])
        }
    }
}

fn plain(task: &Object, field: &str) -> Value {
    let found = task.interpolated_field(field, &Work::default()).unwrap();
    found.map_or(Value::Null, |field| field.object.get().unwrap())
}

fn value(field: &str, task: &Object, expected: &Json) -> Verdict {
    let found = plain(task, field);
    let message = || format!("{field}: expected {expected}, found {found:?}");
    if same_value(&found, expected) { Ok(()) } else { Err(message()) }
}

fn processes(task: &Object, expected: &Json) -> Verdict {
    match (plain(task, "processes"), expected.as_array()) {
        (Value::Null, None) => Ok(()),
        (Value::List(found), Some(expected)) => {
            let all = expected.iter().all(|expected| found.iter().any(|found| same_value(found, expected)));
            same("processes", (all, found.len()), (true, expected.len()))
        }
        (found, _) => Err(format!("processes: {found:?}")),
    }
}

fn constraints(task: &Object, expected: &Json, in_order: bool) -> Verdict {
    let Value::List(found) = plain(task, "constraints") else { return Err("no constraints".to_owned()) };
    let order = |constraint: &Value| match Json::from(constraint) {
        Json::Object(fields) => fields.get("order").cloned().unwrap_or_default(),
        _ => Json::Null,
    };
    let mut found: Vec<String> = found.iter().map(|constraint| order(constraint).to_string()).collect();
    let mut expected: Vec<String> = expected.as_array().unwrap().iter().map(Json::to_string).collect();
    if !in_order {
        found.sort();
        expected.sort();
    }
    same("constraints", json!(found), json!(expected))
}

/// Writes the call of a case as a script does; options given as maps become maps of one option, to keep their order.
fn call(helper: &str, case: &Json) -> String {
    let is_options = helper.ends_with("_options");
    let mut arguments = Vec::new();
    for argument in case["args"].as_array().into_iter().flatten() {
        match argument.as_object() {
            Some(options) if is_options => {
                arguments.extend(options.iter().map(|(name, value)| literal(&json!({name: value}))));
            }
            _ => arguments.push(literal(argument)),
        }
    }
    arguments.extend(case["kwargs"].as_object().into_iter().flatten().map(keyword));
    format!("{helper}({})", arguments.join(", "))
}

fn keyword((name, value): (&String, &Json)) -> String {
    format!("{name} = {}", literal(value))
}

fn literal(json: &Json) -> String {
    match json {
        Json::Null => "()".to_owned(),
        Json::Array(values) => format!("[{}]", joined(values)),
        Json::Object(entries) if entries.contains_key("$empty") => "Empty".to_owned(),
        Json::Object(entries) if entries.contains_key("$new") => {
            let value = match entries["value"].as_object() {
                Some(fields) => fields.iter().map(keyword).collect::<Vec<_>>().join(", "),
                None => literal(&entries["value"]),
            };
            let object = format!("{}({value})", entries["$new"].as_str().unwrap());
            json["ops"].as_array().into_iter().flatten().fold(object, operated)
        }
        Json::Object(entries) => {
            let mut text = "#{".to_owned();
            for (key, value) in entries {
                write!(text, "{}: {},", Json::from(key.as_str()), literal(value)).unwrap();
            }
            text + "}"
        }
        Json::Number(number) if number.is_f64() => format!("{:?}", number.as_f64().unwrap()),
        scalar => scalar.to_string(),
    }
}

/// Writes an operation behind the object that it is for.
fn operated(object: String, operation: &Json) -> String {
    let arguments = &operation.as_array().unwrap()[1..];
    match operation[0].as_str().unwrap() {
        "mod" => format!("({object} % {})", joined(arguments)),
        "interpolate" => format!("{object}.interpolate()[0]"),
        "with" => {
            let fields: Vec<String> = arguments[0].as_object().unwrap().iter().map(keyword).collect();
            format!("{object}({})", fields.join(", "))
        }
        name => format!("{object}.{name}({})", joined(arguments)),
    }
}

fn joined(values: &[Json]) -> String {
    values.iter().map(literal).collect::<Vec<_>>().join(", ")
}
