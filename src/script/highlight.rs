//! What the pieces of a line are, for those who colour it.

use std::ops::Range;

use super::lexer::{Kind, lex};
use super::rewrite::is_keyword;

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A word of the language.
    Keyword,
    /// A number.
    Number,
    /// A string, or a piece of a text with interpolations.
    Text,
}

/// Returns the pieces of `line` that are worth a colour, as ranges of bytes in order; none of a line that cannot be
/// cut into tokens, such as one with an open string.
pub fn classes(line: &str) -> Vec<(Range<usize>, Class)> {
    let tokens = lex(line).unwrap_or_default();
    let class = |kind: Kind, text: &str| match kind {
        Kind::Word if is_keyword(text) => Some(Class::Keyword),
        Kind::Number => Some(Class::Number),
        Kind::Text | Kind::TextOpen | Kind::TextMiddle | Kind::TextClose => Some(Class::Text),
        Kind::Word | Kind::Symbol => None,
    };
    let piece = |token: &super::lexer::Token| {
        let range = token.start..token.end;
        Some((range.clone(), class(token.kind, &line[range])?))
    };
    tokens.iter().filter_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_numbers_and_texts_are_found() {
        let found = classes("let a = f(1, 'x');");
        assert_eq!(found, [(0..3, Class::Keyword), (10..11, Class::Number), (13..16, Class::Text)]);
        assert_eq!(classes("let a = 'x"), []);
    }
}
