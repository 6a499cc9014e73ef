//! The lower lines of a terminal, which are drawn anew while other lines pass above them.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use terminal_size::{Height, Width, terminal_size_of};

use crate::view::live::Room;
use crate::view::look::Style;

/// How often a terminal is drawn to at most, a second; the viewer draws less often.
const RATE: u8 = 30;

/// Lines and columns of a terminal that does not tell.
const USUAL: (u16, u16) = (24, 80);

/// Lines on standard error that stay below everything else.
#[derive(Debug)]
pub(super) struct Screen {
    lines: ProgressBar,
    color: bool,
}

impl Screen {
    /// Draws nothing yet.
    pub(super) fn new(color: bool) -> Screen {
        let lines = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(RATE));
        // The template is a constant of the form that the crate documents.
        let lines = match ProgressStyle::with_template("{msg}") {
            Ok(style) => lines.with_style(style),
            Err(_) => lines,
        };
        Screen { lines, color }
    }

    /// How much room there is now.
    pub(super) fn room(&self) -> Room {
        let size = terminal_size_of(std::io::stderr()).map(|(Width(columns), Height(rows))| (rows, columns));
        // A terminal that was never given a size says that it has none.
        let (rows, columns) = size.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or(USUAL);
        Room { rows: rows.into(), style: Style { color: self.color, width: columns.into() } }
    }

    /// Replaces the lines.
    pub(super) fn draw(&self, lines: &[String]) {
        self.lines.set_message(lines.join("\n"));
    }

    /// Writes above the lines, by whatever `write` does.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.lines.suspend(write);
    }

    /// Takes the lines away.
    pub(super) fn clear(&self) {
        self.lines.finish_and_clear();
    }
}
