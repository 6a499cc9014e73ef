//! Finds what in a JSON document can never be part of a task: unknown fields, a list where text belongs.
//!
//! The types refuse such a document as a whole and know no places in it; here each mistake is told with its place, and
//! taken out, so that what is left can be checked as any other task.

use serde_json::{Map, Value as Json};

use super::json_places::{Key, locate};
use crate::diagnostics::{Diagnostic, SourceId, Sources, Span, did_you_mean, with_article};
use crate::types::{StructType, Type};

/// The most mistakes that are told: each is searched for in the whole text.
const MAX_PROBLEMS: usize = 1000;

/// What is wrong with the shape of a document.
pub(super) struct Shape<'a> {
    sources: &'a Sources,
    source: SourceId,
    /// The place of the document in a list of them.
    index: usize,
    /// Names the task, as far as it is known.
    task: String,
    path: Vec<(Key, String)>,
    /// What is wrong.
    pub(super) problems: Vec<Diagnostic>,
    /// The structs from which fields were taken, by place, and the names of those fields.
    pub(super) flawed: Vec<(Span, String)>,
}

impl<'a> Shape<'a> {
    /// Starts with the document at `index`.
    pub(super) fn new(sources: &'a Sources, source: SourceId, index: usize, document: &Json) -> Shape<'a> {
        let task = match document["name"].as_str() {
            Some(name) => format!("task {name:?}"),
            None => format!("document {}", index + 1),
        };
        Shape { sources, source, index, task, path: Vec::new(), problems: Vec::new(), flawed: Vec::new() }
    }

    /// Returns what of `json` can be of the type; nothing if none of it can.
    pub(super) fn fit(&mut self, ty: &Type, json: Json) -> Option<Json> {
        match (ty, json) {
            (Type::Struct(structure), Json::Object(fields)) => {
                let fields = self.fields(structure, fields);
                Some(Json::Object(fields))
            }
            (Type::List(element), Json::Array(items)) => {
                let (mut kept, count) = (Vec::new(), items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let shown = match item["name"].as_str() {
                        Some(name) => format!("[{index} \"{name}\"]"),
                        None => format!("[{index}]"),
                    };
                    kept.extend(self.inside(Key::Index(index), shown, element, item));
                }
                // Without one of its elements the places of those behind it would be wrong.
                (kept.len() == count).then_some(Json::Array(kept))
            }
            (Type::Map(entry), Json::Object(fields)) => {
                let mut kept = Map::new();
                for (name, value) in fields {
                    let shown = format!("[\"{name}\"]");
                    if let Some(value) = self.inside(Key::Field(name.clone()), shown, &entry.1, value) {
                        kept.insert(name, value);
                    }
                }
                Some(Json::Object(kept))
            }
            (Type::Choice(_), json) => Some(json),
            (Type::Struct(_) | Type::List(_) | Type::Map(_), json) | (_, json @ Json::Null) => {
                self.refuse(ty, &json)
            }
            (
                Type::String | Type::Integer | Type::Float | Type::Boolean,
                json @ (Json::Array(_) | Json::Object(_)),
            ) => self.refuse(ty, &json),
            (Type::Enum(values), Json::String(text)) if !text.contains("{{") && !text.contains("<<") => {
                if values.values().contains(&text) {
                    return Some(Json::String(text));
                }
                let listed = values.values().join(", ");
                let help = match did_you_mean(&text, values.values().iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("write one of {listed}"),
                };
                let message = format!("expected one of {listed}, found {text:?}");
                self.found("bad_enum", message, "not one of these", help);
                None
            }
            (_, json) => Some(json),
        }
    }

    fn fields(&mut self, structure: &StructType, fields: Map<String, Json>) -> Map<String, Json> {
        let mut kept = Map::new();
        for (name, value) in fields {
            let value = match structure.position(&name) {
                Some(position) => {
                    let ty = structure.field_type(position);
                    self.inside(Key::Field(name.clone()), format!(".{name}"), &ty, value)
                }
                None => {
                    self.unknown(structure, &name);
                    None
                }
            };
            match value {
                Some(value) => drop(kept.insert(name, value)),
                None => {
                    let place = self.place();
                    self.flawed.push((place, name));
                }
            }
        }
        kept
    }

    fn inside(&mut self, key: Key, shown: String, ty: &Type, json: Json) -> Option<Json> {
        self.path.push((key, shown));
        let fitting = self.fit(ty, json);
        self.path.pop();
        fitting
    }

    fn unknown(&mut self, structure: &StructType, name: &str) {
        let known: Vec<&str> = structure.fields().iter().map(|field| field.name.as_str()).collect();
        let help = match did_you_mean(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("{} has the fields {}", structure.name(), known.join(", ")),
        };
        self.path.push((Key::Name(name.to_owned()), format!(".{name}")));
        let message = format!("{} has no field `{name}`", structure.name());
        self.found("unknown_field", message, "unknown field", help);
        self.path.pop();
    }

    fn refuse<T>(&mut self, ty: &Type, json: &Json) -> Option<T> {
        let (expected, help) = expectation(ty);
        let message = format!("expected {expected}, found {}", kind(json));
        self.found("wrong_type", message, &format!("this is {}", kind(json)), help);
        None
    }

    fn found(&mut self, code: &str, message: String, label: &str, help: String) {
        if self.problems.len() == MAX_PROBLEMS {
            return;
        }
        let path: String = self.path.iter().map(|(_, shown)| shown.as_str()).collect();
        let place = self.sources.place(self.place());
        let diagnostic = Diagnostic::error(code, message).with_label(place, label).with_help(help);
        self.problems.push(diagnostic.with_path(format!("{}{path}", self.task)));
    }

    fn place(&self) -> Span {
        let text = self.sources.get(self.source).map_or("", |source| source.text.as_str());
        let keys: Vec<Key> = self.path.iter().map(|(key, _)| key.clone()).collect();
        locate(text, self.source, self.index, &keys).unwrap_or(Span::new(self.source, 1, 1, 0))
    }
}

fn expectation(ty: &Type) -> (String, String) {
    match ty {
        Type::String => ("text".to_owned(), "put it in quotes".to_owned()),
        Type::Integer => ("an integer".to_owned(), "write a number, such as 3".to_owned()),
        Type::Float => ("a number".to_owned(), "write a number, such as 0.5".to_owned()),
        Type::Boolean => ("true or false".to_owned(), "write true or false, without quotes".to_owned()),
        Type::List(element) => (
            format!("a list of {}", element.name()),
            format!("write [ ... ] with each {} inside", element.name()),
        ),
        Type::Struct(structure) => {
            let fields: Vec<&str> = structure.fields().iter().map(|field| field.name.as_str()).collect();
            (
                with_article(structure.name()),
                format!("write an object with its fields: {}", fields.join(", ")),
            )
        }
        other => (with_article(&other.name()), "write an object: {\"key\": value}".to_owned()),
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
