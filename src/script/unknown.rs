//! Names that do not exist and calls that fit no function: what was probably meant.

use super::failure::type_word;
use super::program::Texts;
use super::raise::Mistake;
use super::stdlib;
use super::tokens::next_token;
use crate::diagnostics::{Span, did_you_mean_help};

/// Functions and methods of Python and what to write instead.
const PYTHON: [(&str, &str); 27] = [
    ("str", "write `${x}` in backticks, or `x.to_string()`"),
    ("repr", "write `${x}` in backticks, or `x.to_string()`"),
    ("format", "write the text in backticks: `step ${i}`; or format it: \"step %03d\" % i"),
    ("int", "write `parse_int(text)`, or `x.to_int()` for a float"),
    ("float", "write `parse_float(text)`, or `x.to_float()` for an integer"),
    ("dict", "write a map: `#{name: value}`"),
    ("list", "write a list: `[a, b]`"),
    ("tuple", "write a list: `[a, b]`"),
    ("set", "write a list: `[a, b]`"),
    ("enumerate", "write `for (item, index) in list { ... }`"),
    ("zip", "go through the indices: `for i in range(a.len()) { ... }`"),
    ("sorted", "copy and sort: `let sorted = list; sorted.sort();`"),
    ("reversed", "copy and reverse: `let reversed = list; reversed.reverse();`"),
    ("isinstance", "write `type_of(x) == \"string\"`"),
    ("type", "write `type_of(x)`"),
    ("open", "a configuration reads no files but those that it includes"),
    (
        "getenv",
        "a configuration sees no environment: take the value as a parameter, `param(\"name\", default)`",
    ),
    ("timestamp", NO_CLOCK),
    ("now", NO_CLOCK),
    ("time", NO_CLOCK),
    ("rand", "a configuration is the same each time: take what varies as a parameter, `param(\"seed\", 1)`"),
    (
        "random",
        "a configuration is the same each time: take what varies as a parameter, `param(\"seed\", 1)`",
    ),
    ("extend", "write `list.append(other)`, or `list + other`"),
    ("items", "write `for key in map.keys() { ... }`"),
    ("upper", "write `text.to_upper()`"),
    ("lower", "write `text.to_lower()`"),
    ("startswith", "write `text.starts_with(other)`"),
];

/// There is no clock.
const NO_CLOCK: &str =
    "a configuration sees no clock: write `$(date)` in the command line, or take a parameter";

/// Words that are values in Python and what to write instead.
const PYTHON_VALUES: [(&str, &str); 5] = [
    ("True", "write `true`"),
    ("False", "write `false`"),
    ("None", "leave the field out, or write `Empty` to unset it"),
    ("self", "in a text `{{self.x}}` is a field of the object around; in a method of a map write `this`"),
    ("os", "a configuration sees no environment: take the value as a parameter, `param(\"name\", default)`"),
];

/// What to write for a function or method of Python.
pub(crate) fn python_help(name: &str) -> Option<String> {
    PYTHON.iter().find(|(python, _)| *python == name).map(|(_, help)| (*help).to_owned())
}

/// Words a variable that does not exist.
pub(crate) fn unknown_variable(name: &str, texts: &Texts, names: &[String], at: Span) -> Mistake {
    if texts.constants.contains(name) {
        return Mistake::new("constant", format!("`{name}` cannot be assigned to"), at)
            .with_label("belongs to the language")
            .with_help(format!("choose another name: `let my_{} = ...;`", name.to_lowercase()));
    }
    let python = PYTHON_VALUES.iter().find(|(python, _)| *python == name).map(|(_, help)| (*help).to_owned());
    let known = names.iter().chain(&texts.globals).chain(&texts.functions).map(String::as_str);
    let help = match python {
        Some(help) => help,
        None if matches!(next_token(texts, at), "=" | "+=") => {
            format!("declare it first: `let {name} = ...;`")
        }
        None if texts.globals.contains(name) => {
            format!("`{name}` is declared further down: move its `let` up")
        }
        None => did_you_mean_help(name, known).unwrap_or_else(|| {
            format!("declare it before: `let {name} = ...;`; or put it in quotes if it is text")
        }),
    };
    Mistake::new("unknown_variable", format!("there is no variable `{name}`"), at)
        .with_label("unknown")
        .with_help(help)
}

