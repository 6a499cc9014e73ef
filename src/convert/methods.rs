//! Methods of Python's values, and of objects.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::HELP;
use super::kinds::Kind;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::part;

/// Methods that have another name here.
const RENAMED: [(&str, &str); 9] = [
    ("append", "push"),
    ("upper", "to_upper"),
    ("lower", "to_lower"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("index", "index_of"),
    ("iterkeys", "keys"),
    ("itervalues", "values"),
    ("has_key", "contains"),
];

/// Methods that change what they are called on.
pub(super) const CHANGING: [&str; 7] = ["append", "extend", "insert", "pop", "reverse", "sort", "update"];

/// Methods that have no counterpart.
const MISSING: [&str; 24] = [
    "capitalize",
    "center",
    "count",
    "decode",
    "encode",
    "expandtabs",
    "find",
    "format_map",
    "isdigit",
    "ljust",
    "lstrip",
    "partition",
    "popitem",
    "remove",
    "rfind",
    "rjust",
    "rsplit",
    "rstrip",
    "setdefault",
    "splitlines",
    "swapcase",
    "title",
    "translate",
    "zfill",
];

impl<'t> Converter<'t> {
    /// Converts `object.method(arguments)`.
    pub(super) fn method(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
        arguments: Node<'t>,
        given: &[Node<'t>],
    ) -> Outcome<Piece> {
        let object = part(function, "object");
        let name = self.source.of(part(function, "attribute"));
        if self.is_library(object)
            && let Some(piece) = self.with_list(self.source.of(function), given)?
        {
            return Ok(piece);
        }
        if self.is_library(object) || self.modules.contains(self.source.of(object)) {
            let function = self.within(function, Level::Whole)?;
            return self.with_arguments(&function, arguments, given);
        }
        if CHANGING.contains(&name) {
            self.check_change(object)?;
        }
        match (name, given) {
            ("format", _) => self.formatted(object, given),
            ("join", [list]) => {
                let (list, object) = (self.within(*list, Level::Whole)?, self.alone(object)?);
                Ok(Piece::whole(format!("{list}.join({object})")))
            }
            ("get", [key]) => self.looked_up(object, *key, None),
            ("get", [key, otherwise]) => self.looked_up(object, *key, Some(*otherwise)),
            ("items" | "iteritems", []) => self.items(object),
            ("strip", []) => self.changed(object, "trim()"),
            ("replace", [from, to]) => {
                let (from, to) = (self.alone(*from)?, self.alone(*to)?);
                self.changed(object, &format!("replace({from}, {to})"))
            }
            ("extend" | "update", [_]) => {
                Problem::fail(node, format!("`{name}` gives no value"), "write it as a statement of its own")
            }
            ("pop", [key]) => {
                let (object, key) = (self.within(object, Level::Whole)?, self.alone(*key)?);
                Ok(Piece::whole(format!("{object}.remove({key})")))
            }
            ("copy", []) if self.kind(object) != Kind::Unknown => self.expression(object),
            (missing, _) if MISSING.contains(&missing) => {
                Problem::fail(node, format!("there is no method `{missing}`"), HELP)
            }
            _ => self.plain_method(object, function, name, (arguments, given)),
        }
    }

    fn plain_method(
        &mut self,
        object: Node<'t>,
        function: Node<'t>,
        name: &str,
        (arguments, given): (Node<'t>, &[Node<'t>]),
    ) -> Outcome<Piece> {
        let renamed = RENAMED.iter().find(|(python, _)| *python == name);
        let function = match renamed {
            Some((_, here)) => format!("{}.{here}", self.within(object, Level::Whole)?),
            None => self.within(function, Level::Whole)?,
        };
        if matches!(name, "keys" | "values") {
            self.warn_of_order(object);
        }
        self.with_arguments(&function, arguments, given)
    }

    fn looked_up(&mut self, map: Node<'t>, key: Node<'t>, otherwise: Option<Node<'t>>) -> Outcome<Piece> {
        let (value, key) = (self.alone(map)?, self.within(key, Level::Compare)?);
        let otherwise = otherwise.map_or(Ok("()".to_owned()), |value| self.alone(value))?;
        let found = |name: &str| format!("if {key} in {name} {{ {name}[{key}] }} else {{ {otherwise} }}");
        Ok(Piece::of(Level::Loose, self.once(map, &value, found)))
    }

    fn items(&mut self, map: Node<'t>) -> Outcome<Piece> {
        self.warn_of_order(map);
        let (key, value) = (self.fresh("key"), self.alone(map)?);
        let pairs = |name: &str| format!("{name}.keys().map(|{key}| [{key}, {name}[{key}]])");
        let text = self.once(map, &value, pairs);
        Ok(Piece::of(if text.starts_with('{') { Level::Loose } else { Level::Whole }, text))
    }

    /// Says that a map is gone through by its keys, which in Python is so only of old.
    pub(super) fn warn_of_order(&mut self, map: Node<'t>) {
        if self.sorts {
            return;
        }
        let help = "if the order matters, write a list of pairs: `[[\"b\", 1], [\"a\", 2]]`";
        self.warn(map, "the keys of a map come in the order of the alphabet here", help);
    }

    /// Converts `a.extend(b)` and `a.update(b)`, which stand alone.
    pub(super) fn growth(&mut self, call: Node<'t>) -> Outcome<Option<String>> {
        let function = part(call, "function");
        let given = super::tree::children(part(call, "arguments"));
        let (true, [more]) = (function.kind() == "attribute", &given[..]) else { return Ok(None) };
        let grows = matches!(self.source.of(part(function, "attribute")), "extend" | "update");
        if !grows || more.kind() == "keyword_argument" {
            return Ok(None);
        }
        self.check_change(part(function, "object"))?;
        let object = self.within(part(function, "object"), Level::Whole)?;
        Ok(Some(format!("{object} += {};", self.alone(*more)?)))
    }
}
