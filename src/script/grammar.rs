//! What Rhai's parser refuses, in words of this language.

use rhai::{LexError, ParseErrorType};

use super::program::Texts;
use super::raise::Mistake;
use super::rewrite::is_keyword;
use super::tokens::{end_of_token_before, next_place, token_at, touches_before};
use crate::diagnostics::Span;

/// Words a mistake of syntax.
pub(crate) fn parse_error(kind: &ParseErrorType, texts: &Texts, at: Span) -> Mistake {
    use ParseErrorType as P;
    let new = |message: &str| Mistake::new("syntax", message, at);
    match kind {
        P::MissingToken(token, _) => missing(token, texts, at),
        P::ExprExpected(_) => {
            new("an expression is missing").with_label("before this").with_help("write a value here")
        }
        P::UnexpectedEOF => new("the script ends in the middle of a statement")
            .with_label("the last line")
            .with_help("finish the statement, and end it with `;`"),
        P::ExprTooDeep => Mistake::new("too_deep", "expressions are nested too deeply", at)
            .with_help("give parts of it names with `let`"),
        P::FnDuplicatedDefinition(name, _) => {
            let at = next_place(texts, at).unwrap_or(at);
            Mistake::new("duplicate", format!("the function `{name}` is defined twice"), at)
                .with_label("the second one")
                .with_help("rename one of them, or give it another number of parameters")
        }
        P::FnDuplicatedParam(name, parameter) => {
            Mistake::new("duplicate", format!("`{name}` has two parameters `{parameter}`"), at)
                .with_help("rename one of them")
        }
        P::DuplicatedProperty(name) => {
            Mistake::new("duplicate", format!("the key `{name}` is given twice"), at)
                .with_label("given again")
                .with_help("keep one of them")
        }
        P::AssignmentToConstant(name) => Mistake::new("constant", format!("`{name}` is a constant"), at)
            .with_label("cannot be assigned to")
            .with_help("declare it with `let` instead of `const`, or choose another name"),
        P::AssignmentToInvalidLHS(_) => new("only variables, fields and elements can be assigned to")
            .with_help("compare with `==`, assign with `=`"),
        P::VariableExpected | P::FnMissingName | P::PropertyExpected => name_expected(texts, at),
        P::Reserved(word) => Mistake::new("syntax", format!("`{word}` is a word of the language"), at)
            .with_help("choose another name"),
        P::WrongFnDefinition => new("a function must be defined at the top level")
            .with_help("move it out, or write a closure: `|x| ...`"),
        P::LoopBreak => {
            new("`break` and `continue` belong into a loop").with_help("leave a function with `return`")
        }
        P::FnMissingParams(name) => Mistake::new("syntax", format!("`{name}` has no parameters"), at)
            .with_help(format!("write `fn {name}() {{ ... }}`")),
        P::FnMissingBody(_) => {
            new("a function needs a body in braces").with_help("write `fn name() { ... }`")
        }
        P::MismatchedType(expected, found) if expected.contains("iterable") => {
            let message = format!("`for` cannot go through {}", found.trim());
            Mistake::new("wrong_type", message, at)
                .with_help("give it a list or a range: `for i in range(10) { ... }`")
        }
        P::MismatchedType(expected, found) => {
            Mistake::new("wrong_type", format!("expected {}, found {}", expected.trim(), found.trim()), at)
                .with_help(format!("write {}", expected.trim()))
        }
        P::BadInput(error) => bad_input(error, at),
        other => Mistake::new("syntax", words(other), at).with_help("look at what stands before this place"),
    }
}

fn missing(token: &str, texts: &Texts, at: Span) -> Mistake {
    let found = token_at(texts, at);
    if token == ";"
        && let Some(word) =
            touches_before(texts, at).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Mistake::new("syntax", format!("`{word}` is neither a number nor a name"), at)
            .with_help("a name begins with a letter; put text in quotes");
    }
    let after = end_of_token_before(texts, at).or(at);
    let mistake = |at| Mistake::new("syntax", format!("a `{token}` is missing"), at);
    match (token, found) {
        (";", ":") => mistake(after).with_help("blocks are in braces, `if a { ... }`; statements end in `;`"),
        (";", _) => mistake(after).with_label("after this").with_help("end the statement with `;`"),
        ("{", ":") => {
            mistake(at).with_label("instead of this").with_help("put the block in braces: `if a { ... }`")
        }
        ("{", "=") => mistake(at).with_label("before this").with_help("compare with `==`; `=` assigns"),
        ("{", _) => mistake(at).with_label("before this").with_help("put the block in braces: `{ ... }`"),
        ("," | ")", ":") => Mistake::new("syntax", "keywords are given with `=`", at)
            .with_label("instead of this")
            .with_help("write `f(name = value)`; in a map write `#{name: value}`"),
        ("," | ")" | "]" | "}", _) => mistake(after)
            .with_label("after this")
            .with_help("put a `,` between two values, or close the bracket"),
        _ => mistake(at).with_label("before this").with_help(format!("write `{token}`")),
    }
}

fn name_expected(texts: &Texts, at: Span) -> Mistake {
    match token_at(texts, at) {
        word if is_keyword(word) => {
            Mistake::new("syntax", format!("`{word}` is a word of the language, no name"), at)
                .with_help("choose another name")
        }
        _ => Mistake::new("syntax", "a name is missing", at)
            .with_label("before this")
            .with_help("a name is made of letters, digits and `_`, and does not begin with a digit"),
    }
}

fn bad_input(error: &LexError, at: Span) -> Mistake {
    match error {
        LexError::MalformedEscapeSequence(text) => Mistake::new(
            "syntax",
            format!("`{text}` stands for no character"),
            at,
        )
        .with_help(
            "write `\\\\` for a backslash, or put the text in backticks, where a backslash is a backslash",
        ),
        LexError::MalformedNumber(text) => Mistake::new("syntax", format!("`{text}` is no number"), at)
            .with_help("write 12, 0.5, 1e6 or 0xff"),
        LexError::StringTooLong(_) => Mistake::new("too_long", "a text is too long", at)
            .with_help("put it into a file that the process reads"),
        LexError::ImproperSymbol(symbol, _) if symbol == "=" => {
            Mistake::new("syntax", "`=` does not compare", at).with_help("compare with `==`; `=` assigns")
        }
        LexError::ImproperSymbol(symbol, text) => match text.contains("disabled") {
            true => Mistake::new("not_allowed", format!("`{symbol}` is not allowed in a configuration"), at)
                .with_help("write what it should do into the file itself"),
            false => Mistake::new("syntax", format!("`{symbol}` means nothing here"), at)
                .with_help("look at what stands before this place"),
        },
        _ => not_understood(at),
    }
}

fn not_understood(at: Span) -> Mistake {
    Mistake::new("syntax", "this cannot be understood", at).with_help("look at what stands before this place")
}

fn words(kind: &ParseErrorType) -> String {
    let text = kind.to_string();
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}
