//! Rhai's errors as diagnostics: the place, the calls that led there, and what to do.

use rhai::{Dynamic, EvalAltResult, Position};

use super::grammar::parse_error;
use super::program::Texts;
use super::raise::Mistake;
use super::rewrite::OF_RESERVED;
use super::state::Exhausted;
use super::tokens::{next_place, token_at};
use super::unknown::{unknown_function, unknown_variable};
use crate::diagnostics::{Diagnostic, Span, did_you_mean_help};

/// The most calls that a diagnostic shows.
const MAX_CALLERS: usize = 8;

/// The modules of the standard library.
const MODULES: [&str; 4] = ["Units", "Processes", "Tasks", "Options"];

/// Puts an error of Rhai into words. `names` are the variables and constants in scope.
pub(crate) fn diagnostic(error: EvalAltResult, texts: &Texts, names: &[String]) -> Diagnostic {
    let mut calls = Vec::new();
    let mut error = error;
    let mut library = false;
    loop {
        error = match error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
                // The position is the caller's, the source that of the called function.
                let name = name.trim_start_matches(OF_RESERVED).to_owned();
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
    // Rhai points at the dot before a property.
    if token_at(texts, mistake.at) == "." {
        mistake.at = next_place(texts, mistake.at).unwrap_or(mistake.at);
    }
    let main = mistake.at;
    let mut diagnostic = mistake.diagnostic(&texts.sources);
    let mut callers: Vec<_> = calls.into_iter().filter(|(_, at)| *at != main && !at.is_none()).collect();
    // A function that calls a closure is called from where the closure is.
    callers.dedup_by_key(|(_, at)| *at);
    for (name, at) in callers.into_iter().take(MAX_CALLERS) {
        let label = match name.starts_with("anon$") {
            true => "a closure is called from here".to_owned(),
            false => format!("called from here, as `{name}`"),
        };
        diagnostic = diagnostic.with_label(texts.sources.place(at), label);
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
        E::ErrorRuntime(value, _) => thrown(value, texts, at),
        E::ErrorParsing(kind, _) => parse_error(&kind, texts, at),
        E::ErrorVariableNotFound(name, _) => unknown_variable(&name, texts, names, at),
        E::ErrorFunctionNotFound(signature, _) => {
            unknown_function(&signature.replace(OF_RESERVED, ""), texts, names, at)
        }
        E::ErrorModuleNotFound(name, _) => {
            Mistake::new("unknown_module", format!("there is no module `{name}`"), at).with_help(
                did_you_mean_help(&name, MODULES)
                    .unwrap_or_else(|| format!("the modules are {}", MODULES.join(", "))),
            )
        }
        E::ErrorTerminated(reason, _) if reason.clone().try_cast() == Some(Exhausted::Memory) => {
            Mistake::new("out_of_memory", "the script needs too much memory", at)
                .with_label("it was here when it was stopped")
                .with_help("look for text, a list or a map that grows in a loop; --max-memory allows more")
        }
        E::ErrorTooManyOperations(_) | E::ErrorTerminated(..) => {
            Mistake::new("too_many_operations", "the script does not end: it used up its operations", at)
                .with_label("it was here when it was stopped")
                .with_help("look for a loop without an end; --max-operations allows more")
        }
        E::ErrorStackOverflow(_) => Mistake::new("call_depth", "functions call each other too deeply", at)
            .with_label("goes too deep")
            .with_help("look for a function that calls itself without end"),
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
            .with_label(format!("this is {}", type_word(&found)))
            .with_help(match expected.as_str() {
                "bool" => "write a comparison, such as `n > 0`, or `true` or `false`".to_owned(),
                other => format!("give it {}", type_word(other)),
            })
        }
        E::ErrorArrayBounds(length, index, _) => {
            Mistake::new("not_found", format!("there is no element {index} in a list of {length}"), at)
                .with_help("elements are counted from 0; from the end, from -1")
        }
        E::ErrorStringBounds(length, index, _) => {
            Mistake::new("not_found", format!("there is no character {index} in a text of {length}"), at)
                .with_help("characters are counted from 0; from the end, from -1")
        }
        E::ErrorPropertyNotFound(name, _) => {
            Mistake::new("not_found", format!("there is no property `{name}`"), at)
                .with_help("check its spelling; `x.keys()` lists what a map has")
        }
        E::ErrorFor(_) => Mistake::new("wrong_type", "`for` cannot go through this value", at)
            .with_help("give it a list or a range: `for i in range(10) { ... }`"),
        E::ErrorIndexingType(what, _) => {
            Mistake::new("wrong_type", format!("{} has no elements to index", first_word(&what)), at)
                .with_help("only lists, maps and text have elements")
        }
        E::ErrorDotExpr(what, _) if what.contains("setter") && what.contains("object") => {
            Mistake::new("wrong_type", "objects are never changed", at)
                .with_help("make a copy with other fields: `let q = p(name = \"other\");`")
        }
        E::ErrorDotExpr(what, _) => Mistake::new("wrong_type", no_property(&what), at)
            .with_help("maps and objects have properties; is this the right variable?"),
        E::ErrorArithmetic(what, _) => arithmetic(&what, at),
        E::ErrorDataRace(name, _) => {
            Mistake::new("closure", format!("a closure uses `{name}` while a method of `{name}` runs"), at)
                .with_help("copy what the closure needs into a variable before")
        }
        other => Mistake::new("script", bare(&other), at).with_help("look at this expression and its values"),
    }
}

