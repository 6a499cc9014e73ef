//! What the pieces of a text are, for those who colour it: also of one that is still being written.

use std::ops::Range;

use super::lexer::{Fault, Kind, Token, lex_start};
use super::rewrite::is_keyword;

/// What a piece of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A word of the language.
    Keyword,
    /// A number.
    Number,
    /// A string, or a piece of a text with interpolations.
    Text,
    /// A reference in a string: `{{x}}`, `<<x>>`.
    Tag,
    /// The name of a type or of a constant.
    Type,
    /// The name of what is called.
    Call,
    /// A comment.
    Comment,
    /// A bracket at the cursor, and the one that it belongs to.
    Pair,
}

/// Returns the pieces of `text` that are worth a colour, as ranges of bytes in order. The cursor is at `cursor`;
/// `is_type` knows the names of types.
pub fn classes(text: &str, cursor: usize, is_type: impl Fn(&str) -> bool) -> Vec<(Range<usize>, Class)> {
    let mut pieces = Vec::new();
    let (tokens, mut end) = tokens(text, &mut pieces);
    let pair = pair(text, &tokens, cursor);
    for (at, token) in tokens.iter().enumerate().rev() {
        pieces.extend(comment(text, token.end..end));
        end = token.start;
        let range = token.start..token.end;
        let word = &text[range.clone()];
        match token.kind {
            Kind::Word if is_keyword(word) => pieces.push((range, Class::Keyword)),
            Kind::Word if is_type(word) => pieces.push((range, Class::Type)),
            Kind::Word if is_called(text, tokens.get(at + 1)) => pieces.push((range, Class::Call)),
            Kind::Number => pieces.push((range, Class::Number)),
            Kind::Text | Kind::TextOpen | Kind::TextMiddle | Kind::TextClose => {
                pieces.extend(with_tags(text, range));
            }
            Kind::Symbol if pair.is_some_and(|(one, other)| one == at || other == at) => {
                pieces.push((range, Class::Pair));
            }
            Kind::Word | Kind::Symbol => {}
        }
    }
    pieces.extend(comment(text, 0..end));
    pieces.sort_by_key(|(range, _)| range.start);
    pieces
}

/// Cuts a text into tokens as far as they are whole, and says where these end; what is left open goes to `pieces`.
fn tokens(text: &str, pieces: &mut Vec<(Range<usize>, Class)>) -> (Vec<Token>, usize) {
    let (tokens, rest) = lex_start(text);
    let Some((start, error)) = rest else { return (tokens, text.len()) };
    match error.fault {
        Fault::UnclosedString | Fault::UnclosedText | Fault::TripleQuotes => {
            pieces.extend(with_tags(text, start..text.len()));
        }
        Fault::UnclosedComment => pieces.push((start..text.len(), Class::Comment)),
        Fault::Hash | Fault::Character(_) => {}
    }
    (tokens, start)
}

fn is_called(text: &str, next: Option<&Token>) -> bool {
    next.is_some_and(|token| matches!(&text[token.start..token.end], "("))
}

/// Returns what is not blank between two tokens: a comment.
fn comment(text: &str, between: Range<usize>) -> Option<(Range<usize>, Class)> {
    let room = text.get(between.clone())?;
    let start = between.start + room.find(|c: char| !c.is_whitespace())?;
    let end = between.start + room.trim_end().len();
    Some((start..end, Class::Comment))
}

/// Cuts a string at the references that stand in it.
fn with_tags(text: &str, string: Range<usize>) -> Vec<(Range<usize>, Class)> {
    let mut pieces = Vec::new();
    let mut from = string.start;
    while let Some(tag) = next_tag(text, from, string.end) {
        pieces.push((from..tag.start, Class::Text));
        from = tag.end;
        pieces.push((tag, Class::Tag));
    }
    pieces.push((from..string.end, Class::Text));
    pieces.retain(|(range, _)| !range.is_empty());
    pieces
}

