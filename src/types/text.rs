//! Objects as text, and when two of them are equal.

use super::error::Error;
use super::object::{Body, Object};
use super::ty::Type;
use super::value::Value;
use crate::template::Work;

impl Object {
    /// Returns the text that a reference to this object is replaced by (SEMANTICS 4.6).
    pub fn text(&self, work: &Work) -> Result<String, Error> {
        match self.body() {
            Body::Scalar(_) => match self.interpolate(work)?.object.raw() {
                Some(value) => Ok(value.to_string()),
                None => Ok(String::new()),
            },
            Body::Choice(_) => self.interpolate(work)?.object.text(work),
            _ => self.repr(work),
        }
    }

    /// Returns the text that shows the object with its type (SEMANTICS 7.1 and 8.4).
    pub fn repr(&self, work: &Work) -> Result<String, Error> {
        let name = self.ty().name();
        let object = match self.body() {
            Body::Scalar(_) => return Ok(format!("{name}({})", self.text(work)?)),
            Body::Choice(Value::Object(object)) => return Ok(format!("{name}({})", object.repr(work)?)),
            Body::Choice(value) => {
                return match value.quoted_failure() {
                    Some(error) => Err(error),
                    None => Ok(format!("{name}({})", value.quoted())),
                };
            }
            _ => self.interpolate(work)?.object,
        };
        let members: Vec<String> = match object.body() {
            Body::List(elements) => {
                elements.iter().map(|element| element.text(work)).collect::<Result<_, _>>()?
            }
            Body::Map(entries) => {
                let entry = |(key, value): &(Object, Object)| {
                    Ok(format!("{} => {}", key.text(work)?, value.text(work)?))
                };
                entries.iter().map(entry).collect::<Result<_, Error>>()?
            }
            _ => {
                let field = |(field, value): (&str, &Object)| Ok(format!("{field}={}", value.text(work)?));
                object.fields().map(field).collect::<Result<_, Error>>()?
            }
        };
        let separator = match object.body() {
            Body::Struct(_) => format!(",\n{}", " ".repeat(name.chars().count() + 1)),
            _ => ", ".to_owned(),
        };
        Ok(format!("{name}({})", members.join(&separator)))
    }

    /// Says whether two objects are equal when interpolated (SEMANTICS 6.8, 7.2 and 8.5).
    pub fn equals(&self, other: &Object, work: &Work) -> Result<bool, Error> {
        let comparable = match (self.ty(), other.ty()) {
            (Type::Struct(left), Type::Struct(right)) => left.same_fields(right),
            (Type::Choice(left), Type::Choice(right)) => left.alternatives() == right.alternatives(),
            (left, right) => left == right,
        };
        if !comparable {
            return Ok(false);
        }
        let (left, right) = (self.interpolate(work)?.object, other.interpolate(work)?.object);
        match self.ty() {
            // Those are the chosen alternatives.
            Type::Choice(_) => left.equals(&right, work),
            _ => left.same_body(&right, work),
        }
    }

    fn same_body(&self, other: &Object, work: &Work) -> Result<bool, Error> {
        let all = |pairs: &mut dyn Iterator<Item = (&Object, &Object)>| -> Result<bool, Error> {
            for (left, right) in pairs {
                if !left.equals(right, work)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        match (self.body(), other.body()) {
            (Body::Scalar(Value::Float(left)), Body::Scalar(Value::Float(right))) => {
                Ok(left == right || left.is_nan() && right.is_nan())
            }
            (Body::Scalar(left), Body::Scalar(right)) => Ok(self.ty() == other.ty() && left == right),
            (Body::List(left), Body::List(right)) => {
                Ok(all(&mut left.iter().zip(right.iter()))? && left.len() == right.len())
            }
            (Body::Map(left), Body::Map(right)) => {
                let entries = left.iter().zip(right.iter());
                let mut pairs = entries.flat_map(|(left, right)| [(&left.0, &right.0), (&left.1, &right.1)]);
                Ok(all(&mut pairs)? && left.len() == right.len())
            }
            (Body::Struct(_), Body::Struct(_)) => self.same_members(other, work),
            _ => Ok(false),
        }
    }

    /// Compares the fields of two structs that have the same, by name.
    fn same_members(&self, other: &Object, work: &Work) -> Result<bool, Error> {
        let Type::Struct(structure) = self.ty() else { return Ok(false) };
        for name in structure.sorted_names() {
            let equal = match (self.field(name), other.field(name)) {
                (Some(left), Some(right)) => left.equals(right, work)?,
                (left, right) => left.is_none() && right.is_none(),
            };
            if !equal {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.text(&Work::default()) {
            Ok(text) => f.write_str(&text),
            Err(error) => write!(f, "{}({error})", self.ty()),
        }
    }
}

/// Objects are equal as [`Object::equals`] says; those that cannot be compared are not.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.equals(other, &Work::default()).unwrap_or(false)
    }
}
