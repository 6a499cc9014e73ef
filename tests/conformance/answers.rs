//! Reads the inputs of cases (values, types, objects, environments) and compares outcomes.

use std::collections::HashMap;

use serde_json::Value as Json;
use thermos::schema::schema;
use thermos::template::{ResolveError, Work};
use thermos::types::{Binder, Error, ErrorKind, Field, Integer, Object, Type, Value, bindings};

use super::{Verdict, same};
use thermos::diagnostics::Span;

/// The types that a case knows by name.
pub(super) struct Types(HashMap<String, Type>);

impl Types {
    pub(super) fn of(case: &Json) -> Types {
        let mut types = Types(HashMap::new());
        types.0.extend(schema().named().map(|(name, ty)| (name.to_owned(), ty.clone())));
        for name in order(&case["type_order"], &case["schema"]) {
            let signatures = &case["schema"][name.as_str()];
            let order = order(&case["field_order"][name.as_str()], signatures);
            let fields = order.iter().map(|field| types.field(field, &signatures[field.as_str()])).collect();
            types.0.insert(name.clone(), Type::structure(name, fields));
        }
        types
    }

    fn field(&self, name: &str, signature: &Json) -> Field {
        match signature.as_array().map(|parts| (parts[0].as_str().unwrap(), &parts[1..])) {
            Some(("Required", [ty])) => Field::new(name, self.parse(ty)).required(),
            Some(("Default", [ty, default])) => {
                Field::new(name, self.parse(ty)).default(&self.value(default).unwrap()).unwrap()
            }
            _ => Field::new(name, self.parse(signature)),
        }
    }

    pub(super) fn parse(&self, json: &Json) -> Type {
        let texts =
            |json: &Json| json.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
        let types = |json: &Json| json.as_array().unwrap().iter().map(|v| self.parse(v)).collect();
        let Some(parts) = json.as_array() else {
            return match json.as_str().unwrap() {
                "String" => Type::String,
                "Integer" => Type::Integer,
                "Float" => Type::Float,
                "Boolean" => Type::Boolean,
                name => self.0[name].clone(),
            };
        };
        match (parts[0].as_str().unwrap(), &parts[1..]) {
            ("List", [element]) => Type::list(&self.parse(element)),
            ("Map", [key, value]) => Type::map(&self.parse(key), &self.parse(value)),
            ("Enum", [values]) => Type::enumeration(None, texts(values)),
            ("Enum", [name, values]) => Type::enumeration(name.as_str(), texts(values)),
            ("Choice", [alternatives]) => Type::choice(None, types(alternatives)),
            ("Choice", [name, alternatives]) => Type::choice(name.as_str(), types(alternatives)),
            (other, _) => panic!("unknown type {other}"),
        }
    }

    pub(super) fn value(&self, json: &Json) -> Result<Value, Error> {
        Ok(match json {
            Json::Array(values) => {
                Value::List(values.iter().map(|v| self.value(v)).collect::<Result<_, _>>()?)
            }
            Json::Object(entries) => {
                if let Some(text) = entries.get("$int") {
                    Value::Int(Integer::parse(text.as_str().unwrap()).unwrap())
                } else if let Some(text) = entries.get("$float") {
                    Value::Float(text.as_str().unwrap().parse().unwrap())
                } else if entries.contains_key("$empty") {
                    Value::Empty
                } else if entries.contains_key("$new") {
                    self.build(json)?.into()
                } else if let Some(pairs) = entries.get("$map") {
                    let pair = |pair: &Json| Ok((self.value(&pair[0])?, self.value(&pair[1])?));
                    Value::Map(pairs.as_array().unwrap().iter().map(pair).collect::<Result<_, Error>>()?)
                } else {
                    let entry =
                        |(key, value): (&String, &Json)| Ok((Value::text(key.as_str()), self.value(value)?));
                    Value::Map(entries.iter().map(entry).collect::<Result<_, Error>>()?)
                }
            }
            scalar => Value::from(scalar),
        })
    }

    pub(super) fn build(&self, json: &Json) -> Result<Object, Error> {
        let value = self.value(&json["value"])?;
        let object = Object::new(&self.parse(&json["$new"]), &value, Span::NONE)?;
        self.apply(object, json)
    }

    /// Applies the `ops` of a case or a `$new`.
    pub(super) fn apply(&self, object: Object, json: &Json) -> Result<Object, Error> {
        let work = Work::default();
        json["ops"].as_array().into_iter().flatten().try_fold(object, |object, op| {
            let arguments = &op.as_array().unwrap()[1..];
            match op[0].as_str().unwrap() {
                "bind" => Ok(object.bind(self.binders(arguments)?)),
                "in_scope" => Ok(object.in_scope(self.binders(arguments)?)),
                "mod" => object.modulo(binder(self.value(&arguments[0])?)?, &work),
                "interpolate" => Ok(object.interpolate(&work)?.object),
                "with" => match self.value(&arguments[0])? {
                    Value::Map(fields) => object
                        .replace(fields.into_iter().map(|(key, value)| (key.to_string(), value, Span::NONE))),
                    other => panic!("fields expected, got {other:?}"),
                },
                other => panic!("unknown operation {other}"),
            }
        })
    }

