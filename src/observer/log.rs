//! Parts of files of any size as they are shown: windows, and search from the end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use regex::bytes::RegexBuilder;

use super::ansi::plain;

/// Bytes of a file that a page shows.
pub(super) const WINDOW: u64 = 128 << 10;

/// Bytes that a search reads at once, the most matches that it finds, and how long it looks.
const BLOCK: u64 = 4 << 20;
const MOST_MATCHES: usize = 200;
const MOST_TIME: Duration = Duration::from_secs(2);
/// The most of a line that is shown as a match.
const MOST_LINE: usize = 400;

/// A part of a file.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) size: u64,
    pub(super) bytes: Vec<u8>,
}

impl Window {
    /// Reads the last part of a file, from the beginning of a line if there is one.
    pub(super) fn last(file: &File) -> io::Result<Window> {
        let size = file.metadata()?.len();
        let mut window = Window::at(file, size.saturating_sub(WINDOW))?;
        if window.start > 0
            && let Some(newline) = window.bytes.iter().position(|byte| *byte == b'\n')
        {
            window.bytes.drain(..=newline);
            window.start += newline as u64 + 1;
        }
        Ok(window)
    }

    /// Reads from an offset on. Where more follows, it ends with a line, or at least between characters.
    pub(super) fn at(file: &File, start: u64) -> io::Result<Window> {
        let size = file.metadata()?.len();
        let start = start.min(size);
        let mut bytes = vec![0; (size - start).min(WINDOW) as usize];
        let mut count = 0;
        while count < bytes.len() {
            match file.read_at(&mut bytes[count..], start + count as u64) {
                Ok(0) => break,
                Ok(read) => count += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(count);
        let is_last = start + count as u64 >= size;
        let lines = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| !is_last);
        bytes.truncate(lines.map_or_else(|| whole_characters(&bytes), |newline| newline + 1));
        Ok(Window { start, end: start + bytes.len() as u64, size, bytes })
    }

    /// Returns how many of its bytes are whole lines; all of them, if it is all of a line that is too long.
    pub(super) fn lines(&self) -> usize {
        match self.bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if self.end < self.size => self.bytes.len(),
            None => 0,
        }
    }

    /// Says whether it does not look like text.
    pub(super) fn is_binary(&self) -> bool {
        self.bytes.iter().take(4096).any(|byte| *byte == 0)
    }
}

/// Returns how many bytes there are without a character, or a colour, that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(32);
    if let Some(escape) = bytes[tail..].iter().rposition(|byte| *byte == 0x1b) {
        let rest = &bytes[tail + escape + 1..];
        let is_open = rest.is_empty()
            || (rest[0] == b'[' && !rest[1..].iter().any(|byte| (0x40..=0x7e).contains(byte)));
        if is_open && tail + escape > 0 {
            return tail + escape;
        }
    }
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(4)..]) {
        Err(error) if error.error_len().is_none() && bytes.len() > 4 => {
            bytes.len() - (bytes.len().min(4) - error.valid_up_to())
        }
        _ => bytes.len(),
    }
}

/// A line that was searched for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Where the line begins.
    pub(super) offset: u64,
    /// The line, before what was searched for, that, and after it.
    pub(super) parts: [String; 3],
}

/// What a search has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The latest first.
    pub(super) matches: Vec<Match>,
    /// Where to go on; nothing if the beginning was reached.
    pub(super) left: Option<u64>,
}

/// Looks for a text before `end`, from there back, whether its letters are large or small.
pub(super) fn search(file: &File, text: &str, end: u64) -> io::Result<Found> {
    let pattern =
        RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build().map_err(io::Error::other)?;
    let deadline = Instant::now() + MOST_TIME;
    let mut found = Found::default();
    let mut end = end.min(file.metadata()?.len());
    while end > 0 {
        let mut start = end.saturating_sub(BLOCK);
        let mut block = vec![0; (end - start) as usize];
        // A file that has shrunk has nothing there.
        if file.read_exact_at(&mut block, start).is_err() {
            break;
        }
        // A line that begins before this block belongs to the next one.
        if start > 0
            && let Some(newline) = block.iter().position(|byte| *byte == b'\n')
        {
            block.drain(..=newline);
            start += newline as u64 + 1;
        }
        let mut offset = start;
        let mut here = Vec::new();
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            if let Some(at) = pattern.find(line) {
                here.push(Match { offset, parts: around(line, at.start(), at.end()) });
            }
            offset += line.len() as u64;
        }
        found.matches.extend(here.into_iter().rev());
        end = if start == end { end.saturating_sub(BLOCK) } else { start };
        if found.matches.len() >= MOST_MATCHES {
            found.matches.truncate(MOST_MATCHES);
            found.left = found.matches.last().map(|last| last.offset).filter(|offset| *offset > 0);
            break;
        }
        if Instant::now() > deadline {
            found.left = Some(end).filter(|end| *end > 0);
            break;
        }
    }
    Ok(found)
}

fn around(line: &[u8], start: usize, end: usize) -> [String; 3] {
    let from = start.saturating_sub(MOST_LINE / 2);
    let to = line.len().min(end + MOST_LINE / 2);
    [&line[from..start], &line[start..end], &line[end..to]].map(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_between_characters_and_colours() {
        assert_eq!(whole_characters("abcdeä".as_bytes()), 7);
        assert_eq!(whole_characters(&"abcdeä".as_bytes()[..6]), 5);
        assert_eq!(whole_characters(b"abcde\x1b[3"), 5);
        assert_eq!(whole_characters(b"abcde\x1b[3m"), 9);
    }

    #[test]
    fn a_search_goes_from_the_end_to_the_beginning() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"One\ntwo\nthree one\n").unwrap();
        let found = search(&file, "one", u64::MAX).unwrap();
        let offsets: Vec<u64> = found.matches.iter().map(|found| found.offset).collect();
        assert_eq!((offsets, found.left), (vec![8, 0], None));
        assert_eq!(search(&file, "one", 8).unwrap().matches.len(), 1);
    }
}
