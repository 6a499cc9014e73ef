//! What Tab offers: the names that a session knows, files, commands and what they take.

use std::fs;
use std::path::Path;

use thermos_repl::Completion;

use super::commands::{COMMANDS, known};
use super::help;
use crate::script::{Place, Session};

/// The most files that are offered.
const MAX_FILES: usize = 500;

/// Returns what could stand at the end of a text.
pub(super) fn complete(session: &Session, text: &str) -> Completion {
    let Some(command) = text.trim_start().strip_prefix(':') else { return words(session, text) };
    let Some((name, argument)) = command.split_once(' ') else {
        let with_blank = |(name, takes, _): &(&str, &str, &str)| {
            format!("{name}{}", if takes.is_empty() { "" } else { " " })
        };
        let names = COMMANDS.iter().map(with_blank).filter(|name| name.starts_with(command));
        return Completion { start: text.len() - command.len(), candidates: names.collect() };
    };
    match known(name) {
        Some("load") => files(argument.trim_start(), text.len()),
        Some("help") => {
            let word = argument.trim_start();
            let candidates = help::names().into_iter().filter(|name| name.starts_with(word)).collect();
            Completion { start: text.len() - word.len(), candidates }
        }
        Some("type" | "check" | "json" | "graph" | "run") => {
            let offset = text.len() - argument.len();
            let found = words(session, argument);
            Completion { start: found.start + offset, ..found }
        }
        _ => Completion { start: text.len(), candidates: Vec::new() },
    }
}

fn words(session: &Session, text: &str) -> Completion {
    match session.complete(text) {
        Place::Words(found) => Completion { start: found.start, candidates: found.words },
        Place::File(path) => files(&path, text.len()),
        Place::Nothing => Completion { start: text.len(), candidates: Vec::new() },
    }
}

/// Folders and scripts whose paths begin so; the path ends at `end`.
fn files(path: &str, end: usize) -> Completion {
    let (folder, word) = path.rsplit_once('/').map_or(("", path), |(folder, word)| (folder, word));
    let place = match (folder, path.starts_with('/')) {
        ("", true) => Path::new("/"),
        ("", false) => Path::new("."),
        _ => Path::new(folder),
    };
    let entries = fs::read_dir(place).map(|entries| entries.flatten().take(MAX_FILES)).into_iter().flatten();
    let candidate = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let hidden = name.starts_with('.') && !word.starts_with('.');
        match fs::metadata(entry.path()).ok()? {
            _ if hidden || !name.starts_with(word) => None,
            about if about.is_dir() => Some(format!("{name}/")),
            about => (about.is_file() && name.ends_with(".thermos")).then_some(name),
        }
    };
    let mut candidates: Vec<String> = entries.filter_map(candidate).collect();
    candidates.sort();
    Completion { start: end - word.len(), candidates }
}
