//! Output of commands as HTML: text escaped, colours of terminals as classes, everything else that a terminal would obey
//! left out.

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
        let color =
            |base: u32, color: u8| (u32::from(color % 8) + base + if color > 7 { 60 } else { 0 }).to_string();
        let flags = ["1", "2", "3", "4"].into_iter().zip(self.flags());
        let mut codes: Vec<String> =
            flags.filter(|(_, is_set)| *is_set).map(|(code, _)| code.to_owned()).collect();
        codes.extend(self.fore.map(|fore| color(30, fore)));
        codes.extend(self.back.map(|back| color(40, back)));
        codes.join(";")
    }

    fn flags(&self) -> [bool; 4] {
        [self.bold, self.faint, self.italic, self.underlined]
    }

    fn classes(&self) -> String {
        let flags = ["bold", "faint", "italic", "under"].into_iter().zip(self.flags());
        let mut classes: Vec<String> =
            flags.filter(|(_, is_set)| *is_set).map(|(class, _)| class.to_owned()).collect();
        classes.extend(self.fore.map(|fore| format!("fore-{fore}")));
        classes.extend(self.back.map(|back| format!("back-{back}")));
        classes.join(" ")
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
                38 => self.fore = extended(&mut numbers),
                39 => self.fore = None,
                40..=47 => self.back = Some((number - 40) as u8),
                100..=107 => self.back = Some((number - 92) as u8),
                48 => self.back = extended(&mut numbers),
                49 => self.back = None,
                _ => {}
            }
        }
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

/// Writes output as HTML for a `pre`, and leaves in `look` how text after it looks.
pub(super) fn html(bytes: &[u8], look: &mut Look) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            html.push('\n');
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        // What was written over, as by a progress bar, is gone; its colours stay.
        let (over, shown) = line.rsplit_once('\r').unwrap_or(("", line));
        write(over, look, None);
        write(shown, look, Some(&mut html));
    }
    html
}

/// Returns the text of output alone.
pub(super) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut rest, mut plain) = (&*text, String::new());
    while let Some((shown, sequence)) = rest.split_once('\x1b') {
        plain += shown;
        rest = after(sequence, &mut Look::default());
    }
    plain += rest;
    plain.retain(|character| !character.is_control() || character == '\t');
    plain
}

/// Obeys the escapes in a part of a line, and writes the rest if it is to be seen.
fn write(mut text: &str, look: &mut Look, mut html: Option<&mut String>) {
    while !text.is_empty() {
        let end = text.find('\x1b').unwrap_or(text.len());
        if let Some(html) = html.as_deref_mut().filter(|_| end > 0) {
            span(&text[..end], look, html);
        }
        text = match text[end..].strip_prefix('\x1b') {
            Some(sequence) => after(sequence, look),
            None => "",
        };
    }
}

fn span(text: &str, look: &Look, html: &mut String) {
    let is_plain = *look == Look::default();
    if !is_plain {
        *html += &format!("<span class=\"{}\">", look.classes());
    }
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\t' => html.push('\t'),
            // What turns the direction of text about could make a line look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => html.push(char::REPLACEMENT_CHARACTER),
            character if character.is_control() => html.push(char::REPLACEMENT_CHARACTER),
            character => html.push(character),
        }
    }
    if !is_plain {
        html.push_str("</span>");
    }
}

/// Obeys what follows an escape character, and returns what comes after it.
fn after<'a>(text: &'a str, look: &mut Look) -> &'a str {
    match text.as_bytes().first() {
        Some(b'[') => {
            let Some(end) = text[1..].find(|c: char| ('@'..='~').contains(&c)) else { return "" };
            if text.as_bytes()[end + 1] == b'm' {
                look.apply(&text[1..=end]);
            }
            &text[end + 2..]
        }
        // A title of a window or a link, up to BEL or ESC \.
        Some(b']' | b'P' | b'_' | b'^') => match text.find(['\x07', '\x1b']) {
            Some(end) if text.as_bytes()[end] == b'\x07' => &text[end + 1..],
            Some(end) => text[end + 1..].strip_prefix('\\').unwrap_or(&text[end..]),
            None => "",
        },
        Some(b'(' | b')') => text.get(2..).unwrap_or(""),
        Some(byte) if byte.is_ascii() => &text[1..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paint(text: &str) -> String {
        html(text.as_bytes(), &mut Look::default())
    }

    #[test]
    fn colours_become_classes_and_nothing_becomes_markup() {
        let cases = [
            ("\x1b[1;31mred <b>\x1b[0m &", "<span class=\"bold fore-1\">red &lt;b&gt;</span> &amp;"),
            ("\x1b[92mx\x1b[39my", "<span class=\"fore-10\">x</span>y"),
            (
                "\x1b[38;5;196mx\x1b[48;2;0;0;0my",
                "<span class=\"fore-9\">x</span><span class=\"fore-9 back-0\">y</span>",
            ),
            ("\x1b[2K\x1b]0;title\x07a\x1b(Bb\x1b]8;;http://x\x1b\\c", "abc"),
            ("\x1b[31", ""),
            ("\x1b", ""),
            ("\x1bä\x1b[ä", "ä"),
            ("a\x08\u{202e}b", "a\u{fffd}\u{fffd}b"),
        ];
        for (text, expected) in cases {
            assert_eq!(paint(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_was_written_over_is_gone() {
        assert_eq!(paint("10 %\r50 %\r100 %\r\ndone"), "100 %\ndone");
        assert_eq!(paint("\x1b[31ma\rb"), "<span class=\"fore-1\">b</span>");
        assert_eq!(plain(b"\x1b[1;31merror\x1b[0m: <b>\r\n"), "error: <b>");
    }

    #[test]
    fn a_look_lasts_from_one_part_to_the_next() {
        let mut look = Look::default();
        assert_eq!(html(b"\x1b[1;4;94;41m", &mut look), "");
        assert_eq!(look.code(), "1;4;94;41");
        assert_eq!(Look::parse(&look.code()), look);
        assert_eq!(html(b"x", &mut look), "<span class=\"bold under fore-12 back-1\">x</span>");
    }
}
