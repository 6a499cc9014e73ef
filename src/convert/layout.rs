//! What stands in brackets: on as many lines as it had, with its comments.

use tree_sitter::Node;

use super::converter::Converter;
use super::problem::Outcome;

/// How a node in brackets becomes text.
pub(super) type Write<'c, 't> = fn(&mut Converter<'t>, Node<'t>) -> Outcome<String>;

impl<'t> Converter<'t> {
    /// Writes `items`, which stand in the brackets of `node`, one behind the other.
    ///
    /// They are on lines of their own where they were; `apart` puts them there in any case.
    pub(super) fn bracketed(
        &mut self,
        node: Node<'t>,
        items: &[Node<'t>],
        (open, close): (&str, &str),
        apart: bool,
        write: Write<'_, 't>,
    ) -> Outcome<String> {
        let rows = |node: &Node<'t>| (node.start_position().row, node.end_position().row);
        let first = items.first().map(rows);
        let broken = first.is_some_and(|(row, _)| items.iter().any(|item| rows(item).0 != row));
        let commented = self.has_comment_between(node, items);
        if !broken && !commented && !apart {
            let mut written = Vec::new();
            for item in items {
                written.push(write(self, *item)?);
            }
            return Ok(format!("{open}{}{close}", written.join(", ")));
        }
        let body = self.indented(|this| this.lines_of(node, items, apart, write))?;
        Ok(format!("{open}{body}\n{}{close}", self.pad()))
    }

    fn has_comment_between(&self, node: Node<'t>, items: &[Node<'t>]) -> bool {
        let mut cursor = node.walk();
        let found = node.children(&mut cursor).any(|child| child.kind() == "comment");
        found && !items.is_empty()
    }

    fn lines_of(
        &mut self,
        node: Node<'t>,
        items: &[Node<'t>],
        apart: bool,
        write: Write<'_, 't>,
    ) -> Outcome<String> {
        let pad = format!("\n{}", self.pad());
        let mut text = String::new();
        let mut end = node.start_byte();
        for (index, item) in items.iter().enumerate() {
            let broke = self.comments_between(end, item.start_byte(), index > 0, &mut text);
            let same_row = self.source.row(end) == item.start_position().row;
            let breaks = index == 0 || broke || apart || !same_row;
            text.push_str(if breaks { &pad } else { " " });
            text.push_str(&write(self, *item)?);
            text.push(',');
            end = item.end_byte();
        }
        self.comments_between(end, node.end_byte(), !items.is_empty(), &mut text);
        Ok(text)
    }

    /// Writes the comments between two items; says whether there was one, so that a new line has to begin.
    fn comments_between(&mut self, start: usize, end: usize, behind_item: bool, text: &mut String) -> bool {
        let comments = self.take_comments(start..end);
        for (at, comment) in &comments {
            if behind_item && self.source.row(*at) == self.source.row(start) {
                text.push_str("  ");
            } else {
                text.push('\n');
                text.push_str(&self.pad());
            }
            text.push_str(comment);
        }
        !comments.is_empty()
    }
}
