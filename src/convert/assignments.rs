//! Assignments.

use tree_sitter::Node;

use super::converter::Converter;
use super::names::identifiers;
use super::patterns::is_pattern;
use super::piece::Level;
use super::problem::{Outcome, Problem};
use super::tree::{children, part};

impl<'t> Converter<'t> {
    /// Converts `a = b`, also of several targets, to statements.
    pub(super) fn assignment(&mut self, node: Node<'t>) -> Outcome<Vec<String>> {
        let left = part(node, "left");
        let Some(right) = node.child_by_field_name("right") else { return Ok(Vec::new()) };
        if right.kind() == "assignment" {
            let mut lines = self.assignment(right)?;
            let inner = part(right, "left");
            let value = self.alone(inner)?;
            lines.extend(self.assigned(left, &value)?);
            return Ok(lines);
        }
        if is_pattern(left.kind()) {
            return self.assigned_apart(left, right);
        }
        self.warn_of_copy(left, right);
        let value = self.alone(right)?;
        self.assigned(left, &value)
    }

    fn assigned(&mut self, left: Node<'t>, value: &str) -> Outcome<Vec<String>> {
        let target = match left.kind() {
            "identifier" => self.target(left)?,
            "subscript" => {
                self.check_change(part(left, "value"))?;
                self.alone(left)?
            }
            "attribute" => {
                let help = "make a copy with the field replaced: `let p = p(name = \"x\");`";
                return Problem::fail(left, "fields of objects are not assigned to", help);
            }
            kind if is_pattern(kind) => {
                let whole = self.fresh("whole");
                let mut lines = vec![format!("let {whole} = {value};")];
                lines.extend(self.taken_apart(left, &whole)?);
                return Ok(lines);
            }
            _ => return Problem::fail(left, "this cannot be assigned to", "assign to a variable"),
        };
        Ok(vec![format!("{target} = {value};")])
    }

    /// Converts `a, b = 1, 2`: one by one where no value is one of the names.
    fn assigned_apart(&mut self, left: Node<'t>, right: Node<'t>) -> Outcome<Vec<String>> {
        let targets = children(left);
        let values = if is_pattern(right.kind()) { children(right) } else { Vec::new() };
        let names = identifiers(left);
        let free =
            |name: &Node<'_>| self.occurrences.first(self.source.of(*name), &right.byte_range()).is_none();
        if values.len() == targets.len() && names.iter().all(free) {
            let mut lines = Vec::new();
            for (target, value) in targets.into_iter().zip(values) {
                let value = self.alone(value)?;
                lines.extend(self.assigned(target, &value)?);
            }
            return Ok(lines);
        }
        let value = self.alone(right)?;
        self.assigned(left, &value)
    }

    /// Converts `a += b`.
    pub(super) fn augmented(&mut self, node: Node<'t>) -> Outcome<Vec<String>> {
        let (left, right) = (part(node, "left"), part(node, "right"));
        let operator = match self.source.of(part(node, "operator")) {
            known @ ("+=" | "-=" | "*=" | "/=" | "%=" | "|=" | "&=" | "^=" | "<<=" | ">>=" | "**=") => known,
            "//=" => "/=",
            other => {
                return Problem::fail(node, format!("there is no `{other}`"), "write it out: `a = a + b`");
            }
        };
        if operator == "/=" {
            self.warn(
                node,
                "`/` of integers is an integer here",
                "if a fraction is meant, make one number a float",
            );
        }
        if operator == "%=" {
            let (name, value) = (self.within(left, Level::Product)?, self.within(right, Level::Power)?);
            return Ok(vec![format!("{name} = {name} % {value};")]);
        }
        let (name, value) = (self.within(left, Level::Whole)?, self.alone(right)?);
        Ok(vec![format!("{name} {operator} {value};")])
    }
}
