//! One file on its way: its tokens are copied one by one, with the room between them.

use super::Rewriter;
use super::frames::{Frame, Scope, Shape};
use super::words::is_keyword;
use crate::diagnostics::Span;
use crate::script::lexer::{Kind, Token};
use crate::script::outline::Outline;
use crate::script::syntax::{Mistake, SyntaxError};

/// Names that the next block declares.
pub(super) struct Pending {
    pub(super) depth: usize,
    pub(super) names: Vec<String>,
    pub(super) scope: Scope,
}

/// Writes a string with other quotes. Rhai would take those in single quotes for characters, and a `+` or `-` after them
/// for a sign.
fn in_double_quotes(inner: &str) -> String {
    let mut text = String::from('"');
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => match characters.next() {
                Some('\'') => text.push('\''),
                escaped => text.extend(['\\'].into_iter().chain(escaped)),
            },
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

/// One file on its way.
pub(super) struct Pass<'p, 'a> {
    pub(super) program: &'p mut Rewriter<'a>,
    pub(super) number: usize,
    pub(super) file: &'a Outline,
    pub(super) frames: Vec<Frame>,
    /// For each closure whose body is being read: how many brackets were open at its start.
    pub(super) closures: Vec<usize>,
    /// Variables whose `let` is not yet ended, with the brackets that were open.
    pub(super) lets: Vec<(usize, String)>,
    /// For each assigned value that is being read and marked: how many brackets were open.
    pub(super) assigned: Vec<usize>,
    /// For each `let` that is being read and whose value is marked: how many brackets were open, and its name.
    pub(super) marked_lets: Vec<(usize, usize)>,
    pub(super) pending: Option<Pending>,
    /// Includes seen so far.
    pub(super) includes: usize,
    pub(super) next: usize,
    /// Line and column after the token before.
    pub(super) ended: (u32, u32),
    /// Where the last word went in the rewritten text.
    pub(super) word_at: (u32, u32),
}

impl<'a> Pass<'_, 'a> {
    pub(super) fn run(&mut self) -> Result<(), SyntaxError> {
        while let Some(token) = self.file.tokens.get(self.next) {
            let at = self.next;
            self.next += 1;
            self.gap(token);
            self.begin_item(at)?;
            if self.next > at + 1 {
                continue;
            }
            match token.kind {
                Kind::Word => self.word(at)?,
                Kind::Symbol => self.symbol(at)?,
                Kind::TextOpen => self.open_text(at),
                Kind::TextMiddle => {
                    self.end_closures();
                    self.copy(at);
                }
                Kind::TextClose => {
                    self.end_closures();
                    let frame = self.pop(at)?;
                    self.copy(at);
                    if frame.marked {
                        self.close_mark(at);
                    }
                }
                Kind::Text | Kind::Number => self.literal(at),
            }
        }
        if let Some(frame) = self.frames.last() {
            let open = self.text(frame.open);
            let open = if matches!(frame.shape, Shape::Interpolation) { "${" } else { open };
            let place = self.place(frame.open);
            return Err(SyntaxError::new(Mistake::Unclosed(open.to_owned()), place));
        }
        self.commit_lets(0);
        Ok(())
    }

    pub(super) fn end_closures(&mut self) {
        while self.closures.last().is_some_and(|depth| *depth >= self.frames.len()) {
            self.closures.pop();
            self.program.names.close();
        }
    }

    pub(super) fn commit_lets(&mut self, depth: usize) {
        while let Some((_, name)) = self.lets.pop_if(|(declared, _)| *declared >= depth) {
            self.program.names.declare(&name);
        }
    }

    pub(super) fn text(&self, at: usize) -> &'a str {
        self.file.token_text(at)
    }

    pub(super) fn before(&self, at: usize) -> &'a str {
        at.checked_sub(1).map_or("", |before| self.file.token_text(before))
    }

    pub(super) fn place(&self, at: usize) -> Span {
        self.file.span(at, at)
    }

    pub(super) fn on_one_line(&self, left: usize, right: usize) -> bool {
        self.file.tokens[left].last_line == self.file.tokens[right].line
    }

    /// Says whether what stands before the token `at` ends a value, so that an operator or index follows.
    pub(super) fn ends_value(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        match self.file.tokens[before].kind {
            Kind::Word => {
                !is_keyword(self.text(before)) || matches!(self.text(before), "this" | "true" | "false")
            }
            Kind::Number | Kind::Text | Kind::TextClose => true,
            Kind::TextOpen | Kind::TextMiddle => false,
            Kind::Symbol => matches!(self.text(before), ")" | "]" | "}"),
        }
    }

    /// Leaves as much room before a token as stands there in the file.
    pub(super) fn gap(&mut self, token: &Token) {
        let (line, column) = self.ended;
        let lines = token.line.saturating_sub(line);
        let spaces = token.column.saturating_sub(if lines > 0 { 1 } else { column });
        self.program.output.blank(lines, spaces);
        self.ended = (token.line, token.column);
    }

    pub(super) fn copy(&mut self, at: usize) {
        self.word_at = self.program.output.position();
        let text = self.text(at);
        match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(inner) => self.program.output.copy(&in_double_quotes(inner), self.place(at)),
            None => self.program.output.copy(text, self.place(at)),
        }
        self.finish_token(at);
    }

    pub(super) fn finish_token(&mut self, at: usize) {
        if let Some(token) = self.file.tokens.get(at) {
            self.ended = (token.last_line, token.end_column);
        }
    }
}
