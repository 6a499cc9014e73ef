//! What kind of value an expression gives, where that can be seen without running anything.

use std::collections::HashMap;

use tree_sitter::Node;

use super::converter::Converter;
use super::names::identifiers;
use super::tree::{Source, bare, children, next, part};

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Truth,
    /// An integer.
    Integer,
    /// A number with a point.
    Float,
    /// A string.
    Text,
    /// A list or a tuple.
    List,
    /// A dictionary.
    Map,
    /// Anything.
    Unknown,
}

/// Finds the kinds of variables; one that has values of several kinds is of an unknown one.
pub(super) fn kinds<'t>(source: &Source<'t>, root: Node<'_>) -> HashMap<&'t str, Kind> {
    let mut found = HashMap::new();
    let mut note = |target: Node<'_>, kind: Kind| {
        for name in identifiers(target) {
            let known = found.entry(source.of(name)).or_insert(kind);
            if *known != kind {
                *known = Kind::Unknown;
            }
        }
    };
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        match node.kind() {
            "assignment" => {
                let left = part(node, "left");
                let kind = match (left.kind(), node.child_by_field_name("right")) {
                    ("identifier", Some(right)) => kind(source, right, &HashMap::new()),
                    _ => Kind::Unknown,
                };
                note(left, kind);
            }
            "for_statement" | "for_in_clause" => note(part(node, "left"), Kind::Unknown),
            "augmented_assignment" if source.of(part(node, "operator")) != "+=" => {
                note(part(node, "left"), Kind::Unknown);
            }
            "parameters" | "lambda_parameters" => {
                for parameter in children(node) {
                    note(parameter, Kind::Unknown);
                    note(part(parameter, "name"), Kind::Unknown);
                    children(parameter).into_iter().for_each(|inner| note(inner, Kind::Unknown));
                }
            }
            _ => {}
        }
        if !next(&mut cursor) {
            return found;
        }
    }
}

fn kind(source: &Source<'_>, node: Node<'_>, known: &HashMap<&str, Kind>) -> Kind {
    let node = bare(node);
    match node.kind() {
        "true" | "false" | "comparison_operator" | "not_operator" => Kind::Truth,
        "integer" => Kind::Integer,
        "float" => Kind::Float,
        "string" | "concatenated_string" => Kind::Text,
        "list" | "list_comprehension" | "tuple" | "expression_list" => Kind::List,
        "dictionary" | "dictionary_comprehension" => Kind::Map,
        "identifier" => known.get(source.of(node)).copied().unwrap_or(Kind::Unknown),
        "call" => called(source, part(node, "function")),
        "boolean_operator" => {
            let sides = ["left", "right"].map(|side| kind(source, part(node, side), known));
            if sides == [Kind::Truth; 2] { Kind::Truth } else { Kind::Unknown }
        }
        "binary_operator" => {
            let sides = ["left", "right"].map(|side| kind(source, part(node, side), known));
            match (sides, source.of(part(node, "operator"))) {
                ([left @ (Kind::Text | Kind::List), _], _) => left,
                ([_, Kind::Integer], "%") | ([Kind::Integer, Kind::Integer], _) => Kind::Integer,
                ([Kind::Float, Kind::Integer | Kind::Float] | [Kind::Integer, Kind::Float], _) => Kind::Float,
                _ => Kind::Unknown,
            }
        }
        _ => Kind::Unknown,
    }
}

fn called(source: &Source<'_>, function: Node<'_>) -> Kind {
    let name = source.of(if function.kind() == "attribute" { part(function, "attribute") } else { function });
    match (function.kind(), name) {
        ("identifier", "str")
        | ("attribute", "join" | "format" | "upper" | "lower" | "strip" | "replace") => Kind::Text,
        ("identifier", "list" | "sorted" | "range" | "xrange" | "map" | "filter" | "tuple") => Kind::List,
        ("attribute", "split" | "keys" | "values" | "items") => Kind::List,
        ("identifier", "dict") => Kind::Map,
        ("identifier", "len" | "int") => Kind::Integer,
        ("identifier", "float") => Kind::Float,
        ("identifier", "bool" | "any" | "all") | ("attribute", "startswith" | "endswith") => Kind::Truth,
        _ => Kind::Unknown,
    }
}

impl<'t> Converter<'t> {
    /// Returns the kind of value of an expression.
    pub(super) fn kind(&self, node: Node<'_>) -> Kind {
        kind(self.source, node, &self.kinds)
    }
}
