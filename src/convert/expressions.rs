//! Expressions: names, literals, brackets, conditions.

use tree_sitter::Node;

use super::converter::Converter;
use super::kinds::Kind;
use super::names::is_keyword;
use super::numbers;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::strings::quoted;
use super::tree::{bare, children, part};

/// The modules of functions that a script may name.
const LIBRARIES: [&str; 4] = ["Units", "Processes", "Tasks", "Options"];

impl<'t> Converter<'t> {
    /// Converts an expression.
    ///
    /// # Errors
    /// It has no counterpart; or it would become far longer than it was, as what is written twice inside of what is
    /// written twice.
    pub(super) fn expression(&mut self, node: Node<'t>) -> Outcome<Piece> {
        self.work += 1;
        let piece = if self.work > MAX_WORK { None } else { Some(self.any_expression(node)?) };
        match piece.filter(|piece| piece.text.len() <= MAX_TEXT) {
            Some(piece) => Ok(piece),
            None => Problem::fail(node, "this becomes too long", "give the inner parts names, and use those"),
        }
    }

    fn any_expression(&mut self, node: Node<'t>) -> Outcome<Piece> {
        match node.kind() {
            "identifier" => self.variable(node),
            "true" | "false" => Ok(Piece::whole(self.source.of(node).to_lowercase())),
            "none" => Ok(Piece::whole("()")),
            "integer" => numbers::integer(node, self.source.of(node)),
            "float" => numbers::float(node, self.source.of(node)),
            "string" | "concatenated_string" => self.string(node),
            "parenthesized_expression" => self.expression(bare(node)),
            "list" | "tuple" | "expression_list" | "pattern_list" => self.list(node).map(Piece::whole),
            "dictionary" => self.dictionary(node),
            "call" => self.call(node),
            "attribute" => self.attribute(node),
            "subscript" => self.subscript(node),
            "binary_operator" => self.binary(node),
            "unary_operator" => self.unary(node),
            "boolean_operator" => self.choice(node),
            "not_operator" => self.truth(node),
            "comparison_operator" => self.comparison(node),
            "conditional_expression" => self.conditional(node),
            "lambda" => self.lambda(node),
            "list_comprehension" | "generator_expression" => self.comprehension(node),
            "dictionary_comprehension" => self.map_comprehension(node),
            kind => {
                let what = kind.replace('_', " ");
                Problem::fail(node, format!("there is no counterpart of this ({what})"), HELP)
            }
        }
    }

    /// Converts an expression to text that stands alone, such as an argument.
    pub(super) fn alone(&mut self, node: Node<'t>) -> Outcome<String> {
        Ok(self.expression(node)?.text)
    }

    /// Converts an expression to text that holds together as tightly as `level`.
    pub(super) fn within(&mut self, node: Node<'t>, level: Level) -> Outcome<String> {
        Ok(self.expression(node)?.within(level))
    }

    fn variable(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let name = self.source.of(node);
        if self.modules.contains(name) {
            return Err(foreign(node, name));
        }
        if name.starts_with("__") && name.ends_with("__") && name.len() > 4 {
            let help = "a script runs whenever it is read; write what follows without this condition";
            return Problem::fail(node, format!("there is no `{name}`"), help);
        }
        self.name(node).map(Piece::whole)
    }

    /// Converts what stands between square or round brackets.
    fn list(&mut self, node: Node<'t>) -> Outcome<String> {
        self.bracketed(node, &children(node), ("[", "]"), false, |this, item| this.element(item))
    }

    fn element(&mut self, item: Node<'t>) -> Outcome<String> {
        match item.kind() {
            "list_splat" => Problem::fail(item, "lists are not unpacked with `*`", "add them: `[a] + list`"),
            _ => self.alone(item),
        }
    }

