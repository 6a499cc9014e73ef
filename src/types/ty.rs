//! Types as values: scalars, enumerations, choices, lists, maps and structs, their names and identity.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::object::Object;
use super::value::Value;
use crate::diagnostics::Span;

/// A type.
#[derive(Clone, Debug)]
pub enum Type {
    /// Text.
    String,
    /// An integer of any size.
    Integer,
    /// A float.
    Float,
    /// A boolean.
    Boolean,
    /// One of some texts.
    Enum(Arc<EnumType>),
    /// A value of the first type that takes it.
    Choice(Arc<ChoiceType>),
    /// Values of one type.
    List(Arc<Type>),
    /// Keys and values.
    Map(Arc<(Type, Type)>),
    /// Named fields.
    Struct(Arc<StructType>),
    /// The struct of this name, among whose fields this stands: see [`StructType::field_type`].
    Own(Arc<str>),
}

/// One of some texts.
#[derive(Debug, PartialEq)]
pub struct EnumType {
    name: String,
    values: Vec<String>,
}

/// A value of the first type that takes it.
#[derive(Debug, PartialEq)]
pub struct ChoiceType {
    name: String,
    alternatives: Vec<Type>,
}

/// Named fields.
///
/// A struct inside of another type has its fields in alphabetical order, whatever the order of its definition
/// (the cases of conformance/ say so); both are the same type.
#[derive(Debug)]
pub struct StructType {
    name: String,
    fields: Arc<[Field]>,
    sorted: Arc<[Field]>,
    /// Whether a field's type names the struct itself.
    recursive: bool,
    /// What each of `fields` holds if it is not given, as it was given to the type.
    defaults: Arc<[Option<Arc<Object>>]>,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it is called.
    pub name: String,
    /// What it holds, as it was written; [`StructType::field_type`] knows the struct's own name too.
    pub ty: Type,
    /// Whether it must be set for the struct to pass a check.
    pub required: bool,
    /// What it holds if it is not given.
    pub default: Option<Arc<Object>>,
}

impl Field {
    /// Makes an optional field.
    pub fn new(name: impl Into<String>, ty: Type) -> Field {
        Field { name: name.into(), ty: ty.nested(), required: false, default: None }
    }

    /// Makes the field required.
    pub fn required(self) -> Field {
        Field { required: true, ..self }
    }

    /// Gives it a default, as a plain copy: what is bound to `value` is lost (SEMANTICS 8.2).
    pub fn default(self, value: &Value) -> Result<Field, Error> {
        let default = match value {
            Value::Empty => None,
            value => {
                let plain = Object::coerced(&self.ty, value, Span::NONE)?.get()?;
                Some(Arc::new(Object::new(&self.ty, &plain, Span::NONE)?))
            }
        };
        Ok(Field { default, ..self })
    }
}

impl Type {
    /// Makes an enumeration; its name is made of its values if none is given.
    pub fn enumeration(name: Option<&str>, values: Vec<String>) -> Type {
        let name = name.map_or_else(|| format!("Enum_{}", values.join("_")), str::to_owned);
        Type::Enum(Arc::new(EnumType { name, values }))
    }

    /// Makes a choice; its name is made of its alternatives if none is given.
    pub fn choice(name: Option<&str>, alternatives: Vec<Type>) -> Type {
        let names = || alternatives.iter().map(|ty| ty.name()).collect::<Vec<_>>().join("_");
        let name = name.map_or_else(|| format!("Choice_{}", names()), str::to_owned);
        let alternatives = alternatives.iter().map(Type::nested).collect();
        Type::Choice(Arc::new(ChoiceType { name, alternatives }))
    }

    /// Makes the type of lists of `element`.
    pub fn list(element: &Type) -> Type {
        Type::List(Arc::new(element.nested()))
    }

    /// Makes the type of maps from `key` to `value`.
    pub fn map(key: &Type, value: &Type) -> Type {
        Type::Map(Arc::new((key.nested(), value.nested())))
    }

    /// Makes a struct; of several fields of a name the last one counts.
    pub fn structure(name: impl Into<String>, fields: Vec<Field>) -> Type {
        let mut unique: Vec<Field> = Vec::with_capacity(fields.len());
        for field in fields {
            match unique.iter_mut().find(|known| known.name == field.name) {
                Some(known) => *known = field,
                None => unique.push(field),
            }
        }
        let mut sorted = unique.clone();
        sorted.sort_by(|left, right| left.name.cmp(&right.name));
        Type::Struct(Arc::new(StructType::new(name.into(), unique.into(), sorted.into())))
    }

    /// Returns the name, which is made of the parameters' names for lists and maps.
    pub fn name(&self) -> String {
        match self {
            Type::String => "String".to_owned(),
            Type::Integer => "Integer".to_owned(),
            Type::Float => "Float".to_owned(),
            Type::Boolean => "Boolean".to_owned(),
            Type::Enum(ty) => ty.name.clone(),
            Type::Choice(ty) => ty.name.clone(),
            Type::List(element) => format!("{element}List"),
            Type::Map(entry) => format!("{}{}Map", entry.0, entry.1),
            Type::Struct(ty) => ty.name.clone(),
            Type::Own(name) => name.to_string(),
        }
    }

