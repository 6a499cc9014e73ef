//! Plain values: what users write for an object, and what is left of an object when its types are taken away.

use std::fmt;
use std::sync::Arc;

use super::error::Error;
use super::integer::Integer;
use super::object::Object;
use crate::diagnostics::with_article;
use crate::template::Work;

/// A plain value, or a typed object among plain values.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON's null and Rhai's `()`.
    Null,
    /// The marker that unsets a field.
    Empty,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(Integer),
    /// A float.
    Float(f64),
    /// Text, which may be a template.
    Text(Arc<str>),
    /// A list.
    List(Vec<Value>),
    /// A map in the order in which it was written.
    Map(Vec<(Value, Value)>),
    /// A typed object.
    Object(Box<Object>),
}

impl Value {
    /// Makes text.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Makes a map with text keys.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (Value::text(key), value)).collect())
    }

    /// Returns the text if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Names the kind of value, with its article, as messages do.
    pub fn kind(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Empty => "Empty".to_owned(),
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Int(_) => "an integer".to_owned(),
            Value::Float(_) => "a float".to_owned(),
            Value::Text(_) => "text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Object(object) => with_article(&object.ty().name()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int.into())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Value {
        Value::Bool(bool)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(Box::new(object))
    }
}

/// The text of a value when it is put into other text: text bare, booleans as `True` and `False` (SEMANTICS 4.2).
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Object(object) => object.fmt(f),
            _ => f.write_str(&self.quoted()),
        }
    }
}

impl Value {
    /// Returns the text of a value as it is shown inside of another: text in quotes (SEMANTICS 7.3 and 9.1).
    pub fn quoted(&self) -> String {
        match self {
            Value::Null => "None".to_owned(),
            Value::Empty => "Empty".to_owned(),
            Value::Bool(bool) => if *bool { "True" } else { "False" }.to_owned(),
            Value::Int(int) => int.to_string(),
            Value::Float(float) => float_text(*float),
            Value::Text(text) => quote(text),
            Value::List(values) => {
                format!("[{}]", values.iter().map(Value::quoted).collect::<Vec<_>>().join(", "))
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(Value, Value)| format!("{}: {}", key.quoted(), value.quoted());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Value::Object(object) => object.repr(&Work::default()).unwrap_or_else(|_| object.to_string()),
        }
    }

    /// Returns why this value cannot be put into text: a typed object in it that does not convert.
    pub(super) fn failure(&self) -> Option<Error> {
        match self {
            Value::Object(object) => object.text(&Work::default()).err(),
            other => other.quoted_failure(),
        }
    }

    /// The same for [`Value::quoted`].
    pub(super) fn quoted_failure(&self) -> Option<Error> {
        match self {
            Value::Object(object) => object.repr(&Work::default()).err(),
            Value::List(values) => values.iter().find_map(Value::quoted_failure),
            Value::Map(entries) => {
                let failure =
                    |(key, value): &(Value, Value)| key.quoted_failure().or_else(|| value.quoted_failure());
                entries.iter().find_map(failure)
            }
            _ => None,
        }
    }
}

/// Writes a float with the fewest digits that read back as the same number (SEMANTICS 6.2).
pub fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = float.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{float:?}");
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Quotes text: in single quotes, or in double ones if that saves escaping (SEMANTICS 9.1).
pub fn quote(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(mark);
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            _ if c == mark => quoted.extend(['\\', c]),
            _ if is_printable(c) => quoted.push(c),
            _ => quoted.push_str(&match u32::from(c) {
                code @ ..0x100 => format!("\\x{code:02x}"),
                code @ ..0x1_0000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    quoted.push(mark);
    quoted
}

/// Says whether a character can be seen as it stands. Only Rust's own escaping knows which characters those are;
/// behind another one it leaves accents alone.
fn is_printable(c: char) -> bool {
    (' '..='~').contains(&c) || ['a', c].iter().collect::<String>().escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_their_shortest_digits() {
        let cases: [(f64, &str); 10] = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (123456789012345.6, "123456789012345.6"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (f64::INFINITY, "inf"),
            (1e15, "1000000000000000.0"),
        ];
        for (float, text) in cases {
            assert_eq!(float_text(float), text);
        }
    }

    #[test]
    fn quotes_are_chosen_to_save_escapes() {
        assert_eq!(quote("a"), "'a'");
        assert_eq!(quote("it's"), "\"it's\"");
        assert_eq!(quote("it's \"x\"\n"), "'it\\'s \"x\"\\n'");
        assert_eq!(quote("日e\u{301}\0\u{a0}\u{2028}\u{e0001}"), "'日e\u{301}\\x00\\xa0\\u2028\\U000e0001'");
    }
}
