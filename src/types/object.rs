//! Typed objects: immutable values with a type and the scopes they were bound in. Operations copy.

use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::scopes::Scopes;
use super::ty::{EnumType, StructType, Type};
use super::value::Value;
use crate::diagnostics::Span;
use crate::template::{self, Environment, Work};

/// A typed object. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Object {
    ty: Type,
    body: Body,
    scopes: Scopes,
    at: Span,
}

/// What an object holds.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A scalar: any plain value; it is converted when the object is interpolated.
    Scalar(Value),
    /// A choice: the value as it was given.
    Choice(Value),
    /// The elements of a list.
    List(Arc<[Object]>),
    /// The entries of a map.
    Map(Arc<[(Object, Object)]>),
    /// The fields of a struct, as its type orders them.
    Struct(Arc<[Option<Arc<Object>>]>),
}

/// A field given to a struct, and where its value stands.
pub type FieldValue = (String, Value, Span);

/// A member of a struct by its position among the fields; nothing unsets it.
pub type Member = (usize, Option<Object>);

impl Object {
    /// Makes an object of `value`, which was written at `at`.
    ///
    /// # Errors
    /// Scalars other than enumerations take any value; the rest must have the right shape.
    pub fn new(ty: &Type, value: &Value, at: Span) -> Result<Object, Error> {
        let body = match ty {
            Type::Enum(enumeration) => enum_body(enumeration, value),
            Type::String | Type::Integer | Type::Float | Type::Boolean => Ok(Body::Scalar(value.clone())),
            Type::Choice(_) => Ok(Body::Choice(value.clone())),
            Type::List(element) => list_body(ty, element, value, at),
            Type::Map(entry) => map_body(ty, entry, value, at),
            Type::Struct(structure) => match value {
                Value::Map(entries) => {
                    let field = |(name, value): &(Value, Value)| (name.to_string(), value.clone(), at);
                    return Object::structure(ty, structure, entries.iter().map(field), at);
                }
                _ => Err(ErrorKind::NotMapping { name: ty.name(), found: value.kind() }.into()),
            },
            Type::Own(name) => Err(ErrorKind::Unmade { name: name.to_string() }.into()),
        };
        Ok(Object {
            ty: ty.clone(),
            body: body.map_err(|error| error.at(at))?,
            scopes: Scopes::default(),
            at,
        })
    }

    /// Makes a struct of its fields; those that are not given have their defaults.
    pub fn with_fields(
        ty: &Type,
        fields: impl IntoIterator<Item = FieldValue>,
        at: Span,
    ) -> Result<Object, Error> {
        match ty {
            Type::Struct(structure) => Object::structure(ty, structure, fields, at),
            _ => {
                Err(Error { kind: ErrorKind::NotMapping { name: ty.name(), found: "fields".to_owned() }, at })
            }
        }
    }

    /// Keeps a typed value of the type, and makes an object of anything else.
    pub fn coerced(ty: &Type, value: &Value, at: Span) -> Result<Object, Error> {
        match value {
            Value::Object(object) if object.ty == *ty => Ok(object.as_ref().clone().or_at(at)),
            _ => Object::new(ty, value, at),
        }
    }

    fn structure(
        ty: &Type,
        structure: &StructType,
        fields: impl IntoIterator<Item = FieldValue>,
        at: Span,
    ) -> Result<Object, Error> {
        let members = fields.into_iter().map(|field| member(structure, field)).collect::<Result<_, _>>()?;
        Ok(Object::of_members(ty, structure, members, at))
    }

    /// Makes a struct of members that are of their types already; those that are not given have their defaults.
    pub fn of_members(ty: &Type, structure: &StructType, members: Vec<Member>, at: Span) -> Object {
        let body = Body::Struct(replaced(&structure.defaults(), members));
        Object { ty: ty.clone(), body, scopes: Scopes::default(), at }
    }

    /// Makes a list of elements that are of its element type already.
    pub fn of_elements(ty: &Type, elements: Vec<Object>, at: Span) -> Object {
        Object { ty: ty.clone(), body: Body::List(elements.into()), scopes: Scopes::default(), at }
    }

