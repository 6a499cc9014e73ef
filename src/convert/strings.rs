//! Strings: what they stand for in Python, and how that is written here.

use tree_sitter::Node;

use super::converter::Converter;
use super::format;
use super::piece::Piece;
use super::problem::{Outcome, Problem};
use super::tree::children;
use crate::template::Reference;

/// A part of a string.
#[derive(Debug)]
pub(super) enum Segment<'t> {
    /// Text.
    Text(String),
    /// `{value}` in an f-string.
    Value(Node<'t>),
}

impl<'t> Converter<'t> {
    /// Converts a string, or several that stand side by side.
    pub(super) fn string(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let segments = self.segments(node)?;
        let long = self.is_long(node);
        if let Some(text) = text_of(&segments) {
            return Ok(Piece::whole(quoted(&text, long)));
        }
        let mut pattern = String::new();
        let mut values = Vec::new();
        for segment in segments {
            match segment {
                Segment::Text(text) => pattern.push_str(&text.replace('%', "%%")),
                Segment::Value(node) => {
                    let (field, value) = self.interpolation(node)?;
                    pattern.push_str(&field);
                    values.push(value);
                }
            }
        }
        Ok(format::filled(&quoted(&pattern, long), &values))
    }

    /// Says whether a string may go over several lines.
    pub(super) fn is_long(&self, node: Node<'_>) -> bool {
        let written = self.source.of(node);
        written.contains('\n') && (written.contains("\"\"\"") || written.contains("'''"))
    }

    /// Returns what a string stands for, if there are no values in it.
    pub(super) fn plain_text(&self, node: Node<'_>) -> Option<String> {
        let node = super::tree::bare(node);
        if !matches!(node.kind(), "string" | "concatenated_string") {
            return None;
        }
        text_of(&self.segments(node).ok()?)
    }

    fn segments<'n>(&self, node: Node<'n>) -> Outcome<Vec<Segment<'n>>> {
        if node.kind() == "concatenated_string" {
            let mut all = Vec::new();
            for part in children(node) {
                all.extend(self.segments(part)?);
            }
            return Ok(all);
        }
        let parts = children(node);
        let start = parts.first().copied().filter(|part| part.kind() == "string_start").unwrap_or(node);
        let prefix = self.source.of(start).trim_end_matches(['"', '\'']).to_lowercase();
        let mut segments = Vec::new();
        for part in parts {
            match part.kind() {
                "string_content" => segments.push(Segment::Text(self.content(part, &prefix)?)),
                "interpolation" => segments.push(Segment::Value(part)),
                _ => {}
            }
        }
        Ok(segments)
    }

    fn content(&self, node: Node<'_>, prefix: &str) -> Outcome<String> {
        let written = self.source.of(node);
        let text = if prefix.contains('r') {
            written.to_owned()
        } else {
            unescaped(written).ok_or_else(|| {
                let help =
                    "write the character itself, or its number of four digits, such as `\\u00e9` for é";
                Problem::new(node, "an escape in this text stands for no character", help)
            })?
        };
        Ok(if prefix.contains('f') { text.replace("{{", "{").replace("}}", "}") } else { text })
    }
}

fn text_of(segments: &[Segment<'_>]) -> Option<String> {
    let text = |segment: &Segment<'_>| match segment {
        Segment::Text(text) => Some(text.clone()),
        Segment::Value(_) => None,
    };
    segments.iter().map(text).collect()
}

/// Returns what the escapes of a string stand for; nothing for what is no character.
fn unescaped(written: &str) -> Option<String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        let sign = after.next()?;
        rest = after.as_str();
        match sign {
            '\n' => {}
            '\\' | '\'' | '"' => text.push(sign),
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            'x' => rest = coded(rest, 2, 16, &mut text)?,
            'u' => rest = coded(rest, 4, 16, &mut text)?,
            'U' => rest = coded(rest, 8, 16, &mut text)?,
            'N' => return None,
            '0'..='7' => {
                let digits = rest.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                let whole = format!("{sign}{}", &rest[..digits]);
                coded(&whole, whole.len(), 8, &mut text)?;
                rest = &rest[digits..];
            }
            _ => text.extend(['\\', sign]),
        }
    }
    text.push_str(rest);
    Some(text)
}

fn coded<'r>(rest: &'r str, digits: usize, radix: u32, text: &mut String) -> Option<&'r str> {
    text.push(char::from_u32(u32::from_str_radix(rest.get(..digits)?, radix).ok()?)?);
    rest.get(digits..)
}

/// Writes a text as a string; `long` is one that may go over several lines.
pub(super) fn quoted(text: &str, long: bool) -> String {
    let text = &untagged(text);
    let controls = text.chars().any(|c| c.is_control() && !(long && matches!(c, '\n' | '\t')));
    let plain = !controls && !text.contains(['\\', '\n']);
    match () {
        () if plain && !text.contains('"') => format!("\"{text}\""),
        () if plain && !text.contains('\'') => format!("'{text}'"),
        () if !controls => raw(text),
        () => escaped(text),
    }
}

/// Makes text of what looks like a reference here, but was none in the original: `<<name>>`.
fn untagged(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<<") {
        let (before, after) = rest.split_at(at + 2);
        made.push_str(before);
        let tag = after.split_once(">>").is_some_and(|(inner, _)| Reference::parse(inner).is_ok());
        made.push_str(if tag { "&" } else { "" });
        rest = after;
    }
    made + rest
}

fn raw(text: &str) -> String {
    let mut hashes = String::from("#");
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("{hashes}\"{text}\"{hashes}")
}

fn escaped(text: &str) -> String {
    let mut made = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => made.push_str("\\\""),
            '\\' => made.push_str("\\\\"),
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            c if c.is_control() => made.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => made.push(c),
        }
    }
    made.push('"');
    made
}
