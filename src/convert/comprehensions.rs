//! Comprehensions: `map` and `filter` where that is enough, else loops that fill a list.

use tree_sitter::Node;

use super::converter::Converter;
use super::loops::Head;
use super::piece::{Level, Piece};
use super::problem::Outcome;
use super::tree::{children, part};

impl<'t> Converter<'t> {
    /// Converts `[f(x) for x in list if g(x)]`.
    pub(super) fn comprehension(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let body = part(node, "body");
        let clauses = clauses(node);
        if let [first, conditions @ ..] = &clauses[..]
            && conditions.iter().all(|clause| clause.kind() == "if_clause")
            && self.fits_closure(node, *first)
        {
            return self.mapped(node, *first, conditions, body);
        }
        let name = self.fresh("all");
        self.filled_by_loops(&name, "[]", &clauses, |this| {
            let value = this.alone(body)?;
            Ok(vec![format!("{name}.push({value});")])
        })
    }

    /// Converts `{k: v for k in list}`.
    pub(super) fn map_comprehension(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let pair = part(node, "body");
        let name = self.fresh("all");
        self.filled_by_loops(&name, "#{}", &clauses(node), |this| {
            let (key, value) = (this.alone(part(pair, "key"))?, this.alone(part(pair, "value"))?);
            Ok(vec![format!("{name}[{key}] = {value};")])
        })
    }

    /// Returns the name, the list and the value of a generator without conditions.
    pub(super) fn simple_generator(&self, node: Node<'t>) -> Option<(Node<'t>, Node<'t>, Node<'t>)> {
        if !matches!(node.kind(), "generator_expression" | "list_comprehension") {
            return None;
        }
        match clauses(node)[..] {
            [first] if self.fits_closure(node, first) => {
                Some((part(first, "left"), part(first, "right"), part(node, "body")))
            }
            _ => None,
        }
    }

    /// A closure may not look at the list that it is called for.
    fn fits_closure(&self, node: Node<'t>, clause: Node<'t>) -> bool {
        let (left, right) = (part(clause, "left"), part(clause, "right"));
        let steps = right.kind() == "call" && children(part(right, "arguments")).len() == 3;
        let mut root = right;
        while let Some(inner) = root.child_by_field_name("object").or(root.child_by_field_name("function")) {
            root = inner;
        }
        let alone = root.kind() != "identifier"
            || !self.occurrences.outside(self.source.of(root), &right.byte_range(), &node.byte_range());
        left.kind() == "identifier" && !steps && alone
    }

    fn mapped(
        &mut self,
        node: Node<'t>,
        first: Node<'t>,
        conditions: &[Node<'t>],
        body: Node<'t>,
    ) -> Outcome<Piece> {
        let left = part(first, "left");
        let mut text = self.iterable(part(first, "right"))?.within(Level::Whole);
        let (name, written) = (self.name(left)?, self.source.of(left));
        self.in_scope(node.byte_range(), vec![written.to_owned()], |this| {
            for condition in conditions {
                let condition = children(*condition).first().copied().unwrap_or(*condition);
                text = format!("{text}.filter(|{name}| {})", this.condition(condition)?);
            }
            if body.kind() != "identifier" || this.source.of(body) != written {
                text = format!("{text}.map(|{name}| {})", this.alone(body)?);
            } else if conditions.is_empty() {
                text = format!("{text}.to_array()");
            }
            Ok(Piece::whole(text))
        })
    }

    /// Writes a block with loops that fill the variable `name`, which it gives.
    fn filled_by_loops(
        &mut self,
        name: &str,
        empty: &str,
        clauses: &[Node<'t>],
        inner: impl FnOnce(&mut Self) -> Outcome<Vec<String>>,
    ) -> Outcome<Piece> {
        let range = clauses.first().map_or(0..0, Node::byte_range);
        let body = self.in_scope(range, Vec::new(), |this| {
            this.indented(|this| {
                let mut lines = vec![format!("let {name} = {empty};")];
                lines.extend(this.nested(clauses, inner)?);
                lines.push(name.to_owned());
                let pad = this.pad();
                Outcome::Ok(lines.into_iter().map(|line| format!("{pad}{line}\n")).collect::<String>())
            })
        })?;
        Ok(Piece::of(Level::Loose, format!("{{\n{body}{}}}", self.pad())))
    }

    fn nested(
        &mut self,
        clauses: &[Node<'t>],
        inner: impl FnOnce(&mut Self) -> Outcome<Vec<String>>,
    ) -> Outcome<Vec<String>> {
        let Some((clause, rest)) = clauses.split_first() else { return inner(self) };
        let Head { text, before, first } = match clause.kind() {
            "if_clause" => {
                let condition = children(*clause).first().copied().unwrap_or(*clause);
                Head {
                    text: format!("if {}", self.condition(condition)?),
                    before: Vec::new(),
                    first: Vec::new(),
                }
            }
            _ => self.head(part(*clause, "left"), part(*clause, "right"))?,
        };
        let body = self.indented(|this| this.nested(rest, inner))?;
        let mut lines = before;
        lines.push(format!("{text} {{"));
        lines.extend(first.into_iter().chain(body).map(|line| format!("    {line}")));
        lines.push("}".to_owned());
        Ok(lines)
    }
}

fn clauses(node: Node<'_>) -> Vec<Node<'_>> {
    children(node).into_iter().filter(|child| matches!(child.kind(), "for_in_clause" | "if_clause")).collect()
}
