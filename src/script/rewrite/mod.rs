//! Rewrites a script into what Rhai compiles: keyword arguments, calls of values, reserved words as keys.
//!
//! | written | compiled |
//! |---|---|
//! | `f(a, k = v)` | `f(a, __keywords(7, [v]))` |
//! | `bc(name = "pi")`, where `bc` is a variable | `bc.__call([], 8, ["pi"])` |
//! | `ps[0](1)` | `ps[0].__call([1])` |
//! | `x.first(1, k = v)`, where nothing of this name is a function | `x.__method("first", [1], 9, [v])` |
//! | `#{if: 1}` | `#{"if": 1}` |
//! | `'a'` | `"a"` |
//!
//! The numbers lead to the table of calls. Everything is copied token by token, and every position leads back.
//!
//! - `pass`: one file, token by token; `words`, `brackets` and `arguments` are its parts.
//! - `marks`: what is put around values so that their places are known, where that is asked for.
//! - `frames`: the brackets that are open. `names`: the variables in scope.

mod arguments;
mod brackets;
mod frames;
mod marks;
mod names;
mod pass;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashSet;

use self::pass::Pass;
use super::origins::Origins;
use super::outline::Outline;
use super::positions::Output;
use super::sites::Sites;
use super::syntax::SyntaxError;

pub(crate) use self::names::Names;
pub(crate) use self::words::{OF_RESERVED, is_keyword};

/// What the whole program knows and gathers while its files are rewritten one after the other.
pub(crate) struct Rewriter<'a> {
    /// All files, found by number.
    pub(crate) files: &'a [Outline],
    /// For each file, what each of its includes splices in; nothing for a file that was included before.
    pub(crate) splices: &'a [Vec<Option<usize>>],
    /// Where the text goes.
    pub(crate) output: Output,
    /// Where the calls go.
    pub(crate) sites: &'a mut Sites,
    /// The variables in scope.
    pub(crate) names: Names,
    /// Functions of the program and of Rhai: a method of such a name stays a call.
    pub(crate) functions: &'a HashSet<String>,
    /// Functions of the program: these hide those of the standard library.
    pub(crate) functions_of_files: &'a HashSet<String>,
    /// Functions of the program that change what they are called on.
    pub(crate) changers: &'a HashSet<String>,
    /// Whether this is the standard library itself, which passes such arguments on as the list that they are.
    pub(crate) in_library: bool,
    /// Names of fields: `x.name()` reads the field even if there is a function `name`.
    pub(crate) fields: &'a HashSet<String>,
    /// The top-level variables that functions read.
    pub(crate) reads: HashSet<String>,
    /// The file in which an assignment to what is no variable declares it, as in a shell.
    pub(crate) declares: Option<usize>,
    /// Where the expressions that make values are noted, if they are.
    pub(crate) origins: Option<&'a mut Origins>,
}

impl Rewriter<'_> {
    /// Rewrites a file and, where it includes them, others.
    ///
    /// # Errors
    /// The first [`SyntaxError`].
    pub(crate) fn file(&mut self, number: usize) -> Result<(), SyntaxError> {
        let Some(file) = self.files.get(number) else { return Ok(()) };
        let mut pass = Pass {
            program: self,
            number,
            file,
            frames: Vec::new(),
            closures: Vec::new(),
            lets: Vec::new(),
            assigned: Vec::new(),
            marked_lets: Vec::new(),
            pending: None,
            includes: 0,
            next: 0,
            ended: (1, 1),
            word_at: (1, 1),
        };
        pass.run()
    }
}
