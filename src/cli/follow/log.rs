//! A log that grows while it is read: rotated by its writer, or cut off from outside.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cli::logs::{self, Log};

/// Reads a log as far as it is written, again and again; nothing twice, and nothing left out that is still there.
#[derive(Debug)]
pub(crate) struct LogFollower {
    path: PathBuf,
    /// What is read now; nothing before the log exists.
    file: Option<File>,
    /// How much of it was read.
    position: u64,
    /// What was there at the beginning and comes first.
    before: Option<Log>,
}

impl LogFollower {
    /// Follows the log at `path`, which need not exist yet, from its first byte that is kept on.
    pub(crate) fn new(path: &Path) -> LogFollower {
        LogFollower { path: path.to_owned(), file: None, position: 0, before: None }
    }

    /// Follows it from its last `lines` lines on.
    pub(crate) fn at_last_lines(path: &Path, lines: u64) -> io::Result<LogFollower> {
        let log = match Log::open_at_last_lines(path, lines) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogFollower::new(path)),
            log => log?,
        };
        Ok(LogFollower { before: Some(log), ..LogFollower::new(path) })
    }

    /// Reads what comes next; nothing if all that is written was read.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.file.is_none() && self.before.is_none() {
            self.before = match Log::open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                log => Some(log?),
            };
        }
        if let Some(log) = &mut self.before {
            let count = log.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            let Some(mut file) = self.before.take().and_then(Log::into_newest) else { return Ok(0) };
            self.position = file.stream_position()?;
            self.file = Some(file);
        }
        self.read_on(buffer)
    }

    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else { return Ok(0) };
        // Asked before the last reading: what was written before a rotation is in the file by then.
        let is_rotated = is_other(file, &self.path)?;
        let count = loop {
            match file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                count => break count?,
            }
        };
        self.position += count as u64;
        if count > 0 {
            return Ok(count);
        }
        if file.metadata()?.len() < self.position {
            self.position = 0;
            file.seek(SeekFrom::Start(0))?;
            return self.read_on(buffer);
        }
        if !is_rotated {
            return Ok(0);
        }
        let later = logs::files_after(&self.path, file.metadata()?.ino())?;
        self.file = None;
        self.before = later;
        if self.before.is_some() { self.read(buffer) } else { Ok(0) }
    }
}

/// Says whether another file has the name by now.
fn is_other(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) != (open.dev(), open.ino())),
        // Between two names, or gone: the open one is all there is.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
    }

    impl Case {
        fn path(&self) -> PathBuf {
            self.folder.path().join("stdout")
        }

        fn append(&self, text: &str) {
            let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self, number: u32) {
            for number in (1..number).rev() {
                let name = |number| self.folder.path().join(format!("stdout.{number}"));
                fs::rename(name(number), name(number + 1)).unwrap();
            }
            fs::rename(self.path(), self.folder.path().join("stdout.1")).unwrap();
        }
    }

    fn all(log: &mut LogFollower) -> String {
        let (mut found, mut buffer) = (Vec::new(), [0; 3]);
        while let count @ 1.. = log.read(&mut buffer).unwrap() {
            found.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8(found).unwrap()
    }

    #[test]
    fn a_log_is_followed_from_before_it_exists_across_rotations() {
        let case = Case { folder: tempfile::tempdir().unwrap() };
        let mut log = LogFollower::new(&case.path());
        assert_eq!(all(&mut log), "");
        case.append("one\n");
        assert_eq!(all(&mut log), "one\n");
        case.append("two\n");
        case.rotate(1);
        case.append("three\n");
        case.rotate(2);
        case.append("four\n");
        assert_eq!(all(&mut log), "two\nthree\nfour\n");
        case.append("five\n");
        assert_eq!(all(&mut log), "five\n");
    }

    #[test]
    fn a_log_that_is_cut_off_goes_on_from_its_new_beginning() {
        let case = Case { folder: tempfile::tempdir().unwrap() };
        case.append("one\ntwo\n");
        let mut log = LogFollower::at_last_lines(&case.path(), 1).unwrap();
        assert_eq!(all(&mut log), "two\n");
        OpenOptions::new().write(true).truncate(true).open(case.path()).unwrap();
        case.append("new\n");
        assert_eq!(all(&mut log), "new\n");
    }
}
