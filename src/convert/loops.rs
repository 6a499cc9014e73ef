//! `for`, as a statement and in comprehensions: what is gone through, and under which names.

use tree_sitter::Node;

use super::converter::Converter;
use super::kinds::Kind;
use super::patterns::is_pattern;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{bare, children, part};

/// The head of a loop.
pub(super) struct Head {
    /// `for x in list`
    pub(super) text: String,
    /// What stands before the loop.
    pub(super) before: Vec<String>,
    /// What the body begins with.
    pub(super) first: Vec<String>,
}

impl<'t> Converter<'t> {
    /// Converts what a loop goes through.
    pub(super) fn iterable(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let kind = self.kind(node);
        let piece = self.expression(node)?;
        if kind != Kind::Map {
            return Ok(piece);
        }
        self.warn_of_order(node);
        Ok(Piece::whole(format!("{}.keys()", piece.within(Level::Whole))))
    }

    /// Converts the head of a loop, and declares its names.
    pub(super) fn head(&mut self, left: Node<'t>, right: Node<'t>) -> Outcome<Head> {
        let right = bare(right);
        let names = if is_pattern(left.kind()) { children(left) } else { vec![left] };
        match (self.own_call(right), &names[..]) {
            (Some(("enumerate", given)), [index, one]) if given.len() == 1 => {
                let list = self.iterable(given[0])?;
                let index = self.loop_name(*index)?;
                self.over(*one, &list.in_head(), Some(&index))
            }
            (Some(("zip", given)), [first, second]) if given.len() == 2 => {
                let (list, second_list) = (self.iterable(given[0])?, self.alone(given[1])?);
                let other = self.fresh("others");
                let index = self.fresh("index");
                let mut head = self.over(*first, &list.in_head(), Some(&index))?;
                head.before.push(format!("let {other} = {second_list};"));
                head.first.push(format!("if {index} >= {other}.len() {{ break; }}"));
                head.first.extend(self.given(*second, &format!("{other}[{index}]"))?);
                Ok(head)
            }
            (Some(("items", map)), [key, value]) if bare(map[0]).kind() == "identifier" => {
                self.warn_of_order(map[0]);
                let map = self.within(map[0], Level::Whole)?;
                let key = self.loop_name(*key)?;
                let first = self.given(*value, &format!("{map}[{key}]"))?;
                Ok(Head { text: format!("for {key} in {map}.keys()"), before: Vec::new(), first })
            }
            _ => {
                let list = self.iterable(right)?;
                self.over(left, &list.in_head(), None)
            }
        }
    }

    /// Returns the name of a function of Python's own that is called, with its arguments; of `map.items()`, the map.
    fn own_call(&self, node: Node<'t>) -> Option<(&'static str, Vec<Node<'t>>)> {
        let function = (node.kind() == "call").then(|| part(node, "function"))?;
        let given = children(part(node, "arguments"));
        if function.kind() == "attribute" {
            let items = matches!(self.source.of(part(function, "attribute")), "items" | "iteritems");
            return (items && given.is_empty()).then(|| ("items", vec![part(function, "object")]));
        }
        let name = self.source.of(function);
        let name = ["enumerate", "zip"].into_iter().find(|known| *known == name)?;
        (!self.is_variable(name)).then_some((name, given))
    }

    fn over(&mut self, left: Node<'t>, list: &str, index: Option<&str>) -> Outcome<Head> {
        let (name, first) = match left.kind() {
            "identifier" if self.loop_end.is_some_and(|end| self.outlives(left, end)) => {
                let whole = self.fresh("one");
                let first = vec![format!("{} = {whole};", self.target(left)?)];
                (whole, first)
            }
            "identifier" => (self.loop_name(left)?, Vec::new()),
            kind if is_pattern(kind) => {
                let whole = self.fresh("one");
                let first = self.taken_apart(left, &whole)?;
                (whole, first)
            }
            _ => {
                return Problem::fail(
                    left,
                    "a loop gives its values to names",
                    "write `for x in list { ... }`",
                );
            }
        };
        let text = match index {
            Some(index) => format!("for ({name}, {index}) in {list}"),
            None => format!("for {name} in {list}"),
        };
        Ok(Head { text, before: Vec::new(), first })
    }

    /// Declares a name that a loop gives.
    fn loop_name(&mut self, node: Node<'t>) -> Outcome<String> {
        if node.kind() != "identifier" {
            return Problem::fail(
                node,
                "a loop gives its values to names",
                "take it apart inside of the loop",
            );
        }
        if self.loop_end.is_some_and(|end| self.outlives(node, end)) {
            let help = "keep it in a variable of its own: write `last = i` in the loop";
            return Problem::fail(node, "what a loop leaves here is read after it", help);
        }
        self.declare(self.source.of(node));
        self.name(node)
    }

    fn given(&mut self, target: Node<'t>, value: &str) -> Outcome<Vec<String>> {
        if is_pattern(target.kind()) {
            return self.taken_apart(target, value);
        }
        Ok(vec![format!("{} = {value};", self.target(target)?)])
    }
}
