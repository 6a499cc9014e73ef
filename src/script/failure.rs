//! Rhai's errors as diagnostics: the place, the calls that led there, and what to do.

use rhai::{Dynamic, EvalAltResult, ParseErrorType, Position};

use super::lexer::lex;
use super::program::Texts;
use super::raise::Mistake;
use crate::diagnostics::{Diagnostic, Span, did_you_mean_help};

/// The most calls that a diagnostic shows.
const MAX_CALLERS: usize = 8;

/// Puts an error of Rhai into words. `names` are the variables and constants in scope.
pub(crate) fn diagnostic(error: EvalAltResult, texts: &Texts, names: &[String]) -> Diagnostic {
    let mut calls = Vec::new();
    let mut error = error;
    let mut library = false;
    loop {
        error = match error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
                // The position is the caller's, the source that of the called function.
                calls.push((name, if library { Span::NONE } else { place(texts, position) }));
                library = !source.is_empty();
                *inner
            }
            EvalAltResult::ErrorInModule(_, inner, _) => *inner,
            other => {
                error = other;
                break;
            }
        };
    }
    calls.reverse();
    let at = if library { Span::NONE } else { place(texts, error.position()) };
    let mut mistake = word(error, texts, names, at);
    if mistake.at.is_none() {
        let call = calls.iter().map(|(_, at)| *at).find(|at| !at.is_none());
        mistake.at = at.or(call.unwrap_or_default());
    }
    let main = mistake.at;
    let mut diagnostic = mistake.diagnostic(&texts.sources);
    let callers = calls.into_iter().filter(|(_, at)| *at != main && !at.is_none());
    for (name, at) in callers.take(MAX_CALLERS) {
        diagnostic = diagnostic.with_label(texts.sources.place(at), format!("called from here, as `{name}`"));
    }
    diagnostic
}

fn place(texts: &Texts, position: Position) -> Span {
    match (position.line(), position.position()) {
        (Some(line), column) => texts.place(line as u32, column.unwrap_or(0) as u32),
        _ => Span::NONE,
    }
}

fn word(error: EvalAltResult, texts: &Texts, names: &[String], at: Span) -> Mistake {
    use EvalAltResult as E;
    match error {
        E::ErrorRuntime(value, _) => thrown(value, at),
        E::ErrorParsing(kind, _) => parse_error(&kind, texts, at),
        E::ErrorVariableNotFound(name, _) => unknown_variable(&name, texts, names, at),
        E::ErrorFunctionNotFound(signature, _) => unknown_function(&signature, texts, names, at),
        E::ErrorModuleNotFound(name, _) => {
            Mistake::new("unknown_module", format!("there is no module `{name}`"), at)
                .with_help("the modules are Units, Processes, Tasks and Options")
        }
        E::ErrorTooManyOperations(_) | E::ErrorTerminated(..) => {
            Mistake::new("too_many_operations", "the script does not end: it used up its operations", at)
                .with_label("it was here when it was stopped")
                .with_help("look for a loop without an end; --max-operations allows more")
        }
        E::ErrorStackOverflow(_) => Mistake::new("call_depth", "functions call each other too deeply", at)
            .with_label("one call too many")
            .with_help("look for a recursion without an end"),
        E::ErrorDataTooLarge(what, _) => {
            let what = if what.to_lowercase().contains("string") { "the text" } else { "the value" };
            Mistake::new("too_long", format!("{what} grows too long"), at)
                .with_help("look for a loop that doubles it")
        }
        E::ErrorAssignmentToConstant(name, _) if texts.globals.contains(&name) => global_changed(&name, at),
        E::ErrorAssignmentToConstant(name, _) => {
            Mistake::new("constant", format!("`{name}` is a constant"), at).with_help("choose another name")
        }
        E::ErrorNonPureMethodCallOnConstant(name, _) => Mistake::new(
            "global_assigned",
            format!("`{name}` would change a value that cannot be changed here"),
            at,
        )
        .with_help(
            "functions read copies of top-level variables: write `let copy = ...;` first, and return it",
        ),
        E::ErrorMismatchDataType(expected, found, _) | E::ErrorMismatchOutputType(expected, found, _) => {
            Mistake::new(
                "wrong_type",
                format!("expected {}, found {}", type_word(&expected), type_word(&found)),
                at,
            )
        }
        E::ErrorArrayBounds(length, index, _) => {
            Mistake::new("not_found", format!("there is no element {index} in a list of {length}"), at)
        }
        E::ErrorStringBounds(length, index, _) => {
            Mistake::new("not_found", format!("there is no character {index} in a text of {length}"), at)
        }
        E::ErrorPropertyNotFound(name, _) => {
            Mistake::new("not_found", format!("there is no property `{name}`"), at)
        }
        E::ErrorFor(_) => Mistake::new("wrong_type", "`for` cannot go through this value", at)
            .with_help("give it a list or a range: `for i in range(10) { ... }`"),
        E::ErrorIndexingType(what, _) => {
            Mistake::new("wrong_type", format!("{} has no elements to index", first_word(&what)), at)
        }
        E::ErrorDotExpr(what, _) => Mistake::new("wrong_type", no_property(&what), at),
        E::ErrorArithmetic(what, _) => Mistake::new("arithmetic", what.to_lowercase(), at),
        E::ErrorDataRace(name, _) => {
            Mistake::new("closure", format!("a closure uses `{name}` while a method of `{name}` runs"), at)
                .with_help("copy what the closure needs into a variable before")
        }
        other => Mistake::new("script", bare(&other), at),
    }
}

