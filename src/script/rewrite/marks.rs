//! Marks around what makes values, for an evaluation that notes where values come from: `__at(7, ...)`.

use super::frames::{Frame, Shape};
use super::pass::Pass;
use crate::script::lexer::Kind;

/// What ends an argument or an element.
pub(super) const ENDS: [&str; 4] = [",", ")", "]", "}"];

/// Functions that Rhai reads in its own way: their arguments stay as they are.
const UNMARKED: [&str; 6] = ["Fn", "is_def_var", "is_def_fn", "call", "curry", "include"];

impl Pass<'_, '_> {
    /// Opens a mark before the token `first` if the expression up to the token `last` is worth one.
    pub(super) fn open_mark(&mut self, first: usize, last: usize) -> bool {
        let Some(origins) = &mut self.program.origins else { return false };
        let span = self.file.span(first, last);
        let number = origins.expression(span);
        self.program.output.insert(&format!("__at({number}, "), span);
        true
    }

    /// Closes a mark behind the token `last`.
    pub(super) fn close_mark(&mut self, last: usize) {
        self.close_marks(1, last);
    }

    /// Closes some marks behind the token `last`.
    pub(super) fn close_marks(&mut self, marks: usize, last: usize) {
        if marks > 0 {
            let place = self.place(last);
            self.program.output.insert(&")".repeat(marks), place);
        }
    }

    /// Opens a mark before the last argument of a function of the standard library, which has no places itself: what it
    /// makes is made at this call. Returns how many.
    pub(super) fn open_call_mark(&mut self, first: usize) -> usize {
        let number = match self.frames.last() {
            Some(Frame { shape: Shape::Call(call), .. }) if call.of_library => call.number,
            _ => return 0,
        };
        let Some(last) = self.end_of_item(first, &ENDS).filter(|_| self.program.origins.is_some()) else {
            return 0;
        };
        let ends_call =
            self.text(last + 1) == ")" || self.text(last + 2) == ")" && self.text(last + 1) == ",";
        if ends_call {
            let place = self.place(first);
            self.program.output.insert(&format!("__entering({number}, "), place);
        }
        usize::from(ends_call)
    }

    /// Says whether a text or number is a value here, rather than a pattern, a bound or a key.
    pub(super) fn is_literal_value(&self, first: usize, last: usize) -> bool {
        if self.program.origins.is_none() {
            return false;
        }
        let opens_closure = self.closures.last() == Some(&self.frames.len());
        let before = match self.before(first) {
            ".." | "..=" | "." => false,
            "|" => opens_closure,
            _ => true,
        };
        let after = !matches!(self.text(last + 1), "=>" | "|" | ".." | "..=" | "if" | ":");
        let inside = match self.frames.last() {
            Some(Frame { shape: Shape::Index | Shape::Parameters, .. }) => false,
            Some(frame @ Frame { shape: Shape::Call(_), .. }) => !UNMARKED.contains(&self.before(frame.open)),
            _ => true,
        };
        before && after && inside
    }

    /// Copies a text or a number, marked if it is a value.
    pub(super) fn literal(&mut self, at: usize) {
        let marked = self.is_literal_value(at, at) && self.open_mark(at, at);
        self.copy(at);
        if marked {
            self.close_mark(at);
        }
    }

    /// Opens a mark before a text with interpolations, and remembers to close it.
    pub(super) fn open_text(&mut self, at: usize) {
        let last = self.end_of_text(at);
        let marked = self.is_literal_value(at, last) && self.open_mark(at, last);
        self.copy(at);
        let mut frame = Frame::new(at, Shape::Interpolation);
        frame.marked = marked;
        self.frames.push(frame);
    }

    fn end_of_text(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, token) in self.file.tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::TextOpen => depth += 1,
                Kind::TextClose => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        open
    }

    /// Opens a mark before an argument, an element, or a value that is assigned, if it is more than one token.
    pub(super) fn open_item_mark(&mut self, first: usize, ends: &[&str]) -> bool {
        if self.program.origins.is_none() || matches!(self.text(first), "|" | "||") {
            return false;
        }
        let unmarked = self.frames.last().is_some_and(|frame| {
            matches!(frame.shape, Shape::Call(_)) && UNMARKED.contains(&self.before(frame.open))
        });
        match self.end_of_item(first, ends) {
            Some(last) if last > first && !unmarked => self.open_mark(first, last),
            _ => false,
        }
    }

    /// Finds the last token of an expression that one of `ends` follows; nothing if a closing bracket comes first
    /// that is none of them.
    fn end_of_item(&self, first: usize, ends: &[&str]) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.file.tokens.iter().enumerate().skip(first) {
            let text = self.text(at);
            match token.kind {
                Kind::TextOpen => depth += 1,
                Kind::TextClose => depth = depth.checked_sub(1)?,
                Kind::Symbol if depth == 0 && ends.contains(&text) => return at.checked_sub(1),
                Kind::Symbol => match text {
                    "(" | "[" | "?[" | "{" | "#{" => depth += 1,
                    ")" | "]" | "}" => depth = depth.checked_sub(1)?,
                    _ => {}
                },
                _ => {}
            }
        }
        None
    }

    /// Begins a declaration whose value is going to be marked; a constant has to be a variable for that.
    pub(super) fn declaration(&mut self, at: usize) {
        if self.text(at + 2) == "=" {
            self.marked_lets.push((self.frames.len(), at + 1));
        }
        self.program.output.copy("let", self.place(at));
        self.finish_token(at);
    }

    /// Closes the mark of an assigned value at its `;`, and marks a declared variable: Rhai keeps texts of variables
    /// once, without their marks.
    pub(super) fn end_assignment(&mut self, at: usize) {
        let depth = self.frames.len();
        let last = at.saturating_sub(1);
        if self.assigned.pop_if(|open| *open == depth).is_some() {
            self.close_mark(last);
        }
        while let Some((_, name)) = self.marked_lets.pop_if(|(open, _)| *open >= depth) {
            let Some(origins) = &mut self.program.origins else { return };
            let number = origins.expression(self.file.span(name + 2, last));
            let (name, place) = (self.text(name), self.place(last));
            self.program.output.insert(&format!("; {name} = __at({number}, {name})"), place);
        }
    }
}
