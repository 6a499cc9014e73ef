//! What there is to know of the names of the language: types with their fields, functions, helpers, methods.

use rhai::Dynamic;

use super::stdlib;
use crate::schema::schema;
use crate::types::{Object, StructType, Type};

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// How it is written.
    pub usage: String,
    /// What it does, in a few words.
    pub about: String,
    /// For a type: each field, and what it means.
    pub fields: Vec<(String, String)>,
}

/// Functions without a module, as they are called, and what they do.
const FUNCTIONS: [(&str, &str); 22] = [
    ("export(task)", "hands a task over to `thermos run` and `thermos check`"),
    ("include(\"path\")", "puts the statements of another file here; a statement of its own"),
    ("param(name, default)", "a value that `-E name=value` sets, or `:set name=value` in the shell"),
    ("print(value)", "shows a value while the script is evaluated"),
    ("range(n)", "the numbers from 0 to n - 1 as a list; range(first, end) begins elsewhere"),
    ("join(list, separator)", "the elements of a list as one text; also list.join(separator)"),
    ("type_of(value)", "the name of what the script engine takes a value for"),
    ("parse_int(text)", "the whole number that a text says"),
    ("parse_float(text)", "the number that a text says"),
    ("String(value)", "text, with references in it"),
    ("Integer(value)", "a whole number, or a text that refers to one"),
    ("Float(value)", "a number, or a text that refers to one"),
    ("Boolean(value)", "true or false, or a text that refers to one"),
    ("List(T)", "the type of lists of T"),
    ("Map(K, V)", "the type of maps from K to V"),
    ("Enum(\"a\", \"b\")", "the type of one of some texts; Enum(\"Name\", [\"a\", \"b\"]) has a name"),
    ("Choice([A, B])", "the type of what A takes, or else B"),
    ("Struct(\"Name\", field = T)", "a type with fields; inside of it, \"Name\" is the type itself"),
    ("Required(T)", "in a Struct: a field that must be set"),
    ("Default(T, value)", "in a Struct: a field with a default"),
    ("min(a, b)", "the smaller of two"),
    ("max(a, b)", "the larger of two"),
];

/// Methods of objects.
pub(super) const METHODS: [(&str, &str); 7] = [
    ("bind(name = value)", "a copy in which references are filled in; what is bound last wins"),
    ("in_scope(name = value)", "a copy in which references are filled in, unless something nearer does"),
    ("check()", "says what is wrong: TypeCheck(OK) or TypeCheck(FAILED): why"),
    (
        "interpolate()",
        "a list: a copy without references that are bound, and the names of those that are open",
    ),
    ("get()", "the plain value, with its references as they are"),
    ("to_json()", "the plain value as JSON"),
    ("scopes()", "what was bound, as a list of maps"),
];

/// What the fields of the types of a task mean.
const FIELDS: [(&str, &str, &str); 30] = [
    ("Process", "cmdline", "what bash runs"),
    ("Process", "name", "unique in its task"),
    ("Process", "resources", "what it needs; limits with --enforce"),
    ("Process", "max_failures", "failed runs that fail the process; 0: no limit"),
    ("Process", "daemon", "runs again after success"),
    ("Process", "ephemeral", "the task does not wait for it"),
    ("Process", "min_duration", "seconds from the end of a run to the next"),
    ("Process", "final", "runs at the end, whatever happened"),
    ("Process", "logger", "where its output goes"),
    ("Task", "name", "task ids begin with it"),
    ("Task", "processes", "what is run"),
    ("Task", "constraints", "who waits for whom: order(a, b) + order(c, d)"),
    ("Task", "resources", "what the whole needs; limits with --enforce"),
    ("Task", "max_failures", "failed processes that fail the task; 0: no limit"),
    ("Task", "max_concurrency", "processes at once; 0: no limit"),
    ("Task", "finalization_wait", "seconds for the end: stop what runs, run what is final"),
    ("Task", "user", "as whom commands run; another than yourself takes root"),
    ("Constraint", "order", "names of processes, each waits for the one before"),
    ("Resources", "cpu", "cores"),
    ("Resources", "ram", "bytes: 256 * MB"),
    ("Resources", "disk", "bytes: 1 * GB"),
    ("Resources", "gpu", "graphics processors"),
    ("Logger", "destination", "file, console, both, none"),
    ("Logger", "mode", "standard: a file that grows; rotate: files of bounded size"),
    ("Logger", "rotate", "when files are rotated"),
    ("RotatePolicy", "log_size", "bytes of a file"),
    ("RotatePolicy", "backups", "older files that are kept"),
    ("ThermosContext", "ports", "{{thermos.ports[name]}}: a port that -P names"),
    ("ThermosContext", "task_id", "{{thermos.task_id}}"),
    ("ThermosContext", "user", "{{thermos.user}}"),
];

