//! thermos_schema.json: the task document, its ports and its validation.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use thermos::plan::{Graph, Node, Stage};
use thermos::schema::{self, PortsError, schema};
use thermos::template::Work;
use thermos::types::{Error, Object, Type, Value};

use super::answers::{Types, class, same_value};
use super::objects::type_text;
use super::{Verdict, same};

pub(super) fn run(case: &Json) -> Verdict {
    let expect = &case["expect"];
    match case["kind"].as_str().unwrap() {
        "type_fields" => type_fields(&Types::of(case).parse(&case["type"]), &expect["fields"]),
        "enum_values" => {
            let ty = if case["type"] == "LoggerMode" {
                &schema().logger_mode
            } else {
                &schema().logger_destination
            };
            let Type::Enum(enumeration) = ty else { return Err("no enumeration".to_owned()) };
            same("enum", &json!({"name": enumeration.name(), "values": enumeration.values()}), expect)
        }
        "process_name" => {
            let name = case["name"].as_str().unwrap();
            verdict(original::process_name(name).map_err(Invalid::task), expect)
        }
        "extract_ports" => {
            let ports = build(case).and_then(|object| Ok(schema::ports(&object, &Work::default())?));
            answer(ports, expect)
        }
        "task_ports" => {
            answer(build(case).and_then(|task| original::task_ports(&task, case["strict"] == true)), expect)
        }
        _ => verdict(build(case).and_then(|task| original::validate_task(&task)), expect),
    }
}

/// Why there is no answer, in the words of the cases.
struct Invalid {
    class: &'static str,
    message: String,
}

impl Invalid {
    fn task(message: String) -> Invalid {
        Invalid { class: "invalid_task", message }
    }
}

impl From<PortsError> for Invalid {
    fn from(error: PortsError) -> Invalid {
        let class = match &error {
            PortsError::BadSpecification(_) => "invalid_ports",
            PortsError::Types(error) => class(error),
        };
        Invalid { class, message: error.to_string() }
    }
}

impl From<Error> for Invalid {
    fn from(error: Error) -> Invalid {
        Invalid { class: class(&error), message: error.to_string() }
    }
}

fn build(case: &Json) -> Result<Object, Invalid> {
    Ok(Types::of(case).build(&case["build"])?)
}

fn type_fields(ty: &Type, expected: &Json) -> Verdict {
    let Type::Struct(structure) = ty else { return Err("no struct".to_owned()) };
    let expected = expected.as_array().unwrap();
    same("fields", structure.fields().len(), expected.len())?;
    for (field, expected) in structure.fields().iter().zip(expected) {
        let found = json!([field.name, type_text(&field.ty), field.required, field.default.is_some()]);
        let wanted =
            json!([expected["field"], expected["type"], expected["required"], expected["has_default"]]);
        same("field", &found, &wanted)?;
        let default = field.default.as_deref().map_or(Ok(Value::Null), Object::get).unwrap();
        if !same_value(&default, &expected["default"]) {
            return Err(format!("default of {}: {default:?}", field.name));
        }
    }
    Ok(())
}

fn answer(found: Result<BTreeSet<String>, Invalid>, expect: &Json) -> Verdict {
    match found {
        _ if expect["error"]["class"] == "crash" => Ok(()),
        Ok(ports) => same("ports", &json!({"ports": ports}), expect),
        Err(invalid) => same_failure(&invalid, expect),
    }
}

fn same_failure(invalid: &Invalid, expect: &Json) -> Verdict {
    same("error", invalid.class, expect["error"]["class"].as_str().unwrap_or("no error"))?;
    match expect["error"]["message"].as_str() {
        Some(message) => same("message", invalid.message.as_str(), message),
        None => Ok(()),
    }
}

fn verdict(found: Result<(), Invalid>, expect: &Json) -> Verdict {
    if !expect["error"].is_null() {
        return answer(found.map(|()| BTreeSet::new()), expect);
    }
    same("ok", found.is_ok(), expect["ok"] == true)?;
    let Err(found) = found.map_err(|invalid| invalid.message) else { return Ok(()) };
    if let Some(message) = expect["message"].as_str() {
        same("message", found.as_str(), message)?;
    }
    let unbound = expect["unbound_sorted"].as_array().into_iter().flatten();
    let words = unbound.map(|word| word.as_str().unwrap());
    same("unbound", words.filter(|word| !found.contains(word)).collect(), Vec::<&str>::new())
}

/// The original's own validation, with its verdicts and texts; users get [`schema::check_task`] instead.
mod original {
    use super::*;
    use thermos::diagnostics::Span;
    use thermos::types::bindings;

