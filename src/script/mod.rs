//! The configuration language on top of Rhai: LANGUAGE section 1, 2 and 5.
//!
//! A text is cut into tokens (`lexer`), read with all it includes (`program`), rewritten (`rewrite`) with
//! every position kept, compiled by Rhai and evaluated statement by statement.

mod builtins;
mod callback;
mod calls;
mod changes;
mod engine;
mod failure;
mod faults;
mod grammar;
mod habits;
mod highlight;
mod include;
mod lexer;
mod limits;
mod methods;
mod origins;
mod outline;
mod positions;
mod program;
mod raise;
mod rewrite;
mod session;
#[cfg(test)]
mod session_tests;
mod sites;
#[cfg(test)]
mod soup;
mod state;
mod stdlib;
mod syntax;
mod text;
mod tokens;
mod unknown;
mod values;

pub use highlight::{Class, classes};
pub use include::{FileLoader, IncludeError, Loaded, Loader, NoFiles, read_text};
pub use limits::Limits;
pub use origins::Uses;
pub use session::{Answer, Evaluated, Exports, Session};
pub use state::{Export, Given, Parameter};
