//! The shell on a terminal: rustyline between the user and the language.

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::error::ReadlineError;
use rustyline::history::{History as _, MemHistory};
use rustyline::{CompletionType, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers};

use crate::feed::show;
use crate::history::History;
use crate::words::{Enter, Shared, Words};
use crate::{Language, Outcome};

/// How the shell looks and what it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shown when the shell starts; should say how to leave it.
    pub greeting: String,
    /// Shown before a chunk.
    pub prompt: String,
    /// Where chunks are kept between sessions; nowhere if there is none.
    pub history: Option<PathBuf>,
    /// Whether what is typed is coloured.
    pub color: bool,
    /// How many columns the next line of a text is indented by, if a bracket or a string is open at its end.
    pub indent: fn(&str) -> Option<usize>,
}

type Reader<'a> = Editor<Words<'a>, MemHistory>;

/// Talks with the user until the end of input (Ctrl-D on an empty line) or until the language leaves; Ctrl-C drops the
/// chunk.
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
    let language: Shared<'_> = Rc::new(RefCell::new(language));
    let mut history = History::open(settings.history.as_deref());
    let mut reader = reader(&language, settings)?;
    remember(&mut reader, &history)?;
    writeln!(output, "{}", settings.greeting)?;
    while let Some(chunk) = read_chunk(&mut reader, settings, output, mistakes)? {
        if chunk.trim().is_empty() {
            continue;
        }
        if history.add(&chunk) {
            remember(&mut reader, &history)?;
        } else {
            reader.add_history_entry(&chunk).map_err(failure)?;
        }
        let outcome: Outcome = language.borrow_mut().evaluate(&chunk);
        if show(outcome, output, mistakes)? == ControlFlow::Break(true) {
            break;
        }
    }
    Ok(())
}

fn reader<'a>(language: &Shared<'a>, settings: &Settings) -> io::Result<Reader<'a>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .completion_prompt_limit(200)
        .auto_add_history(false)
        .history_ignore_space(true)
        .tab_stop(4)
        .build();
    let mut reader = Editor::with_history(config, MemHistory::new()).map_err(failure)?;
    reader.set_helper(Some(Words {
        language: Rc::clone(language),
        color: settings.color,
        hinted: RefCell::default(),
    }));
    for key in [KeyEvent(KeyCode::Enter, Modifiers::NONE), KeyEvent(KeyCode::Char('J'), Modifiers::CTRL)] {
        reader.bind_sequence(key, EventHandler::Conditional(Box::new(Enter(settings.indent))));
    }
    Ok(reader)
}

/// Tells the reader all that was typed before.
fn remember(reader: &mut Reader<'_>, history: &History) -> io::Result<()> {
    reader.history_mut().clear().map_err(failure)?;
    for chunk in history.chunks() {
        reader.add_history_entry(chunk).map_err(failure)?;
    }
    Ok(())
}

/// Reads a chunk; nothing at the end of input. What is no text is told and dropped.
fn read_chunk(
    reader: &mut Reader<'_>,
    settings: &Settings,
    output: &mut dyn Write,
    mistakes: &mut dyn Write,
) -> io::Result<Option<String>> {
    loop {
        let read = reader.readline(&settings.prompt);
        let words = reader.helper();
        let dropped = words.and_then(|words| words.without_hint(&settings.prompt));
        match read {
            Ok(chunk) => return Ok(Some(chunk)),
            Err(ReadlineError::Interrupted) => {
                // The line of what was dropped stays on the screen, its hint does not.
                if let Some(line) = dropped {
                    write!(output, "\x1b[A\r{line}\x1b[K\r\n")?;
                    output.flush()?;
                }
            }
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                let why = words.map(|words| words.language.borrow().no_text(None)).unwrap_or_default();
                writeln!(mistakes, "{}", why.trim_end())?;
            }
            Err(ReadlineError::Eof) => {
                // The prompt of whoever called stands on a line of its own.
                writeln!(output)?;
                return Ok(None);
            }
            Err(error) => return Err(failure(error)),
        }
    }
}

fn failure(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        error => io::Error::other(error),
    }
}
