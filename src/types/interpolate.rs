//! Resolves the references of objects in their scopes and converts scalars to their types (SEMANTICS 5 to 7).

use std::cell::OnceCell;
use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::object::{Body, Object};
use super::scopes::Scopes;
use super::ty::{ChoiceType, Type};
use super::value::Value;
use crate::template::{self, Fragment, Resolved, Tag, Work};

/// An object with as much resolved as its scopes know.
#[derive(Clone, Debug)]
pub struct Interpolated {
    /// The object.
    pub object: Object,
    /// The tags that are still open, in order of occurrence.
    pub unbound: Vec<Tag>,
}

/// A struct, and the scopes that its fields have inside, made once they are needed.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    object: &'a Object,
    scopes: OnceCell<Scopes>,
}

impl<'a> Members<'a> {
    /// Returns the struct.
    pub fn object(&self) -> &'a Object {
        self.object
    }

    /// Returns a field as it was given, with the scopes that it has inside; nothing if it is unset.
    pub fn field(&self, name: &str) -> Option<Object> {
        let scopes = self.scopes.get_or_init(|| self.object.member_scopes());
        Some(self.object.field(name)?.inside(scopes))
    }
}

impl Object {
    /// Resolves what can be resolved; scalars without open references are converted to their types.
    ///
    /// # Errors
    /// Values that do not convert, references that lead back to themselves, braces around something else.
    pub fn interpolate(&self, work: &Work) -> Result<Interpolated, Error> {
        match (self.body(), self.ty()) {
            (Body::Scalar(value), ty) => {
                self.interpolate_scalar(value, ty, work).map_err(|error| error.at(self.at()))
            }
            (Body::Choice(value), Type::Choice(choice)) => {
                let found = self.choose(value, choice, |candidate| candidate.interpolate(work).map(Some))?;
                found.ok_or_else(|| Error::coercion(value, self.ty()).at(self.at()))
            }
            (Body::Choice(value), _) => Err(Error::coercion(value, self.ty())),
            (Body::List(elements), Type::List(element)) => {
                let mut open = Vec::new();
                let scopes = self.member_scopes();
                let member = |object: &Object| interpolate_member(object, element, &scopes, &mut open, work);
                let elements = elements.iter().map(member).collect::<Result<_, _>>()?;
                Ok(Interpolated { object: self.rebuilt(Body::List(elements)), unbound: open })
            }
            (Body::Map(entries), Type::Map(types)) => {
                let mut open = Vec::new();
                let scopes = self.member_scopes();
                let entry = |(key, value): &(Object, Object)| {
                    let key = interpolate_member(key, &types.0, &scopes, &mut open, work)?;
                    Ok((key, interpolate_member(value, &types.1, &scopes, &mut open, work)?))
                };
                let entries = entries.iter().map(entry).collect::<Result<_, Error>>()?;
                Ok(Interpolated { object: self.rebuilt(Body::Map(entries)), unbound: open })
            }
            (Body::Struct(values), Type::Struct(structure)) => {
                let mut open = Vec::new();
                let scopes = self.member_scopes();
                let mut interpolated = Vec::with_capacity(values.len());
                for (position, value) in values.iter().enumerate() {
                    let ty = structure.field_type(position);
                    let member = |object| interpolate_member(object, &ty, &scopes, &mut open, work);
                    interpolated.push(value.as_deref().map(member).transpose()?.map(Arc::new));
                }
                Ok(Interpolated { object: self.rebuilt(Body::Struct(interpolated.into())), unbound: open })
            }
            (Body::List(_) | Body::Map(_) | Body::Struct(_), _) => {
                Err(Error::coercion(&"object".into(), self.ty()))
            }
        }
    }

    /// Reads a field of a struct, interpolated in it; nothing if it is unset.
    pub fn interpolated_field(&self, name: &str, work: &Work) -> Result<Option<Interpolated>, Error> {
        let (Some(object), Type::Struct(structure)) = (self.field(name), self.ty()) else { return Ok(None) };
        let Some(position) = structure.position(name) else { return Ok(None) };
        if let Some(value) = object.settled() {
            let object = object.rebuilt(Body::Scalar(value));
            return Ok(Some(Interpolated { object, unbound: Vec::new() }));
        }
        let mut unbound = Vec::new();
        let ty = structure.field_type(position);
        let object = interpolate_member(object, &ty, &self.member_scopes(), &mut unbound, work)?;
        Ok(Some(Interpolated { object, unbound }))
    }