/// Words a call that fits no function: no such name, or other parameters.
pub(crate) fn unknown_function(signature: &str, texts: &Texts, names: &[String], at: Span) -> Mistake {
    if signature.starts_with("anon$") {
        let message = "the closure takes another number of arguments than it is given";
        return Mistake::new("arguments", message, at)
            .with_help("closures of `map` and `filter` take the element, or the element and its number");
    }
    let (name, given) = signature.split_once('(').unwrap_or((signature, ""));
    let name = name.trim().rsplit("::").next().unwrap_or(name).trim();
    let given: Vec<String> = given
        .trim_end_matches(')')
        .split(',')
        .map(str::trim)
        .filter(|ty| !ty.is_empty())
        .map(type_word)
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return operator(name, &given, at);
    }
    if let Some(module) = module(signature) {
        let functions = stdlib::functions(module);
        if !functions.contains(&name) {
            let help = did_you_mean_help(name, functions.iter().copied())
                .unwrap_or_else(|| format!("it has {}", functions.join(", ")));
            return Mistake::new("unknown_function", format!("{module} has no function `{name}`"), at)
                .with_label("unknown")
                .with_help(help);
        }
    }
    if texts.functions.contains(name) || module(signature).is_some() {
        return arguments(name, &given, texts, at);
    }
    let known = names.iter().chain(&texts.functions).map(String::as_str);
    let help = python_help(name).or_else(|| did_you_mean_help(name, known));
    let help = help
        .unwrap_or_else(|| format!("define it: `fn {name}(...) {{ ... }}`, or include the file that does"));
    Mistake::new("unknown_function", format!("there is no function `{name}`"), at)
        .with_label("unknown")
        .with_help(help)
}

/// Returns the module of the standard library that a function is looked for in.
fn module(signature: &str) -> Option<&str> {
    let (module, _) = signature.split('(').next()?.split_once("::")?;
    Some(module.trim()).filter(|module| !stdlib::functions(module).is_empty())
}

/// How a helper with a fixed number of arguments is called.
fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "SimpleTask" | "simple" => "`SimpleTask(\"name\", \"command\")`",
        "SequentialTask" | "sequential" => "`SequentialTask(name = \"...\", processes = [...])`",
        "render_option" => "`Options::render_option(short, long, name, value)`",
        "render_options" => "`Options::render_options(short, long, list)`",
        _ => return None,
    })
}

fn operator(name: &str, given: &[String], at: Span) -> Mistake {
    let help = match (name, given) {
        ("+", [left, right]) if left == "a list" || right == "a list" => {
            "both sides must be lists: `list + [x]`"
        }
        ("+", _) => "put values into text with backticks: `shard-${i}`",
        ("==" | "!=" | "<" | ">" | "<=" | ">=", _) => "compare values of one type",
        ("[]" | "index$get$" | "index$set$", _) => "lists are indexed by integers, maps by text",
        _ => "convert one of them: `x.to_string()`, `parse_int(text)`, `x.to_float()`",
    };
    let message = format!("`{name}` does not work on {}", given.join(" and "));
    Mistake::new("arguments", message, at).with_label("this operator").with_help(help)
}

fn arguments(name: &str, given: &[String], texts: &Texts, at: Span) -> Mistake {
    let listed = given.join(", ");
    if name == "append" && given.first().is_some_and(|this| this == "a list") {
        return Mistake::new("arguments", "`append` takes a list", at)
            .with_label(format!("given {}", given[1..].join(", ")))
            .with_help("write `list.push(x)` for a single value");
    }
    let takes = definition(name, texts);
    let message = match (&takes, given) {
        (None, [_]) if name == "param" => "`param` takes a name and a default".to_owned(),
        (Some(parameters), _) if parameters.len() != given.len() => {
            format!("`{name}` takes {}, not {}", count(parameters.len()), given.len())
        }
        (_, []) => format!("`{name}` needs an argument"),
        _ => format!("`{name}` does not take {listed}"),
    };
    let help = match (name, takes) {
        (_, Some(parameters)) => format!("it is defined as `fn {name}({})`", parameters.join(", ")),
        _ if usage(name).is_some() => format!("write {}", usage(name).unwrap_or_default()),
        ("export", _) => "write `export(Task(name = \"...\", processes = [...]));`".to_owned(),
        ("param", _) => "write `param(\"name\", default)`".to_owned(),
        ("range", _) => "write `range(n)` or `range(first, end)` with integers".to_owned(),
        _ => "give it other arguments, or convert them: `x.to_string()`, `parse_int(text)`".to_owned(),
    };
    Mistake::new("arguments", message, at)
        .with_label(if given.is_empty() { "given nothing".to_owned() } else { format!("given {listed}") })
        .with_help(help)
}

fn count(number: usize) -> String {
    match number {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        many => format!("{many} arguments"),
    }
}

/// Returns the parameters of a function of the program.
fn definition(name: &str, texts: &Texts) -> Option<Vec<String>> {
    if !texts.functions_of_files.contains(name) {
        return None;
    }
    texts.sources.iter().find_map(|source| super::tokens::parameters(&source.text, name))
}
