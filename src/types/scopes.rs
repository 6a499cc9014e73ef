//! Where the references of an object are looked up: what was bound to it, and the containers around it.
//!
//! SEMANTICS sections 4 and 5. A scope list is shared, not copied: a container appends itself to its members by one
//! pointer, so that a list with a thousand members has one list of scopes.

use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::integer::Integer;
use super::object::{Binder, Body, Object};
use super::ty::Type;
use super::value::Value;
use crate::diagnostics::Span;
use crate::template::{Binding, Bound, Component, Descend, Environment, Found, Reference, Scope, Work};

/// An ordered list of scopes; the first that knows a reference answers.
#[derive(Clone, Debug, Default)]
pub struct Scopes(Option<Arc<Vec<Item>>>);

/// One scope, or several that belong together.
#[derive(Clone, Debug)]
enum Item {
    /// What was bound by name.
    Environment(Arc<Environment<Object>>),
    /// A container that was bound as a whole.
    Object(Object),
    /// The fields of the struct around, by their names and under `self`.
    Fields(Object),
    /// The scopes of the container around.
    Inherited(Scopes),
    /// The same, under `super`.
    Super(Scopes),
}

impl From<Binder> for Item {
    fn from(binder: Binder) -> Item {
        match binder {
            Binder::Environment(environment) => Item::Environment(environment),
            Binder::Object(object) => Item::Object(object),
        }
    }
}

impl Scopes {
    fn from_items(items: Vec<Item>) -> Scopes {
        Scopes((!items.is_empty()).then(|| Arc::new(items)))
    }

    fn items(&self) -> &[Item] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Puts environments in front; the last one comes first.
    pub(super) fn bind(&self, environments: impl IntoIterator<Item = Binder>) -> Scopes {
        let mut items: Vec<Item> = environments.into_iter().map(Item::from).collect();
        items.reverse();
        items.extend(self.items().iter().cloned());
        Scopes::from_items(items)
    }

    /// Puts environments behind, in their order.
    pub(super) fn append(&self, environments: impl IntoIterator<Item = Binder>) -> Scopes {
        let items = self.items().iter().cloned().chain(environments.into_iter().map(Item::from));
        Scopes::from_items(items.collect())
    }

    /// Puts the scopes of the container around behind.
    pub(super) fn inside(&self, container: &Scopes) -> Scopes {
        match (&self.0, &container.0) {
            (None, _) => container.clone(),
            (_, None) => self.clone(),
            (Some(items), Some(_)) => {
                let items = items.iter().cloned().chain([Item::Inherited(container.clone())]);
                Scopes::from_items(items.collect())
            }
        }
    }

    /// Says whether there is nothing to look anything up in.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the environments that were bound directly, first the one that wins.
    pub fn environments(&self) -> impl Iterator<Item = &Environment<Object>> {
        self.items().iter().filter_map(|item| match item {
            Item::Environment(environment) => Some(environment.as_ref()),
            _ => None,
        })
    }

