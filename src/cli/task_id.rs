//! Ids for tasks that are given none: the name and the local time.

use jiff::Zoned;

use crate::checkpoint::TaskId;
use crate::checkpoint::task_id::InvalidTaskId;

/// Makes an id `NAME-YYYYMMDD-HHMMSS.micros`. What cannot stand in a file name everywhere becomes `_`.
pub(crate) fn make(name: &str, now: &Zoned) -> Result<TaskId, InvalidTaskId> {
    let stamp = now.strftime("-%Y%m%d-%H%M%S.%6f").to_string();
    let mut id: String =
        name.bytes().map(|byte| if is_allowed(byte) { char::from(byte) } else { '_' }).collect();
    id.truncate(TaskId::MAX_LENGTH - stamp.len());
    let dots = id.len() - id.trim_start_matches('.').len();
    id.replace_range(..dots, &"_".repeat(dots));
    TaskId::new(&(id + stamp.as_str()))
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> String {
        make(name, &"2012-05-29T16:25:32.018646123[UTC]".parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_id_is_the_name_and_the_time() {
        assert_eq!(at("simple"), "simple-20120529-162532.018646");
        assert_eq!(at("..a b/ä"), "__a_b___-20120529-162532.018646");
        assert_eq!(at(&"x".repeat(500)).len(), 200);
    }

    #[test]
    fn every_name_gives_an_id() {
        for name in ["...", "", "ß?\n", &".x".repeat(300)] {
            assert!(at(name).ends_with("-20120529-162532.018646"), "{name}");
        }
    }
}
