//! Replaces tags by what scopes say they stand for, until nothing changes (SEMANTICS section 3).

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use thiserror::Error;

use super::reference::{InvalidReference, Reference};
use super::split::{Escapes, Fragment, Tag, may_have_tags, split};
use crate::diagnostics::Span;

/// Rounds of replacement, counting the last one in which nothing changes.
const MAX_ROUNDS: usize = 100;

/// The most bytes that a template may grow to.
const MAX_TEXT: usize = 16 << 20;

/// Why a template cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Braces around something that is no reference.
    #[error(transparent)]
    InvalidReference(#[from] InvalidReference),
    /// A reference leads back to itself. Carries the text as it stood after the last round.
    #[error("Unable to interpolate {0}!  Maximum replacements reached.")]
    Cycle(String),
    /// The text, or the work to make it, grows past any use.
    #[error("the text grows without bound while its references are replaced")]
    TooLarge,
}

/// Something that knows what some references stand for.
pub trait Scope<E> {
    /// Returns the text that `reference` stands for here; nothing if this scope does not know it.
    fn text(&self, reference: &Reference, work: &Work) -> Result<Option<Found>, E>;
}

/// What a reference stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text, which may be a template again.
    pub text: String,
    /// Where it was bound.
    pub bound_at: Span,
}

/// The outcome of resolving a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The pieces, without escapes; the tags among them are unbound.
    pub fragments: Vec<Fragment>,
    /// What was replaced, in the order of its first replacement, and where that was bound.
    pub replaced: Vec<(Tag, Span)>,
}

impl Resolved {
    /// Returns the whole text; unbound tags keep their delimiters.
    pub fn text(&self) -> String {
        join(&self.fragments, |_| None)
    }

    /// Returns the tags that no scope knows, in order, with repetitions.
    pub fn unbound(&self) -> impl Iterator<Item = &Tag> {
        unbound(&self.fragments)
    }
}

/// The work that one evaluation may spend on templates, and what it came across.
///
/// Objects resolve within one another: the bound holds for all of it together.
#[derive(Debug)]
pub struct Work {
    left: Cell<u64>,
    watched: RefCell<HashSet<Span>>,
    looked_up: RefCell<Option<HashSet<Reference>>>,
    trail: RefCell<Vec<(Tag, Span)>>,
}

impl Default for Work {
    fn default() -> Work {
        Work::new(400 << 20)
    }
}

impl Work {
    /// Allows about `bytes` of text to be looked at.
    pub fn new(bytes: u64) -> Work {
        Work {
            left: Cell::new(bytes),
            watched: RefCell::default(),
            looked_up: RefCell::default(),
            trail: RefCell::default(),
        }
    }

    /// Also notes each reference that is looked up, for [`Work::looked_up`] and [`Work::used`].
    pub fn watching(self) -> Work {
        Work { looked_up: RefCell::new(Some(HashSet::new())), ..self }
    }

    /// Says whether anything asked for `reference`, or for something inside of it.
    pub fn looked_up(&self, reference: &Reference) -> bool {
        let asked = |other: &Reference| other == reference || other.scoped_to(reference).is_some();
        self.looked_up.borrow().as_ref().is_some_and(|seen| seen.iter().any(asked))
    }

    /// Says whether what was bound at `span` replaced anything.
    pub fn used(&self, span: Span) -> bool {
        self.watched.borrow().contains(&span)
    }

    /// Returns everything that was looked up, in no order.
    pub fn all_looked_up(&self) -> Vec<Reference> {
        self.looked_up.borrow().iter().flatten().cloned().collect()
    }

    /// Takes what was replaced, and where that was bound, in templates that could not be resolved since the last call.
    pub fn take_trail(&self) -> Vec<(Tag, Span)> {
        self.trail.take()
    }

    /// Returns what is left, for [`Work::start_again`].
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// Forgets what was spent since `left` was left, to do the same once more.
    pub fn start_again(&self, left: u64) {
        self.left.set(left);
    }

    fn spend(&self, bytes: usize) -> Result<(), ResolveError> {
        let cost = bytes as u64 + 64;
        let left = self.left.get().checked_sub(cost).ok_or(ResolveError::TooLarge)?;
        self.left.set(left);
        if bytes > MAX_TEXT { Err(ResolveError::TooLarge) } else { Ok(()) }
    }

    fn note(&self, reference: &Reference, found: Option<&Found>) {
        if let Some(seen) = self.looked_up.borrow_mut().as_mut() {
            if !seen.contains(reference) {
                seen.insert(reference.clone());
            }
            self.watched.borrow_mut().extend(found.map(|found| found.bound_at));
        }
    }
}

