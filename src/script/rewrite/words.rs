//! Words: names that are read, declared or called, includes, and what follows a dot.

use super::frames::{Call, Frame, Scope, Shape};
use super::names::Meaning;
use super::pass::{Pass, Pending};
use crate::script::changes::change_of;
use crate::script::habits::habit_at;
use crate::script::syntax::{Mistake, SyntaxError};

/// Words that Rhai keeps for itself: no names, and a bracket after them is no call.
const KEYWORDS: [&str; 22] = [
    "let", "const", "if", "else", "switch", "do", "while", "until", "loop", "for", "in", "fn", "private",
    "return", "throw", "try", "catch", "continue", "break", "true", "false", "this",
];

/// Words that Rhai keeps without using them: names like others here, but Rhai lets no function have one.
const RESERVED: [&str; 30] = [
    "as",
    "async",
    "await",
    "case",
    "default",
    "exit",
    "export",
    "go",
    "goto",
    "import",
    "is",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "protected",
    "public",
    "shared",
    "spawn",
    "static",
    "super",
    "sync",
    "thread",
    "use",
    "var",
    "void",
    "with",
    "yield",
];

/// What stands before the name of a function that has a reserved one.
pub(crate) const OF_RESERVED: &str = "__fn_";

/// Methods that Rhai treats in its own way.
const SPECIAL_METHODS: [&str; 4] = ["call", "curry", "is_shared", "type_of"];

/// Says whether Rhai keeps this word for itself.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

impl Pass<'_, '_> {
    pub(super) fn word(&mut self, at: usize) -> Result<(), SyntaxError> {
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
                if self.program.origins.is_some() {
                    self.declaration(at);
                    return Ok(());
                }
            }
            _ if self.declares(at) => {
                self.program.output.insert("let ", self.place(at));
                self.lets.push((self.frames.len(), name.to_owned()));
            }
            "for" => self.pend(at + 1, "in", Scope::Block),
            "catch" => self.pend(at + 2, ")", Scope::Block),
            "fn" => self.pend(at + 3, ")", Scope::Function),
            "include" if self.text(at + 1) == "(" && before != "fn" => return self.include(at),
            _ if !is_keyword(name) && before != "::" && self.text(at + 1) != "::" && self.is_read(at) => {
                return self.variable(at);
            }
            _ => {}
        }
        if before == "fn" {
            self.function(at);
        } else {
            self.copy(at);
        }
        Ok(())
    }

    /// The name of a function, under another name if Rhai would refuse it.
    fn function(&mut self, at: usize) {
        let name = self.text(at);
        if !RESERVED.contains(&name) || !self.program.functions_of_files.contains(name) {
            return self.copy(at);
        }
        self.word_at = self.program.output.position();
        self.program.output.insert(&format!("{OF_RESERVED}{name}"), self.place(at));
        self.finish_token(at);
    }

    /// A field or a method: what follows a dot.
    pub(super) fn member(&mut self, at: usize) -> Result<(), SyntaxError> {
        let name = self.text(at);
        let calls = self.text(at + 1) == "(";
        let bare = self.text(at + 2) == ")" && self.program.fields.contains(name);
        let known = self.program.functions.contains(name) || SPECIAL_METHODS.contains(&name);
        if calls && known && !bare {
            self.function(at);
            return Ok(());
        }
        if !calls {
            self.copy(at);
            return Ok(());
        }
        let place = self.place(at);
        let number = self.program.sites.reserve(self.program.output.position());
        self.program.output.insert(&format!("__method(\"{name}\", ["), place);
        self.next += 1;
        self.ended =
            self.file.tokens.get(at + 1).map_or(self.ended, |token| (token.last_line, token.end_column));
        let (listed, numbered, of_library) = (true, true, false);
        let call = Call { number, callee: place, listed, numbered, of_library, in_keywords: false };
        self.frames.push(Frame::new(at + 1, Shape::Call(call)));
        Ok(())
    }

    /// Says whether an assignment to a name declares it.
    fn declares(&self, at: usize) -> bool {
        self.program.declares == Some(self.number)
            && self.frames.is_empty()
            && !is_keyword(self.text(at))
            && self.file.is_assignment(at)
            && self.program.names.meaning(self.text(at)) == Meaning::Other
    }

    /// Says whether a name is read or assigned here, rather than declared.
    pub(super) fn is_read(&self, at: usize) -> bool {
        let parameter = matches!(self.frames.last(), Some(Frame { shape: Shape::Parameters, .. }));
        !parameter && !matches!(self.before(at), "let" | "const" | "for" | "fn")
    }

    /// A name that is read. Rhai's closures would capture what is no variable to Rhai: it is asked for by a call.
    pub(super) fn variable(&mut self, at: usize) -> Result<(), SyntaxError> {
        let name = self.text(at);
        let change = change_of(self.file, at);
        let assigned = change.is_by(self.program.changers);
        let source = match self.program.names.meaning(name) {
            Meaning::Global if assigned => {
                return Err(SyntaxError::new(Mistake::GlobalAssigned(name.to_owned()), self.place(at)));
            }
            Meaning::Global => {
                self.program.reads.insert(name.to_owned());
                "__global"
            }
            Meaning::Constant if !assigned => "__constant",
            Meaning::Other => {
                self.function(at);
                return Ok(());
            }
            _ => {
                self.copy(at);
                return Ok(());
            }
        };
        let marked = source == "__constant" && self.is_literal_value(at, at) && self.open_mark(at, at);
        self.program.output.insert(&format!("{source}(\"{name}\")"), self.place(at));
        if marked {
            self.close_mark(at);
        }
        self.finish_token(at);
        Ok(())
    }

    /// Notes the names from token `first` to the token `end` for the block that follows.
    pub(super) fn pend(&mut self, first: usize, end: &str, scope: Scope) {
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

    pub(super) fn include(&mut self, at: usize) -> Result<(), SyntaxError> {
        if self.program.names.meaning("include") != Meaning::Other {
            self.copy(at);
            return Ok(());
        }
        let alone = self.frames.is_empty() && self.file.starts_statement(at);
        if !alone {
            return Err(SyntaxError::new(Mistake::IncludeInside, self.place(at)));
        }
        if self.file.include_path(at).is_none() {
            return Err(SyntaxError::new(Mistake::IncludeComputed, self.place(at)));
        }
        let ended = matches!(self.text(at + 4), ";" | "") || !self.on_one_line(at + 3, at + 4);
        if !ended {
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
        if self.text(at + 4) != ";" {
            self.program.output.insert(";", self.place(at + 3));
        }
        self.finish_token(at + 3);
        Ok(())
    }
}
