//! What running processes said last.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::cli::logs;

/// Bytes at the end of a log in which its last line is looked for.
const END: u64 = 1024;

/// The last line of a log, and the state of the log in which it was read.
#[derive(Debug, Default)]
pub(super) struct Said {
    lengths: [u64; 2],
    /// As a terminal would show it.
    pub(super) line: Option<String>,
}

impl Said {
    /// Reads the last line of a run's logs again if they have grown since it was started, in seconds since 1970.
    pub(super) fn look_again(&mut self, folder: &Path, since: f64) {
        for (name, known) in ["stdout", "stderr"].iter().zip(&mut self.lengths) {
            let Ok(file) = logs::open(&folder.join(name)) else { continue };
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            if length == *known || !logs::is_since(&file, since) {
                continue;
            }
            *known = length;
            if let Some(line) = last_line(file, length) {
                self.line = Some(line);
            }
        }
    }
}

/// Returns the last line of a log that is not blank, as a terminal would show it.
fn last_line(mut file: File, length: u64) -> Option<String> {
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.split(['\n', '\r']).rfind(|line| !line.trim().is_empty())?;
    Some(logs::without_escapes(line).trim().to_owned())
}
