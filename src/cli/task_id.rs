//! Ids of tasks: made of a name and the local time, or given with `--task-id`.

use jiff::Zoned;

use super::usage::Malformed;

/// The most bytes of an id: it is a file name, and others are made of it.
const MAX_LENGTH: usize = 200;

/// Makes an id `NAME-YYYYMMDD-HHMMSS.micros`. What cannot stand in a file name everywhere becomes `_`.
pub(crate) fn make(name: &str, now: &Zoned) -> String {
    let stamp = now.strftime("-%Y%m%d-%H%M%S.%6f").to_string();
    let mut id: String =
        name.bytes().map(|byte| if is_allowed(byte) { char::from(byte) } else { '_' }).collect();
    id.truncate(MAX_LENGTH - stamp.len());
    let dots = id.len() - id.trim_start_matches('.').len();
    id.replace_range(..dots, &"_".repeat(dots));
    id + stamp.as_str()
}

/// Reads an id that was given.
pub(crate) fn parse(text: &str) -> Result<String, Malformed> {
    let fine =
        (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed) && !text.starts_with('.');
    if fine {
        return Ok(text.to_owned());
    }
    let help = "letters, digits, `.`, `_` and `-`, no leading dot, at most 200 bytes";
    Err(Malformed::new(format!("malformed --task-id '{text}'"), help))
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> String {
        make(name, &"2012-05-29T16:25:32.018646123[UTC]".parse().unwrap())
    }

    #[test]
    fn an_id_is_the_name_and_the_time() {
        assert_eq!(at("simple"), "simple-20120529-162532.018646");
        assert_eq!(at("..a b/ä"), "__a_b___-20120529-162532.018646");
        assert_eq!(at(&"x".repeat(500)).len(), 200);
    }

    #[test]
    fn every_made_id_can_be_given_back() {
        for name in ["simple", "...", "", "ß?\n", &".x".repeat(300)] {
            assert_eq!(parse(&at(name)), Ok(at(name)));
        }
        for wrong in ["", ".a", "a/b", "a b", "ä", &"x".repeat(201)] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
