//! A shell for any language that implements [`Language`]: lines in, values out.
//!
//! [`edit`] is for a terminal: editing of chunks of several lines, history, completion, hints, colours. [`feed`] is for
//! a pipe: it prints values and nothing else, and stops at the first mistake. This crate knows nothing of any language.

mod editor;
mod feed;
mod history;
mod words;

pub use editor::{Settings, edit};
pub use feed::feed;

/// What a chunk of input came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was evaluated; the lines to show, perhaps none.
    Shown(Vec<String>),
    /// It is wrong.
    Failed {
        /// What it showed before.
        shown: Vec<String>,
        /// The text that says why.
        why: String,
    },
    /// The user wants to leave.
    Left,
}

/// What could stand at a place of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The byte at which what is replaced begins.
    pub start: usize,
    /// What could stand there, in order.
    pub candidates: Vec<String>,
}

/// A language that a shell can speak. Places in texts are bytes.
pub trait Language {
    /// Evaluates one or more complete lines.
    fn evaluate(&mut self, chunk: &str) -> Outcome;

    /// Says whether `chunk` can be evaluated as it is, be it right or wrong, rather than needing more lines.
    fn is_complete(&self, chunk: &str) -> bool;

    /// Puts into words that a line of the input, counted from 1, or what was typed, is no UTF-8 text.
    fn no_text(&self, line: Option<u64>) -> String {
        line.map_or_else(|| "no text".to_owned(), |line| format!("no text in line {line}"))
    }

    /// Returns what could stand at `at` in place of what stands before it.
    fn complete(&self, text: &str, at: usize) -> Completion;

    /// Returns what to show dimly behind a text whose end is being typed.
    fn hint(&self, _text: &str) -> Option<String> {
        None
    }

    /// Returns `text` with colours, the cursor being at `at`; the same number of columns.
    fn highlight(&self, text: &str, _at: usize) -> String {
        text.to_owned()
    }
}

#[cfg(test)]
mod testing {
    //! A language to test with: `[` wants `]`, `!` is wrong, `bye` leaves, everything else is its own value.

    use super::{Completion, Language, Outcome};

    pub(crate) struct Echo;

    impl Language for Echo {
        fn evaluate(&mut self, chunk: &str) -> Outcome {
            match chunk {
                "bye" => Outcome::Left,
                _ if chunk.contains('!') => {
                    Outcome::Failed { shown: vec!["before".to_owned()], why: format!("wrong: {chunk}") }
                }
                _ => Outcome::Shown(vec![chunk.replace('\n', "|")]),
            }
        }

        fn is_complete(&self, chunk: &str) -> bool {
            chunk.matches('[').count() <= chunk.matches(']').count()
        }

        fn complete(&self, text: &str, at: usize) -> Completion {
            let words = ["process", "processes", "task"].into_iter();
            let candidates = words.filter(|word| word.starts_with(&text[..at])).map(str::to_owned).collect();
            Completion { start: 0, candidates }
        }
    }
}
