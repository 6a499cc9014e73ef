//! What happens to names elsewhere in a text: which are read after a loop, which are changed in their place.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use tree_sitter::Node;

use super::converter::Converter;
use super::kinds::Kind;
use super::methods::CHANGING;
use super::names::identifiers;
use super::tree::{Source, children, next, part};

/// What happens to names.
#[derive(Debug, Default)]
pub(super) struct Uses<'t> {
    /// Where names are given a value.
    targets: HashSet<usize>,
    /// The comprehensions and closures that have a name of their own.
    own: HashMap<&'t str, Vec<Range<usize>>>,
    /// The names of what is changed in its place.
    changed: HashSet<&'t str>,
}

impl<'t> Uses<'t> {
    /// Goes through a whole text.
    pub(super) fn new(source: &Source<'t>, root: Node<'_>) -> Uses<'t> {
        let mut uses = Uses::default();
        let mut cursor = root.walk();
        loop {
            uses.note(source, cursor.node());
            if !next(&mut cursor) {
                return uses;
            }
        }
    }

    fn note(&mut self, source: &Source<'t>, node: Node<'_>) {
        match node.kind() {
            "assignment" | "for_statement" => {
                let left = part(node, "left");
                self.targets.extend(identifiers(left).iter().map(Node::start_byte));
                if left.kind() == "subscript" {
                    self.changed.insert(source.of(part(left, "value")));
                }
            }
            "augmented_assignment" => {
                self.changed.insert(source.of(part(node, "left")));
            }
            "attribute" if CHANGING.contains(&source.of(part(node, "attribute"))) => {
                self.changed.insert(source.of(part(node, "object")));
            }
            "list_comprehension" | "generator_expression" | "dictionary_comprehension" => {
                let clauses = children(node).into_iter().filter(|child| child.kind() == "for_in_clause");
                for name in clauses.flat_map(|clause| identifiers(part(clause, "left"))) {
                    self.own.entry(source.of(name)).or_default().push(node.byte_range());
                }
            }
            "lambda" | "function_definition" => {
                let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
                for name in parameters.into_iter().flat_map(identifiers) {
                    self.own.entry(source.of(name)).or_default().push(node.byte_range());
                }
            }
            _ => {}
        }
    }
}

impl<'t> Converter<'t> {
    /// Says whether the value that a loop leaves in a name is read after it.
    pub(super) fn outlives(&self, name: Node<'_>, end: usize) -> bool {
        let written = self.source.of(name);
        let Some(scope) = self.scopes.last() else { return false };
        let own = self.uses.own.get(written).map(Vec::as_slice).unwrap_or_default();
        let is_own = |at: usize| own.iter().any(|range| range.contains(&at));
        let after = self.occurrences.all(written, &(end..scope.range.end));
        let first = after.iter().find(|at| !is_own(**at));
        first.is_some_and(|at| !self.uses.targets.contains(at))
    }

    /// Tells of two names for one list, of which each is a list of its own here.
    pub(super) fn warn_of_copy(&mut self, left: Node<'t>, right: Node<'t>) {
        let names = [self.source.of(left), self.source.of(right)];
        let shared = right.kind() == "identifier" && matches!(self.kind(right), Kind::List | Kind::Map);
        if shared && names.iter().any(|name| self.uses.changed.contains(name)) {
            let message =
                format!("`{}` is a copy here: what is done to it leaves `{}` as it was", names[0], names[1]);
            self.warn(right, message, "use one of the names only, or assign again after each change");
        }
    }
}
