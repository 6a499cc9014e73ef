//! Narrows places down: from a value in the source to the tag inside of it that is at fault.

use crate::diagnostics::{Sources, Span};
use crate::template::Tag;

/// Finds `tag` in the source text at `value`, also as `{{.name}}`.
pub(super) fn tag_in(sources: &Sources, value: Span, tag: &Tag) -> Option<Span> {
    let dotted = tag.delimiters.wrap(format_args!(".{}", tag.reference));
    text_in(sources, value, &tag.to_string()).or_else(|| text_in(sources, value, &dotted))
}

/// Finds `wanted` in the source text at `value`.
pub(super) fn text_in(sources: &Sources, value: Span, wanted: &str) -> Option<Span> {
    let region = region(sources, value)?;
    let found = region.find(wanted)?;
    let before = &region[..found];
    let lines = before.matches('\n').count() as u32;
    let column = match before.rsplit_once('\n') {
        Some((_, last)) => last.chars().count() as u32 + 1,
        None => value.column + before.chars().count() as u32,
    };
    Some(Span::new(value.source(), value.line + lines, column, wanted.chars().count() as u32))
}

/// Returns the source text at `value`.
pub(super) fn region(sources: &Sources, value: Span) -> Option<String> {
    let text = sources.get(value.source())?.text.as_str();
    let start = offset(text, value.line, value.column)?;
    Some(text[start..].chars().take(value.length as usize).collect())
}

/// Returns the byte at which a line and column (in characters, both from 1) stand.
fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let skipped: usize = text.split_inclusive('\n').take(line.checked_sub(1)? as usize).map(str::len).sum();
    let rest = text.get(skipped..)?;
    let inside: usize = rest.chars().take(column.checked_sub(1)? as usize).map(char::len_utf8).sum();
    Some(skipped + inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Delimiters, Reference};

    #[test]
    fn a_tag_is_found_in_its_line() {
        let mut sources = Sources::default();
        let id = sources.add("a", "let p = Process(\n  cmdline = `é\n  {{x}} {{y}}`);\n");
        let tag = Tag { reference: Reference::name("y"), delimiters: Delimiters::Braces };
        let value = Span::new(id, 2, 13, 18);
        assert_eq!(tag_in(&sources, value, &tag), Some(Span::new(id, 3, 9, 5)));
        let other = Tag { reference: Reference::name("z"), delimiters: Delimiters::Braces };
        assert_eq!(tag_in(&sources, value, &other), None);
    }
}
