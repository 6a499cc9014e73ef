//! The way into an object: kept as borrowed steps while walking, written down when something is wrong at its end.

use std::fmt;

use super::object::Object;
use super::ty::Type;
use crate::diagnostics::Span;

/// One step into an object.
#[derive(Clone, Debug)]
pub enum Step {
    /// Into a field of a struct.
    Field {
        /// The struct's name.
        structure: String,
        /// The field's.
        field: String,
    },
    /// Into an element of a list.
    Element {
        /// The list type's name.
        list: String,
        /// From 0.
        index: usize,
        /// The element, to name it.
        element: Object,
    },
    /// Into a key of a map.
    Key {
        /// The map type's name.
        map: String,
        /// The key, outside of the scopes around.
        key: Object,
    },
    /// Into a value of a map.
    Value {
        /// The map type's name.
        map: String,
        /// The key, outside of the scopes around.
        key: Object,
        /// The value, outside of the scopes around.
        value: Object,
    },
}

/// Writes the step as scripts do.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field { field, .. } => write!(f, ".{field}"),
            Step::Element { index, .. } => write!(f, "[{index}]"),
            Step::Key { key, .. } => write!(f, " key {:?}", key.to_string()),
            Step::Value { key, .. } => write!(f, "[{:?}]", key.to_string()),
        }
    }
}

/// The steps from an object that is walked to the member that is looked at. Lives on the stack of the walk.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    step: Option<Taken<'a>>,
    around: Option<&'a Path<'a>>,
    at: Span,
}

#[derive(Clone, Copy, Debug)]
enum Taken<'a> {
    Field(&'a str, &'a str),
    Element(&'a Type, usize, &'a Object),
    Key(&'a Type, &'a Object),
    Value(&'a Type, &'a Object, &'a Object),
}

impl<'a> Path<'a> {
    /// Starts at an object that was written at `at`.
    pub fn start(at: Span) -> Path<'a> {
        Path { step: None, around: None, at }
    }

    /// Goes into a field of a struct.
    pub fn field(&'a self, structure: &'a str, field: &'a str, at: Span) -> Path<'a> {
        self.into(Taken::Field(structure, field), at)
    }

    /// Goes into an element of a list.
    pub fn element(&'a self, list: &'a Type, index: usize, element: &'a Object) -> Path<'a> {
        self.into(Taken::Element(list, index, element), element.at())
    }

    /// Goes into a key of a map.
    pub fn key(&'a self, map: &'a Type, key: &'a Object) -> Path<'a> {
        self.into(Taken::Key(map, key), key.at())
    }

    /// Goes into a value of a map.
    pub fn value(&'a self, map: &'a Type, key: &'a Object, value: &'a Object) -> Path<'a> {
        self.into(Taken::Value(map, key, value), value.at())
    }

    fn into(&'a self, step: Taken<'a>, at: Span) -> Path<'a> {
        Path { step: Some(step), around: Some(self), at }
    }

    /// Returns the place of the innermost object on the way that was written somewhere.
    pub fn place(&self) -> Span {
        self.at.or(self.around.map_or(Span::NONE, Path::place))
    }

    /// Writes the steps down, from the outermost in.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = self.around.map_or(Vec::new(), Path::steps);
        steps.extend(self.step.map(Step::from));
        steps
    }
}

impl From<Taken<'_>> for Step {
    fn from(taken: Taken<'_>) -> Step {
        match taken {
            Taken::Field(structure, field) => {
                Step::Field { structure: structure.to_owned(), field: field.to_owned() }
            }
            Taken::Element(list, index, element) => {
                Step::Element { list: list.name(), index, element: element.clone() }
            }
            Taken::Key(map, key) => Step::Key { map: map.name(), key: key.clone() },
            Taken::Value(map, key, value) => {
                Step::Value { map: map.name(), key: key.clone(), value: value.clone() }
            }
        }
    }
}
