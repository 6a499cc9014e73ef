//! Integers of any size, as text sees them: parsed, printed, compared, converted; no arithmetic.

use std::cmp::Ordering;
use std::fmt;

use crate::template::ascii_digit;

/// An integer of any size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
    /// One that fits into 64 bits.
    Small(i64),
    /// One that does not: decimal digits without leading zeros, behind a `-` if it is negative.
    Big(Box<str>),
}

impl Integer {
    /// Parses what a user may write for an integer (SEMANTICS 6.3): blanks around, a sign, digits with single
    /// underscores between them; no point, exponent, or base.
    pub fn parse(text: &str) -> Option<Integer> {
        let text = ascii_number(text)?;
        let (negative, digits) = match text.strip_prefix(['+', '-']) {
            Some(digits) => (text.starts_with('-'), digits),
            None => (false, text.as_str()),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Integer::from_digits(negative, digits))
    }

    /// Truncates towards zero; nothing for infinities and nan.
    pub fn from_float(float: f64) -> Option<Integer> {
        if !float.is_finite() {
            return None;
        }
        let text = format!("{:.0}", float.trunc().abs());
        Some(Integer::from_digits(float < 0.0, &text))
    }

    /// Returns the nearest float; infinite if it is out of range.
    pub fn to_float(&self) -> f64 {
        match self {
            Integer::Small(small) => *small as f64,
            Integer::Big(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Returns the value if it fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Integer::Small(small) => Some(*small),
            Integer::Big(_) => None,
        }
    }

    /// Says whether this is zero.
    pub fn is_zero(&self) -> bool {
        *self == Integer::Small(0)
    }

    fn from_digits(negative: bool, digits: &str) -> Integer {
        let digits = digits.trim_start_matches('0');
        let text =
            format!("{}{}", if negative { "-" } else { "" }, if digits.is_empty() { "0" } else { digits });
        match text.parse() {
            Ok(small) => Integer::Small(small),
            Err(_) => Integer::Big(text.into()),
        }
    }

    fn is_negative(&self) -> bool {
        match self {
            Integer::Small(small) => *small < 0,
            Integer::Big(text) => text.starts_with('-'),
        }
    }
}

impl From<i64> for Integer {
    fn from(small: i64) -> Integer {
        Integer::Small(small)
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Integer::Small(small) => small.fmt(f),
            Integer::Big(text) => f.write_str(text),
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Integer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Integer) -> Ordering {
        if let (Integer::Small(left), Integer::Small(right)) = (self, other) {
            return left.cmp(right);
        }
        match (self.is_negative(), other.is_negative()) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (negative, _) => {
                let (left, right) = (self.to_string(), other.to_string());
                let order = left.len().cmp(&right.len()).then_with(|| left.cmp(&right));
                if negative { order.reverse() } else { order }
            }
        }
    }
}

/// Writes a number without blanks around it, in the digits of ASCII, and without single underscores between digits;
/// nothing if an underscore stands elsewhere.
pub(super) fn ascii_number(text: &str) -> Option<String> {
    let text = text.trim().chars().map(|c| ascii_digit(c).unwrap_or(c)).collect::<String>();
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let between = |i: usize| digit(i.checked_sub(1)) && digit(Some(i + 1));
    let valid = bytes.iter().enumerate().all(|(i, byte)| *byte != b'_' || between(i));
    valid.then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_any_size() {
        let big = Integer::parse(" -0123456789012345678901234567890 ").unwrap();
        assert_eq!(big.to_string(), "-123456789012345678901234567890");
        assert!(big < Integer::Small(i64::MIN));
        assert_eq!(Integer::parse("\u{2003}１_٠\u{85}"), Some(Integer::Small(10)));
        assert_eq!(Integer::from_float(1e20).unwrap().to_string(), "100000000000000000000");
        assert_eq!(Integer::from_float(-0.9), Some(Integer::Small(0)));
        for wrong in ["", "-", "1.0", "1e5", "0x1", "1__0", "_1", "1_", "1 0", "--1", "²", "\x1f1"] {
            assert_eq!(Integer::parse(wrong), None, "{wrong}");
        }
    }
}
