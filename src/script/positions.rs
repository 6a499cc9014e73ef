//! The way back from a position in the rewritten text to the place in the file that a user wrote.
//!
//! Owns the text that Rhai compiles and, beside it, anchors: a new one only where counting on from the last one
//! would give a wrong place. Knows nothing of tokens.

use crate::diagnostics::Span;

/// The most lines, and the most characters in a line, that Rhai's positions can tell.
pub(crate) const MAX_POSITION: u32 = u16::MAX as u32;

#[derive(Clone, Copy, Debug)]
struct Anchor {
    line: u32,
    column: u32,
    to: Span,
    /// Text of ours: every position in it leads to the same place.
    inserted: bool,
}

/// Leads from positions of the rewritten text to places in files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    anchors: Vec<Anchor>,
}

impl Positions {
    /// Returns the place that a position of the rewritten text came from, without a length.
    pub(crate) fn resolve(&self, line: u32, column: u32) -> Span {
        let after = self.anchors.partition_point(|anchor| (anchor.line, anchor.column) <= (line, column));
        match after.checked_sub(1).and_then(|at| self.anchors.get(at)) {
            Some(anchor) => anchor.lead(line, column),
            None => Span::NONE,
        }
    }

    /// Returns how much there is, for [`Positions::truncate`].
    pub(crate) fn mark(&self) -> usize {
        self.anchors.len()
    }

    /// Forgets what was added after `mark`: the text was wrong and its lines are used again.
    pub(crate) fn truncate(&mut self, mark: usize) {
        self.anchors.truncate(mark);
    }

    fn add(&mut self, line: u32, column: u32, to: Span, inserted: bool) {
        let follows = self
            .anchors
            .last()
            .is_some_and(|last| !inserted && !last.inserted && last.lead(line, column) == to);
        if !follows {
            self.anchors.push(Anchor { line, column, to, inserted });
        }
    }
}

impl Anchor {
    fn lead(&self, line: u32, column: u32) -> Span {
        let to = self.to;
        match (self.inserted, line.saturating_sub(self.line)) {
            (true, _) => to,
            (false, 0) => Span::new(to.source(), to.line, to.column + (column - self.column), 0),
            (false, lines) => Span::new(to.source(), to.line + lines, column, 0),
        }
    }
}

/// The rewritten text while it grows.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    line: u32,
    column: u32,
    positions: Positions,
    /// The first place at which a line or the whole became too long for Rhai.
    overflow: Option<(Overflow, Span)>,
}

/// What became too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// A line.
    Columns,
    /// All files together.
    Lines,
}

impl Output {
    /// Starts after `lines` lines that earlier texts of the same session take.
    pub(crate) fn after(positions: Positions, lines: u32) -> Output {
        Output { text: "\n".repeat(lines as usize), line: lines + 1, column: 1, positions, overflow: None }
    }

    /// Adds text that stands so at `from`.
    pub(crate) fn copy(&mut self, text: &str, from: Span) {
        self.positions.add(self.line, self.column, start(from), false);
        self.push(text, from);
    }

    /// Adds text that stands nowhere; positions in it lead to `to`.
    pub(crate) fn insert(&mut self, text: &str, to: Span) {
        self.positions.add(self.line, self.column, start(to), true);
        self.push(text, to);
    }

    /// Adds blanks: line ends, then spaces.
    pub(crate) fn blank(&mut self, lines: u32, spaces: u32) {
        self.text.extend(std::iter::repeat_n('\n', lines as usize));
        self.text.extend(std::iter::repeat_n(' ', spaces as usize));
        self.line += lines;
        self.column = if lines > 0 { 1 + spaces } else { self.column + spaces };
    }

    /// Returns the position of what is added next.
    pub(crate) fn position(&self) -> (u32, u32) {
        (self.line, self.column)
    }

    /// Ends the text; says instead what became too long for Rhai, and where. Also returns the way back and the lines.
    pub(crate) fn finish(self) -> (Result<String, (Overflow, Span)>, Positions, u32) {
        let text = match self.overflow {
            Some(overflow) => Err(overflow),
            None => Ok(self.text),
        };
        (text, self.positions, self.line)
    }

    fn push(&mut self, text: &str, from: Span) {
        self.text.push_str(text);
        self.line += text.matches('\n').count() as u32;
        self.column = match text.rfind('\n') {
            Some(at) => 1 + text[at + 1..].chars().count() as u32,
            None => self.column + text.chars().count() as u32,
        };
        if self.line > MAX_POSITION {
            self.overflow.get_or_insert((Overflow::Lines, from));
        } else if self.column > MAX_POSITION {
            self.overflow.get_or_insert((Overflow::Columns, from));
        }
    }
}

fn start(span: Span) -> Span {
    Span::new(span.source(), span.line, span.column, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_lead_back_over_insertions_and_lines() {
        let source = crate::diagnostics::Sources::default().add("a", "");
        let at = |line, column| Span::new(source, line, column, 0);
        let mut output = Output::after(Positions::default(), 0);
        output.copy("f", at(3, 5));
        output.insert(".__call([", at(3, 6));
        output.copy("x", at(3, 7));
        output.blank(1, 2);
        output.copy("y", at(4, 3));
        let (text, positions, _) = output.finish();
        assert_eq!(text.unwrap(), "f.__call([x\n  y");
        assert_eq!(positions.resolve(1, 1), at(3, 5));
        assert_eq!(positions.resolve(1, 4), at(3, 6));
        assert_eq!(positions.resolve(1, 11), at(3, 7));
        assert_eq!(positions.resolve(2, 3), at(4, 3));
        assert_eq!(positions.anchors.len(), 3);
    }
}
