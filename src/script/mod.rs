//! The configuration language on top of Rhai: LANGUAGE section 1, 2 and 5.
//!
//! A text is cut into tokens (`lexer`), read with all it includes (`program`), rewritten (`rewrite`) with
//! every position kept, compiled by Rhai and evaluated statement by statement.

mod builtins;
mod callback;
mod calls;
mod changes;
mod completion;
mod engine;
mod failure;
mod faults;
mod grammar;
mod habits;
mod highlight;
mod include;
mod lexer;
mod limits;
mod manual;
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
mod shell;
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

pub use completion::{Candidates, Place};
pub use highlight::{Class, classes, indent};
pub use include::{FileLoader, IncludeError, Loaded, Loader, NoFiles, read_stream, read_text};
pub(crate) use include::{kind, open};
pub use limits::Limits;
pub use manual::{Topic, topic, topics};
pub use origins::Uses;
pub use session::{Evaluated, Exports, Session};
pub use shell::{Answer, Held, Variable};
pub use state::{Export, Given, Parameter};
