//! Parts of files as they are shown: windows of a bounded size, colours of terminals, search from the end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use regex::bytes::RegexBuilder;

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

    /// Reads from an offset on. Ends between characters, if the file is text.
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
        bytes.truncate(whole_characters(&bytes));
        Ok(Window { start, end: start + bytes.len() as u64, size, bytes })
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

/// How text looks: what the escapes of terminals have set so far. Written as `1;31;44` in URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    bold: bool,
    faint: bool,
    italic: bool,
    underlined: bool,
    fore: Option<u8>,
    back: Option<u8>,
}

impl Look {
    /// Reads what [`Look::code`] has written.
    pub(super) fn parse(code: &str) -> Look {
        let mut look = Look::default();
        look.apply(code);
        look
    }

    /// Writes the look as the parameters that lead to it.
    pub(super) fn code(&self) -> String {
        let flags = [(self.bold, "1"), (self.faint, "2"), (self.italic, "3"), (self.underlined, "4")];
        let mut codes: Vec<String> =
            flags.into_iter().filter(|(set, _)| *set).map(|(_, code)| code.to_owned()).collect();
        let color =
            |base: u32, color: u8| (u32::from(color % 8) + base + if color > 7 { 60 } else { 0 }).to_string();
        codes.extend(self.fore.map(|fore| color(30, fore)));
        codes.extend(self.back.map(|back| color(40, back)));
        codes.join(";")
    }

    fn apply(&mut self, parameters: &str) {
        let mut numbers = parameters.split([';', ':']).map(|number| number.parse::<u16>().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => *self = Look::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                3 => self.italic = true,
                4 => self.underlined = true,
                22 => (self.bold, self.faint) = (false, false),
                23 => self.italic = false,
                24 => self.underlined = false,
                30..=37 => self.fore = Some((number - 30) as u8),
                90..=97 => self.fore = Some((number - 82) as u8),
                39 => self.fore = None,
                40..=47 => self.back = Some((number - 40) as u8),
                100..=107 => self.back = Some((number - 92) as u8),
                49 => self.back = None,
                38 | 48 => {
                    let color = extended(&mut numbers);
                    if number == 38 { self.fore = color } else { self.back = color }
                }
                _ => {}
            }
        }
    }

    fn classes(&self) -> String {
        let flags =
            [(self.bold, "bold"), (self.faint, "faint"), (self.italic, "italic"), (self.underlined, "under")];
        let mut classes: Vec<String> =
            flags.into_iter().filter(|(set, _)| *set).map(|(_, class)| class.to_owned()).collect();
        classes.extend(self.fore.map(|fore| format!("fore-{fore}")));
        classes.extend(self.back.map(|back| format!("back-{back}")));
        classes.join(" ")
    }
}

/// Takes a colour of 256 or of all for the nearest of 16.
fn extended(numbers: &mut impl Iterator<Item = u16>) -> Option<u8> {
    let nearest = |red: u16, green: u16, blue: u16| {
        let bit = |value: u16, weight: u8| if value > 127 { weight } else { 0 };
        let bright = if red.max(green).max(blue) > 191 { 8 } else { 0 };
        bit(red, 1) | bit(green, 2) | bit(blue, 4) | bright
    };
    match numbers.next()? {
        5 => match numbers.next()? {
            index @ 0..=15 => Some(index as u8),
            index @ 16..=231 => {
                let cube = index - 16;
                Some(nearest(cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51))
            }
            index => Some(if index > 243 { 7 } else { 8 }),
        },
        2 => Some(nearest(numbers.next()?, numbers.next()?, numbers.next()?)),
        _ => None,
    }
}

/// Writes bytes as HTML: text escaped, colours as classes, other escapes and control characters left out.
pub(super) fn html(bytes: &[u8], look: &mut Look) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    let mut is_open = false;
    open(&mut html, look, &mut is_open);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                let before = look.clone();
                escape(&mut rest, look);
                if *look != before {
                    close(&mut html, &mut is_open);
                    open(&mut html, look, &mut is_open);
                }
            }
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => html.push('\n'),
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '&' => html += "&amp;",
            '"' => html += "&quot;",
            '\n' | '\t' => html.push(c),
            c if c.is_control() => html.push('\u{fffd}'),
            // What turns the direction of text about could make a line look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    close(&mut html, &mut is_open);
    html
}

fn open(html: &mut String, look: &Look, is_open: &mut bool) {
    if *look != Look::default() {
        *html += &format!("<span class=\"{}\">", look.classes());
        *is_open = true;
    }
}

fn close(html: &mut String, is_open: &mut bool) {
    if std::mem::take(is_open) {
        html.push_str("</span>");
    }
}

/// Reads what follows an ESC.
fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, look: &mut Look) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            let mut parameters = String::new();
            while let Some(c) = rest.next_if(|c| matches!(c, ' '..='~')) {
                match c {
                    'm' => return look.apply(&parameters),
                    '@'..='~' => return,
                    c => parameters.push(c),
                }
            }
        }
        // A title of a window, or a link.
        Some(']') => {
            while let Some(c) = rest.next_if(|c| *c != '\n') {
                if c == '\x07' || (c == '\x1b' && rest.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        Some(' '..='~') => drop(rest.next()),
        _ => {}
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
    [&line[from..start], &line[start..end], &line[end..to]].map(|part| {
        let text = String::from_utf8_lossy(part);
        text.chars().filter(|c| !c.is_control() || *c == '\t').collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_nothing_becomes_markup() {
        let mut look = Look::default();
        let text = b"\x1b[1;31mred <b>\x1b[0m plain \x1b]0;title\x07\x1b[2Kx\x1b[38;5;196my\r\n";
        let expected =
            "<span class=\"bold fore-1\">red &lt;b&gt;</span> plain x<span class=\"fore-9\">y\n</span>";
        assert_eq!(html(text, &mut look), expected);
        assert_eq!(look.code(), "91");
        assert_eq!(Look::parse(&look.code()), look);
    }

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
