//! The typecheck (SEMANTICS section 9): types, required fields, conversion; text with open references is fine.
//!
//! Finds every problem, not the first alone: [`Problem::message`] words one as the reference does, and the layers
//! above word them for users.

use super::error::{Error, ErrorKind};
use super::object::{Body, Object};
use super::path::{Path, Step};
use super::ty::Type;
use super::value::{Value, quote};
use crate::diagnostics::Span;
use crate::template::{Reference, ResolveError, Tag, Work};

/// Something wrong in an object.
#[derive(Clone, Debug)]
pub struct Problem {
    /// From the checked object inwards to the value at fault.
    pub path: Vec<Step>,
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// The value at fault, or the nearest object around that was written somewhere.
    pub at: Span,
    /// What was put into the value by reference, and where that was bound.
    pub bound: Vec<(Tag, Span)>,
}

/// What is wrong with a value.
#[derive(Clone, Debug)]
pub enum ProblemKind {
    /// A required field is not set.
    Missing,
    /// The value does not convert, or its references lead back to themselves.
    Interpolation(Error),
    /// References are open where a type other than String is needed.
    Open {
        /// The text with its open references.
        text: String,
        /// What the text is not: `an integer`.
        not: String,
    },
    /// References are open where the check allows none.
    Unbound(Vec<Tag>),
    /// A rule of a layer above is broken.
    Invalid {
        /// What is wrong, as a clause: `must not be negative, but is -1`.
        message: String,
        /// What to do.
        help: Option<String>,
        /// Another place that has to do with it, and what is there.
        other: Option<(Span, String)>,
    },
    /// No alternative of a choice takes the value.
    NoAlternative {
        /// The choice's name.
        choice: String,
        /// The value as text.
        value: String,
    },
    /// Something that the reference does not turn into a failed check, such as braces around no reference.
    Raised(Error),
}

impl Object {
    /// Finds everything that keeps this object from being what its type says.
    pub fn typecheck(&self, work: &Work) -> Vec<Problem> {
        self.check_with(Openness::Any, work)
    }

    /// Finds what [`Object::typecheck`] finds, and each reference that is open and not `allowed` to be.
    pub fn check(&self, allowed: fn(&Reference) -> bool, work: &Work) -> Vec<Problem> {
        self.check_with(Openness::Only(allowed), work)
    }

    fn check_with(&self, openness: Openness, work: &Work) -> Vec<Problem> {
        let mut checker = Checker { openness, problems: Vec::new(), work };
        checker.object(self, &Path::start(self.at()));
        checker.problems
    }
}

/// Which references may be open in text.
#[derive(Clone, Copy)]
enum Openness {
    Any,
    Only(fn(&Reference) -> bool),
}

struct Checker<'a> {
    openness: Openness,
    problems: Vec<Problem>,
    work: &'a Work,
}

