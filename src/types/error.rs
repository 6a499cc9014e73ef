//! What can go wrong with typed values. The texts are those of SEMANTICS sections 4 to 8.

use thiserror::Error;

use super::value::Value;
use crate::diagnostics::Span;
use crate::template::{BadBinding, InvalidReference, ResolveError};

/// A failed operation on a typed value, and the place of the value at fault as far as it is known.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{kind}")]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The value at fault.
    pub at: Span,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ErrorKind {
    /// A value does not convert to a type. `detail` says more.
    #[error("Cannot coerce '{value}' to {target}{}", detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default())]
    Coercion {
        /// The value as text.
        value: String,
        /// The type.
        target: String,
        /// Why, if the type has more to say.
        detail: Option<String>,
    },
    /// An infinity has no integer, and some integers are beyond all floats.
    #[error("{0}")]
    Overflow(&'static str),
    /// An enumeration has no such value.
    #[error("{name} only accepts the following values: {}", values.join(", "))]
    BadEnum {
        /// The enumeration.
        name: String,
        /// What it was given.
        value: String,
        /// What it accepts.
        values: Vec<String>,
    },
    /// A list was given something else.
    #[error("{name} expects a list, got {found}")]
    NotList {
        /// The list type.
        name: String,
        /// The value.
        found: String,
    },
    /// A map was given something else.
    #[error("{name} expects a map, got {found}")]
    NotMap {
        /// The map type.
        name: String,
        /// The value.
        found: String,
    },
    /// A struct was given something without fields, or an object of another type.
    #[error("{name} expects its fields, got {found}")]
    NotMapping {
        /// The struct.
        name: String,
        /// The value.
        found: String,
    },
    /// A value is to be of a struct that is only being made.
    #[error("{name} is not made yet")]
    Unmade {
        /// The struct.
        name: String,
    },
    /// A struct has no such field.
    #[error("Unknown schema attribute {field}")]
    UnknownField {
        /// The struct.
        name: String,
        /// The field that it does not have.
        field: String,
        /// Those that it has.
        fields: Vec<String>,
    },
    /// Nothing of that name is inside of the object.
    #[error("Could not find {name} in object {object}")]
    NotFound {
        /// The name or key.
        name: String,
        /// The type of the object.
        object: String,
    },
    /// An object is asked by name where it takes a key, or the other way round.
    #[error("Cannot dereference object {object} by {component}")]
    Naming {
        /// The type of the object.
        object: String,
        /// The component, with its punctuation.
        component: String,
    },
    /// A scalar has nothing inside.
    #[error("Object is not indexable: {object}")]
    Unnamable {
        /// The type of the object.
        object: String,
    },
    /// A template cannot be resolved.
    #[error(transparent)]
    Resolve(ResolveError),
    /// A value cannot be bound.
    #[error(transparent)]
    BadBinding(BadBinding),
}

impl Error {
    /// Makes the error for a value that does not convert; if it has no text of its own, that is the error.
    pub(super) fn coercion(value: &Value, target: impl ToString) -> Error {
        value.failure().unwrap_or_else(|| {
            let (value, target) = (value.to_string(), target.to_string());
            ErrorKind::Coercion { value, target, detail: None }.into()
        })
    }

    /// Makes the error for a value that has not the shape for a type, with the same exception.
    pub(super) fn shape(value: &Value, kind: ErrorKind) -> Error {
        value.quoted_failure().unwrap_or_else(|| kind.into())
    }

    /// Fills in the place if none is known yet.
    pub fn at(mut self, span: Span) -> Error {
        self.at = self.at.or(span);
        self
    }

    /// Says whether something was looked for in an object and is not there, so that the next scope is asked.
    pub(super) fn is_naming(&self) -> bool {
        use ErrorKind::{Naming, NotFound, Unnamable};
        matches!(self.kind, NotFound { .. } | Naming { .. } | Unnamable { .. })
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error { kind, at: Span::NONE }
    }
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Error {
        ErrorKind::Resolve(error).into()
    }
}

impl From<InvalidReference> for Error {
    fn from(error: InvalidReference) -> Error {
        ResolveError::from(error).into()
    }
}

impl From<BadBinding> for Error {
    fn from(error: BadBinding) -> Error {
        ErrorKind::BadBinding(error).into()
    }
}
