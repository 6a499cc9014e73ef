//! Functions that Python has of its own.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::{HELP, map_key};
use super::kinds::Kind;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{children, part};

/// Functions that have no counterpart.
const MISSING: [&str; 22] = [
    "callable",
    "chr",
    "delattr",
    "dir",
    "eval",
    "exec",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "id",
    "input",
    "isinstance",
    "iter",
    "locals",
    "next",
    "open",
    "ord",
    "repr",
    "set",
    "setattr",
    "type",
];

impl<'t> Converter<'t> {
    /// Converts a call of one of Python's own functions; nothing of others.
    pub(super) fn python_function(
        &mut self,
        node: Node<'t>,
        name: &str,
        given: &[Node<'t>],
    ) -> Outcome<Option<Piece>> {
        if MISSING.contains(&name) {
            return Problem::fail(node, format!("there is no counterpart of `{name}`"), HELP);
        }
        if given.iter().any(|argument| argument.kind() == "keyword_argument") && name != "dict" {
            return match name {
                "sorted" | "max" | "min" | "print" | "enumerate" | "sum" => {
                    Problem::fail(node, format!("`{name}` takes no keywords here"), HELP)
                }
                _ => Ok(None),
            };
        }
        let made = match (name, given) {
            ("str" | "unicode", [value]) => self.text_of(*value)?,
            ("int" | "long", [value]) if self.kind(*value) == Kind::Integer => self.expression(*value)?,
            ("int" | "long", [value]) => {
                self.wrapped(*value, |text| format!("parse_int(\"%d\" % [{text}])"))?
            }
            ("float", [value]) => self.wrapped(*value, |text| format!("parse_float(\"%s\" % [{text}])"))?,
            ("bool", [value]) => self.truth(*value)?,
            ("len", [value]) => self.postfix(*value, ".len()")?,
            ("list" | "tuple", []) => Piece::whole("[]"),
            ("list" | "tuple", [value]) if self.kind(*value) == Kind::List => self.expression(*value)?,
            ("list" | "tuple", [value]) => {
                let list = self.iterable(*value)?;
                Piece::whole(format!("{}.to_array()", list.within(Level::Whole)))
            }
            ("dict", _) => self.dict(node, given)?,
            ("map", [function, list]) => self.applied("map", *function, *list)?,
            ("filter", [function, list]) => self.applied("filter", *function, *list)?,
            ("xrange" | "range", [_, ..]) => self.range(given)?,
            ("sorted", [list]) => self.sorted(*list)?,
            ("reversed", [list]) => self.changed_list(*list, "reverse()")?,
            ("sum", [list]) => {
                let (a, b) = (self.fresh("sum"), self.fresh("one"));
                self.postfix(*list, &format!(".reduce(|{a}, {b}| {a} + {b}, 0)"))?
            }
            ("any" | "all", [list]) => self.any_or_all(name, *list)?,
            ("enumerate", [list]) => {
                let (one, index) = (self.fresh("one"), self.fresh("index"));
                let list = self.within(*list, Level::Whole)?;
                Piece::whole(format!("{list}.map(|{one}, {index}| [{index}, {one}])"))
            }
            ("print", values) => self.printed(values)?,
            ("max" | "min", [list]) => {
                let message = format!("`{name}` takes two values here");
                return Problem::fail(*list, message, format!("write `list.reduce(|a, b| {name}(a, b), 0)`"));
            }
            ("zip", _) => {
                return Problem::fail(
                    node,
                    "there is no `zip`",
                    "go through the numbers: `range(a.len()).map(|i| ...)`",
                );
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    fn wrapped(&mut self, value: Node<'t>, write: impl FnOnce(&str) -> String) -> Outcome<Piece> {
        let text = self.alone(value)?;
        Ok(Piece::whole(write(&text)))
    }

    fn postfix(&mut self, value: Node<'t>, behind: &str) -> Outcome<Piece> {
        let value = self.within(value, Level::Whole)?;
        Ok(Piece::whole(format!("{value}{behind}")))
    }

    fn text_of(&mut self, value: Node<'t>) -> Outcome<Piece> {
        match (self.kind(value), value.kind()) {
            (Kind::Text, _) => self.expression(value),
            (_, "true") => Ok(Piece::whole("\"True\"")),
            (_, "false") => Ok(Piece::whole("\"False\"")),
            (_, "none") => Ok(Piece::whole("\"None\"")),
            _ => {
                let value = self.shown(value)?;
                Ok(Piece::of(Level::Product, format!("\"%s\" % [{value}]")))
            }
        }
    }

    fn range(&mut self, given: &[Node<'t>]) -> Outcome<Piece> {
        let mut bounds = Vec::new();
        for bound in given {
            bounds.push(self.alone(*bound)?);
        }
        Ok(Piece::whole(format!("range({})", bounds.join(", "))))
    }

    fn dict(&mut self, node: Node<'t>, given: &[Node<'t>]) -> Outcome<Piece> {
        let (mut sum, mut entries) = (Vec::new(), Vec::new());
        for argument in given {
            match argument.kind() {
                "keyword_argument" => {
                    let key = map_key(self.source.of(part(*argument, "name")));
                    entries.push(format!("{key}: {}", self.alone(part(*argument, "value"))?));
                }
                "dictionary_splat" => {
                    let map = children(*argument).first().copied().unwrap_or(*argument);
                    sum.push(self.within(map, Level::Sum)?);
                }
                _ if matches!(self.kind(*argument), Kind::Map | Kind::Unknown) => {
                    sum.push(self.within(*argument, Level::Sum)?);
                }
                _ => return Problem::fail(node, "a map is not made of pairs", "write `#{key: value}`"),
            }
        }
        if sum.is_empty() || !entries.is_empty() {
            sum.push(format!("#{{{}}}", entries.join(", ")));
        }
        let level = if sum.len() == 1 { Level::Whole } else { Level::Sum };
        Ok(Piece::of(level, sum.join(" + ")))
    }

    fn applied(&mut self, method: &str, function: Node<'t>, list: Node<'t>) -> Outcome<Piece> {
        let list = self.iterable(list)?.within(Level::Whole);
        let own = self.source.of(function);
        let function = match (self.is_variable(own), own) {
            (false, "str" | "int" | "len" | "float") => {
                let name = self.fresh("one");
                let body = match own {
                    "str" => format!("\"%s\" % [{name}]"),
                    "int" => format!("parse_int(\"%d\" % [{name}])"),
                    "float" => format!("parse_float(\"%s\" % [{name}])"),
                    _ => format!("{name}.len()"),
                };
                format!("|{name}| {body}")
            }
            _ => self.alone(function)?,
        };
        Ok(Piece::whole(format!("{list}.{method}({function})")))
    }

    fn changed_list(&mut self, list: Node<'t>, method: &str) -> Outcome<Piece> {
        let (name, list) = (self.fresh("copy"), self.iterable(list)?.within(Level::Whole));
        let copy = format!("{{ let {name} = {list}.to_array(); {name}.{method}; {name} }}");
        Ok(Piece::of(Level::Loose, copy))
    }

    fn sorted(&mut self, list: Node<'t>) -> Outcome<Piece> {
        let sorts = std::mem::replace(&mut self.sorts, true);
        let made = self.changed_list(list, "sort()");
        self.sorts = sorts;
        made
    }

    fn any_or_all(&mut self, name: &str, list: Node<'t>) -> Outcome<Piece> {
        let method = if name == "any" { "some" } else { "all" };
        if let Some((variable, iterable, body)) = self.simple_generator(list) {
            let list = self.iterable(iterable)?.within(Level::Whole);
            let spelled = self.name(variable)?;
            let names = vec![self.source.of(variable).to_owned()];
            let test = self.in_scope(body.byte_range(), names, |this| this.condition(body))?;
            return Ok(Piece::whole(format!("{list}.{method}(|{spelled}| {test})")));
        }
        let one = self.fresh("one");
        let list = self.within(list, Level::Whole)?;
        Ok(Piece::whole(format!("{list}.{method}(|{one}| {one} !in [(), false, 0, \"\", [], #{{}}])")))
    }

    /// Converts what `print` is given.
    pub(super) fn printed(&mut self, values: &[Node<'t>]) -> Outcome<Piece> {
        let mut written = Vec::new();
        for value in values {
            written.push(self.alone(*value)?);
        }
        Ok(Piece::whole(match &written[..] {
            [] => "print(\"\")".to_owned(),
            [value] => format!("print({value})"),
            several => {
                let pattern = vec!["%s"; several.len()].join(" ");
                format!("print(\"{pattern}\" % [{}])", several.join(", "))
            }
        }))
    }
}