/// What the types of a task are.
const TYPES: [(&str, &str); 7] = [
    ("Process", "one command line and how it is run"),
    ("Task", "a graph of processes"),
    ("Constraint", "processes in the order in which they run"),
    ("Resources", "what a task or a process needs of a machine"),
    ("Logger", "where the output of a process goes"),
    ("RotatePolicy", "when rotated logs are rotated"),
    ("ThermosContext", "what the runner binds to `thermos`"),
];

/// Constants that are no types.
const CONSTANTS: [(&str, &str); 6] = [
    ("Empty", "no value: unsets a field"),
    ("BYTES", "1"),
    ("KB", "1024 bytes"),
    ("MB", "1024 KB"),
    ("GB", "1024 MB"),
    ("TB", "1024 GB"),
];

/// Returns the types that scripts know by name.
pub(super) fn types() -> Vec<(&'static str, Type)> {
    let scalars = [
        ("String", Type::String),
        ("Integer", Type::Integer),
        ("Float", Type::Float),
        ("Boolean", Type::Boolean),
    ];
    let named = schema().named().into_iter().map(|(name, ty)| (name, ty.clone()));
    named.chain(scalars).collect()
}

/// Returns the names of functions that need no module.
pub(super) fn functions() -> Vec<&'static str> {
    let name = |call: &'static str| call.split('(').next().unwrap_or(call);
    let own =
        FUNCTIONS.iter().map(|(call, _)| name(call)).filter(|name| name.starts_with(char::is_lowercase));
    own.chain(stdlib::LIBRARY).collect()
}

/// Returns how a function is called; one that begins with a dot is a method.
pub(super) fn signature(name: &str) -> Option<String> {
    if let Some(method) = name.strip_prefix('.') {
        return METHODS.iter().find(|(call, _)| is_call_of(call, method)).map(|(call, _)| (*call).to_owned());
    }
    let function =
        FUNCTIONS.iter().find(|(call, _)| is_call_of(call, name)).map(|(call, _)| (*call).to_owned());
    function.or_else(|| stdlib::document(name).map(|(usage, _)| usage))
}

/// Returns the keywords that a helper takes.
pub(super) fn keywords(name: &str) -> Vec<String> {
    let names = |ty: &Type| match ty {
        Type::Struct(structure) => structure.fields().iter().map(|field| field.name.clone()).collect(),
        _ => Vec::new(),
    };
    match name {
        "SimpleTask" | "Tasks::simple" => vec!["name".to_owned(), "command".to_owned()],
        "SequentialTask" | "combine_tasks" | "concat_tasks" | "Tasks::sequential" | "Tasks::combine"
        | "Tasks::concat" | "export" => names(&schema().task),
        _ => Vec::new(),
    }
}

/// Returns methods of a value that is no object.
pub(super) fn methods_of(value: &Dynamic) -> &'static [&'static str] {
    if value.is_array() {
        return &[
            "append(",
            "contains(",
            "filter(",
            "insert(",
            "join(",
            "len()",
            "map(",
            "pop()",
            "push(",
            "sort()",
        ];
    }
    if value.is_string() {
        return &[
            "contains(",
            "ends_with(",
            "len()",
            "replace(",
            "split(",
            "starts_with(",
            "to_lower()",
            "to_upper()",
            "trim()",
        ];
    }
    if value.is_int() || value.is_float() {
        return &["to_float()", "to_int()", "to_string()"];
    }
    &[]
}

