//! The shell on a terminal: rustyline between the user and the language.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::feed::show;
use crate::{Language, Outcome};

/// How the shell looks and what it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shown when the shell starts; should say how to leave it.
    pub greeting: String,
    /// Shown before the first line of a chunk.
    pub prompt: String,
    /// Shown before further lines.
    pub more_prompt: String,
    /// Where lines are kept between sessions; nowhere if there is none.
    pub history: Option<PathBuf>,
    /// Whether what is typed is coloured.
    pub color: bool,
}

/// What leaves the shell when it is typed alone, besides the end of input.
const LEAVE: [&str; 2] = ["exit", "quit"];

/// Talks with the user until the end of input (Ctrl-D), `exit` or `quit`; Ctrl-C drops the chunk.
///
/// # Errors
/// A terminal that cannot be used, output that cannot be written. A history that cannot be read or written is no
/// error.
pub fn edit(
    language: &mut dyn Language,
    settings: &Settings,
    output: &mut dyn Write,
    mistakes: &mut dyn Write,
) -> io::Result<()> {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
    let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
    let language = Rc::new(RefCell::new(language));
    editor.set_helper(Some(Words { language: Rc::clone(&language), color: settings.color }));
    if let Some(history) = &settings.history {
        let _ = editor.load_history(history);
    }
    writeln!(output, "{}", settings.greeting)?;
    while let Some(chunk) = read_chunk(&mut editor, &language, settings)? {
        if chunk.trim().is_empty() {
            continue;
        }
        if LEAVE.contains(&chunk.trim().trim_end_matches(';')) {
            break;
        }
        let _ = editor.add_history_entry(&chunk);
        let outcome: Outcome = language.borrow_mut().evaluate(&chunk);
        show(outcome, output, mistakes)?;
    }
    if let Some(history) = &settings.history {
        let _ = editor.save_history(history);
    }
    Ok(())
}

type Shared<'a> = Rc<RefCell<&'a mut dyn Language>>;

/// Reads lines until they are complete; nothing at the end of input.
fn read_chunk(
    editor: &mut Editor<Words<'_>, FileHistory>,
    language: &Shared<'_>,
    settings: &Settings,
) -> io::Result<Option<String>> {
    let mut chunk = String::new();
    loop {
        let prompt = if chunk.is_empty() { &settings.prompt } else { &settings.more_prompt };
        match editor.readline(prompt) {
            Ok(line) => {
                if !chunk.is_empty() {
                    chunk.push('\n');
                }
                chunk.push_str(&line);
                if language.borrow().is_complete(&chunk) {
                    return Ok(Some(chunk));
                }
            }
            Err(ReadlineError::Interrupted) => chunk.clear(),
            Err(ReadlineError::Eof) => return Ok(None),
            Err(ReadlineError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

/// What rustyline asks while a line is typed.
struct Words<'a> {
    language: Shared<'a>,
    color: bool,
}

impl Helper for Words<'_> {}
impl Validator for Words<'_> {}

impl Hinter for Words<'_> {
    type Hint = String;
}

impl Highlighter for Words<'_> {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.color { Cow::Owned(self.language.borrow().highlight(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.color
    }
}

impl Completer for Words<'_> {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or(line);
        Ok((word_start(before), self.language.borrow().complete(before)))
    }
}

/// Returns where the word that ends a line begins.
fn word_start(line: &str) -> usize {
    let word = line.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_replaces_the_last_word() {
        assert_eq!(word_start("let a = Pro"), 8);
        assert_eq!(word_start("p.na"), 2);
        assert_eq!(word_start("f("), 2);
    }
}
