//! A shell for any language that implements [`Language`]: lines in, values out.
//!
//! [`edit`] is for a terminal: line editing, history, completion, colours, a second prompt while a chunk is
//! incomplete. [`feed`] is for a pipe: it prints values and nothing else. This crate knows nothing of any language.

mod editor;
mod feed;

pub use editor::{Settings, edit};
pub use feed::feed;

/// What a chunk of input came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was evaluated; the lines to show, perhaps none.
    Shown(Vec<String>),
    /// It is wrong; the text that says why.
    Failed(String),
}

/// A language that a shell can speak.
pub trait Language {
    /// Evaluates one or more complete lines.
    fn evaluate(&mut self, chunk: &str) -> Outcome;

    /// Says whether `chunk` can be evaluated as it is, be it right or wrong, rather than needing more lines.
    fn is_complete(&self, chunk: &str) -> bool;

    /// Returns what could stand in place of the word that `line` ends with, in order.
    fn complete(&self, line: &str) -> Vec<String>;

    /// Returns `line` with colours; the same number of columns.
    fn highlight(&self, line: &str) -> String {
        line.to_owned()
    }
}

#[cfg(test)]
mod testing {
    //! A language to test with: `[` wants `]`, `!` is wrong, everything else is its own value.

    use super::{Language, Outcome};

    pub(crate) struct Echo;

    impl Language for Echo {
        fn evaluate(&mut self, chunk: &str) -> Outcome {
            match chunk.contains('!') {
                true => Outcome::Failed(format!("wrong: {chunk}")),
                false => Outcome::Shown(vec![chunk.replace('\n', "|")]),
            }
        }

        fn is_complete(&self, chunk: &str) -> bool {
            chunk.matches('[').count() <= chunk.matches(']').count()
        }

        fn complete(&self, line: &str) -> Vec<String> {
            ["process", "processes", "task"]
                .iter()
                .filter(|word| word.starts_with(line))
                .map(|&word| word.to_owned())
                .collect()
        }
    }
}
