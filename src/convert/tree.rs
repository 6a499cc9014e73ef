//! A text and its syntax tree. Owns the bounds of what is read, and places.

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, Parser, Tree, TreeCursor};

use crate::diagnostics::{Diagnostic, Place, SourceId, Sources, Span};

/// The most bytes of a text: no configuration that people write is near it.
const MAX_BYTES: usize = 256 << 10;

/// How deep a text may nest, in levels of the syntax tree; what is deeper cannot be evaluated either.
const MAX_DEPTH: usize = 250;

/// The longest time that parsing may take: broken texts can take long.
const MAX_TIME: Duration = Duration::from_secs(10);

/// A text in Python.
pub(super) struct Source<'t> {
    /// The text.
    pub(super) text: &'t str,
    sources: Sources,
    id: SourceId,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Takes a text; `name` is what diagnostics call it.
    pub(super) fn new(name: &str, text: &'t str) -> Source<'t> {
        let mut sources = Sources::default();
        let id = sources.add(name, text);
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Source { text, sources, id, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// Returns the syntax tree.
    ///
    /// # Errors
    /// The text is too long, no Python, or nests too deep.
    pub(super) fn parse(&self) -> Result<Tree, Box<Diagnostic>> {
        if self.text.len() > MAX_BYTES {
            let message =
                format!("{} bytes are more than the {MAX_BYTES} of any configuration", self.text.len());
            let help = "is this the right file? convert its parts one by one, and include them";
            return Err(Box::new(Diagnostic::error("too_long", message).with_help(help)));
        }
        let tree = self.tree().ok_or_else(|| {
            let message = "the text cannot be read as Python in reasonable time";
            Box::new(Diagnostic::error("syntax", message).with_help("is this the right file?"))
        })?;
        let found = survey(tree.walk());
        match found {
            Survey::Fine => Ok(tree),
            Survey::Wrong(at) => Err(Box::new(self.wrong(&at))),
            Survey::Deep(at) => {
                let message = format!("this nests more than {MAX_DEPTH} levels deep");
                let diagnostic = Diagnostic::error("too_deep", message).with_label(self.place(&at), "here");
                Err(Box::new(diagnostic.with_help("give the inner parts names, and use those")))
            }
        }
    }

    fn tree(&self) -> Option<Tree> {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
        let deadline = Instant::now() + MAX_TIME;
        let mut go_on = |_: &_| match Instant::now() < deadline {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let bytes = self.text.as_bytes();
        let mut rest = |at: usize, _| bytes.get(at..).unwrap_or_default();
        parser.parse_with_options(&mut rest, None, Some(ParseOptions::new().progress_callback(&mut go_on)))
    }

    fn wrong(&self, at: &Range<usize>) -> Diagnostic {
        Diagnostic::error("syntax", "this is no Python")
            .with_label(self.place(at), "cannot be read")
            .with_help(
                "`thermos convert` takes files in the syntax of the original; others are scripts already",
            )
    }

    /// Returns the place of some bytes; of several lines, of the first.
    pub(super) fn place(&self, at: &Range<usize>) -> Option<Place> {
        let row = self.row(at.start);
        let start = self.lines[row];
        let end = self
            .lines
            .get(row + 1)
            .map_or(self.text.len(), |next| next - 1)
            .clamp(at.start, at.end.max(at.start));
        let characters =
            |range: Range<usize>| self.text.get(range).map_or(0, |text| text.chars().count() as u32);
        let (column, length) = (characters(start..at.start) + 1, characters(at.start..end));
        self.sources.place(Span::new(self.id, row as u32 + 1, column, length))
    }

    /// Returns the line of a byte, from 0.
    pub(super) fn row(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Returns what a node is written as.
    pub(super) fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

enum Survey {
    Fine,
    /// The first place that is no Python.
    Wrong(Range<usize>),
    Deep(Range<usize>),
}

/// Goes through a tree without recursion.
fn survey(mut cursor: TreeCursor<'_>) -> Survey {
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Survey::Wrong(node.byte_range());
        }
        if cursor.depth() as usize > MAX_DEPTH {
            return Survey::Deep(node.byte_range());
        }
        if !next(&mut cursor) {
            return Survey::Fine;
        }
    }
}

/// Moves to the next node in the order of the text, if there is one.
pub(super) fn next(cursor: &mut TreeCursor<'_>) -> bool {
    if cursor.goto_first_child() {
        return true;
    }
    loop {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
    }
}

/// Returns the children of a node that mean something, without comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let named = node.named_children(&mut cursor);
    named.filter(|child| !matches!(child.kind(), "comment" | "line_continuation")).collect()
}

/// Returns all children of a field.
pub(super) fn all_of<'t>(node: Node<'t>, field: &str) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children_by_field_name(field, &mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// Returns a child by its field; of a whole tree without errors there is one, else the node itself stands for it.
pub(super) fn part<'t>(node: Node<'t>, field: &str) -> Node<'t> {
    node.child_by_field_name(field).unwrap_or(node)
}

/// Returns an expression without the brackets around it.
pub(super) fn bare(mut node: Node<'_>) -> Node<'_> {
    while node.kind() == "parenthesized_expression" {
        match children(node).first() {
            Some(inner) => node = *inner,
            None => break,
        }
    }
    node
}