/// What a script or a native function threw.
fn thrown(value: Dynamic, texts: &Texts, at: Span) -> Mistake {
    match value.try_cast_result::<Mistake>() {
        Ok(mistake) => Mistake { at: mistake.at.or(at), ..mistake },
        // `throw #{message: "...", help: "...", value: x}` says more, as the standard library does.
        Err(value) if text_field(&value, "message").is_some() => {
            let message = text_field(&value, "message").unwrap_or_default();
            let help = text_field(&value, "help");
            let help = help.unwrap_or_else(|| "look at what this call is given".to_owned());
            let (at, label) = match value_at(&value, texts) {
                Some(at) => (at, "this value"),
                None => (at, "this call"),
            };
            Mistake::new("thrown", message, at).with_label(label).with_help(help)
        }
        Err(value) => {
            let help = match token_at(texts, at) {
                "throw" => "the script itself refuses to go on: look at the condition before this",
                _ => "look at what this call is given",
            };
            Mistake::new("thrown", super::values::show(&value), at).with_label("thrown here").with_help(help)
        }
    }
}

/// Returns where the value is written that was thrown with a message, if values are traced.
fn value_at(thrown: &Dynamic, texts: &Texts) -> Option<Span> {
    texts.origins.as_ref()?.place(thrown.as_map_ref().ok()?.get("value")?)
}

fn text_field(value: &Dynamic, name: &str) -> Option<String> {
    value.as_map_ref().ok()?.get(name)?.clone().into_string().ok()
}

fn global_changed(name: &str, at: Span) -> Mistake {
    Mistake::new("global_assigned", format!("a function cannot change the top-level variable `{name}`"), at)
        .with_help(format!(
            "functions read copies: return the new value and write `{name} = ...` at the top level"
        ))
}

fn arithmetic(what: &str, at: Span) -> Mistake {
    let help = match what.to_lowercase().contains("zero") {
        true => "check the number on the right before: `if n > 0 { ... }`",
        false => "integers have 64 bits: use a float, `1.0`, for larger numbers",
    };
    Mistake::new("arithmetic", what.to_lowercase(), at).with_help(help)
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
pub(crate) fn type_word(ty: &str) -> String {
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
        "range" => "a range",
        other if other.contains("::") || other.contains('<') => "another value",
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