/// What a script or a native function threw.
fn thrown(value: Dynamic, at: Span) -> Mistake {
    match value.try_cast_result::<Mistake>() {
        Ok(mistake) => Mistake { at: mistake.at.or(at), ..mistake },
        Err(value) => Mistake::new("thrown", super::values::show(&value), at).with_label("thrown here"),
    }
}

fn global_changed(name: &str, at: Span) -> Mistake {
    Mistake::new("global_assigned", format!("a function cannot change the top-level variable `{name}`"), at)
        .with_help(format!(
            "functions read copies: return the new value and write `{name} = ...` at the top level"
        ))
}

fn unknown_variable(name: &str, texts: &Texts, names: &[String], at: Span) -> Mistake {
    let mistake =
        Mistake::new("unknown_variable", format!("there is no variable `{name}`"), at).with_label("unknown");
    let help = match name {
        "True" => "write `true`".to_owned(),
        "False" => "write `false`".to_owned(),
        "None" => "leave the field out, or write `Empty` to unset it".to_owned(),
        _ if next_token(texts, at) == "=" => format!("declare it first: `let {name} = ...;`"),
        _ if texts.globals.contains(name) => format!("`{name}` is declared further down: move its `let` up"),
        _ => {
            let known = names.iter().chain(&texts.functions).map(String::as_str);
            return Mistake { help: did_you_mean_help(name, known), ..mistake };
        }
    };
    mistake.with_help(help)
}

fn unknown_function(signature: &str, texts: &Texts, names: &[String], at: Span) -> Mistake {
    let (name, parameters) = signature.split_once('(').unwrap_or((signature, ""));
    let name = name.trim().rsplit("::").next().unwrap_or(name).trim();
    if texts.functions.contains(name) || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        let parameters: Vec<String> =
            parameters.trim_end_matches(')').split(',').map(|ty| type_word(ty.trim())).collect();
        let given = match parameters.join(", ") {
            given if given.is_empty() => "no arguments".to_owned(),
            given => given,
        };
        return Mistake::new("arguments", format!("`{name}` does not take {given}"), at);
    }
    let known = names.iter().chain(&texts.functions).map(String::as_str);
    let mistake = Mistake::new("unknown_function", format!("there is no function `{name}`"), at);
    Mistake { help: did_you_mean_help(name, known), ..mistake.with_label("unknown") }
}

