//! `class Profile(Struct)`.

use tree_sitter::Node;

use super::converter::Converter;
use super::names::is_keyword;
use super::problem::{Outcome, Problem};
use super::tree::{children, part};

impl<'t> Converter<'t> {
    /// Converts a class to a type.
    pub(super) fn class(&mut self, node: Node<'t>) -> Outcome<()> {
        let bases = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
        let is_struct = matches!(bases[..], [base] if self.source.of(base) == "Struct");
        if !is_struct {
            let help = "only classes of `Struct` are types; write functions for others";
            return Problem::fail(part(node, "name"), "there are no classes", help);
        }
        let (name, body) = (part(node, "name"), part(node, "body"));
        let (spelled, written) = (self.name(name)?, self.source.of(name));
        let mut fields = Vec::new();
        for statement in children(body) {
            fields.extend(self.field_of(statement)?);
        }
        let said = self.words_of(body);
        let heading = self.take_comments(node.start_byte()..body.start_byte());
        let open = format!("Struct({}", super::strings::quoted(written, false));
        let text = if fields.is_empty() {
            format!("{open})")
        } else {
            let open = format!("Struct(\n{}    {},", self.pad(), super::strings::quoted(written, false));
            self.bracketed(body, &fields, (&open, ")"), true, |this, field| this.field(field))?
        };
        let target = self.target_of_class(written, &spelled);
        for (_, comment) in heading {
            self.line(&comment);
        }
        for line in said {
            self.line(&line);
        }
        self.line(&format!("{target} = {text};"));
        Ok(())
    }

    fn target_of_class(&mut self, written: &str, spelled: &str) -> String {
        let declared = self.is_declared(written);
        self.declare(written);
        if declared { spelled.to_owned() } else { format!("let {spelled}") }
    }

    /// Returns the assignment that a statement of a class is; nothing of `pass` and texts.
    fn field_of(&self, statement: Node<'t>) -> Outcome<Option<Node<'t>>> {
        let inner = children(statement).first().copied();
        match (statement.kind(), inner.map(|inner| inner.kind())) {
            ("pass_statement", _) | ("expression_statement", Some("string" | "concatenated_string")) => {
                Ok(None)
            }
            ("expression_statement", Some("assignment")) => Ok(inner),
            _ => {
                let help = "a type has fields only: `name = Required(String)`";
                Problem::fail(statement, "this cannot be a part of a type", help)
            }
        }
    }

    /// Returns the text that describes a class or a function, as comments.
    fn words_of(&self, body: Node<'t>) -> Vec<String> {
        let first = children(body).first().copied().and_then(|first| children(first).first().copied());
        let text = first.and_then(|first| self.plain_text(first));
        text.map(|text| as_comments(&text)).unwrap_or_default()
    }

    fn field(&mut self, assignment: Node<'t>) -> Outcome<String> {
        let (left, right) = (part(assignment, "left"), part(assignment, "right"));
        let name = self.source.of(left);
        if left.kind() != "identifier" || right == assignment || is_keyword(name) || !name.is_ascii() {
            return Problem::fail(assignment, "this cannot be a field here", "give it another name");
        }
        Ok(format!("{name} = {}", self.alone(right)?))
    }
}

/// Writes a text as comments, a line each.
pub(super) fn as_comments(text: &str) -> Vec<String> {
    let line = |line: &str| format!("// {}", line.trim()).trim_end().to_owned();
    text.trim().lines().map(line).collect()
}
