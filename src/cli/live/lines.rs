//! Lines of outputs: whole ones, behind the names of their processes, and fit for a terminal.

use std::collections::HashMap;

use unicode_width::UnicodeWidthStr;

use crate::view::{cut, fit, one_line};

/// A line that is longer is handed on in pieces.
const LONGEST: usize = 1 << 20;

/// The most columns of a name.
const NAMES: usize = 24;

/// Colours of names, as parameters of the terminal.
const COLORS: [&str; 6] = ["36", "35", "34", "33", "32", "31"];

/// How lines are written to each of the two streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// Whether it is a terminal, which must not be told to do anything.
    pub(super) terminal: [bool; 2],
    /// Whether names are coloured.
    pub(super) color: [bool; 2],
}

/// What stands before lines.
#[derive(Debug)]
pub(super) struct Names {
    columns: usize,
    colors: HashMap<String, usize>,
}

impl Names {
    /// Names are as wide as the widest of `names`.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Names {
        let columns = names.map(|name| one_line(name).width()).max().unwrap_or_default().min(NAMES);
        Names { columns, colors: HashMap::new() }
    }

    /// Makes what stands before the lines of a process, in each of the two streams.
    pub(super) fn prefixes(&mut self, process: &str, ways: &Ways) -> [String; 2] {
        let count = self.colors.len();
        let color = COLORS[*self.colors.entry(process.to_owned()).or_insert(count) % COLORS.len()];
        let name = fit(&cut(&one_line(process), self.columns), self.columns);
        ways.color.map(|colored| match colored {
            true => format!("\x1b[{color}m{name} |\x1b[0m "),
            false => format!("{name} | "),
        })
    }
}

/// Makes whole lines of what comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// A line whose end has not come.
    rest: Vec<u8>,
}

impl Lines {
    /// Hands on the lines that a piece ends, without their newlines.
    pub(super) fn take(&mut self, piece: &[u8], mut line: impl FnMut(&[u8])) {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let Some(last) = lines.next_back() else { return };
        for end in lines {
            if self.rest.is_empty() {
                line(end);
            } else {
                self.rest.extend_from_slice(end);
                line(&std::mem::take(&mut self.rest));
            }
        }
        self.rest.extend_from_slice(last);
        while self.rest.len() > LONGEST {
            let start: Vec<u8> = self.rest.drain(..LONGEST).collect();
            line(&start);
        }
    }

    /// Hands on what has no newline, if there is anything: nothing follows it.
    pub(super) fn finish(&mut self, line: impl FnOnce(&[u8])) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            line(&rest);
        }
    }
}

/// Writes a line behind its prefix.
pub(super) fn write(prefix: &str, terminal: bool, text: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(prefix.as_bytes());
    match terminal {
        true => into.extend_from_slice(tame(&String::from_utf8_lossy(text)).as_bytes()),
        false => into.extend_from_slice(text),
    }
    into.push(b'\n');
}

/// Leaves of a line what may reach a terminal: text and colours. What would have been overwritten is left out.
fn tame(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut tamed = String::new();
    let mut rest = line;
    let mut colored = false;
    while let Some(start) = rest.find('\x1b') {
        tamed += &visible(&rest[..start]);
        let end = sgr(&rest[start..]);
        tamed += &rest[start..start + end];
        colored |= end > 0;
        if end == 0 {
            tamed.push(char::REPLACEMENT_CHARACTER);
        }
        rest = &rest[start + end.max(1)..];
    }
    tamed += &visible(rest);
    if colored { tamed + "\x1b[0m" } else { tamed }
}

/// The length of the "select graphic rendition" sequence that a text begins with; zero if it begins with another.
fn sgr(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    let length =
        parameters.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count();
    if parameters[length..].starts_with('m') { 2 + length + 1 } else { 0 }
}

fn visible(text: &str) -> String {
    text.split('\t').map(one_line).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_whole_lines() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut keep = |line: &[u8]| found.push(String::from_utf8_lossy(line).into_owned());
        for piece in ["one\ntw", "o\n\nthr", "ee"] {
            lines.take(piece.as_bytes(), &mut keep);
        }
        lines.finish(&mut keep);
        lines.finish(&mut keep);
        lines.take(&vec![b'x'; LONGEST + 1], &mut keep);
        assert_eq!(found[..4], ["one", "two", "", "three"]);
        assert_eq!((found.len(), found[4].len(), lines.rest.len()), (5, LONGEST, 1));
    }

    #[test]
    fn what_reaches_a_terminal_is_text_and_colour() {
        assert_eq!(tame("10 %\r20 %\r"), "20 %");
        assert_eq!(tame("a\tb\x07"), "a\tb\u{fffd}");
        assert_eq!(tame("\x1b[1;31mred\x1b[2J"), "\x1b[1;31mred\u{fffd}[2J\x1b[0m");
        assert_eq!(tame("\x1b"), "\u{fffd}");
    }
}