    fn dictionary(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let items = children(node);
        let (spread, pairs): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.kind() == "dictionary_splat");
        if pairs.iter().any(|pair| !self.is_plain_key(part(*pair, "key"))) {
            let help = "make it in steps: `let map = #{}; map[key] = value;`";
            return Problem::fail(node, "keys of a map literal are literals", help);
        }
        let map = self.bracketed(node, &pairs, ("#{", "}"), false, |this, pair| this.pair(pair))?;
        let mut sum = Vec::new();
        for other in spread {
            let inner = children(other).first().copied().unwrap_or(other);
            sum.push(self.within(inner, Level::Sum)?);
        }
        if sum.is_empty() {
            return Ok(Piece::whole(map));
        }
        sum.push(map);
        Ok(Piece::of(Level::Sum, sum.join(" + ")))
    }

    fn is_plain_key(&self, key: Node<'_>) -> bool {
        key.kind() == "integer" || self.plain_text(key).is_some()
    }

    fn pair(&mut self, pair: Node<'t>) -> Outcome<String> {
        let key = part(pair, "key");
        let text = self.plain_text(key).unwrap_or_else(|| self.source.of(key).to_owned());
        Ok(format!("{}: {}", map_key(&text), self.alone(part(pair, "value"))?))
    }

    fn attribute(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let (object, name) = (part(node, "object"), part(node, "attribute"));
        let joint = if self.is_library(object) { "::" } else { "." };
        let object = match object.kind() {
            "identifier" if self.modules.contains(self.source.of(object)) => {
                return Err(foreign(node, self.source.of(node)));
            }
            _ => self.within(object, Level::Whole)?,
        };
        let name = self.source.of(name);
        match is_keyword(name) || !name.is_ascii() {
            true => Ok(Piece::whole(format!("{object}[{}]", quoted(name, false)))),
            false => Ok(Piece::whole(format!("{object}{joint}{name}"))),
        }
    }

    /// Says whether a name is one of the libraries that scripts have too.
    pub(super) fn is_library(&self, node: Node<'_>) -> bool {
        let name = self.source.of(node);
        LIBRARIES.contains(&name) && !self.is_variable(name)
    }

    fn conditional(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let parts = children(node);
        let [yes, condition, no] = parts[..] else {
            return Problem::fail(node, "this is no condition", HELP);
        };
        let condition = self.condition(condition)?;
        let (yes, no) = (self.alone(yes)?, self.alone(no)?);
        Ok(Piece::of(Level::Loose, format!("if {condition} {{ {yes} }} else {{ {no} }}")))
    }

    /// Converts what is asked whether it is true.
    pub(super) fn condition(&mut self, node: Node<'t>) -> Outcome<String> {
        Ok(self.truth(node)?.in_head())
    }

    /// Converts an expression to a truth value, by the rules of Python.
    pub(super) fn truth(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let node = bare(node);
        match node.kind() {
            "not_operator" => {
                let inner = self.truth(part(node, "argument"))?;
                Ok(negated(inner))
            }
            "boolean_operator" => {
                let and = self.source.of(part(node, "operator")) == "and";
                let (symbol, level) = if and { ("&&", Level::And) } else { ("||", Level::Or) };
                let left = self.truth(part(node, "left"))?.within(level);
                let right = self.truth(part(node, "right"))?.within(level);
                Ok(Piece::of(level, format!("{left} {symbol} {right}")))
            }
            "none" => Ok(Piece::whole("false")),
            _ => self.asked(node),
        }
    }

    fn asked(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let kind = self.kind(node);
        Ok(asked(self.expression(node)?, kind))
    }

    /// Converts `a or b`, which is one of the two.
    fn choice(&mut self, node: Node<'t>) -> Outcome<Piece> {
        if self.kind(node) == Kind::Truth {
            return self.truth(node);
        }
        let (left, right) = (part(node, "left"), part(node, "right"));
        let kind = self.kind(left);
        let and = self.source.of(part(node, "operator")) == "and";
        let (value, right) = (self.alone(left)?, self.alone(right)?);
        let known =
            self.plain_text(left).map(|text| !text.is_empty()).or((left.kind() == "none").then_some(false));
        if let Some(known) = known {
            return Ok(Piece::of(Level::Loose, if known == and { right } else { value }));
        }
        let chosen = |name: &str| {
            let condition = asked(Piece::whole(name), kind).text;
            let (yes, no) = if and { (right.as_str(), name) } else { (name, right.as_str()) };
            format!("if {condition} {{ {yes} }} else {{ {no} }}")
        };
        Ok(Piece::of(Level::Loose, self.once(left, &value, chosen)))
    }

    /// Writes what needs a value more than once: a name as it is, anything else under a name.
    pub(super) fn once(&self, node: Node<'t>, value: &str, write: impl FnOnce(&str) -> String) -> String {
        if bare(node).kind() == "identifier" {
            return write(value);
        }
        let name = self.fresh("value");
        let written = write(&name);
        format!("{{ let {name} = {value}; {written} }}")
    }
}

