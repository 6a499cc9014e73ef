//! What every mistake of a user becomes: code, place, path, what was expected and found, what to do.
//!
//! Diagnostics are plain data that survive a trip through JSON, because they are found in an evaluating child and
//! shown by its parent. This module owns places and did-you-mean; only `cli` knows how to draw them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A source in a [`Sources`] table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceId(u32);

/// A place in a source: a small value that objects carry; [`Sources::place`] turns it into text.
///
/// Lines and columns count from 1, columns and the length in characters. The default is [`Span::NONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    source: SourceId,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters; 0 is drawn as a single caret.
    pub length: u32,
}

impl Span {
    /// The place of what was written nowhere, such as a default.
    pub const NONE: Span = Span { source: SourceId(0), line: 0, column: 0, length: 0 };

    /// Makes a span of `length` characters.
    pub fn new(source: SourceId, line: u32, column: u32, length: u32) -> Span {
        Span { source, line, column, length }
    }

    /// Says whether this is [`Span::NONE`].
    pub fn is_none(self) -> bool {
        self == Span::NONE
    }

    /// Returns this span, or `other` if this one is none.
    pub fn or(self, other: Span) -> Span {
        if self.is_none() { other } else { self }
    }

    /// Returns the source that the span points into.
    pub fn source(self) -> SourceId {
        self.source
    }
}

/// The texts that spans point into: files, and the values of flags.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

/// A file, or the value of a flag.
#[derive(Clone, Debug)]
pub struct Source {
    /// As users know it: a path, or a flag such as `-E`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Sources {
    /// Adds a source and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.0.push(Source { name: name.into(), text: text.into() });
        SourceId(self.0.len() as u32)
    }

    /// Returns a source; ids come from [`Sources::add`] of this table.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get((id.0 as usize).checked_sub(1)?)
    }

    /// Goes through all sources in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Turns a span into a place with its source line; nothing for [`Span::NONE`].
    pub fn place(&self, span: Span) -> Option<Place> {
        let source = self.get(span.source)?;
        let line = source.text.split('\n').nth((span.line as usize).saturating_sub(1)).unwrap_or("");
        let line = line.strip_suffix('\r').unwrap_or(line);
        let long = line.len() > MAX_PLACE_TEXT;
        let skipped = if long { span.column.saturating_sub(MAX_PLACE_TEXT as u32 / 4) } else { 0 };
        let shown = line.chars().skip(skipped as usize).take(MAX_PLACE_TEXT);
        Some(Place {
            file: source.name.clone(),
            line: span.line,
            column: span.column,
            length: span.length,
            text: shown.collect(),
            skipped,
        })
    }
}

/// A place that can be shown without its source at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The path as it was given, or a flag.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters.
    pub length: u32,
    /// The source line; of a very long one, what stands around the place.
    pub text: String,
    /// How many characters of the source line stand before `text`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u32,
}

/// The most characters of a source line that a place carries: many places may be on a line of the largest file.
const MAX_PLACE_TEXT: usize = 1000;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is started.
    #[default]
    Error,
    /// The task may run.
    Warning,
}

/// A place with what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// A few words beside the caret.
    pub text: String,
}

/// One mistake. The first label is the value at fault; further ones are where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// `thermos::unbound_reference` and the like.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// The value at fault: `task "web".processes[2 "build"].max_failures`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// Makes an error; `code` is given without its `thermos::`.
    pub fn error(code: &str, message: impl Into<String>) -> Diagnostic {
        let message = shortened(message.into());
        Diagnostic { code: format!("thermos::{code}"), message, ..Diagnostic::default() }
    }

    /// Makes a warning; `code` is given without its `thermos::`.
    pub fn warning(code: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// Adds what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do, if something is known.
    pub fn with_optional_help(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// Adds the path of the value at fault.
    pub fn with_path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = Some(path.into());
        self
    }

    /// Adds a place, unless there is none.
    pub fn with_label(mut self, place: Option<Place>, text: impl Into<String>) -> Diagnostic {
        self.labels.extend(place.map(|place| Label { place, text: text.into() }));
        self
    }

    /// Says whether this keeps a task from running.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The longest message, in bytes: what it quotes can be of any size.
const MAX_MESSAGE: usize = 4000;

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
        message.truncate(end);
        message.push_str(" ...");
    }
    message
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Names a type as a sentence does: `a Process`, `an Employee`, but `Resources`.
pub fn with_article(name: &str) -> String {
    match name {
        _ if name.ends_with('s') && !name.ends_with("ss") => name.to_owned(),
        _ if name.starts_with(['A', 'E', 'I', 'O']) => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// Finds the candidate that `word` was probably meant to be.
///
/// The nearest by edit distance (insert, delete, replace, swap of neighbours), if it is within a third of the length.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    if allowed > MAX_WORD / 3 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count() <= 2 * MAX_WORD)
        .map(|candidate| (edit_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, candidate)| (*distance, candidate.len(), *candidate))
        .map(|(_, candidate)| candidate)
}

/// The help line that goes with [`did_you_mean`].
pub fn did_you_mean_help<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    did_you_mean(word, candidates).map(|found| format!("did you mean `{found}`?"))
}

/// The longest word that is compared with others, in characters.
const MAX_WORD: usize = 100;

fn edit_distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn did_you_mean_takes_the_nearest_word_and_refuses_strangers() {
        let fields = ["name", "cmdline", "max_failures", "min_duration"];
        assert_eq!(did_you_mean("cmdlien", fields), Some("cmdline"));
        assert_eq!(did_you_mean("max_failure", fields), Some("max_failures"));
        assert_eq!(did_you_mean("nmae", fields), Some("name"));
        assert_eq!(did_you_mean("colour", fields), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
    }

    #[test]
    fn a_place_shows_its_line_without_the_line_ending() {
        let mut sources = Sources::default();
        let id = sources.add("a.thermos", "let a = 1;\r\nlet b = 2;\r\n");
        let place = sources.place(Span::new(id, 2, 5, 1)).unwrap();
        assert_eq!((place.to_string().as_str(), place.text.as_str()), ("a.thermos:2:5", "let b = 2;"));
        assert!(sources.place(Span::NONE).is_none());
    }
}
