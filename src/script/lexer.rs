//! Cuts a script into tokens exactly as Rhai does, with the place of each.
//!
//! Owns where strings, raw strings, texts in backticks and comments begin and end. Comments and blanks give no
//! token, nor does a first line that begins with `#!`. Knows nothing of grammar: brackets need not match here.

use std::iter::Peekable;
use std::str::CharIndices;

/// What a token is; its text is the slice of the source between `start` and `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A whole string in `"`, `'` or `#"`, or a text in backticks without interpolation.
    Text,
    /// A text in backticks up to its first `${`.
    TextOpen,
    /// From the `}` of one interpolation to the `${` of the next.
    TextMiddle,
    /// From the `}` of the last interpolation to the closing backtick.
    TextClose,
    /// An operator, a bracket, or other punctuation.
    Symbol,
}

/// A piece of a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// First byte.
    pub(crate) start: usize,
    /// Byte after the last.
    pub(crate) end: usize,
    /// Line of the first character, from 1.
    pub(crate) line: u32,
    /// Column of the first character, in characters from 1.
    pub(crate) column: u32,
    /// Line of the last character.
    pub(crate) last_line: u32,
    /// Column after the last character.
    pub(crate) end_column: u32,
}

/// Why a script cannot be cut into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A string in `"` or `'` that does not end on its line.
    UnclosedString,
    /// A string in `"` or `'` that begins with three quotes and does not end on its line.
    TripleQuotes,
    /// A text that runs to the end of the file: `#"` or a backtick.
    UnclosedText,
    /// A `/*` without its `*/`.
    UnclosedComment,
    /// A `#` that starts neither a map nor a raw string.
    Hash,
    /// A character that means nothing outside of strings.
    Character(char),
}

/// A fault and the place where what is faulty begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LexError {
    /// What is wrong.
    pub(crate) fault: Fault,
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
}

/// Cuts `source` into tokens.
///
/// # Errors
/// The first [`LexError`].
pub(crate) fn lex(source: &str) -> Result<Vec<Token>, LexError> {
    let (tokens, rest) = lex_start(source);
    rest.map_or(Ok(tokens), |(_, error)| Err(error))
}

/// Cuts the start of `source` into tokens; then where the first piece begins that is none, if there is one, and why.
pub(crate) fn lex_start(source: &str) -> (Vec<Token>, Option<(usize, LexError)>) {
    let mut lexer = Lexer {
        source,
        chars: source.char_indices().peekable(),
        line: 1,
        column: 1,
        tokens: Vec::new(),
        braces: Vec::new(),
    };
    if source.starts_with("#!") {
        lexer.line_comment();
    }
    while let Some(character) = lexer.peek() {
        let start = lexer.mark().start;
        if let Err(error) = lexer.piece(character) {
            return (lexer.tokens, Some((start, error)));
        }
    }
    (lexer.tokens, None)
}

/// Symbols of two and three characters that must not be taken apart.
const LONG_SYMBOLS: [&str; 31] = [
    "**=", "<<=", ">>=", "..=", "...", "==", "=>", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "|=",
    "&=", "^=", "**", "<<", ">>", "||", "&&", "::", "..", "?.", "?[", "??", "->", "#{", "|>",
];

struct Lexer<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    line: u32,
    column: u32,
    tokens: Vec<Token>,
    /// For each interpolation that is open: how many braces are open inside of it.
    braces: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Mark {
    start: usize,
    line: u32,
    column: u32,
}

impl<'a> Lexer<'a> {
    fn piece(&mut self, character: char) -> Result<(), LexError> {
        let mark = self.mark();
        match character {
            c if c.is_ascii_whitespace() => self.skip(1),
            '/' if self.rest().starts_with("//") => self.line_comment(),
            '/' if self.rest().starts_with("/*") => self.block_comment(mark)?,
            '"' => self.string(mark, '"')?,
            '\'' => self.string(mark, '\'')?,
            '`' => {
                self.skip(1);
                self.text(mark, Kind::TextOpen, Kind::Text)?;
            }
            '#' => self.hash(mark)?,
            c if c.is_ascii_digit() => self.number(mark),
            c if c.is_ascii_alphabetic() || c == '_' => self.word(mark),
            c if c.is_ascii_punctuation() => self.symbol(mark)?,
            c => return Err(self.error(mark, Fault::Character(c))),
        }
        Ok(())
    }

    fn line_comment(&mut self) {
        while let Some(character) = self.next() {
            if character == '\n' || character == '\r' {
                break;
            }
        }
    }

