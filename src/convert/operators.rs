//! Operators and comparisons.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::HELP;
use super::kinds::Kind;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{bare, part};

/// The most copies of a text that are written out.
const MAX_COPIES: usize = 1000;

impl<'t> Converter<'t> {
    pub(super) fn binary(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let (left, right) = (part(node, "left"), part(node, "right"));
        match self.source.of(part(node, "operator")) {
            "+" => self.joined(left, right, " + ", Level::Sum, Level::Product),
            "-" => self.joined(left, right, " - ", Level::Sum, Level::Product),
            "*" => self.product(left, right),
            "/" => {
                self.warn_of_division(node, left, right);
                self.joined(left, right, " / ", Level::Product, Level::Power)
            }
            "//" if [left, right].iter().any(|side| self.kind(*side) == Kind::Float) => {
                Problem::fail(node, "there is no `//` of floats", "write `(a / b).floor()`")
            }
            "//" => self.joined(left, right, " / ", Level::Product, Level::Power),
            "%" => self.filled(left, right),
            "**" => self
                .joined(left, right, " ** ", Level::Sign, Level::Sign)
                .map(|piece| Piece::of(Level::Power, piece.text)),
            symbol @ ("|" | "&" | "^" | "<<" | ">>") => {
                let made = self.joined(left, right, &format!(" {symbol} "), Level::Whole, Level::Whole)?;
                Ok(Piece::of(Level::Loose, made.text))
            }
            symbol => Problem::fail(node, format!("there is no operator `{symbol}`"), HELP),
        }
    }

    /// Writes an operator between what holds at least as tightly as the two levels; the first is that of the result.
    pub(super) fn joined(
        &mut self,
        left: Node<'t>,
        right: Node<'t>,
        operator: &str,
        level: Level,
        right_level: Level,
    ) -> Outcome<Piece> {
        let text = format!("{}{operator}{}", self.within(left, level)?, self.within(right, right_level)?);
        Ok(Piece::of(level, text))
    }

    fn warn_of_division(&mut self, node: Node<'t>, left: Node<'t>, right: Node<'t>) {
        let kinds = [self.kind(left), self.kind(right)];
        let number = |side: Node<'_>| self.source.of(bare(side)).parse::<i64>().ok();
        let exact = match (number(left), number(right)) {
            (Some(left), Some(right)) => left.checked_rem(right) == Some(0),
            _ => false,
        };
        if !kinds.contains(&Kind::Float) && !exact {
            let message = "`/` of integers is an integer here, as in Python 2";
            self.warn(
                node,
                message,
                "if a fraction is meant, as in Python 3, write one number with a point: `1.0 / n`",
            );
        }
    }

    /// Converts `a * b`; `"-" * 3` and `[x] * 3` are written as what they give.
    fn product(&mut self, left: Node<'t>, right: Node<'t>) -> Outcome<Piece> {
        let (whole, times) = match self.kind(right) {
            Kind::Text | Kind::List => (right, left),
            _ => (left, right),
        };
        match self.kind(whole) {
            Kind::Text => self.repeated(whole, times),
            Kind::List => {
                let element = super::tree::children(whole);
                let [element] = element[..] else {
                    let help = "write the list out, or `range(n).map(|i| ...)`";
                    return Problem::fail(whole, "lists are not multiplied", help);
                };
                let (element, times) = (self.alone(element)?, self.alone(times)?);
                let name = self.fresh("i");
                Ok(Piece::whole(format!("range({times}).map(|{name}| {element})")))
            }
            _ => self.joined(left, right, " * ", Level::Product, Level::Power),
        }
    }

    fn repeated(&mut self, text: Node<'t>, times: Node<'t>) -> Outcome<Piece> {
        let number = self.source.of(bare(times)).parse::<usize>().ok();
        if let (Some(plain), Some(number)) = (self.plain_text(text), number)
            && plain.len().saturating_mul(number) <= MAX_COPIES
        {
            return Ok(Piece::whole(super::strings::quoted(&plain.repeat(number), false)));
        }
        let (text, times, name) = (self.alone(text)?, self.alone(times)?, self.fresh("i"));
        Ok(Piece::whole(format!("range({times}).map(|{name}| {text}).join(\"\")")))
    }

    pub(super) fn unary(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let argument = self.expression(part(node, "argument"))?;
        match self.source.of(part(node, "operator")) {
            "-" => Ok(Piece::of(Level::Sign, format!("-{}", argument.within(Level::Whole)))),
            "+" => Ok(argument),
            symbol => Problem::fail(node, format!("there is no operator `{symbol}`"), HELP),
        }
    }

    /// Converts `a < b <= c` and the like.
    pub(super) fn comparison(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let (mut operands, mut operators) = (Vec::new(), Vec::new());
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "comment" | "line_continuation" => {}
                _ if child.is_named() => operands.push(child),
                _ => operators.push(child),
            }
        }
        if operands.len() != operators.len() + 1 {
            return Problem::fail(node, "this is no comparison", HELP);
        }
        let mut compared = Vec::new();
        for (pair, operator) in operands.windows(2).zip(&operators) {
            compared.push(self.compared(pair[0], *operator, pair[1])?);
        }
        match <[Piece; 1]>::try_from(compared) {
            Ok([piece]) => Ok(piece),
            Err(several) => {
                let several: Vec<String> =
                    several.into_iter().map(|piece| piece.within(Level::And)).collect();
                Ok(Piece::of(Level::And, several.join(" && ")))
            }
        }
    }

    fn compared(&mut self, left: Node<'t>, operator: Node<'t>, right: Node<'t>) -> Outcome<Piece> {
        let written = self.source.of(operator).split_whitespace().collect::<Vec<_>>().join(" ");
        let (symbol, level) = match written.as_str() {
            "is" | "==" => ("==", Level::Equal),
            "is not" | "!=" | "<>" => ("!=", Level::Equal),
            "in" => ("in", Level::In),
            "not in" => ("!in", Level::In),
            _ => (written.as_str(), Level::Compare),
        };
        let tighter = if level == Level::Compare { Level::Sum } else { Level::Compare };
        let (left, right) = (self.within(left, tighter)?, self.within(right, tighter)?);
        Ok(Piece::of(level, format!("{left} {symbol} {right}")))
    }
}
