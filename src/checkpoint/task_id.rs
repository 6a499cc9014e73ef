//! Ids of tasks: names of files and folders, and harmless as such.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The id of one launch of a task: 1 to 200 letters, digits, `.`, `_` and `-`, not beginning with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

/// A text that is no task id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no task id")]
pub struct InvalidTaskId(pub String);

impl TaskId {
    /// The most bytes of an id.
    pub const MAX_LENGTH: usize = 200;

    /// Takes a text that is an id.
    pub fn new(text: &str) -> Result<TaskId, InvalidTaskId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fine = (1..=TaskId::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('.');
        if fine { Ok(TaskId(text.to_owned())) } else { Err(InvalidTaskId(text.to_owned())) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for TaskId {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidTaskId;

    fn try_from(text: String) -> Result<TaskId, InvalidTaskId> {
        TaskId::new(&text)
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_be_a_file_name_and_nothing_worse() {
        assert!(TaskId::new("simple-20120529-162532.018646").is_ok());
        for wrong in ["", ".", "..", ".a", "a/b", "a b", "ä", "a\0", &"x".repeat(201)] {
            assert!(TaskId::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
