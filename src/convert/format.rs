//! Text that is put together: `%`, `.format()` and f-strings become `pattern % [values]`.

use tree_sitter::Node;

use super::converter::Converter;
use super::kinds::Kind;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::strings::quoted;
use super::tree::{bare, children, part};

const NO_FIELD: &str = "a pattern has %s %d %i %f %e %x %X %o %c, with a width and a precision";

/// Writes a pattern with its values.
pub(super) fn filled(pattern: &str, values: &[String]) -> Piece {
    Piece::of(Level::Product, format!("{pattern} % [{}]", values.join(", ")))
}

impl<'t> Converter<'t> {
    /// Converts `a % b`: a text with values, an object with bindings, or a remainder.
    pub(super) fn filled(&mut self, left: Node<'t>, right: Node<'t>) -> Outcome<Piece> {
        let right = bare(right);
        if let Some(pattern) = self.plain_text(left) {
            check_fields(left, &pattern)?;
            if pattern.contains("%(") {
                let long = self.is_long(left);
                return self.filled_by_name(left, &pattern, right, long);
            }
            let (pattern, kind) = (self.alone(left)?, self.kind(right));
            let values = match right.kind() {
                "tuple" => children(right),
                _ if matches!(kind, Kind::List | Kind::Truth) => vec![right],
                _ => return self.joined(left, right, " % ", Level::Product, Level::Power),
            };
            let mut shown = Vec::new();
            for value in values {
                shown.push(if !only_text(&pattern) { self.alone(value)? } else { self.shown(value)? });
            }
            return Ok(filled(&pattern, &shown));
        }
        self.joined(left, right, " % ", Level::Product, Level::Power)
    }

    /// Converts `"%(name)s" % {...}`.
    fn filled_by_name(
        &mut self,
        node: Node<'t>,
        pattern: &str,
        right: Node<'t>,
        long: bool,
    ) -> Outcome<Piece> {
        let (mut made, mut values) = (String::new(), Vec::new());
        let mut rest = pattern;
        while let Some(at) = rest.find('%') {
            made.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                made.push('%');
                rest = after;
                continue;
            }
            let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
                return Problem::fail(
                    node,
                    "this pattern has fields with names and others",
                    "give all of them names",
                );
            };
            values.push(self.value_named(right, name)?);
            rest = after;
        }
        Ok(filled(&quoted(&(made + rest), long), &values))
    }

    fn value_named(&mut self, map: Node<'t>, name: &str) -> Outcome<String> {
        if map.kind() != "dictionary" {
            return Ok(format!("{}[{}]", self.within(map, Level::Whole)?, quoted(name, false)));
        }
        let named = |pair: &Node<'t>| self.plain_text(part(*pair, "key")).as_deref() == Some(name);
        match children(map).iter().find(|pair| named(pair)) {
            Some(pair) => self.alone(part(*pair, "value")),
            None => Problem::fail(map, format!("there is no value for `{name}`"), "add it to the dictionary"),
        }
    }

    /// Converts `"{} {name:03d}".format(a, name = b)`.
    pub(super) fn formatted(&mut self, pattern: Node<'t>, given: &[Node<'t>]) -> Outcome<Piece> {
        let Some(text) = self.plain_text(pattern) else {
            let help = "write the pattern where it is filled: `\"%s-%03d\" % [a, b]`";
            return Problem::fail(pattern, "only a literal pattern can be converted", help);
        };
        let long = self.is_long(pattern);
        let (mut made, mut values, mut count) = (String::new(), Vec::new(), 0);
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            made.push_str(&rest[..at].replace('%', "%%"));
            let (sign, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(sign) {
                made.push_str(sign);
                rest = after;
                continue;
            }
            let Some((field, after)) = after.split_once('}').filter(|_| sign == "{") else {
                return Problem::fail(pattern, "a brace is not closed", "write `{{` for a brace");
            };
            let (name, spec) = field.split_once(':').unwrap_or((field, ""));
            let name = if name.is_empty() { count.to_string() } else { name.to_owned() };
            count += 1;
            let value = self.argument_named(pattern, given, &name)?;
            made.push_str(&field_of(pattern, spec, self.kind(value))?);
            values.push(self.shown(value)?);
            rest = after;
        }
        made.push_str(&rest.replace('%', "%%"));
        Ok(match values.is_empty() {
            true => Piece::whole(quoted(&made.replace("%%", "%"), long)),
            false => filled(&quoted(&made, long), &values),
        })
    }

    /// Converts a value whose text is asked for: truth values have a capital in Python.
    pub(super) fn shown(&mut self, value: Node<'t>) -> Outcome<String> {
        let text = self.alone(value)?;
        Ok(match self.kind(value) {
            Kind::Truth => format!("if {text} {{ \"True\" }} else {{ \"False\" }}"),
            _ => text,
        })
    }

    fn argument_named(&self, pattern: Node<'t>, given: &[Node<'t>], name: &str) -> Outcome<Node<'t>> {
        let named = |node: &&Node<'t>| {
            node.kind() == "keyword_argument" && self.source.of(part(**node, "name")) == name
        };
        let found = match name.parse::<usize>() {
            Ok(index) => given.get(index).filter(|node| node.kind() != "keyword_argument").copied(),
            Err(_) => given.iter().find(named).map(|node| part(*node, "value")),
        };
        found.ok_or_else(|| {
            let help = "write `\"%s-%03d\" % [a, b]`, a value for each %";
            Problem::new(pattern, format!("there is no value for `{{{name}}}`"), help)
        })
    }

    /// Converts `{value:spec}` of an f-string to a field and its value.
    pub(super) fn interpolation(&mut self, node: Node<'t>) -> Outcome<(String, String)> {
        let value = part(node, "expression");
        let mut spec = "";
        for child in children(node) {
            match child.kind() {
                "format_specifier" => spec = self.source.of(child).trim_start_matches(':'),
                "type_conversion" if self.source.of(child) != "!s" => {
                    return Problem::fail(child, "there is no such form of a value", "leave it out");
                }
                _ => {}
            }
        }
        if self.source.of(node).trim_end_matches('}').ends_with('=') {
            return Problem::fail(node, "there is no `{name=}`", "write the name and `=` before the braces");
        }
        Ok((field_of(node, spec, self.kind(value))?, self.shown(value)?))
    }
}