fn parse_error(kind: &ParseErrorType, texts: &Texts, at: Span) -> Mistake {
    match kind {
        ParseErrorType::MissingToken(token, _) if token == ";" => {
            let mistake = Mistake::new("syntax", "a `;` is missing", end_of_token_before(texts, at).or(at));
            match next_token_at(texts, at) {
                ":" => mistake.with_help("blocks are in braces, `if a { ... }`; statements end in `;`"),
                _ => mistake.with_label("after this").with_help("end the statement with `;`"),
            }
        }
        ParseErrorType::MissingToken(token, _) => {
            let mistake = Mistake::new("syntax", format!("a `{token}` is missing"), at);
            match (token.as_str(), next_token_at(texts, at)) {
                ("{", ":") => mistake.with_help("put the block in braces: `if a { ... }`"),
                _ => mistake.with_label("before this"),
            }
        }
        ParseErrorType::ExprExpected(_) => Mistake::new("syntax", "an expression is missing", at),
        ParseErrorType::UnexpectedEOF => {
            Mistake::new("syntax", "the script ends in the middle of a statement", at)
        }
        ParseErrorType::ExprTooDeep => Mistake::new("too_deep", "expressions are nested too deeply", at)
            .with_help("give parts of it names with `let`"),
        other => Mistake::new("syntax", lower_first(&other.to_string()), at),
    }
}

/// Returns the text of the token after the one at `at`.
fn next_token(texts: &Texts, at: Span) -> &str {
    token_from(texts, at, 1)
}

fn next_token_at(texts: &Texts, at: Span) -> &str {
    token_from(texts, at, 0)
}

fn token_from(texts: &Texts, at: Span, offset: usize) -> &str {
    let Some(source) = texts.sources.get(at.source()) else { return "" };
    let Ok(tokens) = lex(&source.text) else { return "" };
    let index = tokens.partition_point(|token| (token.line, token.column) < (at.line, at.column));
    tokens.get(index + offset).map_or("", |token| &source.text[token.start..token.end])
}

/// Returns the last character before a place that belongs to a token.
fn end_of_token_before(texts: &Texts, at: Span) -> Span {
    let Some(source) = texts.sources.get(at.source()) else { return Span::NONE };
    let Ok(tokens) = lex(&source.text) else { return Span::NONE };
    let index = tokens.partition_point(|token| (token.line, token.column) < (at.line, at.column));
    let before = index.checked_sub(1).and_then(|index| tokens.get(index));
    before.map_or(Span::NONE, |token| Span::new(at.source(), token.last_line, token.end_column - 1, 1))
}

/// Rewords "Unknown property 'foo' - a getter is not registered for type 'i64'".
fn no_property(text: &str) -> String {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    match (quoted.next(), quoted.next()) {
        (Some(name), Some(ty)) => format!("{} has no property `{name}`", type_word(ty)),
        _ => lower_first(text),
    }
}

/// Names one of Rhai's types as users know it.
fn type_word(ty: &str) -> String {
    let word = match ty.trim().trim_start_matches("&mut ").trim_start_matches('&') {
        text if text.contains("ImmutableString") => "text",
        "i64" => "an integer",
        "f64" => "a float",
        "bool" => "a boolean",
        "str" | "string" | "char" => "text",
        "array" | "Array" => "a list",
        "map" | "Map" => "a map",
        "()" => "nothing",
        "Fn" | "FnPtr" => "a function",
        "object" => "an object",
        "type" => "a type",
        other => other,
    };
    word.to_owned()
}

fn first_word(text: &str) -> String {
    type_word(text.split([' ', '[']).next().unwrap_or(text))
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}

/// The text of an error without Rhai's position at its end.
fn bare(error: &EvalAltResult) -> String {
    let text = error.to_string();
    lower_first(text.split(" (line ").next().unwrap_or(&text))
}
