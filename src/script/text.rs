//! `"%03d" % x`: text put together by a pattern.

use std::fmt::Write;

use rhai::Dynamic;

use super::values::show;

/// The widest field that a pattern may ask for.
const MAX_WIDTH: usize = 10_000;

/// Fills the fields of `pattern` with `values`: `%s %d %i %f %e %x %X %o %c`, with flags, width and precision.
///
/// # Errors
/// What does not fit, in words.
pub(crate) fn format(pattern: &str, values: &[Dynamic]) -> Result<String, String> {
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut values = values.iter();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let (field, after) = Field::parse(&rest[at + 1..])?;
        if field.conversion == '%' {
            text.push('%');
        } else {
            let value = values.next().ok_or("the pattern has more fields than there are values")?;
            field.fill(value, &mut text)?;
        }
        rest = after;
    }
    text.push_str(rest);
    match values.count() {
        0 => Ok(text),
        left => Err(format!("{left} of the values have no field in the pattern")),
    }
}

#[derive(Default)]
struct Field {
    zeros: bool,
    left: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl Field {
    fn parse(text: &str) -> Result<(Field, &str), String> {
        let mut field = Field::default();
        let flags = text.trim_start_matches(['0', '-', '+', ' ']);
        for flag in text[..text.len() - flags.len()].chars() {
            match flag {
                '0' => field.zeros = true,
                '-' => field.left = true,
                _ => field.plus = flag == '+',
            }
        }
        let (width, mut rest) = number(flags)?;
        field.width = width.unwrap_or(0);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = number(after)?;
            field.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        let conversion = rest
            .chars()
            .next()
            .ok_or("the pattern ends in the middle of a field; write %% for a percent sign")?;
        field.conversion = conversion;
        Ok((field, &rest[conversion.len_utf8()..]))
    }

    /// Writes a value behind `text`, as wide as the field is.
    fn fill(&self, value: &Dynamic, text: &mut String) -> Result<(), String> {
        let start = text.len();
        let integer = || {
            integer(value)
                .ok_or_else(|| format!("%{} takes an integer, not {}", self.conversion, show(value)))
        };
        let float = || {
            float(value).ok_or_else(|| format!("%{} takes a number, not {}", self.conversion, show(value)))
        };
        let precision = self.precision.unwrap_or(6);
        let written = match self.conversion {
            's' | 'r' => {
                let shown = show(value);
                let end = self.precision.and_then(|length| shown.char_indices().nth(length));
                text.push_str(&shown[..end.map_or(shown.len(), |(end, _)| end)]);
                Ok(())
            }
            'd' | 'i' => write!(text, "{}", integer()?),
            'x' => write!(text, "{:x}", integer()?),
            'X' => write!(text, "{:X}", integer()?),
            'o' => write!(text, "{:o}", integer()?),
            'f' | 'F' => write!(text, "{:.precision$}", float()?),
            'e' => write!(text, "{:.precision$e}", float()?),
            'g' => {
                text.push_str(&show(&Dynamic::from(float()?)));
                Ok(())
            }
            other => return Err(format!("there is no field %{other}; write %% for a percent sign")),
        };
        written.map_err(|error: std::fmt::Error| error.to_string())?;
        self.pad(text, start);
        Ok(())
    }

    /// Fills what was written from `start` on up to the width.
    fn pad(&self, text: &mut String, start: usize) {
        let number = !matches!(self.conversion, 's' | 'r');
        if self.plus && number && !text[start..].starts_with('-') {
            text.insert(start, '+');
        }
        let missing = self.width.saturating_sub(text[start..].chars().count());
        if missing == 0 {
            return;
        }
        if self.left {
            text.extend(std::iter::repeat_n(' ', missing));
        } else if self.zeros && number {
            let digits = start + usize::from(text[start..].starts_with(['+', '-']));
            insert(text, digits, "0000000000000000", missing);
        } else {
            insert(text, start, "                ", missing);
        }
    }
}

/// Inserts as many of the characters of `filler`, which are all the same.
fn insert(text: &mut String, at: usize, filler: &str, count: usize) {
    match filler.get(..count) {
        Some(filler) => text.insert_str(at, filler),
        None => text.insert_str(at, &filler[..1].repeat(count)),
    }
}

fn number(text: &str) -> Result<(Option<usize>, &str), String> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match digits.parse() {
        Ok(number) if number <= MAX_WIDTH => Ok((Some(number), rest)),
        _ => Err(format!("a field may be at most {MAX_WIDTH} wide")),
    }
}

fn integer(value: &Dynamic) -> Option<i64> {
    let int = value.as_int().ok();
    let int = int.or_else(|| value.as_bool().ok().map(i64::from));
    int.or_else(|| value.as_float().ok().map(|float| float as i64)).or_else(|| show(value).parse().ok())
}

fn float(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| show(value).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_as_printf_does() {
        let one = |pattern: &str, value: Dynamic| format(pattern, &[value]);
        assert_eq!(one("mapper%03d", 7.into()).unwrap(), "mapper007");
        assert_eq!(one("%5.1f|", 2.25.into()).unwrap(), "  2.2|");
        assert_eq!(one("%-4s|%%", "a".into()).unwrap(), "a   |%");
        assert_eq!(one("%+04d", (-7).into()).unwrap(), "-007");
        assert_eq!(format("%s-%x", &["a".into(), 255.into()]).unwrap(), "a-ff");
        assert!(one("%d %d", 1.into()).is_err() && one("none", 1.into()).is_err());
        assert!(
            one("%d", "x".into()).is_err()
                && one("%", 1.into()).is_err()
                && one("%99999d", 1.into()).is_err()
        );
    }
}