    /// Finds what `reference` stands for in the first scope that knows it.
    pub fn find(&self, reference: &Reference, work: &Work) -> Result<Option<Bound<Object>>, Error> {
        for item in self.items() {
            let found = item.find(reference, work)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Finds a container that was bound as a whole: what the bare word `super` means.
    fn whole(&self) -> Option<&Object> {
        self.items().iter().find_map(|item| match item {
            Item::Object(object) => Some(object),
            Item::Inherited(scopes) => scopes.whole(),
            _ => None,
        })
    }
}

impl Item {
    fn find(&self, reference: &Reference, work: &Work) -> Result<Option<Bound<Object>>, Error> {
        match self {
            Item::Environment(environment) => environment.find(reference, work),
            Item::Object(object) => Ok(object.descend(reference, work)?.map(bound)),
            Item::Fields(object) => match find_in_fields(object, reference, work)? {
                None if is_name(reference, "self") => match reference.rest() {
                    Some(rest) => find_in_fields(object, &rest, work),
                    None => Ok(None),
                },
                found => Ok(found),
            },
            Item::Inherited(scopes) => scopes.find(reference, work),
            Item::Super(scopes) if is_name(reference, "super") => match reference.rest() {
                Some(rest) => scopes.find(&rest, work),
                None => Ok(scopes.whole().cloned().map(bound)),
            },
            Item::Super(_) => Ok(None),
        }
    }
}

impl Scope<Error> for Scopes {
    fn text(&self, reference: &Reference, work: &Work) -> Result<Option<Found>, Error> {
        self.find(reference, work)?
            .map(|Bound { binding, at }| {
                let text = match binding {
                    Binding::Text(text) => text,
                    Binding::Object(object) => object.text(work)?,
                };
                Ok(Found { text, bound_at: at })
            })
            .transpose()
    }
}

fn bound(object: Object) -> Bound<Object> {
    let at = object.at();
    Bound { binding: Binding::Object(object), at }
}

fn is_name(reference: &Reference, name: &str) -> bool {
    matches!(reference.first(), Component::Dereference(first) if first == name)
}

/// Looks a name up in a table of fields: the field itself by its bare name, as it was given, else inside of it.
fn find_in_fields(
    object: &Object,
    reference: &Reference,
    work: &Work,
) -> Result<Option<Bound<Object>>, Error> {
    let Component::Dereference(name) = reference.first() else { return Ok(None) };
    let Some(field) = object.field(name) else { return Ok(None) };
    match reference.rest() {
        None => Ok(Some(bound(field.clone()))),
        Some(rest) => Ok(field.descend(&rest, work)?.map(bound)),
    }
}

impl Descend for Object {
    type Error = Error;

    fn descend(&self, rest: &Reference, work: &Work) -> Result<Option<Object>, Error> {
        match self.find(rest, work) {
            Err(error) if error.is_naming() => Ok(None),
            found => found.map(Some),
        }
    }
}

impl Object {
    /// Returns the scopes in which the members of this container are resolved (SEMANTICS 5.2 and 5.5).
    pub(super) fn member_scopes(&self) -> Scopes {
        match self.ty() {
            Type::Struct(_) => {
                let own = self.scopes();
                let mut items = vec![Item::Fields(self.clone())];
                if !own.is_empty() {
                    items.extend([Item::Inherited(own.clone()), Item::Super(own.clone())]);
                }
                Scopes::from_items(items)
            }
            _ => self.scopes().clone(),
        }
    }

    /// Returns the same object inside of a container with these scopes.
    pub(super) fn inside(&self, container: &Scopes) -> Object {
        let scopes = self.scopes().inside(container);
        self.clone().with_scopes(scopes)
    }

    /// Finds a member, or a member of a member, with the scopes of the containers on the way (SEMANTICS 4.4).
    pub fn find(&self, reference: &Reference, work: &Work) -> Result<Object, Error> {
        let member = match self.body() {
            Body::Struct(_) => self.find_field(reference)?,
            Body::List(elements) => self.find_element(elements, reference)?,
            Body::Map(entries) => self.find_entry(entries, reference, work)?,
            Body::Scalar(_) | Body::Choice(_) => {
                return Err(ErrorKind::Unnamable { object: self.ty().name() }.into());
            }
        };
        let member = member.inside(&self.member_scopes());
        match reference.rest() {
            Some(rest) => member.find(&rest, work),
            None => Ok(member),
        }
    }

    fn find_field(&self, reference: &Reference) -> Result<&Object, Error> {
        let Component::Dereference(name) = reference.first() else { return Err(self.misnamed(reference)) };
        self.field(name).ok_or_else(|| self.not_found(reference))
    }

    fn find_element<'a>(&self, elements: &'a [Object], reference: &Reference) -> Result<&'a Object, Error> {
        let Component::Index(key) = reference.first() else { return Err(self.misnamed(reference)) };
        let index = Integer::parse(key).ok_or_else(|| self.misnamed(reference))?;
        let position = index.to_i64().and_then(|index| match index {
            0.. => usize::try_from(index).ok(),
            _ => elements.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
        });
        position.and_then(|position| elements.get(position)).ok_or_else(|| self.not_found(reference))
    }

    fn find_entry<'a>(
        &self,
        entries: &'a [(Object, Object)],
        reference: &Reference,
        work: &Work,
    ) -> Result<&'a Object, Error> {
        let (Component::Index(key), Type::Map(types)) = (reference.first(), self.ty()) else {
            return Err(self.misnamed(reference));
        };
        let wanted = Object::new(&types.0, &Value::text(key.as_str()), Span::NONE)?;
        for (key, value) in entries {
            if wanted.equals(key, work)? {
                return Ok(value);
            }
        }
        Err(self.not_found(reference))
    }

    fn misnamed(&self, reference: &Reference) -> Error {
        ErrorKind::Naming { object: self.ty().name(), component: reference.first().to_string() }.into()
    }

    fn not_found(&self, reference: &Reference) -> Error {
        ErrorKind::NotFound { name: reference.first().text().to_owned(), object: self.ty().name() }.into()
    }
}

impl Object {
    /// Returns the names that references in this object could have meant: what is bound to it and inside of it.
    pub fn reachable_names(&self) -> Vec<String> {
        let mut names = std::collections::BTreeSet::new();
        let mut objects = vec![self];
        while let Some(object) = objects.pop() {
            let environments = object.scopes().environments();
            names.extend(environments.flat_map(Environment::entries).map(|(address, _)| address.to_string()));
            names.extend(object.fields().map(|(name, _)| name.to_owned()));
            objects.extend(object.fields().map(|(_, field)| field));
            objects.extend(object.elements().unwrap_or_default());
            objects.extend(object.entries().unwrap_or_default().iter().map(|(_, value)| value));
        }
        names.into_iter().collect()
    }
}
