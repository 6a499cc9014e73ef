//! A log that the coordinator writes: what cannot be written is counted, and a line says where it is missing.

use std::fs::File;
use std::io::{self, Write};

use nix::sys::stat::fstat;

use super::loss::{Loss, words};
use super::rotate::Rotated;

/// One log of a run.
#[derive(Debug)]
pub(super) struct Log {
    writer: Writer,
    /// Whether the last byte that was written ends a line.
    line_is_whole: bool,
    /// What has been lost since the last time that something was written.
    gap: Loss,
    /// All that was lost.
    lost: Loss,
}

/// The ways to write to files.
#[derive(Debug)]
pub(super) enum Writer {
    /// One that grows.
    Plain(File),
    /// Several of bounded size.
    Rotated(Rotated),
}

impl Log {
    pub(super) fn new(writer: Writer) -> Log {
        Log { writer, line_is_whole: true, gap: Loss::default(), lost: Loss::default() }
    }

    /// Writes, or counts as lost.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Err((done, error)) = self.tell_gap().and_then(|()| self.put(bytes)) {
            let reason = words(&error);
            self.gap.add((bytes.len() - done) as u64, reason.as_str());
            self.lost.add((bytes.len() - done) as u64, reason);
        }
    }

    /// Returns all that was lost; the whole file, if that was removed.
    pub(super) fn lost(&self) -> Loss {
        let mut lost = self.lost.clone();
        if let Ok(stat) = fstat(self.writer.file())
            && stat.st_nlink == 0
        {
            lost.add(u64::try_from(stat.st_size).unwrap_or_default(), "its log was removed");
        }
        lost
    }

    /// Says in the log what is missing at this place, once there is room again.
    fn tell_gap(&mut self) -> Result<(), (usize, io::Error)> {
        if self.gap.is_empty() {
            return Ok(());
        }
        let newline = if self.line_is_whole { "" } else { "\n" };
        let Loss { bytes, reason } = &self.gap;
        let text = format!("{newline}[thermos: {bytes} bytes of output are missing here: {reason}]\n");
        self.put(text.as_bytes()).map_err(|(_, error)| (0, error))?;
        self.gap = Loss::default();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let result = self.writer.write_all(bytes);
        let done = result.as_ref().map_or_else(|(done, _)| *done, |()| bytes.len());
        if let Some(last) = bytes[..done].last() {
            self.line_is_whole = *last == b'\n';
        }
        result
    }
}

impl Writer {
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        match self {
            Writer::Rotated(files) => files.write_all(bytes),
            Writer::Plain(file) => write_all(file, bytes),
        }
    }

    fn file(&self) -> &File {
        match self {
            Writer::Plain(file) => file,
            Writer::Rotated(files) => files.file(),
        }
    }
}

/// Writes all of `bytes`; or says how many were written before an error.
fn write_all(mut file: &File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write(&bytes[done..]) {
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Read;

    use super::*;

    #[test]
    fn a_line_says_what_is_missing_once_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let open = |path: &std::path::Path| OpenOptions::new().append(true).create(true).open(path).unwrap();
        let mut log = Log::new(Writer::Plain(open(&path)));
        log.write(b"before");
        log.writer = Writer::Plain(open(std::path::Path::new("/dev/full")));
        log.write(b"four");
        log.write(b"more");
        log.writer = Writer::Plain(open(&path));
        log.write(b"after\n");
        let text = fs::read_to_string(&path).unwrap();
        let notice = "[thermos: 8 bytes of output are missing here: No space left on device]";
        assert_eq!(text, format!("before\n{notice}\nafter\n"));
        assert_eq!(log.lost().bytes, 8);
        log.write(b"more\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), text + "more\n");
    }

    #[test]
    fn a_log_that_was_removed_is_lost() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut log = Log::new(Writer::Plain(file.reopen().unwrap()));
        log.write(b"text");
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), log.lost()), ("text", Loss::default()));
        file.close().unwrap();
        assert_eq!(log.lost(), Loss { bytes: 4, reason: "its log was removed".to_owned() });
    }
}
