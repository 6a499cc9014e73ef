//! A flat table from addresses to what they stand for (SEMANTICS section 4).

use indexmap::IndexMap;

use super::reference::Reference;
use super::resolve::Work;
use crate::diagnostics::Span;

/// What an address stands for: text, or an object of the layer above.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding<T> {
    /// A template.
    Text(String),
    /// A typed object.
    Object(T),
}

/// A binding and where it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound<T> {
    /// What is bound.
    pub binding: Binding<T>,
    /// Where.
    pub at: Span,
}

/// An object that may have others inside.
pub trait Descend: Sized {
    /// What goes wrong while objects are compared on the way.
    type Error;

    /// Returns what `rest` names inside of this object, with the scopes of the containers on the way;
    /// nothing if there is no such thing.
    fn descend(&self, rest: &Reference, work: &Work) -> Result<Option<Self>, Self::Error>;
}

/// Addresses and what they stand for. A later entry for an address replaces an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment<T> {
    table: IndexMap<Reference, Bound<T>>,
}

/// A value that nothing can be bound to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot bind {0}: bind text, a number, a boolean, an object, or a map of these")]
pub struct BadBinding(pub String);

impl<T> Default for Environment<T> {
    fn default() -> Environment<T> {
        Environment { table: IndexMap::new() }
    }
}

impl<T> Environment<T> {
    /// Binds `reference`.
    pub fn insert(&mut self, reference: Reference, binding: Binding<T>, at: Span) {
        self.table.insert(reference, Bound { binding, at });
    }

    /// Returns the entries in the order in which their addresses were first bound.
    pub fn entries(&self) -> impl Iterator<Item = (&Reference, &Bound<T>)> {
        self.table.iter()
    }

    /// Says whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl<T: Clone + Descend> Environment<T> {
    /// Finds what `reference` stands for: its exact entry, else inside the object at the longest prefix that has it.
    pub fn find(&self, reference: &Reference, work: &Work) -> Result<Option<Bound<T>>, T::Error> {
        if let Some(exact) = self.table.get(reference) {
            return Ok(Some(exact.clone()));
        }
        let components = reference.components();
        for length in (1..components.len()).rev() {
            let (prefix, rest) = components.split_at(length);
            let entry =
                Reference::from_components(prefix.to_vec()).and_then(|prefix| self.table.get(&prefix));
            let (Some(Bound { binding: Binding::Object(object), at }), Some(rest)) =
                (entry, Reference::from_components(rest.to_vec()))
            else {
                continue;
            };
            if let Some(found) = object.descend(&rest, work)? {
                return Ok(Some(Bound { binding: Binding::Object(found), at: *at }));
            }
        }
        Ok(None)
    }
}
