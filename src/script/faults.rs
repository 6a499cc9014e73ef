//! Everything that does not fit in a value that an object cannot be made of, and the way to each.
//!
//! Making an object stops at the first part that does not fit; this goes through the rest, once it is known that
//! something is wrong.

use rhai::Dynamic;

use super::sites::Origin;
use super::values::{Entry, Keywords, keywords, typed};
use crate::types::{Error, Object, StructType, Type, Value};

/// A part that does not fit, and the way to it: `Task "ci".processes[1 "build"].max_failures`.
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) error: Error,
    /// The way.
    pub(crate) path: String,
}

/// Finds what does not fit in the value of a field.
pub(crate) fn in_field(structure: &StructType, entry: &Entry, path: &str) -> Vec<Fault> {
    let path = format!("{path}.{}", entry.name());
    match structure.known_position(entry.name(), entry.name_span()) {
        Ok(position) => in_value(&structure.field_type(position), &entry.value, entry.origin(), path),
        Err(error) => vec![Fault { error, path }],
    }
}

/// Finds what does not fit in a value that is to become an object of a type.
pub(crate) fn in_value(ty: &Type, value: &Dynamic, origin: &Origin, path: String) -> Vec<Fault> {
    let Err(error) = typed(ty, value, origin) else { return Vec::new() };
    let inner = match ty {
        Type::List(element) => in_list(element, value, origin, &path),
        Type::Map(entry) => keywords(value, origin).map_or_else(Vec::new, |given| {
            let inside = |one: &Entry| {
                in_value(&entry.1, &one.value, one.origin(), format!("{path}[{:?}]", one.name()))
            };
            given.0.iter().flat_map(inside).collect()
        }),
        Type::Struct(structure) => keywords(value, origin).map_or_else(Vec::new, |given| {
            given.0.iter().flat_map(|entry| in_field(structure, entry, &path)).collect()
        }),
        _ => Vec::new(),
    };
    if inner.is_empty() { vec![Fault { error: error.at(origin.span), path }] } else { inner }
}

fn in_list(element: &Type, value: &Dynamic, origin: &Origin, path: &str) -> Vec<Fault> {
    let Ok(items) = value.as_array_ref() else { return Vec::new() };
    let inside = |(index, item): (usize, &Dynamic)| {
        let named = match name_of(item) {
            Some(name) => format!("{path}[{index} \"{name}\"]"),
            None => format!("{path}[{index}]"),
        };
        in_value(element, item, origin.item(index), named)
    };
    items.iter().enumerate().flat_map(inside).collect()
}

/// Names an object in the making: `Process "web"`.
pub(crate) fn root(structure: &StructType, given: &Keywords) -> String {
    match given.get("name").and_then(|name| name.value.clone().into_immutable_string().ok()) {
        Some(name) => format!("{} \"{name}\"", structure.name()),
        None => structure.name().to_owned(),
    }
}

fn name_of(item: &Dynamic) -> Option<String> {
    if let Some(object) = item.read_lock::<Object>() {
        return object.field("name").and_then(Object::raw).map(Value::to_string);
    }
    keywords(item, &Origin::default())?.get("name")?.value.clone().into_string().ok()
}
