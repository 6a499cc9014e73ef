//! Plain values from and to JSON. Integers and floats stay apart, and keys keep their order.

use serde_json::{Map, Number, Value as Json};

use super::integer::Integer;
use super::ty::Type;
use super::value::Value;

impl From<&Json> for Value {
    fn from(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => number_value(number),
            Json::String(text) => Value::text(text.as_str()),
            Json::Array(values) => Value::List(values.iter().map(Value::from).collect()),
            Json::Object(entries) => {
                Value::map(entries.iter().map(|(key, value)| (key.as_str(), value.into())))
            }
        }
    }
}

impl From<&Value> for Json {
    /// Numbers that JSON cannot write become text; keys become text, as JSON writes them; objects their plain value, or nothing.
    fn from(value: &Value) -> Json {
        match value {
            Value::Null | Value::Empty => Json::Null,
            Value::Bool(bool) => Json::Bool(*bool),
            Value::Int(Integer::Small(small)) => Json::from(*small),
            Value::Int(big) => {
                big.to_string().parse::<u64>().map_or_else(|_| Json::from(big.to_string()), Json::from)
            }
            Value::Float(float) => {
                Number::from_f64(*float).map_or_else(|| Json::from(value.to_string()), Json::Number)
            }
            Value::Text(text) => Json::from(text.as_ref()),
            Value::List(values) => values.iter().map(Json::from).collect(),
            Value::Map(entries) => {
                let entry = |(key, value): &(Value, Value)| (key_text(key), Json::from(value));
                Json::Object(entries.iter().map(entry).collect::<Map<_, _>>())
            }
            Value::Object(object) => object.get().map_or(Json::Null, |plain| Json::from(&plain)),
        }
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Bool(bool) => bool.to_string(),
        key => key.to_string(),
    }
}

fn number_value(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(small), _) => Value::Int(small.into()),
        (None, Some(big)) => Integer::parse(&big.to_string()).map_or(Value::Float(big as f64), Value::Int),
        (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Drops the keys that a struct does not have, also in structs that are directly its fields (SEMANTICS 8.6).
pub fn without_unknown_keys(ty: &Type, value: Value) -> Value {
    let (Type::Struct(structure), Value::Map(entries)) = (ty, &value) else { return value };
    let known = |(key, value): &(Value, Value)| {
        let position = structure.position(key.as_text()?)?;
        Some((key.clone(), without_unknown_keys(&structure.field_type(position), value.clone())))
    };
    Value::Map(entries.iter().filter_map(known).collect())
}