/// Refuses fields that patterns do not have here.
fn check_fields(node: Node<'_>, pattern: &str) -> Outcome<()> {
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(named) = rest.strip_prefix('(') {
            rest = named.split_once(')').map_or("", |(_, after)| after);
        }
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | ' ' | '.'));
        match rest.chars().next() {
            Some('s' | 'd' | 'i' | 'f' | 'e' | 'x' | 'X' | 'o' | 'c' | '%') => rest = &rest[1..],
            Some(other) => return Problem::fail(node, format!("there is no `%{other}`"), NO_FIELD),
            None => return Problem::fail(node, "the pattern ends in the middle of a field", NO_FIELD),
        }
    }
    Ok(())
}

/// Turns `03d`, `>8` or `.2f` into a field of a pattern.
fn field_of(node: Node<'_>, spec: &str, kind: Kind) -> Outcome<String> {
    let unknown = || Problem::new(node, format!("there is no counterpart of the format `{spec}`"), NO_FIELD);
    let (align, rest) = match spec.chars().next() {
        Some(align @ ('<' | '>')) => (Some(align), &spec[1..]),
        _ => (None, spec),
    };
    let conversion = rest.chars().next_back().filter(char::is_ascii_alphabetic);
    let width = rest.strip_suffix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest);
    if !width.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(unknown());
    }
    let numeric = matches!(kind, Kind::Integer | Kind::Float);
    let conversion = match conversion {
        Some(known @ ('s' | 'd' | 'f' | 'e' | 'x' | 'X' | 'o' | 'c')) => known,
        None if kind == Kind::Integer && !width.is_empty() => 'd',
        None => 's',
        Some(_) => return Err(unknown()),
    };
    let right = conversion != 's' || numeric || align == Some('>');
    match align {
        // Numbers stand to the right, text to the left: of what value it is must be known.
        None if width.is_empty() => Ok(format!("%{conversion}")),
        None if conversion == 's' && !spec.ends_with('s') && kind != Kind::Text => Err(unknown()),
        Some('<') => Ok(format!("%-{width}{conversion}")),
        _ if right => Ok(format!("%{width}{conversion}")),
        _ => Ok(format!("%-{width}{conversion}")),
    }
}

/// Says whether all fields of a pattern take text.
fn only_text(pattern: &str) -> bool {
    let fields = pattern.replace("%%", "");
    fields.split('%').skip(1).all(|field| {
        field.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')).starts_with('s')
    })
}