    /// Reads environments; all values are made before any of them is bound.
    pub(super) fn binders(&self, all: &[Json]) -> Result<Vec<Binder>, Error> {
        let values = all.iter().map(|env| self.value(env)).collect::<Result<Vec<_>, _>>()?;
        values.into_iter().map(binder).collect()
    }
}

fn binder(value: Value) -> Result<Binder, Error> {
    match value {
        Value::Object(object) if object.ty().is_container() => Ok(Binder::Object(*object)),
        value => Ok(bindings::environment(&value, Span::NONE)?.into()),
    }
}

/// The names in their order of definition: that of the object if no list repeats it.
fn order(list: &Json, object: &Json) -> Vec<String> {
    match list.as_array() {
        Some(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        None => object.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
    }
}

/// The class of an error, as the cases name it.
pub(super) fn class(error: &Error) -> &'static str {
    match &error.kind {
        ErrorKind::Coercion { .. } => "coercion",
        ErrorKind::Overflow(_) => "overflow",
        ErrorKind::BadEnum { .. } => "bad_enum",
        ErrorKind::NotList { .. } => "not_list",
        ErrorKind::NotMap { .. } => "not_map",
        ErrorKind::NotMapping { .. } => "not_mapping",
        ErrorKind::UnknownField { .. } => "unknown_field",
        ErrorKind::NotFound { .. } => "not_found",
        ErrorKind::Naming { .. } => "naming",
        ErrorKind::Unnamable { .. } => "unnamable",
        ErrorKind::Resolve(ResolveError::InvalidReference(_)) => "invalid_ref",
        ErrorKind::Resolve(ResolveError::Cycle(_)) => "cycle",
        ErrorKind::Resolve(ResolveError::TooLarge) => "too_large",
        ErrorKind::BadBinding(_) => "bad_binding",
        ErrorKind::Unmade { .. } => "coercion",
    }
}

/// Compares an error with an expected one: class, and text unless that is null.
pub(super) fn same_error(what: &str, error: &Error, expected: &Json) -> Verdict {
    let expected = &expected["error"];
    if expected["class"] == "crash" {
        return Ok(());
    }
    same(what, class(error), expected["class"].as_str().unwrap_or("no error"))?;
    match expected["message"].as_str() {
        Some(message) => same(what, error.to_string().as_str(), message),
        None => Ok(()),
    }
}

/// Compares an outcome: errors with errors, values by `compare`.
pub(super) fn outcome<T>(
    what: &str,
    found: Result<T, Error>,
    expected: &Json,
    compare: impl FnOnce(T) -> Verdict,
) -> Verdict {
    match found {
        Err(error) => same_error(what, &error, expected),
        Ok(_) if expected["error"]["class"] == "crash" => Ok(()),
        Ok(_) if !expected["error"].is_null() => Err(format!("{what}: expected {expected}, found a value")),
        Ok(value) => compare(value),
    }
}

/// Compares a plain value with the notation of the cases; the order of keys does not count.
pub(super) fn same_value(found: &Value, expected: &Json) -> bool {
    match (found, expected) {
        (Value::Null, Json::Null) => true,
        (Value::Empty, Json::Object(marker)) => marker.contains_key("$empty"),
        (Value::Bool(found), Json::Bool(expected)) => found == expected,
        (Value::Text(found), Json::String(expected)) => **found == **expected,
        (Value::Int(found), Json::Number(_)) => Value::from(expected) == Value::Int(found.clone()),
        (Value::Float(found), Json::Number(number)) => number.is_f64() && number.as_f64() == Some(*found),
        (Value::Int(found), Json::Object(entry)) => entry.get("$int") == Some(&Json::from(found.to_string())),
        (Value::Float(found), Json::Object(entry)) => {
            entry.get("$float") == Some(&Json::from(thermos::types::float_text(*found)))
        }
        (Value::List(found), Json::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| same_value(f, e))
        }
        (Value::Map(found), Json::Object(expected)) => match expected.get("$map").and_then(Json::as_array) {
            Some(pairs) => same_pairs(found, pairs.iter().map(|pair| (&pair[0], &pair[1]))),
            None => {
                let keys: Vec<Json> = expected.keys().map(|key| Json::from(key.as_str())).collect();
                same_pairs(found, keys.iter().zip(expected.values()))
            }
        },
        _ => false,
    }
}

fn same_pairs<'a>(found: &[(Value, Value)], expected: impl Iterator<Item = (&'a Json, &'a Json)>) -> bool {
    let expected: Vec<_> = expected.collect();
    let has =
        |key: &Json, value: &Json| found.iter().any(|(k, v)| same_value(k, key) && same_value(v, value));
    found.len() == expected.len() && expected.iter().all(|(key, value)| has(key, value))
}
