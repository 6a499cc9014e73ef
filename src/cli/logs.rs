//! The ends of log files, as bytes: what a command printed is passed on as it is.
//!
//! A log that is rotated is one log: `stdout` is its end, before that comes `stdout.1`, and so on.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

/// How much is read at once.
const BLOCK: u64 = 64 * 1024;

/// How often the files of a log are opened anew because they were rotated meanwhile.
const ATTEMPTS: usize = 10;

/// An open log, from some place on.
#[derive(Debug)]
pub(crate) struct Log {
    /// The newest first; what was read to its end is taken away.
    files: Vec<File>,
}

impl Log {
    /// Opens a log with all that is kept of it.
    pub(crate) fn open(path: &Path) -> io::Result<Log> {
        let mut log = Log::open_once(path)?;
        for _ in 1..ATTEMPTS {
            let newest = fs::metadata(path).map(|metadata| metadata.ino());
            if newest.ok() == Some(log.files[0].metadata()?.ino()) {
                break;
            }
            log = Log::open_once(path)?;
        }
        Ok(log)
    }

    /// Opens a log at the beginning of its last `lines` lines; a last line without newline counts as one.
    pub(crate) fn open_at_last_lines(path: &Path, lines: u64) -> io::Result<Log> {
        let mut log = Log::open(path)?;
        let mut search = Search { missing: lines, is_end: true };
        for index in 0..log.files.len() {
            let file = &mut log.files[index];
            if let Some(start) = search.look_into(file)? {
                file.seek(SeekFrom::Start(start))?;
                log.files.truncate(index + 1);
                break;
            }
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(log)
    }

    /// Returns its files as far as they were read, the newest first.
    pub(crate) fn into_files(self) -> Vec<File> {
        self.files
    }

    /// Opens the newest first: a file that is renamed meanwhile is met twice, none is missed.
    fn open_once(path: &Path) -> io::Result<Log> {
        let mut files = vec![open(path)?];
        for backup in backups(path) {
            let file = match open(&backup) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let inode = file.metadata()?.ino();
            let is_known = |other: &File| other.metadata().is_ok_and(|metadata| metadata.ino() == inode);
            if !files.iter().any(is_known) {
                files.push(file);
            }
        }
        Ok(Log { files })
    }
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(oldest) = self.files.last_mut() {
            let count = oldest.read(buffer)?;
            if count > 0 || self.files.len() == 1 {
                return Ok(count);
            }
            self.files.pop();
        }
        Ok(0)
    }
}

/// Opens a log, which is a file; waits for nobody, whatever else stands there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// How much older than it is a file may seem: the kernel's time of files goes by steps.
const STEP: f64 = 0.02;

/// Says whether a file has changed since a time, in seconds since 1970. In a folder that is used again the log of another
/// task may lie until it is opened anew.
pub(crate) fn is_since(file: &File, since: f64) -> bool {
    let changed = |metadata: fs::Metadata| metadata.ctime() as f64 + metadata.ctime_nsec() as f64 / 1e9;
    file.metadata().is_ok_and(|metadata| changed(metadata) + STEP >= since)
}

/// Says whether the text of a file has changed since a time, in seconds since 1970: a new name is no change of it.
pub(crate) fn is_written_since(file: &File, since: f64) -> bool {
    let written = |metadata: fs::Metadata| metadata.mtime() as f64 + metadata.mtime_nsec() as f64 / 1e9;
    file.metadata().is_ok_and(|metadata| written(metadata) + STEP >= since)
}

/// Says whether a file cannot be opened before others are closed.
pub(crate) fn is_starved(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Lists `stdout.1` and so on as far as they are there, the newest first.
pub(super) fn backups(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let numbers = backup_numbers(path).unwrap_or_default();
    numbers.iter().map(|number| path.with_file_name(format!("{name}.{number}"))).collect()
}

/// Lists the numbers of a log's backups, the newest first.
pub(crate) fn backup_numbers(path: &Path) -> io::Result<Vec<u32>> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let number = |entry: io::Result<fs::DirEntry>| {
        let found = entry.ok()?.file_name().into_string().ok()?;
        found.strip_prefix(name)?.strip_prefix('.')?.parse::<u32>().ok()
    };
    let entries = fs::read_dir(path.parent().unwrap_or(Path::new(".")))?;
    let mut numbers: Vec<u32> = entries.filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns the last `lines` lines of a log, none longer than `width` bytes, as text that can be shown.
pub(crate) fn last_lines(path: &Path, lines: u64, width: usize) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    Log::open_at_last_lines(path, lines)?.take(lines * BLOCK).read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| &line[..line.len().min(width)]);
    let mut lines: Vec<String> = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.pop_if(|line| line.is_empty());
    Ok(lines)
}

/// Leaves out what a text tells a terminal to do: escape sequences, of which the end may be missing.
pub(crate) fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            plain.push(if character == '\t' { ' ' } else { character });
        } else if characters.next_if_eq(&'[').is_some() {
            // Control sequences end with a letter or one of a few signs (ECMA-48, section 5.4).
            characters.by_ref().find(|character| matches!(character, '@'..='~'));
        } else {
            characters.next();
        }
    }
    plain
}

/// A search for the beginning of the last lines, from the end of a log, a file at a time.
struct Search {
    /// Lines whose beginning is still to be found.
    missing: u64,
    /// Whether nothing but the end of the log was seen, where a newline begins no line.
    is_end: bool,
}

impl Search {
    /// Looks for newlines from the end of a file, a block at a time; returns where the last lines begin, if in it.
    fn look_into(&mut self, file: &mut File) -> io::Result<Option<u64>> {
        let length = file.seek(SeekFrom::End(0))?;
        if self.missing == 0 {
            return Ok(Some(length));
        }
        let mut end = length;
        while end > 0 {
            let start = end.saturating_sub(BLOCK);
            file.seek(SeekFrom::Start(start))?;
            let mut block = Vec::new();
            file.by_ref().take(end - start).read_to_end(&mut block)?;
            for (index, byte) in block.iter().enumerate().rev() {
                let is_last = std::mem::replace(&mut self.is_end, false);
                if *byte != b'\n' || is_last {
                    continue;
                }
                self.missing -= 1;
                if self.missing == 0 {
                    return Ok(Some(start + index as u64 + 1));
                }
            }
            end = start;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &[u8], lines: u64) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        Log::open_at_last_lines(&path, lines).unwrap().read_to_end(&mut found).unwrap();
        found
    }

    #[test]
    fn a_rotated_log_is_one_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let files = [("stdout", "f"), ("stdout.1", "d\ne"), ("stdout.2", "b\nc\n"), ("stdout.10", "a\n")];
        for (name, text) in files.into_iter().chain([("stdout.new", "no"), ("stderr.1", "no")]) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let read = |mut log: Log| {
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read(Log::open(&path).unwrap()), "a\nb\nc\nd\nef");
        for (lines, expected) in [(0, ""), (1, "ef"), (2, "d\nef"), (3, "c\nd\nef"), (9, "a\nb\nc\nd\nef")] {
            assert_eq!(read(Log::open_at_last_lines(&path, lines).unwrap()), expected, "{lines}");
        }
        // As a rotation leaves it that was cut short.
        fs::remove_file(folder.path().join("stdout.1")).unwrap();
        fs::hard_link(&path, folder.path().join("stdout.1")).unwrap();
        assert_eq!(read(Log::open(&path).unwrap()), "a\nb\nc\nf");
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
