//! What has no counterpart: what and where it is, and what to do instead.

use std::ops::Range;

use tree_sitter::Node;

/// Something that cannot be converted as it stands.
#[derive(Debug)]
pub(super) struct Problem {
    /// One sentence.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
    /// Where, in bytes.
    pub(super) at: Range<usize>,
    /// Whether the text was converted all the same.
    pub(super) only_warns: bool,
}

/// What a conversion gives, or why there is nothing.
pub(super) type Outcome<T> = Result<T, Box<Problem>>;

impl Problem {
    /// Says that something at `node` has no counterpart.
    pub(super) fn new(node: Node<'_>, message: impl Into<String>, help: impl Into<String>) -> Box<Problem> {
        let (message, help) = (message.into(), help.into());
        Box::new(Problem { message, help, at: node.byte_range(), only_warns: false })
    }

    /// Does so where a value was expected.
    pub(super) fn fail<T>(node: Node<'_>, message: impl Into<String>, help: impl Into<String>) -> Outcome<T> {
        Err(Problem::new(node, message, help))
    }

    /// Says that what was converted at `node` may mean something else.
    pub(super) fn warning(node: Node<'_>, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { only_warns: true, ..*Problem::new(node, message, help) }
    }
}
