//! The brackets that are open while a script is rewritten, and the arguments and elements inside of them.

use std::sync::Arc;

use crate::diagnostics::Span;
use crate::script::outline::Outline;
use crate::script::sites::{Keyword, Origin, Parts, Site};

/// What an open bracket is.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A block.
    Block(Scope),
    /// Parentheses around an expression, or of a statement.
    Group,
    /// The parameters of a function.
    Parameters,
    /// An index.
    Index,
    /// An interpolation in a text.
    Interpolation,
    /// A literal list.
    List,
    /// A literal map.
    Map,
    /// The arguments of a call.
    Call(Call),
}

/// The scope that a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A block's own.
    Block,
    /// A function's.
    Function,
}

/// A call whose arguments are being read.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its number in the table of calls.
    pub(crate) number: usize,
    /// What is called.
    pub(crate) callee: Span,
    /// Whether the positional arguments go into a list: a value is called, or a method of no known name.
    pub(crate) listed: bool,
    /// Whether the keywords follow as the call's number and their values, rather than as a value of their own.
    pub(crate) numbered: bool,
    /// Whether this is a function of the standard library.
    pub(crate) of_library: bool,
    /// Whether the first keyword was seen.
    pub(crate) in_keywords: bool,
}

/// An open bracket.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The number of its token.
    pub(crate) open: usize,
    /// What it is.
    pub(crate) shape: Shape,
    /// Whether the text that began here is marked.
    pub(crate) marked: bool,
    /// The key and the first token of the element that is being read.
    item: Option<Item>,
    /// The key of the element that comes next.
    key: Option<(String, Span)>,
    done: Vec<(Option<(String, Span)>, Origin)>,
}

#[derive(Debug)]
struct Item {
    first: usize,
    /// How many marks are open around it.
    marks: usize,
    /// The last token of a literal that began with the element, and what is inside of it.
    literal: Option<(usize, Parts)>,
}

impl Frame {
    /// Opens a bracket.
    pub(crate) fn new(open: usize, shape: Shape) -> Frame {
        Frame { open, shape, marked: false, item: None, key: None, done: Vec::new() }
    }

    /// Says whether the next token begins an element.
    pub(crate) fn awaits_item(&self) -> bool {
        matches!(self.shape, Shape::List | Shape::Map | Shape::Call(_)) && self.item.is_none()
    }

    /// Says whether a key may come next.
    pub(crate) fn awaits_key(&self) -> bool {
        self.awaits_item() && self.key.is_none()
    }

    /// Notes a key; its value comes next.
    pub(crate) fn set_key(&mut self, name: String, span: Span) {
        self.key = Some((name, span));
    }

    /// Returns where an earlier element of this key has its key.
    pub(crate) fn earlier(&self, name: &str) -> Option<Span> {
        self.done
            .iter()
            .find_map(|(key, _)| key.as_ref().filter(|(earlier, _)| earlier == name).map(|key| key.1))
    }

    /// Begins an element.
    pub(crate) fn begin_item(&mut self, first: usize, marks: usize) {
        self.item = Some(Item { first, marks, literal: None });
    }

    /// Notes that a literal closed, in case the element is this literal and nothing else.
    pub(crate) fn note_literal(&mut self, open: usize, close: usize, parts: Parts) {
        if let Some(item) = self.item.as_mut().filter(|item| item.first == open) {
            item.literal = Some((close, parts));
        }
    }

    /// Ends an element with the token `last`; says how many marks are open around it.
    pub(crate) fn end_item(&mut self, file: &Outline, last: usize) -> usize {
        let Some(item) = self.item.take() else { return 0 };
        let parts = item.literal.filter(|(close, _)| *close == last).map(|(_, parts)| parts);
        let origin = Origin { span: file.span(item.first, last), parts: parts.unwrap_or_default() };
        self.done.push((self.key.take(), origin));
        item.marks
    }

    /// Returns what a literal list or map has inside.
    pub(crate) fn parts(&mut self) -> Parts {
        let done = std::mem::take(&mut self.done);
        match self.shape {
            Shape::List => Parts::Items(done.into_iter().map(|(_, origin)| origin).collect()),
            Shape::Map => {
                let named = |(key, origin): (Option<(String, Span)>, Origin)| Some((key?.0, origin));
                Parts::Fields(done.into_iter().filter_map(named).collect())
            }
            _ => Parts::Whole,
        }
    }

    /// Returns a call with all its arguments.
    pub(crate) fn site(&mut self, callee: Span) -> Site {
        let mut site = Site { callee, ..Site::default() };
        for (key, value) in std::mem::take(&mut self.done) {
            match key {
                Some((name, name_span)) => site.keywords.push(Arc::new(Keyword { name, name_span, value })),
                None => site.positional.push(value),
            }
        }
        site
    }
}
