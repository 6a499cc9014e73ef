//! Between Rhai's values and typed ones: keywords, types as values, conversion, text.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, Map};

use super::sites::{Keyword, Origin};
use crate::diagnostics::{Span, with_article};
use crate::types::{Error, ErrorKind, Member, Object, StructType, Type, Value, float_text};

/// A keyword of a call and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The keyword as it was written.
    pub(crate) keyword: Arc<Keyword>,
    /// Its value.
    pub(crate) value: Dynamic,
}

impl Entry {
    /// Returns the keyword.
    pub(crate) fn name(&self) -> &str {
        &self.keyword.name
    }

    /// Returns where the keyword is written.
    pub(crate) fn name_span(&self) -> Span {
        self.keyword.name_span
    }

    /// Returns where the value is written.
    pub(crate) fn origin(&self) -> &Origin {
        &self.keyword.value
    }
}

/// The keywords of a call, in order: a value of its own, which functions get as their last argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keywords(pub(crate) Vec<Entry>);

impl Keywords {
    /// Returns the entry of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name() == name)
    }

    /// Takes a map as keywords, in alphabetical order.
    pub(crate) fn from_map(map: Map, origin: &Origin) -> Keywords {
        let entry = |(name, value): (rhai::Identifier, Dynamic)| {
            let value_origin = origin.field(&name).clone();
            let (name, name_span) = (name.to_string(), value_origin.span);
            Entry { keyword: Arc::new(Keyword { name, name_span, value: value_origin }), value }
        };
        Keywords(map.into_iter().map(entry).collect())
    }
}

/// A type, or something that makes types, as a value.
#[derive(Clone, Debug)]
pub(crate) enum TypeValue {
    /// A type: called, it makes an object.
    Type(Type),
    /// A maker of types.
    Maker(Maker),
    /// A field's type that must be set.
    Required(Type),
    /// A field's type with a default.
    Default(Type, Value),
    /// The marker that unsets a field.
    Empty,
}

/// What makes types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// `Enum("a", "b")`, `Enum("Name", ["a", "b"])`.
    Enum,
    /// `List(T)`.
    List,
    /// `Map(K, V)`.
    Map,
    /// `Choice([A, B])`, `Choice("Name", [A, B])`.
    Choice,
    /// `Struct("Name", field = T)`.
    Struct,
    /// `Required(T)`.
    Required,
    /// `Default(T, value)`.
    Default,
}

impl TypeValue {
    /// Names the type.
    pub(crate) fn name(&self) -> String {
        match self {
            TypeValue::Type(ty) => ty.name(),
            TypeValue::Maker(maker) => format!("{maker:?}"),
            TypeValue::Required(ty) => format!("Required({ty})"),
            TypeValue::Default(ty, value) => format!("Default({ty}, {})", value.quoted()),
            TypeValue::Empty => "Empty".to_owned(),
        }
    }
}

/// Takes Rhai's value as a plain one.
///
/// # Errors
/// What cannot be a value of a configuration, in words: `a function`.
pub(crate) fn plain(value: &Dynamic) -> Result<Value, String> {
    if let Some(scalar) = scalar(value) {
        return Ok(scalar);
    }
    if let Ok(array) = value.as_array_ref() {
        return array.iter().map(plain).collect::<Result<_, _>>().map(Value::List);
    }
    if let Ok(map) = value.as_map_ref() {
        let entry =
            |(key, value): (&rhai::Identifier, &Dynamic)| Ok((Value::text(key.as_str()), plain(value)?));
        return map.iter().map(entry).collect::<Result<_, String>>().map(Value::Map);
    }
    if let Some(keywords) = value.read_lock::<Keywords>() {
        let entry = |entry: &Entry| Ok((Value::text(entry.name()), plain(&entry.value)?));
        return keywords.0.iter().map(entry).collect::<Result<_, String>>().map(Value::Map);
    }
    if let Some(object) = value.read_lock::<Object>() {
        return Ok(object.clone().into());
    }
    if let Some(TypeValue::Empty) = value.read_lock::<TypeValue>().as_deref() {
        return Ok(Value::Empty);
    }
    Err(kind(value))
}

fn scalar(value: &Dynamic) -> Option<Value> {
    if value.is_unit() {
        return Some(Value::Null);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(Value::text(text.as_str()));
    }
    let bool = value.as_bool().map(Value::Bool);
    let int = bool.or_else(|_| value.as_int().map(Value::from));
    let float = int.or_else(|_| value.as_float().map(Value::Float));
    float.or_else(|_| value.as_char().map(|character| Value::text(character.to_string()))).ok()
}

