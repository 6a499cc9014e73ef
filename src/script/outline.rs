//! One file of a script: its tokens, and what other files must know of it before any call is rewritten.

use std::collections::HashSet;

use super::changes::Changers;
use super::lexer::{Kind, LexError, Token, lex};
use crate::diagnostics::{SourceId, Span};

/// The longest piece of text, in bytes, that a span covers.
const MAX_SPAN: usize = 1 << 16;

/// A file, cut into tokens.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The file.
    pub(crate) source: SourceId,
    /// Its text.
    pub(crate) text: String,
    /// Its tokens.
    pub(crate) tokens: Vec<Token>,
    /// What it includes, in order.
    pub(crate) includes: Vec<Include>,
    /// The functions that it defines.
    pub(crate) functions: HashSet<String>,
    /// What its functions do to what they are called on.
    pub(crate) changers: Changers,
    /// The variables that it declares at the top level.
    pub(crate) globals: HashSet<String>,
    /// The names that statements of the top level assign to.
    pub(crate) assigned: HashSet<String>,
    /// Every name that it uses as a keyword: these may be fields of its own types.
    pub(crate) keywords: HashSet<String>,
}

/// An `include("path")` at the top level.
#[derive(Clone, Debug)]
pub(crate) struct Include {
    /// The path as written.
    pub(crate) path: String,
    /// Where the path is written.
    pub(crate) span: Span,
}

impl Outline {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LexError`] if the text cannot be cut into tokens.
    pub(crate) fn read(source: SourceId, text: String) -> Result<Outline, LexError> {
        let tokens = lex(&text)?;
        let mut outline = Outline {
            source,
            text,
            tokens,
            includes: Vec::new(),
            functions: HashSet::new(),
            changers: Changers::default(),
            globals: HashSet::new(),
            assigned: HashSet::new(),
            keywords: HashSet::new(),
        };
        outline.survey();
        outline.changers = outline.survey_methods();
        Ok(outline)
    }

    /// Returns the text of a token; nothing after the last.
    pub(crate) fn token_text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    /// Says whether a token is a name or a keyword.
    pub(crate) fn is_word(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == Kind::Word)
    }

    /// Returns the span from one token to another. Its length counts line ends too; of something very long it is
    /// that of the first token.
    pub(crate) fn span(&self, first: usize, last: usize) -> Span {
        let (Some(first), Some(last)) = (self.tokens.get(first), self.tokens.get(last)) else {
            return Span::NONE;
        };
        let end = if last.end.saturating_sub(first.start) > MAX_SPAN { first } else { last };
        let length = match end.last_line == first.line {
            true => end.end_column - first.column,
            false => self.text[first.start..end.end].chars().take(MAX_SPAN).count() as u32,
        };
        Span::new(self.source, first.line, first.column, length)
    }

    /// Returns the path of an `include("path")` whose word is at `index`, if it is written so.
    pub(crate) fn include_path(&self, index: usize) -> Option<String> {
        let literal = self.tokens.get(index + 2).filter(|token| token.kind == Kind::Text)?;
        let written = self.token_text(index + 1) == "(" && self.token_text(index + 3) == ")";
        written.then(|| literal_text(&self.text[literal.start..literal.end]))
    }

    /// Says whether a statement of the top level starts at a token; an include needs no `;` behind it.
    pub(crate) fn starts_statement(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return true };
        let included = index.checked_sub(4);
        matches!(self.token_text(before), ";" | "}")
            || included.is_some_and(|at| self.token_text(at) == "include" && self.include_path(at).is_some())
    }

    /// Says whether the statement that a token of the top level starts is an assignment to it.
    pub(crate) fn is_assignment(&self, index: usize) -> bool {
        self.token_text(index + 1) == "=" && self.starts_statement(index)
    }

    fn survey(&mut self) {
        let mut depth = 0_usize;
        for index in 0..self.tokens.len() {
            match self.tokens[index].kind {
                Kind::Word => self.survey_word(index, depth),
                Kind::TextOpen => depth += 1,
                Kind::TextClose => depth = depth.saturating_sub(1),
                Kind::Symbol => match self.token_text(index) {
                    "(" | "[" | "?[" | "{" | "#{" => depth += 1,
                    ")" | "]" | "}" => depth = depth.saturating_sub(1),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Goes through each `this`, which belongs to the function or to the method of a map, `add: |x| ...`, that began last.
    fn survey_methods(&self) -> Changers {
        let mut changers = Changers::default();
        let mut function = "";
        for at in 0..self.tokens.len() {
            match self.token_text(at) {
                "fn" => function = self.token_text(at + 1),
                ":" if matches!(self.token_text(at + 1), "|" | "||") => {
                    function = at.checked_sub(1).map_or("", |key| self.token_text(key));
                }
                "this" => changers.note(self, function, at),
                _ => {}
            }
        }
        changers
    }

    fn survey_word(&mut self, index: usize, depth: usize) {
        let before = index.checked_sub(1).map_or("", |before| self.token_text(before));
        let name = self.token_text(index).to_owned();
        match before {
            "fn" => {
                self.functions.insert(name);
            }
            "let" | "const" if depth == 0 => {
                self.globals.insert(name);
            }
            "(" | "," if self.token_text(index + 1) == "=" => {
                self.keywords.insert(name);
            }
            _ if depth == 0 && self.is_assignment(index) => {
                self.assigned.insert(name);
            }
            _ if depth == 0 && name == "include" && self.starts_statement(index) => {
                let path = self.include_path(index);
                let span = self.span(index + 2, index + 2);
                self.includes.extend(path.map(|path| Include { path, span }));
            }
            _ => {}
        }
    }
}

/// Returns what a string literal stands for, as far as paths need it.
fn literal_text(literal: &str) -> String {
    let hashes = literal.bytes().take_while(|byte| *byte == b'#').count();
    let inner = literal.get(hashes + 1..literal.len() - hashes - 1).unwrap_or("");
    if hashes > 0 || literal.starts_with('`') {
        return inner.to_owned();
    }
    let mut text = String::new();
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(character);
            escaped = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_survey_finds_what_other_files_need() {
        let text = "include('lib/a.thermos');\nlet x = f(k = 1);\nfn g(a) { let y = 1; include(\"b\"); }\nconst Z = 2;";
        let outline = Outline::read(SourceId::default(), text.to_owned()).unwrap();
        assert_eq!(outline.includes.len(), 1);
        assert_eq!(outline.includes[0].path, "lib/a.thermos");
        assert!(outline.functions.contains("g") && outline.keywords.contains("k"));
        assert_eq!(outline.globals, HashSet::from(["x".to_owned(), "Z".to_owned()]));
    }
}
