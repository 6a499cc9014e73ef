//! Typed values: `String` to `Struct`, their construction, coercion, scopes, checks and text forms.
//!
//! SEMANTICS sections 4 to 9. Knows templates; knows nothing of processes, files or scripts.
//!
//! - [`Value`]: what users write; [`Type`]: what it is to become; [`Object`]: what it becomes.
//! - [`Object::interpolate`] resolves references, [`Object::typecheck`] finds what is wrong.
//! - [`bindings`]: what `bind` is given.

pub mod bindings;
mod check;
mod convert;
mod error;
mod integer;
mod interpolate;
pub mod json;
mod object;
mod path;
mod scopes;
mod text;
mod ty;
mod value;

pub use check::{Problem, ProblemKind};
pub use error::{Error, ErrorKind};
pub use integer::Integer;
pub use interpolate::{Interpolated, Members};
pub use object::{Binder, FieldValue, Member, Object};
pub use path::{Path, Step};
pub use scopes::Scopes;
pub use ty::{ChoiceType, EnumType, Field, StructType, Type};
pub use value::{Value, float_text, quote};