    fn block_comment(&mut self, mark: Mark) -> Result<(), LexError> {
        self.skip(2);
        let mut depth = 1;
        while depth > 0 {
            match (self.next(), self.peek()) {
                (Some('/'), Some('*')) => {
                    self.skip(1);
                    depth += 1;
                }
                (Some('*'), Some('/')) => {
                    self.skip(1);
                    depth -= 1;
                }
                (Some(_), _) => {}
                (None, _) => return Err(self.error(mark, Fault::UnclosedComment)),
            }
        }
        Ok(())
    }

    /// A string ends on its line, unless a backslash ends the line; a doubled quote stands for itself.
    fn string(&mut self, mark: Mark, quote: char) -> Result<(), LexError> {
        self.skip(1);
        if quote == '\'' && self.peek() == Some('\'') {
            self.skip(1);
            self.push(mark, Kind::Text);
            return Ok(());
        }
        loop {
            match self.next() {
                Some('\\') => {
                    if self.rest().starts_with("\r\n") {
                        self.skip(1);
                    }
                    if self.next().is_none_or(|next| next == '\n' && quote == '\'') {
                        return Err(self.unclosed(mark));
                    }
                }
                Some(c) if c == quote && self.peek() == Some(quote) => self.skip(1),
                Some(c) if c == quote => break,
                Some('\n') | None => return Err(self.unclosed(mark)),
                Some(_) => {}
            }
        }
        self.push(mark, Kind::Text);
        Ok(())
    }

    /// The rest of a text in backticks, up to `${` (then it is `open`) or to its end (then it is `closed`).
    fn text(&mut self, mark: Mark, open: Kind, closed: Kind) -> Result<(), LexError> {
        loop {
            match (self.next(), self.peek()) {
                (Some('\\'), Some('$')) => self.skip(1),
                (Some('$'), Some('{')) => {
                    self.skip(1);
                    self.braces.push(0);
                    self.push(mark, open);
                    return Ok(());
                }
                (Some('`'), Some('`')) => self.skip(1),
                (Some('`'), _) => {
                    self.push(mark, closed);
                    return Ok(());
                }
                (Some(_), _) => {}
                (None, _) => return Err(self.error(mark, Fault::UnclosedText)),
            }
        }
    }

    fn hash(&mut self, mark: Mark) -> Result<(), LexError> {
        if self.rest().starts_with("#{") {
            return self.symbol(mark);
        }
        let hashes = self.rest().bytes().take_while(|byte| *byte == b'#').count();
        if self.rest().as_bytes().get(hashes) != Some(&b'"') {
            return Err(self.error(mark, Fault::Hash));
        }
        self.skip(hashes + 1);
        let mut seen = None;
        while seen != Some(hashes) {
            seen = match (self.next(), seen) {
                (Some('"'), _) => Some(0),
                (Some('#'), Some(count)) => Some(count + 1),
                (Some(_), _) => None,
                (None, _) => return Err(self.error(mark, Fault::UnclosedText)),
            };
        }
        self.push(mark, Kind::Text);
        Ok(())
    }

    fn number(&mut self, mark: Mark) {
        let rest = self.rest().as_bytes();
        let radix = rest.len() > 1 && rest[0] == b'0' && b"xobXOB".contains(&rest[1]);
        self.skip(if radix { 2 } else { 1 });
        let digits = |c: char| c == '_' || if radix { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        self.skip_while(digits);
        let rest = self.rest().as_bytes();
        let after = rest.get(1).copied().unwrap_or(b' ');
        let letter = after.is_ascii_alphabetic() || after == b'_' || after == b'.';
        if !radix && rest.first() == Some(&b'.') && !letter {
            self.skip(1);
            self.skip_while(digits);
        }
        let rest = self.rest().as_bytes();
        let exponent = rest.get(1).is_some_and(|byte| byte.is_ascii_digit() || b"+-".contains(byte));
        if !radix && rest.first().is_some_and(|byte| b"eE".contains(byte)) && exponent {
            self.skip(2);
            self.skip_while(digits);
        }
        self.push(mark, Kind::Number);
    }

    fn word(&mut self, mark: Mark) {
        self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
        self.push(mark, Kind::Word);
    }

    fn symbol(&mut self, mark: Mark) -> Result<(), LexError> {
        let rest = self.rest();
        let length =
            LONG_SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).map_or(1, |long| long.len());
        match (&rest[..length], self.braces.last_mut()) {
            ("}", Some(0)) => {
                self.braces.pop();
                self.skip(1);
                return self.text(mark, Kind::TextMiddle, Kind::TextClose);
            }
            ("}", Some(open)) => *open -= 1,
            ("{" | "#{", Some(open)) => *open += 1,
            _ => {}
        }
        self.skip(length);
        self.push(mark, Kind::Symbol);
        Ok(())
    }

