//! Rewrites a script into what Rhai compiles: keyword arguments, calls of values, reserved words as keys.
//!
//! | written | compiled |
//! |---|---|
//! | `f(a, k = v)` | `f(a, __keywords(7, [v]))` |
//! | `bc(name = "pi")`, where `bc` is a variable | `bc.__call([], __keywords(8, ["pi"]))` |
//! | `ps[0](1)` | `ps[0].__call([1])` |
//! | `x.first()`, where nothing of this name is a function | `x.__method("first", [])` |
//! | `#{if: 1}` | `#{"if": 1}` |
//! | `''` | `""` |
//!
//! The numbers lead to the table of calls. Everything is copied token by token, and every position leads back.

use std::collections::HashSet;

use super::frames::{Call, Frame, Scope, Shape};
use super::habits::habit_at;
use super::lexer::{Kind, Token};
use super::names::{Meaning, Names};
use super::outline::Outline;
use super::positions::Output;
use super::sites::Sites;
use super::stdlib::VARIADIC;
use super::syntax::{Mistake, SyntaxError};
use crate::diagnostics::Span;

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
    /// Whether this is the standard library itself, which passes such arguments on as the list that they are.
    pub(crate) in_library: bool,
    /// Names of fields: `x.name()` reads the field even if there is a function `name`.
    pub(crate) fields: &'a HashSet<String>,
    /// The top-level variables that functions read.
    pub(crate) reads: HashSet<String>,
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
            pending: None,
            includes: 0,
            next: 0,
            ended: (1, 1),
            word_at: (1, 1),
        };
        pass.run()
    }
}

/// Words that Rhai keeps for itself: no names, and a bracket after them is no call.
const KEYWORDS: [&str; 22] = [
    "let", "const", "if", "else", "switch", "do", "while", "until", "loop", "for", "in", "fn", "private",
    "return", "throw", "try", "catch", "continue", "break", "true", "false", "this",
];

/// Methods that Rhai treats in its own way.
const SPECIAL_METHODS: [&str; 4] = ["call", "curry", "is_shared", "type_of"];

/// Methods of Rhai that change what they are called on.
const MUTATORS: [&str; 26] = [
    "push",
    "append",
    "insert",
    "pad",
    "pop",
    "shift",
    "remove",
    "clear",
    "truncate",
    "chop",
    "reverse",
    "sort",
    "sort_by",
    "sort_desc",
    "splice",
    "drain",
    "retain",
    "dedup",
    "set",
    "mixin",
    "fill_with",
    "crop",
    "trim",
    "replace",
    "make_upper",
    "make_lower",
];

const ASSIGNMENTS: [&str; 12] = ["=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^="];

/// Says whether Rhai keeps this word for itself.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Names that the next block declares.
struct Pending {
    depth: usize,
    names: Vec<String>,
    scope: Scope,
}

/// One file on its way.
struct Pass<'p, 'a> {
    program: &'p mut Rewriter<'a>,
    number: usize,
    file: &'a Outline,
    frames: Vec<Frame>,
    /// For each closure whose body is being read: how many brackets were open at its start.
    closures: Vec<usize>,
    /// Variables whose `let` is not yet ended, with the brackets that were open.
    lets: Vec<(usize, String)>,
    pending: Option<Pending>,
    /// Includes seen so far.
    includes: usize,
    next: usize,
    /// Line and column after the token before.
    ended: (u32, u32),
    /// Where the last word went in the rewritten text.
    word_at: (u32, u32),
}

