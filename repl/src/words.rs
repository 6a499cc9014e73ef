//! What rustyline asks while a chunk is typed, answered by the language.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Cmd, ConditionalEventHandler, Context, Event, EventContext, Helper, RepeatCount};

use crate::Language;

/// A language that the editor asks while the shell evaluates with it, one after the other.
pub(crate) type Shared<'a> = Rc<RefCell<&'a mut dyn Language>>;

/// Asks the language.
pub(crate) struct Words<'a> {
    /// The language.
    pub(crate) language: Shared<'a>,
    /// Whether what is typed is coloured.
    pub(crate) color: bool,
}

impl Helper for Words<'_> {}

impl Validator for Words<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let chunk = context.input();
        Ok(match chunk.trim().is_empty() || self.language.borrow().is_complete(chunk) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

/// A hint is read, not taken over.
pub(crate) struct Hint(String);

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Words<'_> {
    type Hint = Hint;

    fn hint(&self, text: &str, at: usize, _: &Context<'_>) -> Option<Hint> {
        // Without colours it could be taken for what was typed.
        if !self.color || at < text.len() {
            return None;
        }
        self.language.borrow().hint(text).map(Hint)
    }
}

impl Highlighter for Words<'_> {
    fn highlight<'l>(&self, text: &'l str, at: usize) -> Cow<'l, str> {
        if self.color { Cow::Owned(self.language.borrow().highlight(text, at)) } else { Cow::Borrowed(text) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.color
    }
}

impl Completer for Words<'_> {
    type Candidate = String;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let completion = self.language.borrow().complete(text, at);
        Ok((completion.start, completion.candidates))
    }
}

/// Enter: in a chunk that is open, a new line as far to the right as it belongs.
pub(crate) struct Enter(pub(crate) fn(&str) -> Option<usize>);

impl ConditionalEventHandler for Enter {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        (self.0)(context.line())?;
        let before = context.line().get(..context.pos())?;
        let indent = (self.0)(before).unwrap_or(0);
        Some(Cmd::Insert(1, format!("\n{}", " ".repeat(indent))))
    }
}
