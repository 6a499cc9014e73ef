//! Why a command ends before its work is done.

use std::io;
use std::path::Path;

use super::exit::Exit;
use crate::diagnostics::Diagnostic;

/// What is reported, and the exit code. Without diagnostics the command has said what there is to say.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Drawn on standard error, in order.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The exit code.
    pub(crate) exit: Exit,
}

impl Failure {
    /// Ends with `exit` and one diagnostic.
    pub(crate) fn new(exit: Exit, diagnostic: Diagnostic) -> Failure {
        Failure { diagnostics: vec![diagnostic], exit }
    }

    /// Ends with `exit` and says nothing more.
    pub(crate) fn quiet(exit: Exit) -> Failure {
        Failure { diagnostics: Vec::new(), exit }
    }

    /// The configuration is wrong.
    pub(crate) fn invalid(diagnostics: Vec<Diagnostic>) -> Failure {
        Failure { diagnostics, exit: Exit::Invalid }
    }

    /// Something could not be done with a file: `doing` is "cannot read" and the like.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Failure {
        let message = format!("{doing} {}: {}", path.display(), reason(error));
        Failure::new(Exit::Other, Diagnostic::error("io", message).with_help(file_help(error)))
    }
}

/// Returns the system's words for an error, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => lower_first(words),
        None => text,
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Returns what to do about an error of a file.
pub(crate) fn file_help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path; relative paths start at the current directory",
        io::ErrorKind::PermissionDenied => "check who owns it and what its mode allows",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "something else than a folder is there: move it away, or name another place"
        }
        io::ErrorKind::IsADirectory => "name a file, not a directory",
        io::ErrorKind::InvalidData => "it must be UTF-8 text",
        io::ErrorKind::StorageFull => "free some space and try again",
        _ => "the operating system refused; nothing was changed by this command",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_has_no_error_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "no such file or directory");
    }
}
