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
    /// The text behind which a hint is on the screen.
    pub(crate) hinted: RefCell<Option<String>>,
}

impl Words<'_> {
    /// Returns the last line of the text behind which a hint is on the screen as it looks without it, and forgets that; with
    /// the prompt, if that stands in this line.
    pub(crate) fn without_hint(&self, prompt: &str) -> Option<String> {
        let text = self.hinted.take()?;
        let painted = self.language.borrow().highlight(&text, text.len());
        let line = painted.rsplit('\n').next().unwrap_or_default();
        Some(if text.contains('\n') { line.to_owned() } else { format!("{prompt}{line}") })
    }
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
        let is_wanted = self.color && at == text.len();
        let hint = is_wanted.then(|| self.language.borrow().hint(text)).flatten();
        *self.hinted.borrow_mut() = hint.as_ref().map(|_| text.to_owned());
        hint.map(Hint)
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
