//! The limits of `gc`: durations such as `7d` and sizes such as `10G`.

use std::time::Duration;

use crate::cli::usage::Malformed;

const TIMES: [(&str, u64); 8] = [
    ("s", 1),
    ("sec", 1),
    ("m", 60),
    ("min", 60),
    ("h", 3_600),
    ("d", 86_400),
    ("w", 604_800),
    ("y", 31_536_000),
];

const SIZES: [(&str, u64); 14] = [
    ("B", 1),
    ("K", 1 << 10),
    ("KB", 1 << 10),
    ("KiB", 1 << 10),
    ("M", 1 << 20),
    ("MB", 1 << 20),
    ("MiB", 1 << 20),
    ("G", 1 << 30),
    ("GB", 1 << 30),
    ("GiB", 1 << 30),
    ("T", 1 << 40),
    ("TB", 1 << 40),
    ("TiB", 1 << 40),
    ("P", 1 << 50),
];

/// Reads a duration: a number and a unit, several of them in a row.
pub(super) fn age(text: &str) -> Result<Duration, Malformed> {
    let malformed = |what: String| {
        let help = "write a number and a unit, such as 7d, 12h, 30min, 90s or 1d12h";
        Malformed::new(format!("malformed --max-age '{}': {what}", text.escape_debug()), help)
    };
    let mut rest = text.trim();
    let mut seconds = if rest.is_empty() { Err(malformed("it is empty".to_owned())) } else { Ok(0.0) }?;
    while !rest.is_empty() {
        let (number, unit, more) = split(rest);
        let Ok(number) = number.parse::<f64>() else {
            return Err(malformed(format!("`{}` is no number", rest.escape_debug())));
        };
        if unit.is_empty() {
            return Err(malformed(format!("{number} of what?")));
        }
        let Some(factor) = TIMES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor) else {
            return Err(malformed(format!("`{}` is no unit of time", unit.escape_debug())));
        };
        seconds += number * factor as f64;
        rest = more;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| malformed("it is too long".to_owned()))
}

/// Reads a size in bytes; units count by 1024.
pub(super) fn space(text: &str) -> Result<u64, Malformed> {
    let malformed = |what: String| {
        let help = "write a number of bytes, or a number and a unit, such as 500MB, 10G or 1.5T; units count by 1024";
        Malformed::new(format!("malformed --max-space '{}': {what}", text.escape_debug()), help)
    };
    let (number, unit, rest) = split(text.trim());
    let Ok(number) = number.parse::<f64>() else {
        return Err(malformed(format!("`{}` is no number", text.escape_debug())));
    };
    let is = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit);
    let factor = if unit.is_empty() { Some(1) } else { SIZES.iter().find(is).map(|(_, factor)| *factor) };
    let Some(factor) = factor.filter(|_| rest.is_empty()) else {
        return Err(malformed(format!("`{}` is no unit of bytes", format!("{unit}{rest}").escape_debug())));
    };
    let bytes = number * factor as f64;
    if bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err(malformed("it is too large".to_owned())) }
}

/// Splits a text into a number, the unit behind it, and the rest.
fn split(text: &str) -> (&str, &str, &str) {
    let end = |text: &str, is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end(text, |c| c.is_ascii_digit() || c == '.'));
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_at(end(rest, |c| c.is_alphabetic()));
    (number, unit, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let read = |text| age(text).map(|age| age.as_secs()).map_err(|error| error.message);
        assert_eq!(read("7d"), Ok(604_800));
        assert_eq!(read("1d12h"), Ok(129_600));
        assert_eq!(read("90 s"), Ok(90));
        assert_eq!(read("1.5h"), Ok(5_400));
        assert_eq!(read("0s"), Ok(0));
        for (wrong, why) in [
            ("", "it is empty"),
            ("0", "0 of what?"),
            ("7", "7 of what?"),
            ("d", "`d` is no number"),
            ("7x", "`x` is no unit of time"),
            ("-1d", "`-1d` is no number"),
            ("1.2.3d", "`1.2.3d` is no number"),
            ("99999999999999999999999y", "it is too long"),
        ] {
            assert!(read(wrong).is_err_and(|message| message.ends_with(why)), "{wrong}: {:?}", read(wrong));
        }
    }

    #[test]
    fn sizes_count_by_1024() {
        let read = |text| space(text).map_err(|error| error.message);
        assert_eq!(read("10G"), Ok(10 << 30));
        assert_eq!(read("500MB"), Ok(500 << 20));
        assert_eq!(read("1.5 kib"), Ok(1536));
        assert_eq!(read("0"), Ok(0));
        for (wrong, why) in [
            ("", "`` is no number"),
            ("G", "`G` is no number"),
            ("10X", "`X` is no unit of bytes"),
            ("1G1M", "`G1M` is no unit of bytes"),
            ("-5", "`-5` is no number"),
            ("99999999P", "it is too large"),
        ] {
            assert!(read(wrong).is_err_and(|message| message.ends_with(why)), "{wrong}: {:?}", read(wrong));
        }
    }
}
