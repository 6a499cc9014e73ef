//! Symbols: what brackets open and close, which calls they make, and where closures and statements end.

use super::frames::{Call, Frame, Scope, Shape};
use super::names::Meaning;
use super::pass::{Pass, Pending};
use super::words::is_keyword;
use crate::script::habits::{Habit, is_dictionary};
use crate::script::lexer::Kind;
use crate::script::stdlib::{LIBRARY, VARIADIC};
use crate::script::syntax::{Mistake, SyntaxError, closing};

impl Pass<'_, '_> {
    pub(super) fn symbol(&mut self, at: usize) -> Result<(), SyntaxError> {
        match self.text(at) {
            "(" => self.open_parenthesis(at),
            "[" | "?[" => {
                let index = self.ends_value(at);
                self.open(at, if index { Shape::Index } else { Shape::List });
            }
            "#{" => self.open(at, Shape::Map),
            "{" if is_dictionary(&self.file.text, &self.file.tokens, at) => {
                return Err(SyntaxError::new(Mistake::Habit(Habit::Dictionary), self.place(at)));
            }
            "{" => self.open_block(at),
            ")" | "]" | "}" => return self.close(at),
            "," => {
                self.end_closures();
                let last = at.saturating_sub(1);
                let marks = self.frames.last_mut().map_or(0, |frame| frame.end_item(self.file, last));
                self.close_marks(marks, last);
                self.copy(at);
            }
            ";" => {
                self.end_closures();
                self.end_assignment(at);
                self.check_statement_end(at)?;
                self.commit_lets(self.frames.len());
                self.copy(at);
            }
            "|" | "||" if !self.ends_value(at) => self.closure(at),
            "=" if matches!(self.frames.last(), Some(Frame { shape: Shape::Parameters, .. })) => {
                let name = self.before(at).to_owned();
                return Err(SyntaxError::new(Mistake::ParameterDefault(name), self.place(at)));
            }
            "=" if matches!(self.frames.last(), None | Some(Frame { shape: Shape::Block(_), .. })) => {
                self.copy(at);
                if let Some(value) = self.file.tokens.get(self.next) {
                    self.gap(value);
                    if self.open_item_mark(self.next, &[";"]) {
                        self.assigned.push(self.frames.len());
                    }
                }
            }
            _ => self.copy(at),
        }
        Ok(())
    }

    pub(super) fn check_statement_end(&self, at: usize) -> Result<(), SyntaxError> {
        let inside = |frame: &&Frame| !matches!(frame.shape, Shape::Block(_) | Shape::Interpolation);
        let Some(frame) = self.frames.last().filter(inside) else { return Ok(()) };
        let mistake = Mistake::Interrupted(self.text(frame.open).to_owned());
        Err(SyntaxError { mistake, at: self.place(frame.open), also: Some(self.place(at)) })
    }

    pub(super) fn open(&mut self, at: usize, shape: Shape) {
        self.copy(at);
        self.frames.push(Frame::new(at, shape));
    }

    pub(super) fn open_block(&mut self, at: usize) {
        let depth = self.frames.len();
        let scope = match self.pending.take_if(|pending| pending.depth == depth) {
            Some(Pending { names, scope, .. }) => {
                match scope {
                    Scope::Block => self.program.names.open(),
                    Scope::Function => self.program.names.open_function(),
                }
                names.iter().for_each(|name| self.program.names.declare(name));
                scope
            }
            None => {
                self.program.names.open();
                Scope::Block
            }
        };
        self.open(at, Shape::Block(scope));
    }

