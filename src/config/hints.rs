//! What to do about a problem: the help lines that depend on what a value looks like.

use crate::diagnostics::did_you_mean;
use crate::template::{Delimiters, Tag};

/// A tag that nothing is bound to.
pub(super) struct Open<'a> {
    /// What it refers to.
    pub(super) tag: &'a Tag,
    /// As it is written: `{{.Names}}` and `{{Names}}` are the same reference.
    pub(super) spelling: String,
    /// The text in which it is written; empty if it is not known.
    pub(super) around: String,
}

/// Where a wrong value came from.
pub(super) struct Bindings {
    /// The field that has it.
    pub(super) field: String,
    /// Whether the field stands in a JSON document.
    pub(super) json: bool,
    /// The name of the `-E` that gave it.
    pub(super) flag: Option<String>,
    /// The reference that it was bound to.
    pub(super) tag: Option<String>,
}

/// Says what to do about open references (LANGUAGE section 3).
pub(super) fn unbound(open: &[Open], names: &[String], json: bool) -> String {
    let mut helps: Vec<String> = Vec::new();
    let mut plain: Vec<&Tag> = Vec::new();
    for open in open {
        match special(open).or_else(|| meant(open.tag, names)) {
            Some(help) if !helps.contains(&help) => helps.push(help),
            Some(_) => {}
            None if !plain.contains(&open.tag) => plain.push(open.tag),
            None => {}
        }
    }
    if let [first, rest @ ..] = plain.as_slice() {
        let flag = |tag: &&Tag| format!("-E {}=VALUE", tag.reference);
        let flags: Vec<String> = plain.iter().take(3).map(flag).collect();
        let them = if rest.is_empty() { "it" } else { "them" };
        let or = if json { "" } else { " or in the file with `.bind(...)`" };
        let escaped = first.delimiters.wrap(format_args!("&{}", first.reference));
        helps
            .push(format!("bind {them} with `{}`{or}; write {escaped} for the text itself", flags.join(" ")));
    }
    helps.join("; ")
}

fn meant(tag: &Tag, names: &[String]) -> Option<String> {
    let name = tag.reference.to_string();
    let meant = did_you_mean(&name, names.iter().map(String::as_str))?;
    Some(format!("did you mean {}?", tag.delimiters.wrap(meant)))
}

/// What looks like a tag and was meant to be something else.
fn special(open: &Open) -> Option<String> {
    let name = open.tag.reference.to_string();
    if open.spelling.starts_with("{{.") {
        return Some(format!("write {{{{&.{name}}}}} for the text {}", open.spelling));
    }
    if name == "thermos" || name.starts_with("thermos.") || name.starts_with("thermos[") {
        let port = name.strip_prefix("thermos.ports.").filter(|port| !port.is_empty());
        return Some(match port {
            Some(port) => {
                format!("write {}", open.tag.delimiters.wrap(format_args!("thermos.ports[{port}]")))
            }
            None => "the runner binds thermos.ports[NAME], thermos.task_id and thermos.user".to_owned(),
        });
    }
    (open.tag.delimiters == Delimiters::Angles && is_heredoc(&open.around, &name))
        .then(|| format!("if this begins a here-document, write `<<{name} >>` with a blank; for the text itself <<&{name}>>"))
}

/// Says whether a line of the text ends the here-document `name`, or the name is written as such names are.
fn is_heredoc(text: &str, name: &str) -> bool {
    let ends = text.lines().skip(1).any(|line| line.trim().trim_end_matches(['`', '"', '\'']) == name);
    ends || matches!(name, "EOF" | "EOT" | "END" | "EOS" | "HERE")
}

/// Says what to do about a value that must be known, and is not.
pub(super) fn open(not: &str, field: &str) -> String {
    format!(
        "write {not}, or bind what `{field}` refers to; what the runner binds can stand in command lines alone"
    )
}

/// Says what to do about braces around something that is no reference.
pub(super) fn invalid_reference(inside: &str) -> String {
    let trimmed = inside.trim();
    if trimmed != inside && !trimmed.contains(char::is_whitespace) {
        return format!(
            "write {{{{{trimmed}}}}}, without blanks inside, or {{{{&{inside}}}}} for the text itself"
        );
    }
    if inside.starts_with("thermos.ports[") {
        return "the name of a port is made of letters, digits, `_` and `-`".to_owned();
    }
    format!("write {{{{&{inside}}}}} if the braces are meant for something else")
}

/// Says what to do about a value that does not convert. `from` is nothing for a value that stands elsewhere and is
/// referred to.
pub(super) fn wrong_type(target: &str, detail: Option<&str>, value: &str, from: Option<&Bindings>) -> String {
    let (what, example) = match (target, detail) {
        ("Integer", _) => ("a whole number".to_owned(), "3".to_owned()),
        ("Float", _) => ("a number".to_owned(), "0.5".to_owned()),
        ("Boolean", _) => ("true or false".to_owned(), "true".to_owned()),
        ("String", _) => ("text in quotes".to_owned(), "\"...\"".to_owned()),
        (_, Some(detail)) => {
            let choices = detail.split_once("is not one of ").map_or(detail, |(_, choices)| choices);
            let meant = did_you_mean(value, choices.split(", "));
            let first = choices.split(", ").next().unwrap_or_default();
            (
                meant.map_or_else(|| format!("one of {choices}"), |meant| format!("`{meant}`")),
                meant.unwrap_or(first).to_owned(),
            )
        }
        (other, None) => return format!("give it a value that {other} takes"),
    };
    let quoted = if detail.is_some() { format!("\"{example}\"") } else { example.clone() };
    let Some(from) = from else { return format!("give it {what}, such as {quoted}") };
    match from {
        Bindings { flag: Some(flag), .. } => format!("give {what}: -E {flag}={example}"),
        Bindings { tag: Some(tag), .. } => format!("bind {tag} so that this becomes {what}"),
        Bindings { field, json: true, .. } => format!("write {what}: `\"{field}\": {quoted}`"),
        Bindings { field, .. } => format!("write {what}: `{field} = {quoted}`"),
    }
}
