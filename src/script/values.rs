//! Between Rhai's values and typed ones: keywords, types as values, conversion, text.

use rhai::{Array, Dynamic, FnPtr, Map};

use super::sites::Origin;
use crate::diagnostics::Span;
use crate::types::{Error, ErrorKind, FieldValue, Object, StructType, Type, Value, float_text};

/// A keyword of a call and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The keyword.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) name_span: Span,
    /// Its value.
    pub(crate) value: Dynamic,
    /// Where the value is written.
    pub(crate) origin: Origin,
}

/// The keywords of a call, in order: a value of its own, which functions get as their last argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keywords(pub(crate) Vec<Entry>);

impl Keywords {
    /// Returns the entry of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// Takes a map as keywords, in alphabetical order.
    pub(crate) fn from_map(map: Map, origin: &Origin) -> Keywords {
        let entry = |(name, value): (rhai::Identifier, Dynamic)| {
            let origin = origin.field(&name);
            Entry { name: name.to_string(), name_span: origin.span, value, origin }
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
    if let Ok(array) = value.as_array_ref() {
        return array.iter().map(plain).collect::<Result<_, _>>().map(Value::List);
    }
    if let Ok(map) = value.as_map_ref() {
        let entry =
            |(key, value): (&rhai::Identifier, &Dynamic)| Ok((Value::text(key.as_str()), plain(value)?));
        return map.iter().map(entry).collect::<Result<_, String>>().map(Value::Map);
    }
    if let Some(keywords) = value.read_lock::<Keywords>() {
        let entry = |entry: &Entry| Ok((Value::text(entry.name.as_str()), plain(&entry.value)?));
        return keywords.0.iter().map(entry).collect::<Result<_, String>>().map(Value::Map);
    }
    if let Some(object) = value.read_lock::<Object>() {
        return Ok(object.clone().into());
    }
    if let Some(TypeValue::Empty) = value.read_lock::<TypeValue>().as_deref() {
        return Ok(Value::Empty);
    }
    scalar(value).ok_or_else(|| kind(value))
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

/// Takes Rhai's value for a place of a known type, so that each part knows where it is written.
///
/// # Errors
/// The first part that does not fit.
pub(crate) fn typed(ty: &Type, value: &Dynamic, origin: &Origin) -> Result<Value, Error> {
    let foreign = |kind: String| Error {
        kind: ErrorKind::Coercion { value: kind, target: ty.name(), detail: None },
        at: origin.span,
    };
    match ty {
        Type::List(element) => {
            let Ok(items) = value.as_array_ref() else { return plain(value).map_err(foreign) };
            let item = |(index, item): (usize, &Dynamic)| {
                let origin = origin.item(index);
                let value = typed(element, item, &origin)?;
                Object::coerced(element, &value, origin.span).map(Value::from)
            };
            items.iter().enumerate().map(item).collect::<Result<_, Error>>().map(Value::List)
        }
        Type::Map(entry) => {
            let Some(keywords) = keywords(value, origin) else { return plain(value).map_err(foreign) };
            let pair = |given: Entry| {
                let value = typed(&entry.1, &given.value, &given.origin)?;
                let value = Object::coerced(&entry.1, &value, given.origin.span)?;
                Ok((Value::text(given.name), value.into()))
            };
            keywords.0.into_iter().map(pair).collect::<Result<_, Error>>().map(Value::Map)
        }
        Type::Struct(structure) => {
            let Some(keywords) = keywords(value, origin) else { return plain(value).map_err(foreign) };
            let fields: Vec<_> =
                keywords.0.iter().map(|entry| field(structure, entry)).collect::<Result<_, _>>()?;
            Object::with_fields(ty, fields, origin.span).map(Value::from)
        }
        _ => plain(value).map_err(foreign),
    }
}

/// Takes one field of a struct.
///
/// # Errors
/// An unknown field, a value that does not fit.
pub(crate) fn field(structure: &StructType, entry: &Entry) -> Result<FieldValue, Error> {
    let at = entry.origin.span;
    let Some(field) = structure.position(&entry.name).and_then(|position| structure.fields().get(position))
    else {
        let fields = structure.fields().iter().map(|field| field.name.clone()).collect();
        let kind =
            ErrorKind::UnknownField { name: structure.name().to_owned(), field: entry.name.clone(), fields };
        return Err(Error { kind, at: entry.name_span });
    };
    let value = match typed(&field.ty, &entry.value, &entry.origin)? {
        Value::Empty => Value::Empty,
        value => Object::coerced(&field.ty, &value, at)?.into(),
    };
    Ok((entry.name.clone(), value, at))
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
        return format!("a {}", object.ty());
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
    match value.as_float() {
        Ok(float) => float_text(float),
        Err(_) => value.to_string(),
    }
}