/// Makes an object of Rhai's value, so that each part knows where it is written; nothing of `Empty`.
///
/// # Errors
/// The first part that does not fit.
pub(crate) fn typed(ty: &Type, value: &Dynamic, origin: &Origin) -> Result<Option<Object>, Error> {
    let at = origin.span;
    if let Some(object) = value.read_lock::<Object>()
        && object.ty() == ty
    {
        return Ok(Some(object.clone().or_at(at)));
    }
    match ty {
        Type::List(element) => {
            if let Ok(items) = value.as_array_ref() {
                let item = |(index, item): (usize, &Dynamic)| part(element, item, origin.item(index));
                let elements = items.iter().enumerate().map(item).collect::<Result<_, Error>>()?;
                return Ok(Some(Object::of_elements(ty, elements, at)));
            }
        }
        Type::Map(entry) => {
            if let Some(keywords) = keywords(value, origin) {
                let pair = |given: &Entry| {
                    let key = Object::coerced(&entry.0, &Value::text(given.name()), given.origin().span)?;
                    Ok((key, part(&entry.1, &given.value, given.origin())?))
                };
                let entries = keywords.0.iter().map(pair).collect::<Result<_, Error>>()?;
                return Ok(Some(Object::of_entries(ty, entries, at)));
            }
        }
        Type::Struct(structure) => {
            if let Some(keywords) = keywords(value, origin) {
                let members =
                    keywords.0.iter().map(|entry| member(structure, entry)).collect::<Result<_, _>>()?;
                return Ok(Some(Object::of_members(ty, structure, members, at)));
            }
        }
        _ => {}
    }
    match plain(value) {
        Ok(Value::Empty) => Ok(None),
        Ok(value) => Object::coerced(ty, &value, at).map(Some),
        Err(kind) => Err(Error {
            kind: ErrorKind::Coercion { value: kind, target: ty.name(), detail: None },
            at: origin.span,
        }),
    }
}

/// Makes a part of a list or map, which cannot be left out.
///
/// # Errors
/// A value that does not fit.
pub(crate) fn part(ty: &Type, value: &Dynamic, origin: &Origin) -> Result<Object, Error> {
    match typed(ty, value, origin)? {
        Some(object) => Ok(object),
        None => Object::coerced(ty, &Value::Empty, origin.span),
    }
}

/// Takes one field of a struct.
///
/// # Errors
/// An unknown field, a value that does not fit.
pub(crate) fn member(structure: &StructType, entry: &Entry) -> Result<Member, Error> {
    let position = structure.known_position(entry.name(), entry.name_span())?;
    Ok((position, typed(&structure.field_type(position), &entry.value, entry.origin())?))
}

/// Takes a map, or the keywords that a function was given, as keywords.
pub(crate) fn keywords(value: &Dynamic, origin: &Origin) -> Option<Keywords> {
    if let Some(keywords) = value.read_lock::<Keywords>() {
        return Some(keywords.clone());
    }
    let map = value.as_map_ref().ok()?;
    Some(Keywords::from_map(map.clone(), origin))
}

/// Gives Rhai a plain value.
pub(crate) fn dynamic(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Empty => Dynamic::from(TypeValue::Empty),
        Value::Bool(bool) => bool.into(),
        Value::Int(int) => {
            int.to_string().parse::<i64>().map_or_else(|_| int.to_string().into(), Dynamic::from)
        }
        Value::Float(float) => float.into(),
        Value::Text(text) => text.to_string().into(),
        Value::List(values) => values.into_iter().map(dynamic).collect::<Array>().into(),
        Value::Map(entries) => {
            let entry = |(key, value): (Value, Value)| (key.to_string().into(), dynamic(value));
            entries.into_iter().map(entry).collect::<Map>().into()
        }
        Value::Object(object) => Dynamic::from(*object),
    }
}

/// Names what a value is, with its article.
pub(crate) fn kind(value: &Dynamic) -> String {
    if let Some(object) = value.read_lock::<Object>() {
        return with_article(&object.ty().name());
    }
    if let Some(ty) = value.read_lock::<TypeValue>() {
        return format!("the type {}", ty.name());
    }
    if value.read_lock::<FnPtr>().is_some() {
        return "a function".to_owned();
    }
    if value.as_map_ref().is_ok() || value.read_lock::<Keywords>().is_some() {
        return "a map".to_owned();
    }
    if value.as_array_ref().is_ok() {
        return "a list".to_owned();
    }
    scalar(value).map_or_else(|| format!("a {}", value.type_name()), |value| value.kind())
}

/// Writes a value as `print` and texts show it.
pub(crate) fn show(value: &Dynamic) -> String {
    if let Some(object) = value.read_lock::<Object>() {
        return object.to_string();
    }
    if let Some(ty) = value.read_lock::<TypeValue>() {
        return ty.name();
    }
    if let Ok(array) = value.as_array_ref() {
        return format!("[{}]", array.iter().map(show_inside).collect::<Vec<_>>().join(", "));
    }
    if let Ok(map) = value.as_map_ref() {
        let entry =
            |(key, value): (&rhai::Identifier, &Dynamic)| format!("{}: {}", quote(key), show_inside(value));
        return format!("#{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "));
    }
    match value.as_float() {
        Ok(float) => float_text(float),
        Err(_) => value.to_string(),
    }
}

/// Writes a value as lists and maps show it: text in quotes.
fn show_inside(value: &Dynamic) -> String {
    match value.as_immutable_string_ref() {
        Ok(text) => quote(&text),
        Err(_) if value.is_unit() => "()".to_owned(),
        Err(_) => show(value),
    }
}

fn quote(text: &str) -> String {
    format!("{text:?}")
}
