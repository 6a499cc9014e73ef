//! The colours and signs of states, the same in a terminal, in a picture and on a page.

use crate::checkpoint::ProcessState;
use crate::checkpoint::record::TaskState;

/// How a process or a task is, as far as colours tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing has started.
    Idle,
    /// It runs.
    Busy,
    /// It went well.
    Good,
    /// It failed.
    Bad,
    /// Somebody ended it.
    Ended,
    /// Nobody knows.
    Gone,
}

/// The colours of a page.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// The ground.
    pub back: &'static str,
    /// Names and titles.
    pub text: &'static str,
    /// What stands back.
    pub faint: &'static str,
    /// Lines that lead somewhere.
    pub line: &'static str,
    /// The ground of what belongs together.
    pub frame: &'static str,
    /// Lines around it.
    pub edge: &'static str,
    /// A colour for each tone, and the ground for it.
    tones: [(&'static str, &'static str); 6],
}

/// Dark on light. Text on each ground has a contrast of at least 4.5 (WCAG 2, level AA).
pub const LIGHT: Theme = Theme {
    back: "#ffffff",
    text: "#1f2328",
    faint: "#59636e",
    line: "#afb8c1",
    frame: "#f6f8fa",
    edge: "#d1d9e0",
    tones: [
        ("#6e7781", "#ffffff"),
        ("#0969da", "#ddf4ff"),
        ("#1a7f37", "#dafbe1"),
        ("#cf222e", "#ffebe9"),
        ("#bc4c00", "#fff1e5"),
        ("#8250df", "#fbefff"),
    ],
};

/// Light on dark.
pub const DARK: Theme = Theme {
    back: "#0d1117",
    text: "#e6edf3",
    faint: "#9198a1",
    line: "#656c76",
    frame: "#151b23",
    edge: "#3d444d",
    tones: [
        ("#9198a1", "#151b23"),
        ("#58a6ff", "#0b2a4a"),
        ("#3fb950", "#0b2e18"),
        ("#f85149", "#3d1116"),
        ("#db6d28", "#3a1d08"),
        ("#ab7df8", "#271848"),
    ],
};

impl Theme {
    /// Returns the colour of a tone and the ground for it.
    pub fn tone(&self, tone: Tone) -> (&'static str, &'static str) {
        self.tones[tone as usize]
    }
}

impl Tone {
    /// All of them.
    pub const ALL: [Tone; 6] = [Tone::Idle, Tone::Busy, Tone::Good, Tone::Bad, Tone::Ended, Tone::Gone];

    /// Returns the tone of a run; of a process that never ran, if there is none.
    pub fn of_process(state: Option<&ProcessState>) -> Tone {
        match state {
            None | Some(ProcessState::Waiting | ProcessState::Other(_)) => Tone::Idle,
            Some(ProcessState::Forked | ProcessState::Running) => Tone::Busy,
            Some(ProcessState::Success) => Tone::Good,
            Some(ProcessState::Failed) => Tone::Bad,
            Some(ProcessState::Killed) => Tone::Ended,
            Some(ProcessState::Lost) => Tone::Gone,
        }
    }

    /// Returns the tone of a task.
    pub fn of_task(state: &TaskState) -> Tone {
        match state {
            TaskState::Active | TaskState::Cleaning | TaskState::Finalizing => Tone::Busy,
            TaskState::Success => Tone::Good,
            TaskState::Failed => Tone::Bad,
            TaskState::Killed => Tone::Ended,
            TaskState::Lost => Tone::Gone,
            TaskState::Other(_) => Tone::Idle,
        }
    }

    /// Returns the sign that stands before a name.
    pub fn sign(self) -> &'static str {
        match self {
            Tone::Idle => "○",
            Tone::Busy => "●",
            Tone::Good => "✔",
            Tone::Bad => "✘",
            Tone::Ended => "■",
            Tone::Gone => "?",
        }
    }

    /// Returns the word by which style sheets know it.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Idle => "idle",
            Tone::Busy => "busy",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Ended => "ended",
            Tone::Gone => "gone",
        }
    }

    /// Returns the parameter of the terminal's "select graphic rendition" sequence.
    fn ansi(self) -> &'static str {
        match self {
            Tone::Idle => "2",
            Tone::Busy => "34",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Ended => "33",
            Tone::Gone => "35",
        }
    }
}

/// How text is put on a terminal or into a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl Style {
    /// Colours a text by a tone, if colours are wanted.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        self.wrap(tone.ansi(), text)
    }

    /// Makes a text stand out.
    pub fn strong(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Makes a text stand back.
    pub fn faint(&self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
