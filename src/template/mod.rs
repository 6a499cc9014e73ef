//! `{{ref}}` and `<<ref>>` in text: what a reference is, where the tags are, what they stand for.
//!
//! SEMANTICS sections 1 to 4 and LANGUAGE section 3. Knows no types: what a scope holds is up to the layer above.

mod digits;
mod environment;
mod reference;
mod resolve;
mod split;

pub(crate) use digits::ascii_digit;
pub use environment::{BadBinding, Binding, Bound, Descend, Environment};
pub use reference::{Component, InvalidReference, Reference, compare};
pub use resolve::{Found, ResolveError, Resolved, Scope, Work, replace_once, resolve, resolve_nothing};
pub use split::{Delimiters, Escapes, Fragment, Tag, escape, may_have_tags, split};