    /// Returns the name of a struct that this type, or one that it is made of, leaves open.
    pub fn own_name(&self) -> Option<&str> {
        match self {
            Type::Own(name) => Some(name),
            Type::List(element) => element.own_name(),
            Type::Map(entry) => entry.0.own_name().or(entry.1.own_name()),
            Type::Choice(choice) => choice.alternatives.iter().find_map(Type::own_name),
            // What a struct leaves open is itself.
            Type::Struct(_) | Type::String | Type::Integer | Type::Float | Type::Boolean | Type::Enum(_) => {
                None
            }
        }
    }

    /// Returns the type with `own` wherever its name stands.
    fn closed(&self, own: &Type) -> Type {
        match self {
            Type::Own(_) => own.clone(),
            Type::List(element) => Type::List(Arc::new(element.closed(own))),
            Type::Map(entry) => Type::Map(Arc::new((entry.0.closed(own), entry.1.closed(own)))),
            Type::Choice(choice) => {
                let alternatives = choice.alternatives.iter().map(|ty| ty.closed(own)).collect();
                Type::Choice(Arc::new(ChoiceType { name: choice.name.clone(), alternatives }))
            }
            other => other.clone(),
        }
    }

    /// Says whether objects of this type have others inside that can be named.
    pub fn is_container(&self) -> bool {
        matches!(self, Type::List(_) | Type::Map(_) | Type::Struct(_))
    }

    /// Returns the type as it is inside of another.
    fn nested(&self) -> Type {
        match self {
            Type::Struct(ty) if !Arc::ptr_eq(&ty.fields, &ty.sorted) => Type::Struct(Arc::new(ty.nested())),
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::String, Type::String)
            | (Type::Integer, Type::Integer)
            | (Type::Float, Type::Float)
            | (Type::Boolean, Type::Boolean) => true,
            (Type::Enum(left), Type::Enum(right)) => Arc::ptr_eq(left, right) || left == right,
            (Type::Choice(left), Type::Choice(right)) => Arc::ptr_eq(left, right) || left == right,
            (Type::List(left), Type::List(right)) => Arc::ptr_eq(left, right) || left == right,
            (Type::Map(left), Type::Map(right)) => Arc::ptr_eq(left, right) || left == right,
            (Type::Struct(left), Type::Struct(right)) => left.name == right.name && left.same_fields(right),
            (Type::Own(left), Type::Own(right)) => left == right,
            _ => false,
        }
    }
}

impl EnumType {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the accepted texts.
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

impl ChoiceType {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the alternatives in the order in which they are tried.
    pub fn alternatives(&self) -> &[Type] {
        &self.alternatives
    }
}

impl StructType {
    fn new(name: String, fields: Arc<[Field]>, sorted: Arc<[Field]>) -> StructType {
        let recursive = fields.iter().any(|field| field.ty.own_name().is_some());
        let defaults = fields.iter().map(|field| field.default.clone()).collect();
        StructType { name, fields, sorted, recursive, defaults }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the fields in their order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the type of the field at a place in [`StructType::fields`].
    ///
    /// A struct whose fields hold the struct itself does not contain itself, lest comparing, printing or dropping it
    /// never end: the name that stands there is replaced one level at a time, here.
    pub fn field_type(&self, position: usize) -> Cow<'_, Type> {
        let ty = &self.fields[position].ty;
        if !self.recursive || ty.own_name().is_none() {
            return Cow::Borrowed(ty);
        }
        Cow::Owned(ty.closed(&Type::Struct(Arc::new(self.nested()))))
    }

    /// Returns what each of the fields holds if it is not given, in their order.
    pub(super) fn defaults(&self) -> Cow<'_, [Option<Arc<Object>>]> {
        match self.recursive {
            true => Cow::Owned((0..self.fields.len()).map(|position| self.default(position)).collect()),
            false => Cow::Borrowed(&self.defaults),
        }
    }

    /// Returns what the field at a place in [`StructType::fields`] holds if it is not given.
    pub(super) fn default(&self, position: usize) -> Option<Arc<Object>> {
        let default = self.defaults[position].as_ref()?;
        match self.field_type(position) {
            Cow::Borrowed(_) => Some(Arc::clone(default)),
            Cow::Owned(ty) => Some(Arc::new(default.closed(&ty))),
        }
    }

    /// Returns the struct as it is inside of another type.
    fn nested(&self) -> StructType {
        StructType::new(self.name.clone(), Arc::clone(&self.sorted), Arc::clone(&self.sorted))
    }

    /// Returns the names of the fields in alphabetical order.
    pub(super) fn sorted_names(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(|field| field.name.as_str())
    }

    /// Returns the place of a field in [`StructType::fields`].
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Returns the place of a field that was written at `at`.
    ///
    /// # Errors
    /// The struct has no such field.
    pub fn known_position(&self, name: &str, at: Span) -> Result<usize, Error> {
        self.position(name).ok_or_else(|| {
            let fields = self.fields.iter().map(|field| field.name.clone()).collect();
            let kind = ErrorKind::UnknownField { name: self.name.clone(), field: name.to_owned(), fields };
            Error { kind, at }
        })
    }

    /// Says whether both have equal fields in any order, whatever their own names (SEMANTICS 8.5).
    pub fn same_fields(&self, other: &StructType) -> bool {
        Arc::ptr_eq(&self.sorted, &other.sorted) || self.sorted == other.sorted
    }
}
