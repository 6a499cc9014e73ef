//! Elements and slices.

use tree_sitter::Node;

use super::converter::Converter;
use super::kinds::Kind;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{all_of, part};

impl<'t> Converter<'t> {
    /// Converts `list[0]`, `map["key"]`, `list[1:]`.
    pub(super) fn subscript(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let value = part(node, "value");
        let subscripts = all_of(node, "subscript");
        let [subscript] = subscripts[..] else {
            return Problem::fail(node, "an element has one number or key", "write `list[0][1]`");
        };
        if subscript.kind() == "slice" {
            return self.slice(node, value, subscript);
        }
        let value = self.within(value, Level::Whole)?;
        Ok(Piece::whole(format!("{value}[{}]", self.alone(subscript)?)))
    }

    fn slice(&mut self, node: Node<'t>, value: Node<'t>, slice: Node<'t>) -> Outcome<Piece> {
        let (start, end, step) = bounds(slice);
        if let Some(step) = step {
            return match (start, end, self.source.of(step)) {
                (None, None, "-1") => self.changed(value, "reverse()"),
                _ => Problem::fail(
                    node,
                    "slices have no step",
                    "write `range(a, b, step)` and take those elements",
                ),
            };
        }
        let (whole, kind) = (value, self.kind(value));
        let value = self.within(value, Level::Whole)?;
        if kind == Kind::Text {
            let start = start.map(|start| self.within(start, Level::Sum)).transpose()?.unwrap_or_default();
            let end = end.map(|end| self.within(end, Level::Sum)).transpose()?.unwrap_or_default();
            return Ok(Piece::whole(format!("{value}[{start}..{end}]")));
        }
        let list = if kind == Kind::List { value.clone() } else { format!("{value}.to_array()") };
        let first = start.map_or(Ok("0".to_owned()), |start| self.within(start, Level::Sum))?;
        let Some(end) = end else { return Ok(Piece::whole(format!("{list}.extract({first})"))) };
        let last = self.within(end, Level::Sum)?;
        if !first.starts_with('-') && !last.starts_with('-') {
            return Ok(Piece::whole(format!("{list}.extract({first}..{last})")));
        }
        let text = self.once(whole, &list, |name| {
            let counted = |text: &str| match text.strip_prefix('-') {
                Some(rest) => format!("{name}.len() - {rest}"),
                None => text.to_owned(),
            };
            format!("{name}.extract({}..{})", counted(&first), counted(&last))
        });
        Ok(Piece::of(if text.starts_with('{') { Level::Loose } else { Level::Whole }, text))
    }

    /// Writes a copy of a value that a method of its own was called on.
    pub(super) fn changed(&mut self, value: Node<'t>, method: &str) -> Outcome<Piece> {
        let (name, value) = (self.fresh("copy"), self.alone(value)?);
        Ok(Piece::of(Level::Loose, format!("{{ let {name} = {value}; {name}.{method}; {name} }}")))
    }
}

/// Returns what stands between the colons of a slice.
fn bounds(slice: Node<'_>) -> (Option<Node<'_>>, Option<Node<'_>>, Option<Node<'_>>) {
    let mut bounds = [None; 3];
    let mut at = 0;
    let mut cursor = slice.walk();
    for child in slice.children(&mut cursor) {
        match child.kind() {
            ":" => at = (at + 1).min(2),
            "comment" => {}
            _ => bounds[at] = Some(child),
        }
    }
    (bounds[0], bounds[1], bounds[2])
}
