//! Source lines with carets: the texts that the places of one diagnostic point into.
//!
//! Each line that is shown is a page of its own at its own offsets. A span that leaves its page cannot be read,
//! which is what keeps the drawing crate from joining lines of different files to one picture.

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::visible;
use crate::diagnostics::{Label, Place};

/// The most characters of a source line that are shown.
const WINDOW: usize = 240;

/// The lines that the labels of a diagnostic need, and where the labels stand on them.
#[derive(Debug)]
pub(super) struct Snippets {
    pages: Vec<Page>,
    labels: Vec<LabeledSpan>,
}

#[derive(Debug)]
struct Page {
    file: String,
    line: u32,
    text: String,
    /// Characters of the source line before `text`.
    skipped: usize,
    /// Offset of `text` among all pages.
    offset: usize,
}

impl Snippets {
    /// Lays out the lines in the order of their first label.
    pub(super) fn new(labels: &[Label]) -> Snippets {
        let mut snippets = Snippets { pages: Vec::new(), labels: Vec::new() };
        for label in labels {
            let page = snippets.page(&label.place);
            let span = snippets.pages[page].span(&label.place);
            let text = (!label.text.is_empty()).then(|| visible(&label.text));
            snippets.labels.push(LabeledSpan::new_with_span(text, span));
        }
        snippets
    }

    /// Returns the labels with their offsets.
    pub(super) fn labels(&self) -> &[LabeledSpan] {
        &self.labels
    }

    fn page(&mut self, place: &Place) -> usize {
        let known = self.pages.iter().position(|page| page.shows(place));
        known.unwrap_or_else(|| {
            // Two bytes apart, so that no span that ends one page touches the next.
            let offset = self.pages.last().map_or(0, |page| page.offset + page.text.len() + 2);
            self.pages.push(Page::new(place, offset));
            self.pages.len() - 1
        })
    }
}

impl Page {
    fn new(place: &Place, offset: usize) -> Page {
        let before = place.skipped as usize;
        let column = (place.column as usize).saturating_sub(1);
        let skipped = if column < WINDOW / 2 { 0 } else { column - WINDOW / 4 }.max(before);
        let line = place.text.chars().map(|c| if c == '\t' { ' ' } else { c });
        let text: String = line.skip(skipped - before).take(WINDOW).collect();
        let text = if text.is_empty() { " ".to_owned() } else { visible(&text) };
        Page { file: visible(&place.file), line: place.line, text, skipped, offset }
    }

    fn shows(&self, place: &Place) -> bool {
        let column = (place.column as usize).saturating_sub(1);
        let window = self.skipped..self.skipped + WINDOW;
        self.file == place.file && self.line == place.line && window.contains(&column)
    }

    /// Returns the bytes of a place on this page; it ends with the line at the latest.
    fn span(&self, place: &Place) -> SourceSpan {
        let from = (place.column as usize).saturating_sub(1).saturating_sub(self.skipped);
        let start = self.byte(from);
        let end = self.byte(from + place.length as usize);
        SourceSpan::new((self.offset + start).into(), end - start)
    }

    fn byte(&self, character: usize) -> usize {
        self.text.char_indices().nth(character).map_or(self.text.len(), |(byte, _)| byte)
    }

    fn holds(&self, span: &SourceSpan) -> bool {
        self.offset <= span.offset() && span.offset() + span.len() <= self.offset + self.text.len()
    }
}

impl SourceCode for Snippets {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let page = self.pages.iter().find(|page| page.holds(span)).ok_or(MietteError::OutOfBounds)?;
        let column = page.skipped + page.text[..span.offset() - page.offset].chars().count();
        Ok(Box::new(MietteSpanContents::new_named(
            page.file.clone(),
            page.text.as_bytes(),
            SourceSpan::new(page.offset.into(), page.text.len()),
            (page.line as usize).saturating_sub(1),
            column,
            1,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(file: &str, line: u32, column: u32, length: u32, text: &str) -> Label {
        let place = Place { file: file.to_owned(), line, column, length, text: text.to_owned(), skipped: 0 };
        Label { place, text: "here".to_owned() }
    }

    #[test]
    fn labels_of_one_line_share_a_page_and_others_do_not() {
        let line = "let a = b + c;";
        let labels = [label("a", 1, 9, 1, line), label("a", 1, 13, 1, line), label("b", 1, 13, 1, line)];
        let snippets = Snippets::new(&labels);
        assert_eq!(snippets.pages.len(), 2);
        let across = SourceSpan::new(0.into(), 20);
        assert!(snippets.read_span(&across, 0, 0).is_err());
    }

    #[test]
    fn a_place_past_the_end_of_its_line_is_drawn_at_the_end() {
        let snippets = Snippets::new(&[label("a", 1, 90, 5, "kurz"), label("b", 0, 0, 0, "")]);
        let spans: Vec<_> = snippets.labels().iter().map(|label| (label.offset(), label.len())).collect();
        assert_eq!(spans, [(4, 0), (6, 0)]);
    }

    #[test]
    fn columns_count_characters_and_long_lines_are_shown_around_the_place() {
        let long = "ä".repeat(100_000);
        let snippets = Snippets::new(&[label("a", 7, 50_000, 3, &long)]);
        let span = snippets.labels()[0].inner();
        let contents = snippets.read_span(span, 0, 0).unwrap();
        assert_eq!((contents.line(), contents.column(), span.len()), (6, 49_999, 6));
        assert!(contents.data().len() < 1000);
    }
}
