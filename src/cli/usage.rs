//! A wrong command line as a diagnostic.

use std::error::Error;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    Diagnostic::error("usage", message_of(error, message)).with_help(help(error, rest))
}

/// Says what is wrong: in words of ours where the parser's are of its trade, otherwise in its own.
fn message_of(error: &clap::Error, text: &str) -> String {
    let named = |kind| error.get(kind).map(ToString::to_string);
    match (error.kind(), named(ContextKind::InvalidSubcommand), named(ContextKind::InvalidArg)) {
        (ErrorKind::InvalidSubcommand, Some(command), _) => format!("there is no command '{command}'"),
        (ErrorKind::UnknownArgument, _, Some(argument)) if argument.starts_with('-') => {
            format!("there is no flag '{argument}' here")
        }
        (ErrorKind::UnknownArgument, _, Some(argument)) => format!("'{argument}' is one argument too many"),
        _ => without_parser_words(error, one_line(text.strip_prefix("error: ").unwrap_or(text))),
    }
}

/// Says of a value that is no number that it is none, rather than where the standard library stopped reading it, and of
/// one out of range what the range is, rather than how a programmer writes it.
fn without_parser_words(error: &clap::Error, message: String) -> String {
    if let Some(parse) = error.source().and_then(|source| source.downcast_ref::<ParseIntError>()) {
        return message.replace(&parse.to_string(), "it is no whole number");
    }
    match message
        .split_once(" is not in ")
        .and_then(|(before, range)| Some((before, range.split_once("..=")?)))
    {
        Some((before, (least, most))) => {
            let before = before.rsplit_once(": ").map_or(before, |(before, _)| before);
            match most.parse::<u32>() {
                Ok(most) if most < u32::MAX => format!("{before}: it has to be from {least} to {most}"),
                // That is what fits into the number, which nobody reaches.
                _ => format!("{before}: it has to be at least {least}"),
            }
        }
        None => message,
    }
}

/// Prefers a similar name, then the parser's tips, then where to look.
fn help(error: &clap::Error, rest: &str) -> String {
    let similar = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(found) = similar.into_iter().find_map(|kind| first(error.get(kind)?)) {
        return format!("did you mean `{found}`?");
    }
    let usage = rest.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("thermos");
    if error.kind() == ErrorKind::UnknownArgument {
        let command = usage.split(' ').take_while(|word| word.starts_with(char::is_lowercase));
        return format!("`{} --help` tells what it takes", command.collect::<Vec<_>>().join(" "));
    }
    let tips: Vec<&str> = rest.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
    match (tips.is_empty(), rest.contains("Usage: ")) {
        (false, _) => tips.join("; "),
        (true, true) => format!("usage: {usage}"),
        (true, false) => "--help tells what each argument takes".to_owned(),
    }
}

/// Returns the likeliest suggestion.
fn first(suggested: &ContextValue) -> Option<String> {
    match suggested {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