/// The most expressions that are converted, and the longest text that one of them becomes.
const MAX_WORK: usize = 500_000;
const MAX_TEXT: usize = 512 << 10;

/// What to do about what Python alone has.
pub(super) const HELP: &str = "write it by hand; README's tour shows the language";

/// Says that something comes from a module.
fn foreign(node: Node<'_>, name: &str) -> Box<Problem> {
    let help = if name.starts_with("os") {
        "scripts see no environment: write `{{NAME}}` or `param(\"name\", default)`, and give it with `-E name=VALUE`"
    } else {
        "scripts have no modules: write what it gives, or let the command compute it"
    };
    Problem::new(node, format!("`{name}` comes from a module of Python"), help)
}

/// Asks a value of a kind whether it is true.
fn asked(value: Piece, kind: Kind) -> Piece {
    match kind {
        Kind::Truth => value,
        Kind::Integer | Kind::Float => Piece::of(Level::Equal, format!("{} != 0", value.within(Level::In))),
        Kind::Text => Piece::of(Level::Equal, format!("{} != \"\"", value.within(Level::In))),
        Kind::List | Kind::Map => {
            Piece::of(Level::Compare, format!("{}.len() > 0", value.within(Level::Whole)))
        }
        Kind::Unknown => Piece::of(
            Level::In,
            format!("{} !in [(), false, 0, \"\", [], #{{}}]", value.within(Level::Compare)),
        ),
    }
}

fn negated(inner: Piece) -> Piece {
    let (before, after) = inner.text.split_once(" in ").unwrap_or_default();
    let is_membership = inner.level == Level::In && !before.is_empty() && !before.contains(['"', '\'', '#']);
    if is_membership {
        return Piece::of(Level::In, format!("{before} !in {after}"));
    }
    if let (Level::In, Some(value)) = (inner.level, inner.text.strip_suffix(EMPTY)) {
        return Piece::of(Level::In, format!("{value} in {}", &EMPTY[" !in ".len()..]));
    }
    if let (Level::Compare, Some(list)) = (inner.level, inner.text.strip_suffix(".len() > 0")) {
        return Piece::of(Level::Equal, format!("{list}.len() == 0"));
    }
    Piece::of(Level::Sign, format!("!{}", inner.within(Level::Sign)))
}

/// How a value of an unknown kind is asked whether it is true.
const EMPTY: &str = " !in [(), false, 0, \"\", [], #{}]";

/// Writes the key of a map: as a name where it can be one.
pub(super) fn map_key(text: &str) -> String {
    let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !is_keyword(text) && !is_python_keyword(text) {
        text.to_owned()
    } else {
        quoted(text, false)
    }
}

/// Says whether a word is kept by both languages.
pub(super) fn is_python_keyword(name: &str) -> bool {
    const SHARED: [&str; 10] =
        ["if", "else", "for", "in", "while", "return", "break", "continue", "try", "True"];
    SHARED.contains(&name)
}