    fn mark(&mut self) -> Mark {
        let start = self.chars.peek().map_or(self.source.len(), |(at, _)| *at);
        Mark { start, line: self.line, column: self.column }
    }

    fn push(&mut self, mark: Mark, kind: Kind) {
        let end = self.mark();
        self.tokens.push(Token {
            kind,
            start: mark.start,
            end: end.start,
            line: mark.line,
            column: mark.column,
            last_line: end.line,
            end_column: end.column,
        });
    }

    fn unclosed(&self, mark: Mark) -> LexError {
        let triple = [r#"""""#, "'''"].iter().any(|quotes| self.source[mark.start..].starts_with(quotes));
        self.error(mark, if triple { Fault::TripleQuotes } else { Fault::UnclosedString })
    }

    fn error(&self, mark: Mark, fault: Fault) -> LexError {
        LexError { fault, line: mark.line, column: mark.column }
    }

    fn rest(&mut self) -> &'a str {
        let start = self.mark().start;
        &self.source[start..]
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, character)| *character)
    }

    fn next(&mut self) -> Option<char> {
        let (_, character) = self.chars.next()?;
        if character == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(character)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn skip_while(&mut self, matches: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&matches) {
            self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        lex(source).unwrap().iter().map(|token| &source[token.start..token.end]).collect()
    }

    fn fault(source: &str) -> Fault {
        lex(source).unwrap_err().fault
    }

    #[test]
    fn strings_end_where_rhai_ends_them() {
        assert_eq!(texts(r#"a("x)\"y", 'it\'s')"#), ["a", "(", r#""x)\"y""#, ",", r"'it\'s'", ")"]);
        assert_eq!(texts(r##"#"a "b" c"# + 1"##), [r##"#"a "b" c"#"##, "+", "1"]);
        assert_eq!(texts(r###"##"a"# b"##"###).len(), 1);
        assert_eq!(texts(r#""a""b" """c""#), [r#""a""b""#, r#""""c""#]);
        assert_eq!(texts("'' + \"\""), ["''", "+", "\"\""]);
        assert_eq!(texts("\"a\\\nb\" c"), ["\"a\\\nb\"", "c"]);
    }

    #[test]
    fn interpolations_nest() {
        let source = "`a ${f(`b ${#{x: 1}.x} c`)} d` + e";
        let kinds: Vec<Kind> = lex(source).unwrap().iter().map(|token| token.kind).collect();
        assert_eq!(texts(source).last(), Some(&"e"));
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::TextOpen).count(), 2);
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::TextClose).count(), 2);
        assert_eq!(texts(r"`a \${b}` c"), [r"`a \${b}`", "c"]);
    }

    #[test]
    fn comments_nest_and_leave_no_token() {
        assert_eq!(texts("a /* b /* c */ d */ e // f\ng"), ["a", "e", "g"]);
    }

    #[test]
    fn numbers_leave_ranges_and_methods_alone() {
        assert_eq!(texts("0..5"), ["0", "..", "5"]);
        assert_eq!(texts("1.name 2.5e-3 0xFF_1 1."), ["1", ".", "name", "2.5e-3", "0xFF_1", "1."]);
    }

    #[test]
    fn places_count_characters() {
        let tokens = lex("\"\u{e9}\u{e9}\" a\n  b").unwrap();
        assert_eq!((tokens[1].line, tokens[1].column), (1, 6));
        assert_eq!((tokens[2].line, tokens[2].column), (2, 3));
    }

    #[test]
    fn what_is_not_closed_is_told_apart() {
        assert_eq!(fault("let a = \"x\ny"), Fault::UnclosedString);
        assert_eq!(fault("'x"), Fault::UnclosedString);
        assert_eq!(fault("`x ${1} y"), Fault::UnclosedText);
        assert_eq!(fault("#\"x\""), Fault::UnclosedText);
        assert_eq!(fault("/* /* */"), Fault::UnclosedComment);
        assert_eq!(fault("# a comment"), Fault::Hash);
        assert_eq!(fault("let a = \u{201c}x"), Fault::Character('\u{201c}'));
    }
}