    pub(super) fn process_name(name: &str) -> Result<(), String> {
        let valid = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        if valid { Ok(()) } else { Err(format!("Invalid process name: {name}")) }
    }

    fn processes(task: &Object, work: &Work) -> Result<Vec<Object>, Error> {
        let list = task.interpolated_field("processes", work)?;
        let list = list.map(|list| list.object.interpolate(work)).transpose()?;
        Ok(list.and_then(|list| list.object.elements().map(<[Object]>::to_vec)).unwrap_or_default())
    }

    pub(super) fn task_ports(task: &Object, strict: bool) -> Result<BTreeSet<String>, Invalid> {
        let work = Work::default();
        if strict && let Some(problem) = task.typecheck(&work).first() {
            return Err(Invalid { class: "invalid_task", message: problem.message(&work)? });
        }
        let mut ports = BTreeSet::new();
        for process in processes(&task.interpolate(&work)?.object, &work)? {
            match schema::ports(&process, &work) {
                Ok(found) => ports.extend(found),
                Err(PortsError::BadSpecification(_)) => {
                    let message = format!("Task has invalid process: {}", process.text(&work)?);
                    return Err(Invalid { class: "invalid_task", message });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ports)
    }

    pub(super) fn validate_task(task: &Object) -> Result<(), Invalid> {
        let work = Work::default();
        for process in processes(task, &work)? {
            if let Some(name) = process.interpolated_field("name", &work)? {
                process_name(&name.object.get()?.to_string())
                    .map_err(|message| Invalid::task(format!("Task has invalid process: {message}")))?;
            }
        }
        if let Some(problem) = task.typecheck(&work).first() {
            let message = problem.message(&work)?;
            return Err(Invalid::task(format!("Failed to fully evaluate task: {message}")));
        }
        plan(task, &work).map_err(|error| Invalid::task(format!("Task has invalid plan: {error}")))?;
        let bound = task.modulo(context(task, &work)?.into(), &work)?;
        let open = bound.interpolate(&work)?.unbound_addresses();
        if open.is_empty() {
            return Ok(());
        }
        let open: Vec<String> = open.iter().map(|address| format!("{{{{{address}}}}}")).collect();
        let hint = "Make sure you are not nesting template variables.";
        Err(Invalid::task(format!("Unexpected unbound refs: {}. {hint}", open.join(" "))))
    }

    fn plan(task: &Object, work: &Work) -> Result<(), String> {
        let text = |object: &Object, field: &str| {
            let field = object.interpolated_field(field, work).ok().flatten();
            field.and_then(|field| field.object.text(work).ok()).unwrap_or_default()
        };
        let node = |process: &Object| Node {
            name: text(process, "name"),
            max_failures: text(process, "max_failures").parse().unwrap(),
            min_duration: text(process, "min_duration").parse().unwrap(),
            daemon: text(process, "daemon") == "True",
            ephemeral: text(process, "ephemeral") == "True",
            is_final: text(process, "final") == "True",
        };
        let nodes: Vec<Node> = processes(task, work).unwrap_or_default().iter().map(node).collect();
        let constraints = task.interpolated_field("constraints", work).map_err(|error| error.to_string())?;
        let constraints = constraints.map(|field| field.object);
        let constraints = constraints.as_ref().and_then(Object::elements).unwrap_or_default();
        let names = |constraint: &Object| match constraint.get() {
            Ok(Value::Map(fields)) => {
                match fields.into_iter().find(|(name, _)| name.as_text() == Some("order")) {
                    Some((_, Value::List(names))) => names.iter().map(Value::to_string).collect(),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        let orders: Vec<Vec<String>> = constraints.iter().map(names).collect();
        let orders: Vec<&[String]> = orders.iter().map(Vec::as_slice).collect();
        for stage in [Stage::Ordinary, Stage::Final] {
            Graph::new(nodes.clone(), &orders, stage).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn context(task: &Object, work: &Work) -> Result<thermos::template::Environment<Object>, Error> {
        let ports = schema::ports(task, work).unwrap_or_default();
        let ports = Value::Map(ports.iter().map(|port| (Value::text(port.as_str()), 31337.into())).collect());
        let fields = [("task_id", "task-0".into()), ("user", "nobody".into()), ("ports", ports)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value, Span::NONE));
        let context = Object::with_fields(&schema().context, fields, Span::NONE)?;
        bindings::environment(&Value::map([("thermos", context.into())]), Span::NONE)
    }
}