/// Writes a field of a struct as it is given: with its default, or with its type.
pub(super) fn field(structure: &StructType, at: usize) -> String {
    let field = &structure.fields()[at];
    match &field.default {
        Some(default) => format!("{} = {}", field.name, default_text(default)),
        None => format!("{}: {}", field.name, field.ty.name()),
    }
}

fn default_text(default: &Object) -> String {
    match (default.raw(), default.elements()) {
        (Some(value), _) => value.quoted(),
        (None, Some([])) => "[]".to_owned(),
        _ => default.to_string(),
    }
}

/// Returns what is known of a name.
pub fn topic(name: &str) -> Option<Topic> {
    let simple = |(usage, about): (&str, &str)| Topic {
        usage: usage.to_owned(),
        about: about.to_owned(),
        fields: Vec::new(),
    };
    if let Some((_, Type::Struct(structure))) = types().into_iter().find(|(known, _)| *known == name) {
        let about = TYPES.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
        return Some(Topic {
            usage: format!("{name}(...)"),
            about: about.to_owned(),
            fields: fields(&structure),
        });
    }
    let plain = name.trim_start_matches('.').trim_end_matches("()");
    let known = FUNCTIONS.iter().chain(&METHODS).find(|(call, _)| is_call_of(call, plain));
    let constant = || CONSTANTS.iter().find(|(known, _)| *known == name);
    if let Some(found) = known.or_else(constant) {
        return Some(simple(*found));
    }
    stdlib::document(plain).map(|(usage, about)| Topic { usage, about, fields: Vec::new() })
}

fn fields(structure: &StructType) -> Vec<(String, String)> {
    let about = |name: &str| {
        let known = FIELDS.iter().find(|(ty, field, _)| *ty == structure.name() && *field == name);
        known.map_or("", |(.., about)| about)
    };
    let field = |(at, known): (usize, &crate::types::Field)| {
        let required = if known.required { " (required)" } else { "" };
        (format!("{}{required}", field(structure, at)), about(&known.name).to_owned())
    };
    structure.fields().iter().enumerate().map(field).collect()
}

/// Returns the names of all topics, in groups that have a title.
pub fn topics() -> Vec<(&'static str, Vec<String>)> {
    let names = |calls: &[(&str, &str)]| -> Vec<String> {
        calls.iter().map(|(call, _)| call.split('(').next().unwrap_or(call).to_owned()).collect()
    };
    let types = types().into_iter().map(|(name, _)| name.to_owned()).collect();
    let functions = names(&FUNCTIONS).into_iter().filter(|name| name.starts_with(char::is_lowercase));
    let makers =
        ["List", "Map", "Enum", "Choice", "Struct", "Required", "Default"].map(str::to_owned).to_vec();
    let helpers = stdlib::LIBRARY.into_iter().map(str::to_owned);
    let of_modules = stdlib::modules().flat_map(|module| {
        stdlib::functions(module).into_iter().map(move |name| format!("{module}::{name}"))
    });
    vec![
        ("types", types),
        ("makers of types", makers),
        ("functions", functions.collect()),
        ("methods of objects", names(&METHODS)),
        ("helpers", helpers.chain(of_modules).collect()),
        ("constants", CONSTANTS.iter().map(|(name, _)| (*name).to_owned()).collect()),
    ]
}

fn is_call_of(call: &str, name: &str) -> bool {
    call.split('(').next() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_known_and_every_field_explained() {
        for name in topics().into_iter().flat_map(|(_, names)| names) {
            let found = topic(&name).unwrap_or_else(|| panic!("{name}"));
            assert!(!found.usage.is_empty() && !found.about.is_empty(), "{name}: {found:?}");
            assert!(found.fields.iter().all(|(_, about)| !about.is_empty()), "{name}: {found:?}");
        }
    }
}
