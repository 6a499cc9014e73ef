//! Targets of assignments and loops: names, and lists of them that are taken apart.

use tree_sitter::Node;

use super::converter::Converter;
use super::problem::{Outcome, Problem};
use super::tree::children;

impl<'t> Converter<'t> {
    /// Writes statements that give the names of `pattern` the elements of the variable `whole`.
    pub(super) fn taken_apart(&mut self, pattern: Node<'t>, whole: &str) -> Outcome<Vec<String>> {
        let mut lines = Vec::new();
        for (index, part) in children(pattern).into_iter().enumerate() {
            let element = format!("{whole}[{index}]");
            match part.kind() {
                "identifier" => lines.push(format!("{} = {element};", self.target(part)?)),
                kind if is_pattern(kind) => lines.extend(self.taken_apart(part, &element)?),
                _ => {
                    let help = "take the list apart in steps: `let first = list[0];`";
                    return Problem::fail(part, "this cannot be a part of a list of names", help);
                }
            }
        }
        Ok(lines)
    }

    /// Writes a variable that is assigned to, with `let` where it is new, and declares it.
    pub(super) fn target(&mut self, name: Node<'t>) -> Outcome<String> {
        let spelled = self.name(name)?;
        let written = self.source.of(name);
        if self.is_declared(written) {
            return Ok(spelled);
        }
        self.declare(written);
        Ok(format!("let {spelled}"))
    }
}

/// Says whether a node is a list of names.
pub(super) fn is_pattern(kind: &str) -> bool {
    matches!(kind, "pattern_list" | "tuple_pattern" | "list_pattern" | "tuple" | "expression_list" | "list")
}