    /// Makes a map of entries that are of its types already.
    pub fn of_entries(ty: &Type, entries: Vec<(Object, Object)>, at: Span) -> Object {
        Object { ty: ty.clone(), body: Body::Map(entries.into()), scopes: Scopes::default(), at }
    }

    /// Returns a copy of a struct with some fields replaced.
    pub fn replace(&self, fields: impl IntoIterator<Item = FieldValue>) -> Result<Object, Error> {
        let Type::Struct(structure) = &self.ty else {
            return Err(ErrorKind::Unnamable { object: self.ty.name() }.into());
        };
        let members = fields.into_iter().map(|field| member(structure, field)).collect::<Result<_, _>>()?;
        Ok(self.with_members(members))
    }

    /// Returns a copy of a struct with some members replaced by others that are of their types already.
    pub fn with_members(&self, members: Vec<Member>) -> Object {
        match &self.body {
            Body::Struct(values) => Object { body: Body::Struct(replaced(values, members)), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// Returns a copy with `environments` in front of its scopes; the last one wins (SEMANTICS 5.1).
    pub fn bind(&self, environments: impl IntoIterator<Item = Binder>) -> Object {
        Object { scopes: self.scopes.bind(environments), ..self.clone() }
    }

    /// Returns a copy with `environments` behind its scopes; the first one wins.
    pub fn in_scope(&self, environments: impl IntoIterator<Item = Binder>) -> Object {
        Object { scopes: self.scopes.append(environments), ..self.clone() }
    }

    /// Binds, then interpolates (SEMANTICS 5.6).
    pub fn modulo(&self, environment: Binder, work: &Work) -> Result<Object, Error> {
        Ok(self.bind([environment]).interpolate(work)?.object)
    }

    /// Returns the type.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Returns the name of a struct's type; of nothing else.
    pub fn struct_name(&self) -> &str {
        match &self.ty {
            Type::Struct(structure) => structure.name(),
            _ => "",
        }
    }

    /// Returns the scopes that were bound to this object.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns where the object was written.
    pub fn at(&self) -> Span {
        self.at
    }

    /// Returns the elements of a list.
    pub fn elements(&self) -> Option<&[Object]> {
        match &self.body {
            Body::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the entries of a map.
    pub fn entries(&self) -> Option<&[(Object, Object)]> {
        match &self.body {
            Body::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the fields of a struct that are set, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Object)> {
        let (names, values): (&[_], &[_]) = match (&self.ty, &self.body) {
            (Type::Struct(structure), Body::Struct(values)) => (structure.fields(), values),
            _ => (&[], &[]),
        };
        names.iter().zip(values).filter_map(|(field, value)| Some((field.name.as_str(), value.as_deref()?)))
    }

    /// Returns a field of a struct as it was given; nothing if it is unset or unknown.
    pub fn field(&self, name: &str) -> Option<&Object> {
        match (&self.ty, &self.body) {
            (Type::Struct(structure), Body::Struct(values)) => values[structure.position(name)?].as_deref(),
            _ => None,
        }
    }

    /// Returns the value of a scalar or a choice as it was given.
    pub fn raw(&self) -> Option<&Value> {
        match &self.body {
            Body::Scalar(value) | Body::Choice(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value without types, not interpolated; of a choice, the alternative's.
    pub fn get(&self) -> Result<Value, Error> {
        Ok(match &self.body {
            Body::Scalar(value) => value.clone(),
            Body::Choice(_) => self.interpolate(&Work::default())?.object.get()?,
            Body::List(elements) => Value::List(elements.iter().map(Object::get).collect::<Result<_, _>>()?),
            Body::Map(entries) => {
                let mut plain: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
                for (key, value) in entries.iter() {
                    let (key, value) = (key.get()?, value.get()?);
                    match plain.iter_mut().find(|(known, _)| *known == key) {
                        Some(entry) => entry.1 = value,
                        None => plain.push((key, value)),
                    }
                }
                Value::Map(plain)
            }
            Body::Struct(_) => {
                let field = |(name, object): (&str, &Object)| Ok((Value::text(name), object.get()?));
                Value::Map(self.fields().map(field).collect::<Result<_, Error>>()?)
            }
        })
    }

    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    /// Returns the same object with the type `ty`, in which the name of a struct is closed.
    pub(super) fn closed(&self, ty: &Type) -> Object {
        let body = match (&self.body, ty) {
            (Body::List(elements), Type::List(element)) => {
                Body::List(elements.iter().map(|inner| inner.closed(element)).collect())
            }
            (Body::Map(entries), Type::Map(types)) => {
                let entry = |(key, value): &(Object, Object)| (key.closed(&types.0), value.closed(&types.1));
                Body::Map(entries.iter().map(entry).collect())
            }
            (body, _) => body.clone(),
        };
        Object { ty: ty.clone(), body, ..self.clone() }
    }

    /// Returns the same object with another body, without scopes.
    pub(super) fn rebuilt(&self, body: Body) -> Object {
        Object { ty: self.ty.clone(), body, scopes: Scopes::default(), at: self.at }
    }

    pub(super) fn with_scopes(self, scopes: Scopes) -> Object {
        Object { scopes, ..self }
    }

    /// Fills in the place if none is known yet.
    pub fn or_at(mut self, at: Span) -> Object {
        self.at = self.at.or(at);
        self
    }
}

/// Something whose names can be bound: an environment, or a struct, list or map used as one.
#[derive(Clone, Debug)]
pub enum Binder {
    /// Addresses and what they stand for.
    Environment(Arc<Environment<Object>>),
    /// A container, all of whose members are bound by their names.
    Object(Object),
}

impl From<Environment<Object>> for Binder {
    fn from(environment: Environment<Object>) -> Binder {
        Binder::Environment(Arc::new(environment))
    }
}

fn member(structure: &StructType, (name, value, at): FieldValue) -> Result<Member, Error> {
    let position = structure.known_position(&name, at)?;
    let value = match value {
        Value::Empty => None,
        value => Some(Object::coerced(&structure.field_type(position), &value, at)?),
    };
    Ok((position, value))
}

fn replaced(values: &[Option<Arc<Object>>], members: Vec<Member>) -> Arc<[Option<Arc<Object>>]> {
    let mut values: Arc<[_]> = values.into();
    // Nobody else knows the copy yet.
    let places = Arc::get_mut(&mut values).unwrap_or_default();
    for (position, value) in members {
        if let Some(place) = places.get_mut(position) {
            *place = value.map(Arc::new);
        }
    }
    values
}

fn enum_body(enumeration: &EnumType, value: &Value) -> Result<Body, Error> {
    let is_open = match value {
        Value::Text(text) => {
            let fragments = template::resolve_nothing(text)?;
            fragments.iter().any(|fragment| matches!(fragment, template::Fragment::Tag(_)))
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
        other => return Err(Error::coercion(other, "String")),
    };
    let known = value.as_text().is_some_and(|text| enumeration.values().iter().any(|known| known == text));
    if is_open || known {
        return Ok(Body::Scalar(value.clone()));
    }
    let (name, values) = (enumeration.name().to_owned(), enumeration.values().to_vec());
    Err(ErrorKind::BadEnum { name, value: value.to_string(), values }.into())
}

fn list_body(ty: &Type, element: &Type, value: &Value, at: Span) -> Result<Body, Error> {
    match value {
        Value::List(values) => {
            let elements = values.iter().map(|value| Object::coerced(element, value, at));
            Ok(Body::List(elements.collect::<Result<_, _>>()?))
        }
        _ => Err(Error::shape(value, ErrorKind::NotList { name: ty.name(), found: value.kind() })),
    }
}

fn map_body(ty: &Type, entry: &(Type, Type), value: &Value, at: Span) -> Result<Body, Error> {
    let coerced = |key: &Value, value: &Value| {
        Ok::<_, Error>((Object::coerced(&entry.0, key, at)?, Object::coerced(&entry.1, value, at)?))
    };
    let entries: Vec<_> = match value {
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| coerced(key, value)).collect::<Result<_, _>>()?
        }
        _ => {
            return Err(Error::shape(value, ErrorKind::NotMap { name: ty.name(), found: value.kind() }));
        }
    };
    Ok(Body::Map(entries.into()))
}
