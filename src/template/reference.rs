//! Addresses: `a.b[0].c`. A sequence of dereferences and indices (SEMANTICS section 1); knows nothing of text or scopes.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::digits::ascii_digit;

/// One step of an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// `.name`
    Dereference(String),
    /// `[key]`
    Index(String),
}

impl Component {
    /// Returns the name or key without its punctuation.
    pub fn text(&self) -> &str {
        match self {
            Component::Dereference(text) | Component::Index(text) => text,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Component::Dereference(name) => write!(f, ".{name}"),
            Component::Index(key) => write!(f, "[{key}]"),
        }
    }
}

/// An address of something that has a name: one or more components.
///
/// Displays as its canonical address, without a leading dot. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference(Arc<[Component]>);

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid reference '{0}'")]
pub struct InvalidReference(pub String);

impl Reference {
    /// Parses an address. A leading dot may be left out if the first name begins with an ASCII letter or `_`.
    pub fn parse(address: &str) -> Result<Reference, InvalidReference> {
        let invalid = || InvalidReference(address.to_owned());
        let mut components = Vec::new();
        let mut rest = address;
        if !rest.starts_with(['.', '[']) {
            if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                return Err(invalid());
            }
            let (name, after) = take_name(rest).ok_or_else(invalid)?;
            components.push(Component::Dereference(name.to_owned()));
            rest = after;
        }
        while !rest.is_empty() {
            let (component, after) = take_component(rest).ok_or_else(invalid)?;
            components.push(component);
            rest = after;
        }
        Reference::from_components(components).ok_or_else(invalid)
    }

    /// Makes an address of components; there must be one at least.
    pub fn from_components(components: Vec<Component>) -> Option<Reference> {
        (!components.is_empty()).then(|| Reference(components.into()))
    }

    /// Makes the address of a single name, whatever its text.
    pub fn name(name: &str) -> Reference {
        Reference([Component::Dereference(name.to_owned())].into())
    }

    /// Returns the components; never empty.
    pub fn components(&self) -> &[Component] {
        &self.0
    }

    /// Returns the first component.
    pub fn first(&self) -> &Component {
        &self.0[0]
    }

    /// Returns what follows the first component, if anything does.
    pub fn rest(&self) -> Option<Reference> {
        Reference::from_components(self.0[1..].to_vec())
    }

    /// Returns this address continued by `other`.
    pub fn concat(&self, other: &Reference) -> Reference {
        Reference(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    /// Returns what follows `prefix` in this address: nothing unless `prefix` is a strict prefix, kinds included.
    pub fn scoped_to(&self, prefix: &Reference) -> Option<Reference> {
        let rest = self.0.strip_prefix(prefix.components())?;
        Reference::from_components(rest.to_vec())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = (&self.0[0], &self.0[1..]);
        match first {
            Component::Dereference(name) => f.write_str(name)?,
            Component::Index(_) => write!(f, "{first}")?,
        }
        rest.iter().try_for_each(|component| write!(f, "{component}"))
    }
}

/// Fewer components first, then the texts of the first components that differ. Those that differ in kind alone are
/// neither less nor greater, so that this orders no more than the prefixes of one reference (SEMANTICS 1.6).
pub fn compare(left: &Reference, right: &Reference) -> Ordering {
    let texts = || {
        let differing = left.0.iter().zip(right.0.iter()).find(|(left, right)| left != right);
        differing.map_or(Ordering::Equal, |(left, right)| left.text().cmp(right.text()))
    };
    left.0.len().cmp(&right.0.len()).then_with(texts)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_key(c: char) -> bool {
    is_word(c) || matches!(c, '-' | '.' | '/')
}

/// Says whether `c` can be part of an address.
pub(super) fn is_address_char(c: char) -> bool {
    is_key(c) || matches!(c, '[' | ']')
}

fn take_name(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    if !is_word(first) || ascii_digit(first).is_some() {
        return None;
    }
    Some(text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len())))
}

fn take_component(text: &str) -> Option<(Component, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let (name, after) = take_name(rest)?;
        return Some((Component::Dereference(name.to_owned()), after));
    }
    let (key, after) = text.strip_prefix('[')?.split_once(']')?;
    let valid = !key.is_empty() && key.chars().all(is_key);
    valid.then(|| (Component::Index(key.to_owned()), after))
}
