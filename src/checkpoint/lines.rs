//! The lines of a file that its writer is at work on, and that may be cut off and go on differently at any time.
//!
//! A torn line ends when a new owner cuts it off, and other bytes take its place. Who kept the first part of it and read
//! on would put together a line that nobody has written; so each line is taken from the bytes of one reading.

use std::fs::File;
use std::io::{self, BufRead};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that are read at once, unless a line has more.
pub(super) const CHUNK: usize = 64 << 10;

/// Bytes that are read at once at least. Most files are those of one run, and to clear more than they need would copy
/// pages that a runner shares with its coordinators.
const LEAST: usize = 512;

/// The most bytes of a line; records have far fewer.
const MAX_LINE: usize = 16 << 20;

/// Reads the whole lines of a file one after the other.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Where in the file the next line begins.
    offset: u64,
    buffer: Vec<u8>,
    /// What of the buffer was read and is not used up.
    left: Range<usize>,
    /// Whether the last reading came to the end of the file and of a line: what was written since then comes too late.
    is_end: bool,
}

impl Lines {
    /// `length` is how much there is to read, as far as that is known.
    pub(super) fn of(file: File, length: u64) -> Lines {
        let chunk = usize::try_from(length).unwrap_or(CHUNK).saturating_add(1).clamp(LEAST, CHUNK);
        Lines { file, offset: 0, buffer: vec![0; chunk], left: 0..0, is_end: false }
    }

    /// Returns how many bytes the lines so far had.
    pub(super) fn length(&self) -> u64 {
        self.offset
    }

    /// Returns the next line without its newline; nothing if what is left has none. One that is too long is
    /// `InvalidData`.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let start = self.left.start;
            let count = (&self.buffer[self.left.clone()]).skip_until(b'\n')?;
            if count > 0 && self.buffer[start + count - 1] == b'\n' {
                self.left.start += count;
                self.offset += count as u64;
                return Ok(Some(&self.buffer[start..start + count - 1]));
            }
            if self.is_end || !self.read_anew()? {
                return Ok(None);
            }
        }
    }

    /// Reads from the beginning of the next line; says whether it may be found in that.
    fn read_anew(&mut self) -> io::Result<bool> {
        if self.left == (0..self.buffer.len()) {
            if self.buffer.len() >= MAX_LINE {
                let reason = format!("a line of {MAX_LINE} bytes or more");
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let count = loop {
            match self.file.read_at(&mut self.buffer, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.left = 0..count;
        self.is_end = count < self.buffer.len() && self.buffer[..count].ends_with(b"\n");
        Ok(count == self.buffer.len() || self.buffer[..count].contains(&b'\n'))
    }
}
