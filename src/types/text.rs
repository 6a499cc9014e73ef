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
            Body::Choice(value) => return Ok(format!("{name}({})", value.quoted())),
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
        left.same_body(&right, work)
    }

    fn same_body(&self, other: &Object, work: &Work) -> Result<bool, Error> {
        let all = |pairs: &mut dyn Iterator<Item = (&Object, &Object)>| {
            for (left, right) in pairs {
                if !left.equals(right, work)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        match (self.body(), other.body()) {
            (Body::Scalar(left), Body::Scalar(right)) => Ok(self.ty() == other.ty() && left == right),
            (Body::List(left), Body::List(right)) if left.len() == right.len() => {
                all(&mut left.iter().zip(right.iter()))
            }
            (Body::Map(left), Body::Map(right)) if left.len() == right.len() => {
                let keys = left.iter().zip(right.iter()).map(|(left, right)| (&left.0, &right.0));
                let values = left.iter().zip(right.iter()).map(|(left, right)| (&left.1, &right.1));
                Ok(all(&mut { keys })? && all(&mut { values })?)
            }
            (Body::Struct(_), Body::Struct(_)) => {
                let mut fields = self.fields();
                let same_set = fields.by_ref().all(|(name, _)| other.field(name).is_some());
                if !same_set || self.fields().count() != other.fields().count() {
                    return Ok(false);
                }
                all(&mut self.fields().filter_map(|(name, value)| Some((value, other.field(name)?))))
            }
            _ => Ok(false),
        }
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
