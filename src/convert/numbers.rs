//! Numbers.

use tree_sitter::Node;

use super::piece::Piece;
use super::problem::{Outcome, Problem};

/// Converts a whole number.
///
/// # Errors
/// It is too large, or has a form of old.
pub(super) fn integer(node: Node<'_>, written: &str) -> Outcome<Piece> {
    let digits = written.trim_end_matches(['l', 'L']).replace('_', "").to_lowercase();
    let (radix, rest) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits.as_str()),
    };
    if digits.ends_with('j') {
        return Problem::fail(node, "there are no complex numbers", "write the number that is meant");
    }
    if radix == 10 && rest.len() > 1 && rest.starts_with('0') {
        // Once octal; now an error in Python.
        let old = i64::from_str_radix(rest, 8).ok();
        let made = old.map(|_| Piece::whole(format!("0o{}", rest.trim_start_matches('0'))));
        return made
            .filter(|_| rest.contains(['1', '2', '3', '4', '5', '6', '7']))
            .map_or_else(|| Problem::fail(node, "a number does not start with 0", "write it without"), Ok);
    }
    match i64::from_str_radix(rest, radix) {
        Ok(_) => Ok(Piece::whole(written.trim_end_matches(['l', 'L']).to_lowercase())),
        Err(_) => Problem::fail(node, "the number is too large", "the largest is 9223372036854775807"),
    }
}

/// Converts a number with a point.
///
/// # Errors
/// It is no number of 64 bits.
pub(super) fn float(node: Node<'_>, written: &str) -> Outcome<Piece> {
    let value = written.replace('_', "").parse::<f64>().ok().filter(|value| value.is_finite());
    match value {
        Some(value) if value.fract() == 0.0 => Ok(Piece::whole(format!("{value:.1}"))),
        Some(value) => Ok(Piece::whole(format!("{value}"))),
        None => Problem::fail(node, "there is no such number", "write a number of at most 64 bits"),
    }
}
