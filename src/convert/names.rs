//! Names: where they stand, which are declared, and how they are written.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use tree_sitter::Node;

use super::converter::Converter;
use super::problem::{Outcome, Problem};
use super::tree::{Source, all_of, children, next, part};

/// Words that the new language keeps for itself and Python does not.
const KEYWORDS: [&str; 21] = [
    "let",
    "const",
    "switch",
    "do",
    "until",
    "loop",
    "fn",
    "private",
    "throw",
    "catch",
    "true",
    "false",
    "this",
    "debug",
    "call",
    "curry",
    "is_shared",
    "type_of",
    "eval",
    "Fn",
    "is_def_var",
];

/// Where each name of a text stands, fields and keywords left out.
#[derive(Debug, Default)]
pub(super) struct Occurrences<'t>(HashMap<&'t str, Vec<usize>>);

impl<'t> Occurrences<'t> {
    /// Finds all names.
    pub(super) fn new(source: &Source<'t>, root: Node<'_>) -> Occurrences<'t> {
        let mut found = Occurrences::default();
        let mut cursor = root.walk();
        // Nodes are not asked for their parents, which are looked for from the root.
        let mut keyword = None;
        loop {
            let node = cursor.node();
            if node.kind() == "keyword_argument" {
                keyword = Some(part(node, "name").start_byte());
            }
            let names_member = cursor.field_name() == Some("attribute") || keyword == Some(node.start_byte());
            if node.kind() == "identifier" && !names_member {
                found.0.entry(source.of(node)).or_default().push(node.start_byte());
            }
            if !next(&mut cursor) {
                return found;
            }
        }
    }

    /// Returns where a name stands first in a range.
    pub(super) fn first(&self, name: &str, within: &Range<usize>) -> Option<usize> {
        let places = self.0.get(name)?;
        let at = places.partition_point(|at| *at < within.start);
        places.get(at).copied().filter(|at| *at < within.end)
    }

    /// Returns where a name stands in a range.
    pub(super) fn all(&self, name: &str, within: &Range<usize>) -> &[usize] {
        let places = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let start = places.partition_point(|at| *at < within.start);
        let end = places.partition_point(|at| *at < within.end);
        places.get(start..end).unwrap_or_default()
    }

    /// Says whether a name stands in `whole`, but outside of `inner`.
    pub(super) fn outside(&self, name: &str, inner: &Range<usize>, whole: &Range<usize>) -> bool {
        self.first(name, &(whole.start..inner.start)).is_some()
            || self.first(name, &(inner.end..whole.end)).is_some()
    }

    /// Says whether a name stands anywhere.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The variables of a function, or of the file.
#[derive(Debug)]
pub(super) struct Scope {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// Whether it is that of a function of the file, which gets copies of what is around it.
    copies: bool,
    /// What is declared, for each block that is open; first come parameters.
    blocks: Vec<HashSet<String>>,
}

impl Scope {
    /// Starts a scope in which `names` are declared.
    pub(super) fn new(range: Range<usize>, names: impl IntoIterator<Item = String>) -> Scope {
        Scope { range, copies: false, blocks: vec![names.into_iter().collect()] }
    }

    /// Makes it that of a function of the file.
    pub(super) fn of_function(self) -> Scope {
        Scope { copies: true, ..self }
    }

    fn knows(&self, name: &str) -> bool {
        self.blocks.iter().any(|block| block.contains(name))
    }
}