    /// Returns a field of a struct as it was given, with the scopes that it has inside; nothing if it is unset.
    pub fn field_in_scope(&self, name: &str) -> Option<Object> {
        self.members().field(name)
    }

    /// Returns a view of a struct whose fields are asked for one after the other.
    pub fn members(&self) -> Members<'_> {
        Members { object: self, scopes: OnceCell::new() }
    }

    /// Returns the elements of a list as they were given, with the scopes that they have inside.
    pub fn elements_in_scope(&self) -> Vec<Object> {
        let scopes = self.member_scopes();
        self.elements().unwrap_or_default().iter().map(|element| element.inside(&scopes)).collect()
    }

    /// Returns the value of a scalar that is the same in all scopes: it holds no tag, and converts to its type.
    pub fn settled(&self) -> Option<Value> {
        let Body::Scalar(value) = self.body() else { return None };
        match value.as_text().is_some_and(template::may_have_tags) {
            true => None,
            false => self.ty().convert(value).ok(),
        }
    }

    /// Resolves the text of a scalar; nothing for values that are not text.
    pub fn resolve(&self, work: &Work) -> Result<Option<Resolved>, Error> {
        match self.body() {
            Body::Scalar(Value::Text(text)) => {
                let resolved = template::resolve::<Error>(text, &[self.scopes()], work);
                resolved.map(Some).map_err(|error| error.at(self.at()))
            }
            _ => Ok(None),
        }
    }

    fn interpolate_scalar(&self, value: &Value, ty: &Type, work: &Work) -> Result<Interpolated, Error> {
        if !value.as_text().is_some_and(template::may_have_tags) {
            let object = self.rebuilt(Body::Scalar(ty.convert(value)?));
            return Ok(Interpolated { object, unbound: Vec::new() });
        }
        let Some(resolved) = self.resolve(work)? else {
            return Err(Error::coercion(value, ty));
        };
        let text = Value::text(resolved.text());
        let unbound: Vec<Tag> = resolved.fragments.into_iter().filter_map(tag).collect();
        if unbound.is_empty() {
            // Resolving may have laid bare tags that were escaped: they are looked up if it is done again.
            let object = self.rebuilt(Body::Scalar(ty.convert(&text)?)).with_scopes(self.scopes().clone());
            return Ok(Interpolated { object, unbound });
        }
        Ok(Interpolated { object: Object::new(ty, &text, self.at())?, unbound })
    }

    /// Tries the alternatives of a choice in order and returns the first that `accept` takes (SEMANTICS 7.3).
    pub(super) fn choose<T>(
        &self,
        value: &Value,
        choice: &ChoiceType,
        accept: impl Fn(Object) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        for alternative in choice.alternatives() {
            if let Value::Object(object) = value
                && object.ty() == alternative
            {
                return accept(object.inside(self.scopes()));
            }
            let candidate = Object::new(alternative, value, self.at());
            match candidate.and_then(|candidate| accept(candidate.inside(self.scopes()))) {
                Ok(Some(accepted)) => return Ok(Some(accepted)),
                Ok(None) => {}
                Err(error) if is_mismatch(&error.kind) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Says whether an alternative merely does not take a value.
fn is_mismatch(kind: &ErrorKind) -> bool {
    use ErrorKind::{BadEnum, Coercion, NotList, NotMap, NotMapping, Unmade};
    matches!(
        kind,
        Coercion { .. } | BadEnum { .. } | NotList { .. } | NotMap { .. } | NotMapping { .. } | Unmade { .. }
    )
}

fn interpolate_member(
    object: &Object,
    ty: &Type,
    scopes: &Scopes,
    open: &mut Vec<Tag>,
    work: &Work,
) -> Result<Object, Error> {
    let Interpolated { object, unbound } = object.inside(scopes).interpolate(work)?;
    open.extend(unbound);
    // A choice interpolates to its alternative: it becomes a choice again.
    if object.ty() == ty { Ok(object) } else { Object::new(ty, &object.clone().into(), object.at()) }
}

fn tag(fragment: Fragment) -> Option<Tag> {
    match fragment {
        Fragment::Tag(tag) => Some(tag),
        Fragment::Literal(_) => None,
    }
}

impl Interpolated {
    /// Returns the open references once each, in the order of their addresses as text.
    pub fn unbound_addresses(&self) -> Vec<String> {
        let addresses = self.unbound.iter().map(|tag| tag.reference.to_string());
        addresses.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}
