//! A configuration in the Python syntax of the original, turned into the language of `script`.
//!
//! A syntax tree with comments (`tree`) becomes text, statement by statement. What has no counterpart becomes a comment
//! and a diagnostic. Knows nothing of files, and does not judge what the text means: `script` reads it.

mod arguments;
mod assignments;
mod calls;
mod comprehensions;
mod converter;
mod expressions;
mod format;
mod functions;
mod kinds;
mod layout;
mod loops;
mod methods;
mod names;
mod numbers;
mod operators;
mod patterns;
mod piece;
mod problem;
mod python;
mod statements;
mod strings;
mod structs;
mod subscripts;
mod tree;
mod uses;

use crate::diagnostics::Diagnostic;

/// What a text became.
#[derive(Debug)]
pub struct Converted {
    /// The text in the new language.
    pub text: String,
    /// What could not be converted, and what may mean something else now; in the order of the text.
    pub problems: Vec<Diagnostic>,
    /// The files that it includes, which have to be converted too.
    pub includes: Vec<String>,
}

/// Converts `text`; `name` is what diagnostics call it.
///
/// # Errors
/// The text is no Python, nests too deep or is too long.
pub fn convert(name: &str, text: &str) -> Result<Converted, Box<Diagnostic>> {
    // Python reads each of the three ends of lines as one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let source = tree::Source::new(name, &text);
    let tree = source.parse()?;
    Ok(converter::Converter::new(&source, tree.root_node()).convert(tree.root_node()))
}