impl<'t> Converter<'t> {
    /// Says whether a name is a variable that was declared, here or around.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.knows(name))
    }

    /// Says whether a variable is declared where it may be assigned to.
    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.knows(name))
    }

    /// Declares a variable in the innermost block.
    pub(super) fn declare(&mut self, name: &str) {
        if let Some(block) = self.scopes.last_mut().and_then(|scope| scope.blocks.last_mut()) {
            block.insert(name.to_owned());
        }
    }

    /// Looks at a variable that is about to be changed in its place: functions have copies.
    ///
    /// # Errors
    /// The variable is one of the file, and this is a function.
    pub(super) fn check_change(&mut self, node: Node<'t>) -> Outcome<()> {
        let name = self.source.of(node);
        let Some(function) = self.scopes.iter().position(|scope| scope.copies) else { return Ok(()) };
        if node.kind() != "identifier" {
            return Ok(());
        }
        if !self.scopes.iter().skip(function).any(|scope| scope.knows(name)) {
            let help = "return what is new, and add it where the function is called";
            return Problem::fail(
                node,
                format!("a function does not change `{name}`, which stands outside"),
                help,
            );
        }
        if self
            .scopes
            .get(function)
            .is_some_and(|scope| scope.blocks.first().is_some_and(|own| own.contains(name)))
        {
            let help = "return it, and assign the result where the function is called";
            self.warn(node, format!("`{name}` is a copy here: what the caller has is not changed"), help);
        }
        Ok(())
    }

    /// Does something in a block of its own.
    pub(super) fn in_block<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(scope) = self.scopes.last_mut() {
            scope.blocks.push(HashSet::new());
        }
        let made = work(self);
        if let Some(scope) = self.scopes.last_mut() {
            scope.blocks.pop();
        }
        made
    }

    /// Does something in which `names` are parameters.
    pub(super) fn in_scope<T>(
        &mut self,
        range: Range<usize>,
        names: Vec<String>,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.within_scope(Scope::new(range, names), work)
    }

    /// Does something in a scope.
    pub(super) fn within_scope<T>(&mut self, scope: Scope, work: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(scope);
        let made = work(self);
        self.scopes.pop();
        made
    }

    /// Finds a statement of one of some kinds in a function.
    pub(super) fn statement_of(&self, function: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
        let mut open = vec![function];
        while let Some(node) = open.pop() {
            if kinds.contains(&node.kind()) {
                return Some(node);
            }
            open.extend(children(node));
        }
        None
    }

    /// Says whether the statement that is converted stands in a function.
    pub(super) fn in_function(&self) -> bool {
        self.scopes.len() > 1
    }

    /// Returns a name as it is written in the new language.
    ///
    /// # Errors
    /// It has letters that no name has there.
    pub(super) fn name(&self, node: Node<'_>) -> Outcome<String> {
        let name = self.source.of(node);
        if name.is_ascii() {
            return Ok(self.spelled(name));
        }
        Problem::fail(
            node,
            format!("`{name}` is no name here"),
            "rename it: names have ASCII letters, digits and `_`",
        )
    }

    /// Returns an ASCII name as it is written in the new language.
    pub(super) fn spelled(&self, name: &str) -> String {
        if name.bytes().all(|byte| byte == b'_') {
            return self.fresh("unused");
        }
        if is_keyword(name) { self.fresh(&format!("{name}_")) } else { name.to_owned() }
    }

    /// Returns a name that the text does not have.
    pub(super) fn fresh(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while self.occurrences.knows(&name) {
            name.push('_');
        }
        name
    }
}

/// Says whether a word cannot be a name in the new language.
pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Returns the names that a statement assigns to, with the first place of each, without those of functions inside.
pub(super) fn assigned<'t>(source: &Source<'t>, statement: Node<'_>) -> Vec<(&'t str, usize)> {
    let mut found: Vec<(&str, usize)> = Vec::new();
    let mut open = vec![statement];
    while let Some(node) = open.pop() {
        let targets = match node.kind() {
            "assignment" | "for_statement" => vec![part(node, "left")],
            "function_definition" | "class_definition" => vec![part(node, "name")],
            _ => Vec::new(),
        };
        for target in targets.into_iter().flat_map(identifiers) {
            let name = source.of(target);
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, first)) => *first = target.start_byte().min(*first),
                None => found.push((name, target.start_byte())),
            }
        }
        if !is_scope(node) || node == statement {
            open.extend(children(node).into_iter().rev());
        }
    }
    found
}

/// Says whether names that are assigned to in a node are unknown outside.
fn is_scope(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
}

/// Returns the names of a pattern: `a`, `a, b`, `(a, (b, c))`.
pub(super) fn identifiers(pattern: Node<'_>) -> Vec<Node<'_>> {
    match pattern.kind() {
        "identifier" => vec![pattern],
        "pattern_list" | "tuple_pattern" | "list_pattern" => {
            children(pattern).into_iter().flat_map(identifiers).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the bodies of a compound statement.
pub(super) fn bodies(statement: Node<'_>) -> Vec<Node<'_>> {
    let mut found = vec![];
    found.extend(statement.child_by_field_name("consequence"));
    found.extend(statement.child_by_field_name("body"));
    found.extend(all_of(statement, "alternative"));
    found
}
