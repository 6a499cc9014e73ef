//! A wrong command line as a diagnostic.

use std::error::Error;
use std::num::ParseIntError;

use clap::error::ErrorKind;
use thiserror::Error;

use crate::diagnostics::Diagnostic;

/// The value of a flag is not what the flag takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub(crate) struct Malformed {
    /// What is wrong with the value.
    pub(crate) message: String,
    /// What to write.
    pub(crate) help: String,
}

impl Malformed {
    /// Makes the error of a value parser.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Malformed {
        Malformed { message: message.into(), help: help.into() }
    }
}

/// Says whether the parser stopped because help or the version was asked for, not because of a mistake.
pub(super) fn is_answer(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Says whether the command is missing: then the help is the best message.
pub(super) fn is_missing_command(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
}

/// Turns a mistake that the parser found into a diagnostic.
pub(super) fn diagnostic(error: &clap::Error) -> Diagnostic {
    if let Some(malformed) = error.source().and_then(|source| source.downcast_ref::<Malformed>()) {
        return Diagnostic::error("usage", &*malformed.message).with_help(&*malformed.help);
    }
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = without_parser_words(error, one_line(message));
    Diagnostic::error("usage", message).with_help(help(rest))
}

/// Says of a value that is no number that it is none, rather than where the standard library stopped reading it.
fn without_parser_words(error: &clap::Error, message: String) -> String {
    match error.source().and_then(|source| source.downcast_ref::<ParseIntError>()) {
        Some(parse) => message.replace(&parse.to_string(), "it is no whole number"),
        None => message,
    }
}

/// Prefers the parser's tips (a similar name), then the usage.
fn help(rest: &str) -> String {
    let tips: Vec<&str> = rest.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
    if !tips.is_empty() {
        return tips.join("; ");
    }
    let usage = rest.lines().find_map(|line| line.strip_prefix("Usage: "));
    usage
        .map_or_else(|| "--help tells what each argument takes".to_owned(), |usage| format!("usage: {usage}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
