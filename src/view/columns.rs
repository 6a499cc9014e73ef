//! Text in columns of a terminal: cut and filled by what is seen, with nothing in it that moves the cursor.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
    let head = take(text.chars(), room.div_ceil(2));
    let tail: String = take(text.chars().rev(), room - head.width()).chars().rev().collect();
    if columns == 0 { String::new() } else { format!("{head}…{tail}") }
}

/// Cuts a text at its end, or fills it with blanks, to a number of columns.
pub fn fit(text: &str, columns: usize) -> String {
    let shown = match text.width() <= columns {
        true => text.to_owned(),
        false if columns == 0 => String::new(),
        false => take(text.chars(), columns - 1) + "…",
    };
    let blanks = columns.saturating_sub(shown.width());
    format!("{shown}{}", " ".repeat(blanks))
}

fn take(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    let mut taken = String::new();
    for character in characters {
        let width = character.width().unwrap_or_default();
        if width > left {
            break;
        }
        left -= width;
        taken.push(character);
    }
    taken
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
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(one_line("a\n\x1b[2J\u{202e}b"), "a\u{fffd}\u{fffd}[2J\u{fffd}b");
    }
}