fn next_tag(text: &str, from: usize, end: usize) -> Option<Range<usize>> {
    let rest = text.get(from..end)?;
    let tags = [("{{", "}}"), ("<<", ">>")].into_iter().filter_map(|(open, close)| {
        let start = rest.find(open)?;
        let length = rest[start..].find(close)? + close.len();
        let inside = &rest[start + open.len()..start + length - close.len()];
        let is_address = |c: char| c.is_alphanumeric() || "_.[]&-<>{}".contains(c);
        (!inside.is_empty() && inside.chars().all(is_address)).then_some(from + start..from + start + length)
    });
    tags.min_by_key(|tag| tag.start)
}

/// Finds the bracket at the cursor, or right before it, and its partner.
fn pair(text: &str, tokens: &[Token], cursor: usize) -> Option<(usize, usize)> {
    let pairs = pairs(text, tokens);
    let at = |place: usize| {
        pairs.iter().find(|(one, other)| [*one, *other].map(|at| tokens[at].start).contains(&place))
    };
    at(cursor).or_else(|| at(cursor.checked_sub(1)?)).copied()
}

fn pairs(text: &str, tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Symbol) {
        match &text[token.start..token.end] {
            "(" | "[" | "?[" | "{" | "#{" => open.push(at),
            ")" | "]" | "}" => pairs.extend(open.pop().map(|start| (start, at))),
            _ => {}
        }
    }
    pairs
}

/// Returns how many columns the next line of a text is indented by, if a bracket, a text or a comment is open at its end.
pub fn indent(text: &str) -> Option<usize> {
    let (tokens, rest) = lex_start(text);
    match rest.map(|(start, error)| (&text[start..], error.fault)) {
        Some((_, Fault::UnclosedText | Fault::UnclosedComment)) => return Some(0),
        // A backslash at the end goes on on the next line.
        Some((string, Fault::UnclosedString)) if string.starts_with('"') && string.ends_with('\\') => {
            return Some(0);
        }
        Some(_) => return None,
        None => {}
    }
    let mut depth = 0_usize;
    for token in &tokens {
        match (token.kind, &text[token.start..token.end]) {
            (Kind::TextOpen, _) | (Kind::Symbol, "(" | "[" | "?[" | "{" | "#{") => depth += 1,
            (Kind::TextClose, _) | (Kind::Symbol, ")" | "]" | "}") => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    (depth > 0).then_some(depth * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, cursor: usize) -> Vec<(&str, Class)> {
        let found = classes(text, cursor, |name| name == "Process");
        found.into_iter().map(|(range, class)| (&text[range], class)).collect()
    }

    #[test]
    fn all_that_is_worth_a_colour_is_found() {
        let found = pieces("let a = f(1, 'x'); // b", 99);
        let keyword = ("let", Class::Keyword);
        let rest = [("1", Class::Number), ("'x'", Class::Text), ("// b", Class::Comment)];
        assert_eq!(found[..2], [keyword, ("f", Class::Call)]);
        assert_eq!(found[2..], rest);
        assert_eq!(pieces("Process(", 99), [("Process", Class::Type)]);
    }

    #[test]
    fn what_is_still_open_has_its_colour() {
        assert_eq!(pieces("let a = 'x", 99)[1], ("'x", Class::Text));
        assert_eq!(pieces("1 /* a", 99)[1], ("/* a", Class::Comment));
        assert_eq!(pieces("/* a */ 1", 99)[0], ("/* a */", Class::Comment));
    }

    #[test]
    fn references_stand_out_of_texts() {
        let found = pieces("'a {{b[<<c>>]}} {{ d'", 99);
        assert_eq!(found, [("'a ", Class::Text), ("{{b[<<c>>]}}", Class::Tag), (" {{ d'", Class::Text)]);
    }

    #[test]
    fn brackets_at_the_cursor_are_paired() {
        let found = classes("(a[1])", 6, |_| false);
        let pairs: Vec<_> = found.iter().filter(|(_, class)| *class == Class::Pair).collect();
        assert_eq!(pairs.iter().map(|(range, _)| range.start).collect::<Vec<_>>(), [0, 5]);
    }

    #[test]
    fn lines_are_indented_by_what_is_open() {
        assert_eq!(
            ["f(", "f([", "f()", "f(]]", "`a", "#\"a", "/*", "'a", "`${f(", "\"a\\"].map(indent),
            [Some(4), Some(8), None, None, Some(0), Some(0), Some(0), None, Some(8), Some(0)]
        );
    }
}
