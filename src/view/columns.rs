//! Text in columns of a terminal: cut and filled by what is seen, with nothing in it that moves the cursor.

use unicode_width::UnicodeWidthStr;

/// Makes the control characters of a text visible, line ends too: each thing has one line.
pub fn one_line(text: &str) -> String {
    // Marks that turn the direction of writing around would forge what stands beside the text.
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let replace = |c: char| if c.is_control() || turns(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(replace).collect()
}

/// Cuts a text in its middle to a number of columns: the ends tell more.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let head = beginning(text, room.div_ceil(2));
    let tail = end(&text[head.len()..], room.saturating_sub(head.width()));
    if columns == 0 { String::new() } else { format!("{head}…{tail}") }
}

/// Cuts a text at its end, or fills it with blanks, to a number of columns.
pub fn fit(text: &str, columns: usize) -> String {
    let shown = match text.width() <= columns {
        true => text.to_owned(),
        false if columns == 0 => String::new(),
        false => format!("{}…", beginning(text, columns - 1)),
    };
    let blanks = columns.saturating_sub(shown.width());
    format!("{shown}{}", " ".repeat(blanks))
}

/// The longest beginning that has room. Measured as a whole: signs that change the one before them have no width alone.
fn beginning(text: &str, columns: usize) -> &str {
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    let longest = ends.take_while(|end| text[..*end].width() <= columns).last();
    &text[..longest.unwrap_or_default()]
}

/// The longest end that has room.
fn end(text: &str, columns: usize) -> &str {
    let starts = text.char_indices().rev().map(|(start, _)| start);
    let longest = starts.take_while(|start| text[*start..].width() <= columns).last();
    &text[longest.unwrap_or(text.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_what_is_seen() {
        assert_eq!(cut("abcdefgh", 5), "ab…gh");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("数据处理", 5), "数…理");
        assert_eq!((cut("abc", 1), cut("abc", 0)), ("…".to_owned(), String::new()));
        assert_eq!(fit("数据", 5), "数据 ");
        assert_eq!(fit("数据处理", 6), "数据… ");
        assert_eq!(fit("abc", 0), "");
        // A cloud with a sign that makes it wide, a family that is one picture.
        for text in ["\u{2601}\u{fe0f}".repeat(20), "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".repeat(20)]
        {
            for columns in 0..30 {
                assert!(cut(&text, columns).width() <= columns && fit(&text, columns).width() == columns);
            }
        }
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(one_line("a\n\x1b[2J\u{202e}b"), "a\u{fffd}\u{fffd}[2J\u{fffd}b");
    }
}