    /// Parentheses: of a call, of a call of a value, of parameters, or plain.
    pub(super) fn open_parenthesis(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1) else { return self.open(at, Shape::Group) };
        if self.file.is_word(before) {
            let name = self.text(before);
            match self.before(before) {
                "fn" => self.open(at, Shape::Parameters),
                "." | "?." | "::" => self.open_call(at, before),
                _ if name == "this" => self.open_value_call(at, before),
                _ if is_keyword(name) => self.open(at, Shape::Group),
                _ if self.program.names.meaning(name) == Meaning::Other => self.open_call(at, before),
                _ => self.open_value_call(at, before),
            }
        } else if matches!(self.text(before), ")" | "]") && self.on_one_line(before, at) {
            self.open_value_call(at, before);
        } else {
            self.open(at, Shape::Group);
        }
    }

    pub(super) fn open_call(&mut self, at: usize, callee: usize) {
        let number = self.program.sites.reserve(self.word_at);
        let listed = self.is_variadic(callee);
        let of_library = self.is_of_library(callee);
        let callee = self.place(callee);
        self.copy(at);
        if listed {
            self.program.output.insert("[", callee);
        }
        self.frames.push(Frame::new(
            at,
            Shape::Call(Call { number, callee, listed, numbered: false, of_library, in_keywords: false }),
        ));
    }

    /// Says whether a function of the standard library takes its positional arguments as a list.
    pub(super) fn is_variadic(&self, callee: usize) -> bool {
        let name = self.text(callee);
        match self.before(callee) {
            _ if self.program.in_library => false,
            "." | "?." => false,
            "::" => {
                let module = callee.checked_sub(2).map_or("", |module| self.text(module));
                VARIADIC.contains(&format!("{module}::{name}").as_str())
            }
            _ => VARIADIC.contains(&name) && !self.program.functions_of_files.contains(name),
        }
    }

    /// Says whether a function is one of the standard library.
    fn is_of_library(&self, callee: usize) -> bool {
        let name = self.text(callee);
        match self.before(callee) {
            _ if self.program.in_library => false,
            "." | "?." => false,
            "::" => true,
            _ => LIBRARY.contains(&name) && !self.program.functions_of_files.contains(name),
        }
    }

    pub(super) fn open_value_call(&mut self, at: usize, callee: usize) {
        let callee = self.place(callee);
        self.program.output.insert(".", callee);
        let number = self.program.sites.reserve(self.program.output.position());
        self.program.output.insert("__call([", callee);
        self.finish_token(at);
        self.frames.push(Frame::new(
            at,
            Shape::Call(Call {
                number,
                callee,
                listed: true,
                numbered: true,
                of_library: false,
                in_keywords: false,
            }),
        ));
    }

    pub(super) fn closure(&mut self, at: usize) {
        self.program.names.open();
        self.closures.push(self.frames.len());
        self.copy(at);
        if self.text(at) == "||" {
            return;
        }
        while let Some(token) = self.file.tokens.get(self.next) {
            let parameter = self.next;
            if !self.file.is_word(parameter) && !matches!(self.text(parameter), "," | "|") {
                break;
            }
            self.gap(token);
            self.copy(parameter);
            self.next += 1;
            match self.text(parameter) {
                "|" => break,
                "," => {}
                name => self.program.names.declare(name),
            }
        }
    }

    /// Closes a bracket.
    pub(super) fn close(&mut self, at: usize) -> Result<(), SyntaxError> {
        self.end_closures();
        let mut frame = self.pop(at)?;
        let marks = frame.end_item(self.file, at.saturating_sub(1));
        self.close_marks(marks, at.saturating_sub(1));
        let place = self.place(at);
        match &frame.shape {
            Shape::Block(scope) => {
                self.lets.retain(|(depth, _)| *depth <= self.frames.len());
                match scope {
                    Scope::Block => self.program.names.close(),
                    Scope::Function => self.program.names.close_function(),
                }
            }
            Shape::Call(Call { number, callee, listed, numbered, in_keywords, .. }) => {
                let end = match (listed, in_keywords) {
                    (_, true) if *numbered => "]",
                    (_, true) => "])",
                    (true, false) => "]",
                    (false, false) => "",
                };
                self.program.output.insert(end, place);
                let (number, callee) = (*number, *callee);
                self.program.sites.fill(number, frame.site(callee));
            }
            Shape::List | Shape::Map => {
                let parts = frame.parts();
                if let Some(outer) = self.frames.last_mut() {
                    outer.note_literal(frame.open, at, parts);
                }
            }
            _ => {}
        }
        self.copy(at);
        Ok(())
    }

    pub(super) fn pop(&mut self, at: usize) -> Result<Frame, SyntaxError> {
        let found = if self.file.tokens[at].kind == Kind::TextClose { "}" } else { self.text(at) };
        let Some(frame) = self.frames.pop() else {
            return Err(SyntaxError::new(Mistake::NothingToClose(found.to_owned()), self.place(at)));
        };
        let interpolation = matches!(frame.shape, Shape::Interpolation);
        let open = if interpolation { "${" } else { self.text(frame.open) };
        if closing(open) != found {
            let mistake = Mistake::Mismatched { found: found.to_owned(), open: open.to_owned() };
            let also = Some(self.place(frame.open));
            return Err(SyntaxError { mistake, at: self.place(at), also });
        }
        Ok(frame)
    }
}
