//! The part of a file that a `Range` header asks for (RFC 9110, section 14).

/// What to send of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first offset to before the second one.
    Range(u64, u64),
    /// There is no such part.
    Unsatisfiable,
}

/// Reads a header for a file of `size` bytes; an error if it is malformed. Of several ranges none is sent: all of it is.
pub(super) fn parse(header: Option<&str>, size: u64) -> Result<Part, ()> {
    let Some(header) = header else { return Ok(Part::Whole) };
    let Some(ranges) = header.trim().strip_prefix("bytes=") else { return Err(()) };
    if ranges.contains(',') {
        return Ok(Part::Whole);
    }
    let (first, last) = ranges.split_once('-').ok_or(())?;
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        true => text.parse::<u64>().map_err(|_| ()),
        false => Err(()),
    };
    let (start, end) = match (first, last) {
        ("", last) => (size.saturating_sub(number(last)?), if number(last)? == 0 { 0 } else { size }),
        (first, "") => (number(first)?, size),
        (first, last) => (number(first)?, number(last)?.saturating_add(1)),
    };
    if !first.is_empty() && !last.is_empty() && end <= start {
        return Err(());
    }
    Ok(if start < size.min(end) { Part::Range(start, end.min(size)) } else { Part::Unsatisfiable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            (None, Ok(Part::Whole)),
            (Some("bytes=0-0"), Ok(Part::Range(0, 1))),
            (Some("bytes=2-"), Ok(Part::Range(2, 10))),
            (Some("bytes=-3"), Ok(Part::Range(7, 10))),
            (Some("bytes=-99"), Ok(Part::Range(0, 10))),
            (Some("bytes=5-99"), Ok(Part::Range(5, 10))),
            (Some("bytes=10-"), Ok(Part::Unsatisfiable)),
            (Some("bytes=-0"), Ok(Part::Unsatisfiable)),
            (Some("bytes=0-1,3-4"), Ok(Part::Whole)),
            (Some("bytes=5-2"), Err(())),
            (Some("bytes=a-b"), Err(())),
            (Some("bytes=-"), Err(())),
            (Some("lines=1-2"), Err(())),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 10), expected, "{header:?}");
        }
    }
}