impl<'a> Pass<'_, 'a> {
    fn run(&mut self) -> Result<(), SyntaxError> {
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
                Kind::TextOpen => {
                    self.copy(at);
                    self.frames.push(Frame::new(at, Shape::Interpolation));
                }
                Kind::TextMiddle => {
                    self.end_closures();
                    self.copy(at);
                }
                Kind::TextClose => {
                    self.end_closures();
                    self.pop(at)?;
                    self.copy(at);
                }
                Kind::Text | Kind::Number => self.copy(at),
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

    // Words.

    fn word(&mut self, at: usize) -> Result<(), SyntaxError> {
        let name = self.text(at);
        let before = self.before(at);
        if matches!(before, "." | "?.") {
            return self.member(at);
        }
        let in_list = matches!(self.frames.last(), Some(Frame { shape: Shape::List, .. }));
        if let Some(habit) = habit_at(&self.file.text, &self.file.tokens, at, in_list) {
            return Err(SyntaxError::new(Mistake::Habit(habit), self.place(at)));
        }
        match name {
            "let" | "const" if self.file.is_word(at + 1) => {
                self.lets.push((self.frames.len(), self.text(at + 1).to_owned()));
            }
            "for" => self.pend(at + 1, "in", Scope::Block),
            "catch" => self.pend(at + 2, ")", Scope::Block),
            "fn" => self.pend(at + 3, ")", Scope::Function),
            "include" if self.text(at + 1) == "(" && before != "fn" => return self.include(at),
            _ if !is_keyword(name) && before != "::" && self.is_read(at) => return self.variable(at),
            _ => {}
        }
        self.copy(at);
        Ok(())
    }

    /// A field or a method: what follows a dot.
    fn member(&mut self, at: usize) -> Result<(), SyntaxError> {
        let name = self.text(at);
        let calls = self.text(at + 1) == "(";
        let bare = self.text(at + 2) == ")" && self.program.fields.contains(name);
        let known = self.program.functions.contains(name) || SPECIAL_METHODS.contains(&name);
        if !calls || (known && !bare) {
            self.copy(at);
            return Ok(());
        }
        let place = self.place(at);
        let number = self.program.sites.reserve(self.program.output.position());
        self.program.output.insert(&format!("__method(\"{name}\", ["), place);
        self.next += 1;
        self.ended =
            self.file.tokens.get(at + 1).map_or(self.ended, |token| (token.last_line, token.end_column));
        let call = Call { number, callee: place, listed: true, in_keywords: false };
        self.frames.push(Frame::new(at + 1, Shape::Call(call)));
        Ok(())
    }

    /// Says whether a name is read or assigned here, rather than declared.
    fn is_read(&self, at: usize) -> bool {
        let parameter = matches!(self.frames.last(), Some(Frame { shape: Shape::Parameters, .. }));
        !parameter && !matches!(self.before(at), "let" | "const" | "for" | "fn")
    }

    /// A name that is read. Rhai's closures would capture what is no variable to Rhai: it is asked for by a call.
    fn variable(&mut self, at: usize) -> Result<(), SyntaxError> {
        let name = self.text(at);
        let end = self.end_of_chain(at);
        let called = self.text(end) == "(" && MUTATORS.contains(&self.before(end)) && end > at + 1;
        let assigned = called || ASSIGNMENTS.contains(&self.text(end));
        let source = match self.program.names.meaning(name) {
            Meaning::Global if assigned => {
                return Err(SyntaxError::new(Mistake::GlobalAssigned(name.to_owned()), self.place(at)));
            }
            Meaning::Global => {
                self.program.reads.insert(name.to_owned());
                "__global"
            }
            Meaning::Constant if !assigned => "__constant",
            _ => {
                self.copy(at);
                return Ok(());
            }
        };
        self.program.output.insert(&format!("{source}(\"{name}\")"), self.place(at));
        self.finish_token(at);
        Ok(())
    }

    /// Returns the token after `name.field[index].field`.
    fn end_of_chain(&self, name: usize) -> usize {
        let mut at = name + 1;
        loop {
            match self.text(at) {
                "." if self.file.is_word(at + 1) => at += 2,
                "[" => at = self.end_of_index(at),
                _ => return at,
            }
        }
    }

    fn end_of_index(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.file.tokens.len() {
            match self.text(at) {
                "[" | "?[" => depth += 1,
                "]" => depth -= 1,
                ";" => return at,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.file.tokens.len()
    }

    /// Notes the names from token `first` to the token `end` for the block that follows.
    fn pend(&mut self, first: usize, end: &str, scope: Scope) {
        let mut names = Vec::new();
        let mut at = first;
        while at < self.file.tokens.len() && !matches!(self.text(at), "{" | ";") && self.text(at) != end {
            if self.file.is_word(at) {
                names.push(self.text(at).to_owned());
            }
            at += 1;
        }
        self.pending = Some(Pending { depth: self.frames.len(), names, scope });
    }

    fn include(&mut self, at: usize) -> Result<(), SyntaxError> {
        if self.program.names.meaning("include") != Meaning::Other {
            self.copy(at);
            return Ok(());
        }
        let alone = self.frames.is_empty() && matches!(self.before(at), "" | ";" | "}");
        if !alone {
            return Err(SyntaxError::new(Mistake::IncludeInside, self.place(at)));
        }
        if self.file.include_path(at).is_none() {
            return Err(SyntaxError::new(Mistake::IncludeComputed, self.place(at)));
        }
        if !matches!(self.text(at + 4), ";" | "") {
            return Err(SyntaxError::new(Mistake::IncludeInside, self.place(at)));
        }
        self.commit_lets(0);
        self.next = at + 4;
        let splice = self.program.splices.get(self.number).and_then(|splices| splices.get(self.includes));
        self.includes += 1;
        if let Some(Some(number)) = splice {
            self.program.output.blank(1, 0);
            self.program.file(*number)?;
            self.program.output.blank(1, 0);
        }
        let end = &self.file.tokens[at + 3];
        self.ended = (end.last_line, end.end_column);
        Ok(())
    }

    // Symbols.

    fn symbol(&mut self, at: usize) -> Result<(), SyntaxError> {
        match self.text(at) {
            "(" => self.open_parenthesis(at),
            "[" | "?[" => {
                let index = self.ends_value(at);
                self.open(at, if index { Shape::Index } else { Shape::List });
            }
            "#{" => self.open(at, Shape::Map),
            "{" => self.open_block(at),
            ")" | "]" | "}" => return self.close(at),
            "," => {
                self.end_closures();
                if let Some(frame) = self.frames.last_mut() {
                    frame.end_item(self.file, at.saturating_sub(1));
                }
                self.copy(at);
            }
            ";" => {
                self.end_closures();
                self.check_statement_end(at)?;
                self.commit_lets(self.frames.len());
                self.copy(at);
            }
            "|" | "||" if !self.ends_value(at) => self.closure(at),
            "=" if matches!(self.frames.last(), Some(Frame { shape: Shape::Parameters, .. })) => {
                let name = self.before(at).to_owned();
                return Err(SyntaxError::new(Mistake::ParameterDefault(name), self.place(at)));
            }
            _ => self.copy(at),
        }
        Ok(())
    }

    fn check_statement_end(&self, at: usize) -> Result<(), SyntaxError> {
        let inside = |frame: &&Frame| !matches!(frame.shape, Shape::Block(_) | Shape::Interpolation);
        let Some(frame) = self.frames.last().filter(inside) else { return Ok(()) };
        let mistake = Mistake::Interrupted(self.text(frame.open).to_owned());
        Err(SyntaxError { mistake, at: self.place(frame.open), also: Some(self.place(at)) })
    }

    fn open(&mut self, at: usize, shape: Shape) {
        self.copy(at);
        self.frames.push(Frame::new(at, shape));
    }

    fn open_block(&mut self, at: usize) {
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
    fn open_parenthesis(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1) else { return self.open(at, Shape::Group) };
        if self.file.is_word(before) {
            let name = self.text(before);
            match self.before(before) {
                "fn" => self.open(at, Shape::Parameters),
                "." | "?." | "::" => self.open_call(at, before),
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

    fn open_call(&mut self, at: usize, callee: usize) {
        let number = self.program.sites.reserve(self.word_at);
        let listed = self.is_variadic(callee);
        let callee = self.place(callee);
        self.copy(at);
        if listed {
            self.program.output.insert("[", callee);
        }
        self.frames.push(Frame::new(at, Shape::Call(Call { number, callee, listed, in_keywords: false })));
    }

    /// Says whether a function of the standard library takes its positional arguments as a list.
    fn is_variadic(&self, callee: usize) -> bool {
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

    fn open_value_call(&mut self, at: usize, callee: usize) {
        let callee = self.place(callee);
        self.program.output.insert(".", callee);
        let number = self.program.sites.reserve(self.program.output.position());
        self.program.output.insert("__call([", callee);
        self.finish_token(at);
        self.frames
            .push(Frame::new(at, Shape::Call(Call { number, callee, listed: true, in_keywords: false })));
    }

    fn closure(&mut self, at: usize) {
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
    fn close(&mut self, at: usize) -> Result<(), SyntaxError> {
        self.end_closures();
        let mut frame = self.pop(at)?;
        frame.end_item(self.file, at.saturating_sub(1));
        let place = self.place(at);
        match &frame.shape {
            Shape::Block(scope) => {
                self.lets.retain(|(depth, _)| *depth <= self.frames.len());
                match scope {
                    Scope::Block => self.program.names.close(),
                    Scope::Function => self.program.names.close_function(),
                }
            }
            Shape::Call(Call { number, callee, listed, in_keywords }) => {
                let end = match (listed, in_keywords) {
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

    fn pop(&mut self, at: usize) -> Result<Frame, SyntaxError> {
        let found = if self.file.tokens[at].kind == Kind::TextClose { "}" } else { self.text(at) };
        let Some(frame) = self.frames.pop() else {
            return Err(SyntaxError::new(Mistake::NothingToClose(found.to_owned()), self.place(at)));
        };
        let interpolation = matches!(frame.shape, Shape::Interpolation);
        let open = if interpolation { "${" } else { self.text(frame.open) };
        if super::syntax::closing(open) != found {
            let mistake = Mistake::Mismatched { found: found.to_owned(), open: open.to_owned() };
            let also = Some(self.place(frame.open));
            return Err(SyntaxError { mistake, at: self.place(at), also });
        }
        Ok(frame)
    }

    // Arguments and elements.

    /// Where an argument or element begins: takes its keyword or key, if it has one.
    fn begin_item(&mut self, at: usize) -> Result<(), SyntaxError> {
        let Some(frame) = self.frames.last().filter(|frame| frame.awaits_item()) else { return Ok(()) };
        if matches!(self.text(at), ")" | "]" | "}" | ",") {
            return Ok(());
        }
        let named = frame.awaits_key();
        match &frame.shape {
            Shape::Call(_) if named && self.file.is_word(at) && self.text(at + 1) == "=" => {
                return self.keyword(at);
            }
            Shape::Call(Call { in_keywords: true, .. }) if named => {
                return Err(SyntaxError::new(Mistake::PositionalAfterKeyword, self.place(at)));
            }
            Shape::Map if named && self.text(at + 1) == ":" => {
                self.key(at);
                return Ok(());
            }
            _ => {}
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.begin_item(at);
        }
        Ok(())
    }

    fn keyword(&mut self, at: usize) -> Result<(), SyntaxError> {
        let place = self.place(at);
        let name = self.text(at).to_owned();
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if let Some(first) = frame.earlier(&name) {
            let mistake = Mistake::RepeatedKeyword(name);
            return Err(SyntaxError { mistake, at: place, also: Some(first) });
        }
        frame.set_key(name, place);
        if let Shape::Call(call) = &mut frame.shape
            && !call.in_keywords
        {
            call.in_keywords = true;
            let listed = if call.listed { "], " } else { "" };
            let start = format!("{listed}__keywords({}, [", call.number);
            self.program.output.insert(&start, place);
        }
        self.next = at + 2;
        self.finish_token(at + 1);
        Ok(())
    }

    fn key(&mut self, at: usize) {
        let place = self.place(at);
        let text = self.text(at);
        let name = text.trim_matches('"').to_owned();
        if let Some(frame) = self.frames.last_mut() {
            frame.set_key(name, place);
        }
        if is_keyword(text) {
            self.program.output.insert(&format!("\"{text}\""), place);
            self.finish_token(at);
        } else {
            self.copy(at);
        }
        if let Some(colon) = self.file.tokens.get(at + 1) {
            self.gap(colon);
            self.copy(at + 1);
        }
        self.next = at + 2;
    }

    // Scopes that end without a bracket.

    fn end_closures(&mut self) {
        while self.closures.last().is_some_and(|depth| *depth >= self.frames.len()) {
            self.closures.pop();
            self.program.names.close();
        }
    }

    fn commit_lets(&mut self, depth: usize) {
        while let Some((_, name)) = self.lets.pop_if(|(declared, _)| *declared >= depth) {
            self.program.names.declare(&name);
        }
    }

    // Tokens.

    fn text(&self, at: usize) -> &'a str {
        self.file.token_text(at)
    }

    fn before(&self, at: usize) -> &'a str {
        at.checked_sub(1).map_or("", |before| self.file.token_text(before))
    }

    fn place(&self, at: usize) -> Span {
        self.file.span(at, at)
    }

    fn on_one_line(&self, left: usize, right: usize) -> bool {
        self.file.tokens[left].last_line == self.file.tokens[right].line
    }

    /// Says whether what stands before the token `at` ends a value, so that an operator or index follows.
    fn ends_value(&self, at: usize) -> bool {
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
    fn gap(&mut self, token: &Token) {
        let (line, column) = self.ended;
        let lines = token.line.saturating_sub(line);
        let spaces = token.column.saturating_sub(if lines > 0 { 1 } else { column });
        self.program.output.blank(lines, spaces);
        self.ended = (token.line, token.column);
    }

    fn copy(&mut self, at: usize) {
        self.word_at = self.program.output.position();
        let text = match self.text(at) {
            "''" => "\"\"",
            text => text,
        };
        self.program.output.copy(text, self.place(at));
        self.finish_token(at);
    }

    fn finish_token(&mut self, at: usize) {
        if let Some(token) = self.file.tokens.get(at) {
            self.ended = (token.last_line, token.end_column);
        }
    }
}
