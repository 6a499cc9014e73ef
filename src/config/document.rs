//! What `inspect` tells of a task: its document, its ports, and what is still open.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::schema;
use crate::template::{self, Fragment, Work};
use crate::types::{Error, Object, Value};

/// What is known of a typechecked task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The name, as far as it is known.
    pub name: String,
    /// As `thermos run --json` reads it: defaults filled in, known references replaced, the rest as tags.
    pub json: Json,
    /// In the form in which scripts print objects.
    pub text: String,
    /// The named ports that it needs.
    pub ports: Vec<String>,
    /// References that nothing is bound to, besides those that the runner binds.
    pub open: Vec<String>,
}

impl Document {
    /// Reads a task object that has passed the typecheck.
    pub(super) fn of(object: &Object, name: String, work: &Work) -> Result<Document, Error> {
        let mut open = BTreeSet::new();
        let json = document(object, &mut open, work)?;
        let ports = schema::ports(object, work).unwrap_or_default();
        let text = text(object, work)?;
        Ok(Document {
            name,
            json,
            text,
            ports: ports.into_iter().collect(),
            open: open.into_iter().collect(),
        })
    }
}

/// Writes an object so that reading it back gives the same: text that looks like a tag is escaped, open tags are kept.
fn document(object: &Object, open: &mut BTreeSet<String>, work: &Work) -> Result<Json, Error> {
    if let Some(entries) = object.entries() {
        let entries = entries.iter().map(|(key, value)| Ok((key.text(work)?, document(value, open, work)?)));
        return Ok(Json::Object(entries.collect::<Result<Map<_, _>, Error>>()?));
    }
    if object.elements().is_some() {
        let elements = object.elements_in_scope();
        return elements.iter().map(|element| document(element, open, work)).collect();
    }
    if object.ty().is_container() {
        let names: Vec<String> = object.fields().map(|(name, _)| name.to_owned()).collect();
        let mut fields = Map::new();
        for name in names {
            if let Some(field) = object.field_in_scope(&name) {
                fields.insert(name, document(&field, open, work)?);
            }
        }
        return Ok(Json::Object(fields));
    }
    scalar(object, open, work)
}

fn scalar(object: &Object, open: &mut BTreeSet<String>, work: &Work) -> Result<Json, Error> {
    let interpolated = object.interpolate(work)?;
    let tags = interpolated.unbound.iter().filter(|tag| !schema::is_runtime_reference(&tag.reference));
    open.extend(tags.map(|tag| tag.to_string()));
    let Some(Value::Text(text)) = interpolated.object.raw() else {
        return Ok(Json::from(&interpolated.object.get()?));
    };
    let Some(resolved) = object.resolve(work)? else { return Ok(Json::from(text.as_ref())) };
    let piece = |fragment: &Fragment| match fragment {
        Fragment::Literal(text) => template::escape(text),
        Fragment::Tag(tag) => tag.to_string(),
    };
    Ok(Json::from(resolved.fragments.iter().map(piece).collect::<String>()))
}

/// Shows an object with its types, and text as the runner will take it.
///
/// Not [`Object::repr`], which resolves what it shows a second time and so reads escaped tags as tags.
fn text(object: &Object, work: &Work) -> Result<String, Error> {
    let name = object.ty().name();
    if let Some(entries) = object.entries() {
        let entries =
            entries.iter().map(|(key, value)| Ok(format!("{} => {}", key.text(work)?, text(value, work)?)));
        return Ok(format!("{name}({})", entries.collect::<Result<Vec<_>, Error>>()?.join(", ")));
    }
    if object.elements().is_some() {
        let elements = object.elements_in_scope();
        let elements = elements.iter().map(|element| text(element, work)).collect::<Result<Vec<_>, _>>()?;
        return Ok(format!("{name}({})", elements.join(", ")));
    }
    if !object.ty().is_container() {
        return Ok(object.interpolate(work)?.object.raw().map(Value::to_string).unwrap_or_default());
    }
    let mut fields = Vec::new();
    for (field, _) in object.fields() {
        if let Some(value) = object.field_in_scope(field) {
            fields.push(format!("{field}={}", text(&value, work)?));
        }
    }
    let separator = format!(",\n{}", " ".repeat(name.chars().count() + 1));
    Ok(format!("{name}({})", fields.join(&separator)))
}
