//! The ends of log files, as bytes: what a command printed is passed on as it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

/// How much is read at once.
const BLOCK: u64 = 64 * 1024;

/// Opens a log, which is a file; waits for nobody, whatever else stands there.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// Opens a log at the beginning of its last `lines` lines; a last line without newline counts as one.
pub(crate) fn open_at_last_lines(path: &Path, lines: u64) -> io::Result<File> {
    let mut file = open(path)?;
    let start = start_of_last_lines(&mut file, lines)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file)
}

/// Returns the last `lines` lines of a log, none longer than `width` bytes, as text that can be shown.
pub(crate) fn last_lines(path: &Path, lines: u64, width: usize) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    open_at_last_lines(path, lines)?.take(lines * BLOCK).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| &line[..line.len().min(width)]);
    let mut lines: Vec<String> = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.pop_if(|line| line.is_empty());
    Ok(lines)
}

/// Looks for newlines from the end, a block at a time.
fn start_of_last_lines(file: &mut File, lines: u64) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(length);
    }
    let mut missing = lines;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        file.by_ref().take(end - start).read_to_end(&mut block)?;
        for (index, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let at = start + index as u64;
            if at + 1 == length {
                continue;
            }
            if missing == 1 {
                return Ok(at + 1);
            }
            missing -= 1;
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &[u8], lines: u64) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        std::fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        open_at_last_lines(&path, lines).unwrap().read_to_end(&mut found).unwrap();
        found
    }

    #[test]
    fn the_last_lines_are_found_with_and_without_a_final_newline() {
        assert_eq!(tail(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(tail(b"a\nb\nc", 2), b"b\nc");
        assert_eq!(tail(b"a\n\n\n", 2), b"\n\n");
        assert_eq!(tail(b"a\nb\n", 9), b"a\nb\n");
        assert_eq!(tail(b"\xff\n\xfe", 1), b"\xfe");
        assert_eq!(tail(b"a\nb\n", 0), b"");
        assert_eq!(tail(b"", 1), b"");
    }

    #[test]
    fn lines_are_found_across_blocks() {
        let line = vec![b'x'; 100_000];
        let text = [&line[..], b"\n", &line[..], b"\n"].concat();
        assert_eq!(tail(&text, 1).len(), 100_001);
        assert_eq!(tail(&text, 2).len(), 200_002);
    }
}
