//! Standard output and standard error: colour, width, and readers that go away.
//!
//! Every byte that a command prints passes through here, so that a closed pipe is handled once.

use std::env;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use nix::sys::stat::{SFlag, fstat};
use terminal_size::{Height, Width, terminal_size_of};

use super::exit::Exit;
use super::failure::{Failure, reason};
use crate::diagnostics::Diagnostic;
use crate::view::look::Style;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Even into a file or a pipe.
    Always,
    /// Not at all.
    Never,
}

/// What one of the two streams can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether somebody watches: then lines are wrapped and drawn with Unicode.
    pub(crate) terminal: bool,
    /// Whether to colour.
    pub(crate) color: bool,
    /// Columns; only meaningful on a terminal.
    pub(crate) width: usize,
}

impl From<Look> for Style {
    fn from(look: Look) -> Style {
        Style { color: look.color, width: look.width }
    }
}

/// The two streams that a command talks to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// How standard output looks.
    pub(crate) stdout: Look,
    /// How standard error looks.
    pub(crate) stderr: Look,
}

impl Terminal {
    /// Looks at the streams of this process.
    pub(crate) fn new(color: Color) -> Terminal {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let width = |size: Option<(Width, _)>| size.map_or(80, |(Width(columns), _)| columns.into());
        Terminal {
            stdout: look(color, stdout.is_terminal(), width(terminal_size_of(&stdout))),
            stderr: look(color, stderr.is_terminal(), width(terminal_size_of(&stderr))),
        }
    }

    /// Writes to standard output. Fails quietly if its reader is gone: there is nobody left to talk to.
    pub(crate) fn print(&self, text: impl AsRef<[u8]>) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()).map_err(|error| stdout_failure(&error))
    }

    /// Writes to standard error. What cannot be written there cannot be reported either.
    pub(crate) fn say(&self, text: impl AsRef<[u8]>) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_ref()).and_then(|()| stderr.flush());
    }
}

/// Returns how many lines and columns the terminal has now; 24 and 80 if there is none that says so.
pub(crate) fn size() -> (usize, usize) {
    let size =
        terminal_size_of(io::stdout()).filter(|(Width(columns), Height(rows))| *columns > 0 && *rows > 0);
    size.map_or((24, 80), |(Width(columns), Height(rows))| (rows.into(), columns.into()))
}

fn look(color: Color, terminal: bool, width: usize) -> Look {
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !is_set("NO_COLOR") && !is_dumb(),
    };
    Look { terminal, color, width }
}

/// Says whether the terminal, as the environment names it, can do nothing but write lines.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Says whether another program reads standard output.
pub(crate) fn stdout_is_read() -> bool {
    let kind = fstat(io::stdout()).map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
    kind.is_ok_and(|kind| kind == SFlag::S_IFIFO || kind == SFlag::S_IFSOCK)
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Says why standard output cannot be written; a reader that went away is no failure.
fn stdout_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::quiet(Exit::Success);
    }
    let message = format!("cannot write to standard output: {}", reason(error));
    let help = "check where the output is redirected to";
    Failure::new(Exit::Other, Diagnostic::error("output", message).with_help(help))
}
