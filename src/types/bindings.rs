//! From what users give to `bind` to an environment (SEMANTICS 4.1 and 4.2).

use super::error::Error;
use super::object::Object;
use super::value::Value;
use crate::diagnostics::Span;
use crate::template::{BadBinding, Binding, Environment, Reference};

/// Binds `name`, an address, to `value`; a map binds each of its keys below `name`.
///
/// # Errors
/// A name that is no address; a list or nothing at all as a value.
pub fn bind(environment: &mut Environment<Object>, name: &str, value: &Value, at: Span) -> Result<(), Error> {
    let reference = Reference::parse(name).map_err(|error| Error::from(error).at(at))?;
    bind_reference(environment, reference, value, at)
}

fn bind_reference(
    environment: &mut Environment<Object>,
    reference: Reference,
    value: &Value,
    at: Span,
) -> Result<(), Error> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
            environment.insert(reference, Binding::Text(value.to_string()), at);
        }
        Value::Object(object) => environment.insert(reference, Binding::Object(object.as_ref().clone()), at),
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = Reference::parse(&key.to_string()).map_err(|error| Error::from(error).at(at))?;
                bind_reference(environment, reference.concat(&key), value, at)?;
            }
        }
        Value::Null | Value::Empty | Value::List(_) => {
            return Err(Error::from(BadBinding(value.kind())).at(at));
        }
    }
    Ok(())
}

/// Makes an environment of a map of bindings.
pub fn environment(value: &Value, at: Span) -> Result<Environment<Object>, Error> {
    let mut environment = Environment::default();
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                bind(&mut environment, &key.to_string(), value, at)?;
            }
            Ok(environment)
        }
        other => Err(Error::from(BadBinding(other.kind())).at(at)),
    }
}