/// Replaces every tag of `text` that one of `scopes` knows, the first one that does, until a round replaces nothing.
///
/// # Errors
/// [`ResolveError`], and whatever a scope says while it makes the text of what it found.
pub fn resolve<E: From<ResolveError>>(
    text: &str,
    scopes: &[&dyn Scope<E>],
    work: &Work,
) -> Result<Resolved, E> {
    if !may_have_tags(text) {
        work.spend(text.len())?;
        return Ok(Resolved { fragments: literal(text.to_owned()), replaced: Vec::new() });
    }
    let mut found = Lookups::default();
    match rounds(text, scopes, work, &mut found) {
        Ok(fragments) => Ok(Resolved { fragments, replaced: found.replaced }),
        Err(error) => {
            work.trail.borrow_mut().append(&mut found.replaced);
            Err(error)
        }
    }
}

/// The fragments of a text without tags.
fn literal(text: String) -> Vec<Fragment> {
    if text.is_empty() { Vec::new() } else { vec![Fragment::Literal(text)] }
}

fn rounds<E: From<ResolveError>>(
    text: &str,
    scopes: &[&dyn Scope<E>],
    work: &Work,
    found: &mut Lookups,
) -> Result<Vec<Fragment>, E> {
    let mut text = text.to_owned();
    for round in 1..=MAX_ROUNDS {
        work.spend(text.len())?;
        let fragments = split(&text, Escapes::Keep).map_err(ResolveError::from)?;
        let known = found.look_up(&fragments, scopes, work)?;
        text = join(&fragments, |tag| found.text(&tag.reference));
        // The next round would change nothing; there must be one, or the text counts as a cycle.
        if known > 0 && round < MAX_ROUNDS && !may_have_tags(&text) {
            work.spend(text.len())?;
            return Ok(literal(text));
        }
        if known == 0 {
            return Ok(split(&text, Escapes::Remove).map_err(ResolveError::from)?);
        }
    }
    Err(ResolveError::Cycle(text).into())
}

/// Resolves `text` in no scope: removes its escapes and tells its references.
pub fn resolve_nothing(text: &str) -> Result<Vec<Fragment>, InvalidReference> {
    match resolve::<ResolveError>(text, &[], &Work::new(u64::MAX)) {
        Ok(resolved) => Ok(resolved.fragments),
        Err(ResolveError::InvalidReference(error)) => Err(error),
        Err(ResolveError::Cycle(_) | ResolveError::TooLarge) => Ok(vec![Fragment::Literal(text.to_owned())]),
    }
}

/// Replaces the tags of `text` once, as one round of [`resolve`] does, and removes its escapes.
///
/// Returns the text and the tags that no scope knows.
pub fn replace_once<E: From<ResolveError>>(
    text: &str,
    scopes: &[&dyn Scope<E>],
    work: &Work,
) -> Result<(String, Vec<Tag>), E> {
    let mut found = Lookups::default();
    let fragments = split(text, Escapes::Remove).map_err(ResolveError::from)?;
    found.look_up(&fragments, scopes, work)?;
    let left = unbound(&fragments).filter(|tag| !found.knows(&tag.reference)).cloned().collect();
    Ok((join(&fragments, |tag| found.text(&tag.reference)), left))
}

/// What was found so far: a reference is looked up until it is found, and its text is made once.
#[derive(Default)]
struct Lookups {
    texts: HashMap<Reference, String>,
    replaced: Vec<(Tag, Span)>,
}

impl Lookups {
    /// Looks up what is not known yet, and returns how many of the tags are known then.
    fn look_up<E>(
        &mut self,
        fragments: &[Fragment],
        scopes: &[&dyn Scope<E>],
        work: &Work,
    ) -> Result<usize, E> {
        let mut known = 0;
        for tag in unbound(fragments) {
            if self.knows(&tag.reference) {
                known += 1;
                continue;
            }
            let mut found = None;
            for scope in scopes {
                found = scope.text(&tag.reference, work)?;
                if found.is_some() {
                    break;
                }
            }
            work.note(&tag.reference, found.as_ref());
            if let Some(found) = found {
                known += 1;
                self.replaced.push((tag.clone(), found.bound_at));
                self.texts.insert(tag.reference.clone(), found.text);
            }
        }
        Ok(known)
    }

    fn knows(&self, reference: &Reference) -> bool {
        self.texts.contains_key(reference)
    }

    fn text(&self, reference: &Reference) -> Option<&str> {
        self.texts.get(reference).map(String::as_str)
    }
}

fn unbound(fragments: &[Fragment]) -> impl Iterator<Item = &Tag> {
    fragments.iter().filter_map(|fragment| match fragment {
        Fragment::Tag(tag) => Some(tag),
        Fragment::Literal(_) => None,
    })
}

fn join<'a>(fragments: &[Fragment], text_of: impl Fn(&Tag) -> Option<&'a str>) -> String {
    let mut text = String::new();
    for fragment in fragments {
        match fragment {
            Fragment::Literal(literal) => text.push_str(literal),
            Fragment::Tag(tag) => match text_of(tag) {
                Some(found) => text.push_str(found),
                None => text.push_str(&tag.to_string()),
            },
        }
    }
    text
}
