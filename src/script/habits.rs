//! Syntax of Python that people write by habit, told apart from plain mistakes.
//!
//! Each of these is never valid here, so that a look at a few neighbouring tokens decides.

use super::lexer::{Kind, Token};

/// A piece of another language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// `def f(x):`
    Def,
    /// `class A:`
    Class,
    /// `lambda x: ..`
    Lambda,
    /// `elif`
    Elif,
    /// `[f(x) for x in xs]`
    Comprehension,
    /// `f"..."`
    FString,
    /// `from a import b`, `import a`
    Import,
    /// `{"a": 1}`
    Dictionary,
    /// `a and b`, `a or b`, `not a`: the word and the operator.
    Operator(&'static str, &'static str),
    /// `raise x`
    Raise,
    /// `pass`
    Pass,
}

impl Habit {
    /// Says what is wrong.
    pub(crate) fn message(&self) -> String {
        match self {
            Habit::Def => "functions are not defined with `def`".to_owned(),
            Habit::Class => "there are no classes".to_owned(),
            Habit::Lambda => "there is no `lambda`".to_owned(),
            Habit::Elif => "there is no `elif`".to_owned(),
            Habit::Comprehension => "there are no list comprehensions".to_owned(),
            Habit::FString => "strings have no prefix".to_owned(),
            Habit::Import => "there is no `import` of modules".to_owned(),
            Habit::Dictionary => "a map does not start with `{`".to_owned(),
            Habit::Operator(word, _) => format!("there is no operator `{word}`"),
            Habit::Raise => "errors are not raised with `raise`".to_owned(),
            Habit::Pass => "there is no `pass`".to_owned(),
        }
    }

    /// Says what to write instead.
    pub(crate) fn help(&self) -> String {
        match self {
            Habit::Def => "write `fn name(parameter) { ... }`".to_owned(),
            Habit::Class => {
                "for a type of your own write `let Name = Struct(\"Name\", field = Required(String));`"
                    .to_owned()
            }
            Habit::Lambda => "write a closure: `|x| x + 1`".to_owned(),
            Habit::Elif => "write `else if`".to_owned(),
            Habit::Comprehension => {
                "write `list.map(|x| ...)`, or `range(n).map(|i| ...)` for numbers".to_owned()
            }
            Habit::FString => {
                "write the text in backticks: `step ${i}`; or format it: \"step %03d\" % i".to_owned()
            }
            Habit::Import => "write `include(\"path.thermos\");`".to_owned(),
            Habit::Dictionary => "write `#{name: value}`".to_owned(),
            Habit::Operator(_, symbol) => format!("write `{symbol}`"),
            Habit::Raise => "write `throw \"what is wrong\";`".to_owned(),
            Habit::Pass => "leave the block empty: `{ }`".to_owned(),
        }
    }
}

/// Looks for a habit that shows at the word `tokens[at]`.
///
/// `in_list` says whether the innermost open bracket is that of a list.
pub(crate) fn habit_at(source: &str, tokens: &[Token], at: usize, in_list: bool) -> Option<Habit> {
    let text = |index: usize| tokens.get(index).map_or("", |token| &source[token.start..token.end]);
    let kind = |index: usize| tokens.get(index).map(|token| token.kind);
    let before = at.checked_sub(1);
    let starts = before.is_none_or(|before| matches!(text(before), ";" | "{" | "}"));
    let after_value = before
        .is_some_and(|before| kind(before) != Some(Kind::Symbol) || matches!(text(before), ")" | "]" | "}"));
    let word_next = kind(at + 1) == Some(Kind::Word);
    let touches = tokens.get(at + 1).is_some_and(|next| next.start == tokens[at].end);
    match text(at) {
        "def" if starts && word_next => Some(Habit::Def),
        "class" if starts && word_next => Some(Habit::Class),
        "from" | "import" if starts && word_next => Some(Habit::Import),
        "lambda" if word_next || text(at + 1) == ":" => Some(Habit::Lambda),
        "elif" if before.is_some() && text(at + 1) != "=" => Some(Habit::Elif),
        "for" if in_list && after_value => Some(Habit::Comprehension),
        "f" | "r" | "b" if touches && kind(at + 1) == Some(Kind::Text) => Some(Habit::FString),
        "and" if after_value && starts_value(kind(at + 1), text(at + 1)) => {
            Some(Habit::Operator("and", "&&"))
        }
        "or" if after_value && starts_value(kind(at + 1), text(at + 1)) => Some(Habit::Operator("or", "||")),
        "not" if text(at + 1) == "in" && after_value => Some(Habit::Operator("not in", "!in")),
        "raise" if starts && (word_next || kind(at + 1) == Some(Kind::Text)) => Some(Habit::Raise),
        "pass" if starts && matches!(text(at + 1), ";" | "}") => Some(Habit::Pass),
        "not" if word_next => Some(Habit::Operator("not", "!")),
        _ => None,
    }
}

/// Says whether the `{` at `tokens[at]` begins a dictionary.
pub(crate) fn is_dictionary(source: &str, tokens: &[Token], at: usize) -> bool {
    let text = |index: usize| tokens.get(index).map_or("", |token| &source[token.start..token.end]);
    let key = tokens.get(at + 1).is_some_and(|token| matches!(token.kind, Kind::Text | Kind::Word));
    key && text(at + 2) == ":"
}

fn starts_value(kind: Option<Kind>, text: &str) -> bool {
    matches!(kind, Some(Kind::Word | Kind::Number | Kind::Text)) || matches!(text, "(" | "[" | "!" | "-")
}