impl Checker<'_> {
    fn object(&mut self, object: &Object, path: &Path<'_>) {
        match (object.body(), object.ty()) {
            (Body::Scalar(_), _) => self.scalar(object, path),
            (Body::Choice(value), Type::Choice(choice)) => {
                let (openness, work) = (self.openness, self.work);
                let accepts = |candidate: Object| Ok(passes(&candidate, openness, work)?.then_some(()));
                match object.choose(value, choice, accepts) {
                    Ok(Some(())) => {}
                    Ok(None) => {
                        let (choice, text) = (choice.name().to_owned(), value.to_string());
                        let kind = match value.failure() {
                            Some(error) => ProblemKind::Raised(error),
                            None => ProblemKind::NoAlternative { choice, value: text },
                        };
                        self.found(kind, object, path);
                    }
                    Err(error) => self.found(ProblemKind::Raised(error), object, path),
                }
            }
            (Body::List(elements), list) => {
                let scopes = object.member_scopes();
                for (index, element) in elements.iter().enumerate() {
                    let inner = path.element(list, index, element);
                    self.object(&element.inside(&scopes), &inner);
                }
            }
            (Body::Map(entries), map) => {
                let scopes = object.member_scopes();
                for (key, value) in entries.iter() {
                    self.object(&key.inside(&scopes), &path.key(map, key));
                    self.object(&value.inside(&scopes), &path.value(map, key, value));
                }
            }
            (Body::Struct(values), Type::Struct(structure)) => {
                let scopes = object.member_scopes();
                for (field, value) in structure.fields().iter().zip(values.iter()) {
                    let at = value.as_ref().map_or(Span::NONE, |value| value.at());
                    let inner = path.field(structure.name(), &field.name, at);
                    match value {
                        Some(value) => self.object(&value.inside(&scopes), &inner),
                        None if field.required => self.found(ProblemKind::Missing, object, &inner),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn scalar(&mut self, object: &Object, path: &Path<'_>) {
        self.work.take_trail();
        let interpolated = match object.interpolate(self.work) {
            Ok(interpolated) => interpolated,
            Err(error) => return self.found(failed(error), object, path),
        };
        if let Openness::Only(allowed) = self.openness {
            let open = interpolated.unbound.iter().filter(|tag| !allowed(&tag.reference)).cloned();
            let open: Vec<Tag> = open.collect();
            if !open.is_empty() {
                return self.found(ProblemKind::Unbound(open), object, path);
            }
        }
        let Some(Value::Text(text)) = interpolated.object.raw() else { return };
        let not = match object.ty() {
            Type::Integer => "an integer".to_owned(),
            Type::Float => "a float".to_owned(),
            Type::Boolean => "a boolean".to_owned(),
            Type::Enum(ty) if !ty.values().iter().any(|value| **value == **text) => {
                format!("in the enumeration ({})", ty.values().join(", "))
            }
            _ => return,
        };
        self.found(ProblemKind::Open { text: text.to_string(), not }, object, path);
    }

    fn found(&mut self, kind: ProblemKind, object: &Object, path: &Path<'_>) {
        let mut bound = self.work.take_trail();
        match object.resolve(self.work) {
            Ok(Some(resolved)) => bound = resolved.replaced,
            Ok(None) => {}
            Err(_) if bound.is_empty() => bound = self.work.take_trail(),
            Err(_) => {}
        }
        self.problems.push(Problem { path: path.steps(), kind, at: object.at().or(path.place()), bound });
    }
}

/// Says whether a candidate of a choice passes; what the reference raises is passed on.
fn passes(candidate: &Object, openness: Openness, work: &Work) -> Result<bool, Error> {
    match candidate.check_with(openness, work).into_iter().next() {
        None => Ok(true),
        Some(Problem { kind: ProblemKind::Raised(error), .. }) => Err(error),
        Some(_) => Ok(false),
    }
}

fn failed(error: Error) -> ProblemKind {
    match error.kind {
        ErrorKind::Coercion { .. } | ErrorKind::Resolve(ResolveError::Cycle(_) | ResolveError::TooLarge) => {
            ProblemKind::Interpolation(error)
        }
        _ => ProblemKind::Raised(error),
    }
}

impl Problem {
    /// Returns the way to the value as text, the same for all problems of one value.
    pub fn way(&self) -> String {
        self.path.iter().map(Step::to_string).collect()
    }

    /// Words the problem as SEMANTICS section 9 does.
    ///
    /// # Errors
    /// What the reference raises instead of failing the check.
    pub fn message(&self, work: &Work) -> Result<String, Error> {
        let inner = match &self.kind {
            ProblemKind::Missing => "is required.".to_owned(),
            ProblemKind::Interpolation(error) => format!("Unable to interpolate: {error}"),
            ProblemKind::Open { text, not } => format!("{} not {not}", quote(text)),
            ProblemKind::Unbound(tags) => {
                let tags: Vec<String> = tags.iter().map(Tag::to_string).collect();
                format!("Uninterpolated variables: {}", tags.join(", "))
            }
            ProblemKind::Invalid { message, .. } => message.clone(),
            ProblemKind::NoAlternative { choice, value } => {
                format!("{choice} typecheck failed: value {value} did not match any of its alternatives")
            }
            ProblemKind::Raised(error) => return Err(error.clone()),
        };
        let mut steps = self.path.iter().rev();
        let mut message = match (&self.kind, self.path.last()) {
            (ProblemKind::Missing, Some(Step::Field { structure, field })) => {
                steps.next();
                format!("{structure}[{field}] {inner}")
            }
            _ => inner,
        };
        for step in steps {
            message = match step {
                Step::Field { structure, field } => format!("{structure}[{field}] failed: {message}"),
                Step::Element { list, .. } => format!("Element in {list} failed check: {message}"),
                Step::Key { map, key } => format!("{map} key {} failed check: {message}", key.text(work)?),
                Step::Value { map, key, value } => {
                    let (key, value) = (key.text(work)?, value.text(work)?);
                    format!("{map}[{key}] value {value} failed check: {message}")
                }
            };
        }
        Ok(message)
    }
}
