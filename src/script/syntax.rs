//! What is wrong with a script before Rhai sees it, and the words for it.

use thiserror::Error;

use super::habits::Habit;
use super::lexer::{Fault, LexError};
use super::positions::{MAX_POSITION, Overflow};
use crate::diagnostics::{Diagnostic, SourceId, Sources, Span};

/// A mistake in the text of a script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Mistake {
    /// The text cannot be cut into tokens.
    #[error("{}", fault_text(.0))]
    Token(Fault),
    /// A bracket that nothing closes.
    #[error("this `{0}` is never closed")]
    Unclosed(String),
    /// A statement that ends inside of a bracket.
    #[error("`;` comes before this `{0}` is closed")]
    Interrupted(String),
    /// A closing bracket that does not fit the open one.
    #[error("`{found}` does not close `{open}`")]
    Mismatched {
        /// The closing bracket.
        found: String,
        /// The bracket that is open.
        open: String,
    },
    /// A closing bracket where none is open.
    #[error("`{0}` closes nothing")]
    NothingToClose(String),
    /// `f(k = 1, 2)`.
    #[error("a positional argument cannot follow a keyword argument")]
    PositionalAfterKeyword,
    /// `f(k = 1, k = 2)`.
    #[error("the keyword `{0}` is given twice")]
    RepeatedKeyword(String),
    /// `let x = include("a")`, or an include in a block.
    #[error("include must stand alone at the top level of a file")]
    IncludeInside,
    /// `include(path)`.
    #[error("include takes one literal path")]
    IncludeComputed,
    /// `fn f(a = 1)`.
    #[error("the parameter `{0}` cannot have a default")]
    ParameterDefault(String),
    /// `total = 1` in a function.
    #[error("a function cannot change the top-level variable `{0}`")]
    GlobalAssigned(String),
    /// A line or the whole is too long for Rhai.
    #[error("{}", overflow_text(.0))]
    TooLong(Overflow),
    /// Another language's syntax.
    #[error("{}", .0.message())]
    Habit(Habit),
}

/// A mistake, its place, and another place that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// What is wrong.
    pub(crate) mistake: Mistake,
    /// Where.
    pub(crate) at: Span,
    /// The bracket that is open, or the first of two.
    pub(crate) also: Option<Span>,
}

impl SyntaxError {
    /// Makes an error with one place.
    pub(crate) fn new(mistake: Mistake, at: Span) -> SyntaxError {
        SyntaxError { mistake, at, also: None }
    }

    /// Makes an error from that of the lexer.
    pub(crate) fn from_lexer(error: LexError, source: SourceId) -> SyntaxError {
        SyntaxError::new(Mistake::Token(error.fault), Span::new(source, error.line, error.column, 1))
    }

    /// Says whether more text could mend this: the shell then asks for another line.
    pub(crate) fn is_incomplete(&self) -> bool {
        let open_text = matches!(self.mistake, Mistake::Token(Fault::UnclosedText | Fault::UnclosedComment));
        open_text || matches!(self.mistake, Mistake::Unclosed(_))
    }

    /// Puts the mistake into words.
    pub(crate) fn diagnostic(&self, sources: &Sources) -> Diagnostic {
        Diagnostic::error(self.code(), self.mistake.to_string())
            .with_label(sources.place(self.at), self.text())
            .with_label(self.also.and_then(|span| sources.place(span)), self.also_text())
            .with_optional_help(self.help())
    }

    fn code(&self) -> &'static str {
        match &self.mistake {
            Mistake::IncludeInside | Mistake::IncludeComputed => "include",
            Mistake::GlobalAssigned(_) => "global_assigned",
            Mistake::TooLong(_) => "too_long",
            _ => "syntax",
        }
    }

    fn text(&self) -> &'static str {
        match &self.mistake {
            Mistake::Unclosed(_) | Mistake::Interrupted(_) => "opened here",
            Mistake::Token(Fault::UnclosedText | Fault::UnclosedComment) => "opened here",
            Mistake::RepeatedKeyword(_) => "given again",
            Mistake::GlobalAssigned(_) => "changed here",
            _ => "here",
        }
    }

    fn also_text(&self) -> &'static str {
        match self.mistake {
            Mistake::RepeatedKeyword(_) => "first given here",
            Mistake::Interrupted(_) => "the statement ends here",
            _ => "opened here",
        }
    }

    fn help(&self) -> Option<String> {
        let help = match &self.mistake {
            Mistake::Token(fault) => fault_help(*fault),
            Mistake::Unclosed(open) | Mistake::Interrupted(open) => {
                return Some(format!("add a `{}`", closing(open)));
            }
            Mistake::Mismatched { open, .. } => return Some(format!("write `{}` first", closing(open))),
            Mistake::NothingToClose(_) => "remove it, or add the bracket that it should close",
            Mistake::PositionalAfterKeyword => "give positional arguments first, or name this one too",
            Mistake::RepeatedKeyword(_) => "keep one of them",
            Mistake::IncludeInside => {
                "write `include(\"path\");` as a statement of its own, outside of functions and blocks"
            }
            Mistake::IncludeComputed => "write the path as one string: `include(\"lib/math.thermos\");`",
            Mistake::ParameterDefault(name) => {
                return Some(format!(
                    "take `{name}` always, or define a second function with fewer parameters"
                ));
            }
            Mistake::GlobalAssigned(name) => {
                return Some(format!(
                    "functions read copies: return the new value and write `{name} = ...` at the top level"
                ));
            }
            Mistake::TooLong(Overflow::Columns) => "break the line",
            Mistake::TooLong(Overflow::Lines) => "make the processes in a loop, or bind the text with -E",
            Mistake::Habit(habit) => return Some(habit.help()),
        };
        Some(help.to_owned())
    }
}

fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::UnclosedString => "this string is not closed on its line".to_owned(),
        Fault::TripleQuotes => "there are no triple quotes".to_owned(),
        Fault::UnclosedText => "this text is never closed".to_owned(),
        Fault::UnclosedComment => "this comment is never closed".to_owned(),
        Fault::Hash => "`#` starts no comment here".to_owned(),
        Fault::Character(found) => format!("the character {found:?} means nothing here"),
    }
}

fn fault_help(fault: Fault) -> &'static str {
    match fault {
        Fault::UnclosedString => {
            "add the closing quote, here or to a string before it; a text of several lines goes in backticks, \
             or in #\"...\"# to keep ${} and quotes"
        }
        Fault::TripleQuotes => {
            "put a text of several lines in backticks, or in #\"...\"# to keep ${} and quotes"
        }
        Fault::UnclosedText => "add the closing backtick, or `\"#` for a text that began with `#\"`",
        Fault::UnclosedComment => "add `*/`",
        Fault::Hash => "comments start with `//`",
        Fault::Character('\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}') => {
            "write a straight quote: \" or '"
        }
        Fault::Character('\u{feff}') => "save the file as UTF-8 without a byte order mark",
        Fault::Character(c) if c.is_whitespace() => "this blank is none of the usual ones: type it again",
        Fault::Character(c) if c.is_control() => "is this the right file? a script is plain text",
        Fault::Character(_) => "put text in quotes; names are made of letters a to z, digits and `_`",
    }
}

fn overflow_text(overflow: &Overflow) -> String {
    match overflow {
        Overflow::Columns => format!("a line is longer than {MAX_POSITION} characters"),
        Overflow::Lines => {
            format!("the script has more than {MAX_POSITION} lines, with everything it includes")
        }
    }
}

/// Returns the bracket that closes `open`.
pub(crate) fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" | "?[" => "]",
        _ => "}",
    }
}
