//! Finds where a value stands in the text of a JSON document, so that a diagnostic can point at it.

use crate::diagnostics::{SourceId, Span};
use crate::types::Step;

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Into the value of a key of an object.
    Field(String),
    /// Into an element of a list.
    Index(usize),
    /// To the key itself.
    Name(String),
}

impl From<&Step> for Key {
    fn from(step: &Step) -> Key {
        match step {
            Step::Field { field, .. } => Key::Field(field.clone()),
            Step::Element { index, .. } => Key::Index(*index),
            Step::Key { key, .. } => Key::Name(key.raw().map(ToString::to_string).unwrap_or_default()),
            Step::Value { key, .. } => Key::Field(key.raw().map(ToString::to_string).unwrap_or_default()),
        }
    }
}

/// Finds the value at the end of `path` in the JSON document `text`; as much of the way as the text has.
///
/// `first` is the index of the document if the text is a list of them. The text must have been parsed before.
pub(super) fn locate(text: &str, source: SourceId, first: usize, path: &[Key]) -> Option<Span> {
    let mut scanner = Scanner { text, position: 0 };
    scanner.skip_blanks();
    if scanner.peek() == Some(b'[') {
        scanner.enter_element(first)?;
    }
    for step in path {
        let start = scanner.position;
        let found = match step {
            Key::Field(name) => scanner.enter_field(name, false),
            Key::Name(name) => scanner.enter_field(name, true),
            Key::Index(index) => scanner.enter_element(*index),
        };
        if found.is_none() {
            scanner.position = start;
            break;
        }
    }
    let start = scanner.position;
    let is_container = matches!(scanner.peek(), Some(b'{' | b'['));
    scanner.skip_value();
    let length = if is_container { 1 } else { text[start..scanner.position].chars().count() };
    let before = &text[..start];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() as u32 + 1;
    Some(Span::new(source, line, column, length as u32))
}

/// Walks over text that is known to be JSON; ends early rather than panics if it is not.
struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.position += 1;
        }
    }

    fn skip_string(&mut self) {
        self.position += 1;
        while let Some(byte) = self.peek() {
            self.position += 1;
            match byte {
                b'\\' => self.position += 1,
                b'"' => return,
                _ => {}
            }
        }
    }

    fn skip_value(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.position += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.position += 1;
                }
                b',' | b'}' | b']' if depth == 0 => return,
                byte if depth == 0 && byte.is_ascii_whitespace() => return,
                _ => self.position += 1,
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                return;
            }
        }
    }

    /// Goes to the value of a key of the object here, or to the key; of several the last, as the parser does.
    fn enter_field(&mut self, name: &str, to_key: bool) -> Option<()> {
        let mut found = None;
        self.each(b'{', |scanner| {
            let start = scanner.position;
            scanner.skip_string();
            let key =
                scanner.text.get(start..scanner.position).and_then(|key| serde_json::from_str(key).ok());
            scanner.skip_blanks();
            scanner.position += 1;
            scanner.skip_blanks();
            if key.is_some_and(|key: String| key == name) {
                found = Some(if to_key { start } else { scanner.position });
            }
        })?;
        self.position = found?;
        Some(())
    }

    fn enter_element(&mut self, wanted: usize) -> Option<()> {
        let (mut found, mut index) = (None, 0);
        self.each(b'[', |scanner| {
            if index == wanted {
                found = Some(scanner.position);
            }
            index += 1;
        })?;
        self.position = found?;
        Some(())
    }

    /// Calls `visit` at the start of each member of the container here, then skips the member's value.
    fn each(&mut self, open: u8, mut visit: impl FnMut(&mut Self)) -> Option<()> {
        if self.peek() != Some(open) {
            return None;
        }
        loop {
            self.position += 1;
            self.skip_blanks();
            if matches!(self.peek(), None | Some(b'}' | b']')) {
                return Some(());
            }
            visit(self);
            self.skip_value();
            self.skip_blanks();
            if self.peek() != Some(b',') {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Sources;

    #[test]
    fn values_are_found_behind_strings_that_look_like_structure() {
        let text = "[{\"x\": \"a]}\\\"\"},\n {\"name\": \"n\",\n  \"processes\": [{}, {\"cmdline\": \"echo é\" , \"b\": 2}]}]";
        let field = |name: &str| Key::Field(name.to_owned());
        let element = Key::Index(1);
        let source = Sources::default().add("x", text);
        let path = [field("processes"), element, field("b")];
        assert_eq!(locate(text, source, 1, &path), Some(Span::new(source, 3, 49, 1)));
        assert_eq!(locate(text, source, 1, &path[..2]), Some(Span::new(source, 3, 21, 1)));
        assert_eq!(locate(text, source, 1, &[field("name")]), Some(Span::new(source, 2, 11, 3)));
        let key = [Key::Name("name".to_owned())];
        assert_eq!(locate(text, source, 1, &key), Some(Span::new(source, 2, 3, 6)));
        assert_eq!(locate(text, source, 1, &[field("nothing")]), Some(Span::new(source, 2, 2, 1)));
    }
}
