//! Conversion of plain values to scalar types (SEMANTICS section 6).

use super::error::{Error, ErrorKind};
use super::integer::{Integer, ascii_number};
use super::ty::{EnumType, Type};
use super::value::Value;

impl Type {
    /// Converts a value without open references to this scalar type.
    pub(super) fn convert(&self, value: &Value) -> Result<Value, Error> {
        let converted = match self {
            Type::String => to_text(value),
            Type::Integer => {
                if matches!(value, Value::Float(float) if float.is_infinite()) {
                    return Err(ErrorKind::Overflow("cannot convert float infinity to integer").into());
                }
                to_integer(value)
            }
            Type::Float => {
                if matches!(value, Value::Int(integer) if integer.to_float().is_infinite()) {
                    return Err(ErrorKind::Overflow("int too large to convert to float").into());
                }
                to_float(value)
            }
            Type::Boolean => to_boolean(value),
            Type::Enum(enumeration) => return to_enum(enumeration, value),
            Type::Choice(_) | Type::List(_) | Type::Map(_) | Type::Struct(_) | Type::Own(_) => None,
        };
        converted.ok_or_else(|| Error::coercion(value, self))
    }
}

fn to_text(value: &Value) -> Option<Value> {
    match value {
        Value::Text(_) => Some(value.clone()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(Value::text(value.to_string())),
        _ => None,
    }
}

fn to_integer(value: &Value) -> Option<Value> {
    let integer = match value {
        Value::Int(integer) => integer.clone(),
        Value::Bool(bool) => i64::from(*bool).into(),
        Value::Float(float) => Integer::from_float(*float)?,
        Value::Text(text) => Integer::parse(text)?,
        _ => return None,
    };
    Some(Value::Int(integer))
}

fn to_float(value: &Value) -> Option<Value> {
    let float = match value {
        Value::Float(float) => *float,
        Value::Int(integer) => integer.to_float(),
        Value::Bool(bool) => f64::from(u8::from(*bool)),
        Value::Text(text) => parse_float(text)?,
        _ => return None,
    };
    Some(Value::Float(float))
}

fn to_boolean(value: &Value) -> Option<Value> {
    let bool = match value {
        Value::Bool(bool) => *bool,
        Value::Int(integer) => !integer.is_zero(),
        Value::Float(float) => *float != 0.0,
        Value::Text(text) => match text.to_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some(Value::Bool(bool))
}

fn to_enum(enumeration: &EnumType, value: &Value) -> Result<Value, Error> {
    match value.as_text() {
        Some(text) if enumeration.values().iter().any(|known| known == text) => Ok(value.clone()),
        _ => Err(ErrorKind::Coercion {
            value: value.to_string(),
            target: enumeration.name().to_owned(),
            detail: Some(format!("{value} is not one of {}", enumeration.values().join(", "))),
        }
        .into()),
    }
}

fn parse_float(text: &str) -> Option<f64> {
    ascii_number(text)?.parse().ok()
}
