//! A log that grows while it is read: rotated by its writer, or cut off from outside.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::rotation;
use crate::cli::logs::{self, Log, is_starved};

/// Reads a log as far as it is written, again and again; nothing twice, and nothing left out that is still there.
#[derive(Debug)]
pub(crate) struct LogFollower {
    path: PathBuf,
    /// Seconds since 1970; an older file is another task's until the run opens it.
    since: f64,
    /// Whether the run has ended, so that what is there is its own.
    has_ended: bool,
    place: Place,
    /// Whether the file has been rotated before it is read for the last time.
    is_last: bool,
    /// Whether all files that follow are held open.
    holds: bool,
    /// Those that are, the newest first.
    held: Vec<File>,
}

/// How far it was read.
#[derive(Debug)]
enum Place {
    /// There was no log yet.
    Before,
    In(File),
    /// To the end of the file of an inode, which was closed for want of descriptors.
    After(u64),
}

impl LogFollower {
    /// Follows the log at `path`, which need not exist yet, from its first byte that is kept on; one descriptor is open at a
    /// time. What it held before `since`, in seconds since 1970, is another task's.
    pub(crate) fn new(path: &Path, since: f64) -> LogFollower {
        LogFollower {
            path: path.to_owned(),
            since,
            has_ended: false,
            place: Place::Before,
            is_last: false,
            holds: false,
            held: Vec::new(),
        }
    }

    /// Holds all of the log's files open that are still to be read, so that a slow reader loses none.
    pub(crate) fn holding(self) -> LogFollower {
        LogFollower { holds: true, ..self }
    }

    /// Begins with the last `lines` lines of what is there.
    pub(crate) fn at_last_lines(mut self, lines: u64) -> io::Result<LogFollower> {
        if self.newest()?.is_some() {
            self.held = Log::open_at_last_lines(&self.path, lines)?.into_files();
            self.place = self.held.pop().map_or(Place::Before, Place::In);
        }
        Ok(self)
    }

    /// Takes in that the run has ended: what is there by now is its own, and all there is.
    pub(crate) fn finish(&mut self) {
        self.has_ended = true;
    }

    /// Reads what comes next; nothing if all that is written was read.
    ///
    /// # Errors
    /// Those of the system; after the want of descriptors it goes on where it was.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(file) = self.open()? else { return Ok(0) };
            match file.read(buffer) {
                Ok(0) if restart_if_truncated(file)? => {}
                Ok(0) if !self.goes_on()? => return Ok(0),
                Ok(0) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Opens the file that is to be read, if there is one.
    fn open(&mut self) -> io::Result<Option<&mut File>> {
        let file = match &self.place {
            Place::In(_) => None,
            Place::Before => self.first()?,
            Place::After(inode) => rotation::next(&self.path, *inode)?,
        };
        if let Some(file) = file {
            self.begin(file)?;
        }
        match &mut self.place {
            Place::In(file) => Ok(Some(file)),
            _ => Ok(None),
        }
    }

    /// Opens the oldest file that is the run's own.
    fn first(&self) -> io::Result<Option<File>> {
        let Some(newest) = self.newest()? else { return Ok(None) };
        Ok(Some(rotation::oldest(&self.path, self.since)?.unwrap_or(newest)))
    }

    /// Opens the file that has the name of the log, if it is the run's own.
    fn newest(&self) -> io::Result<Option<File>> {
        match logs::open(&self.path) {
            Ok(file) => Ok(Some(file).filter(|file| self.has_ended || logs::is_since(file, self.since))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn begin(&mut self, file: File) -> io::Result<()> {
        if self.holds && self.held.is_empty() {
            let mut inode = file.metadata()?.ino();
            // One that cannot be held open is opened in its turn.
            while let Ok(Some(later)) = rotation::next(&self.path, inode) {
                inode = later.metadata()?.ino();
                self.held.insert(0, later);
            }
        }
        (self.place, self.is_last) = (Place::In(file), false);
        Ok(())
    }

    /// The end of a file was met; says whether there may be more to read by now.
    fn goes_on(&mut self) -> io::Result<bool> {
        let Place::In(file) = &self.place else { return Ok(false) };
        let inode = file.metadata()?.ino();
        if !rotation::is_rotated(&self.path, inode) {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.is_last, true) {
            // What was written between the end that was met and the rotation.
            return Ok(true);
        }
        if let Some(file) = self.held.pop() {
            self.begin(file)?;
            return Ok(true);
        }
        let next = match rotation::next(&self.path, inode) {
            Err(error) if is_starved(&error) => {
                // Until now it kept the inode from being another file's; its descriptor is needed more.
                self.place = Place::After(inode);
                rotation::next(&self.path, inode)?
            }
            next => next?,
        };
        let Some(next) = next else { return Ok(false) };
        self.begin(next)?;
        Ok(true)
    }
}

/// Goes to the beginning of a file that is shorter than what was read of it.
fn restart_if_truncated(file: &mut File) -> io::Result<bool> {
    let is_truncated = file.metadata()?.len() < file.stream_position()?;
    if is_truncated {
        file.seek(SeekFrom::Start(0))?;
    }
    Ok(is_truncated)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Case {
            Case { folder: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("stdout")
        }

        fn backup(&self, number: u32) -> PathBuf {
            self.folder.path().join(format!("stdout.{number}"))
        }

        fn append(&self, text: &str) {
            let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        /// Moves all files on, of which there may be `most` besides the one that has gone.
        fn rotate(&self, most: u32) {
            for number in (1..most).rev().filter(|number| self.backup(*number).exists()) {
                fs::rename(self.backup(number), self.backup(number + 1)).unwrap();
            }
            fs::rename(self.path(), self.backup(1)).unwrap();
        }
    }

    fn all(log: &mut LogFollower) -> String {
        let (mut found, mut buffer) = (Vec::new(), [0; 3]);
        while let count @ 1.. = log.read(&mut buffer).unwrap() {
            found.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8(found).unwrap()
    }

    fn now() -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
    }

    #[test]
    fn a_log_is_followed_from_before_it_exists_across_rotations() {
        for follower in [LogFollower::new, |path: &Path, since: f64| LogFollower::new(path, since).holding()]
        {
            let case = Case::new();
            let mut log = follower(&case.path(), 0.0);
            assert_eq!(all(&mut log), "");
            case.append("one\n");
            assert_eq!(all(&mut log), "one\n");
            case.append("two\n");
            case.rotate(9);
            case.append("three\n");
            case.rotate(9);
            case.append("four\n");
            assert_eq!(all(&mut log), "two\nthree\nfour\n");
            case.append("five\n");
            assert_eq!(all(&mut log), "five\n");
        }
    }

    #[test]
    fn a_log_that_is_cut_off_goes_on_from_its_new_beginning() {
        let case = Case::new();
        case.append("one\ntwo\n");
        let mut log = LogFollower::new(&case.path(), 0.0).at_last_lines(1).unwrap();
        assert_eq!(all(&mut log), "two\n");
        OpenOptions::new().write(true).truncate(true).open(case.path()).unwrap();
        case.append("new\n");
        assert_eq!(all(&mut log), "new\n");
    }

    #[test]
    fn a_log_that_was_rotated_before_it_was_met_is_read_from_its_oldest_file() {
        let case = Case::new();
        for (path, text) in [
            (case.backup(3), "earlier\n"),
            (case.backup(2), "one\n"),
            (case.backup(1), "two\n"),
            (case.path(), "three\n"),
        ] {
            fs::write(path, text).unwrap();
        }
        let earlier = SystemTime::now() - Duration::from_secs(60);
        File::options().write(true).open(case.backup(3)).unwrap().set_modified(earlier).unwrap();
        assert_eq!(all(&mut LogFollower::new(&case.path(), now() - 30.0)), "one\ntwo\nthree\n");
        let mut last = LogFollower::new(&case.path(), 0.0).at_last_lines(2).unwrap();
        assert_eq!(all(&mut last), "two\nthree\n");
    }

    #[test]
    fn an_older_log_is_another_tasks_until_the_run_opens_it_or_has_ended() {
        let case = Case::new();
        case.append("old and long\n");
        let later = now() + 3600.0;
        let mut log = LogFollower::new(&case.path(), later).at_last_lines(9).unwrap();
        assert_eq!(all(&mut log), "");
        log.finish();
        assert_eq!(all(&mut log), "old and long\n");
    }

    #[test]
    fn files_that_go_while_others_are_read_are_lost_only_if_they_were_not_held() {
        for (holds, expected) in [(true, "one\ntwo\nthree\n"), (false, "one\nthree\n")] {
            let case = Case::new();
            let log = LogFollower::new(&case.path(), 0.0);
            let mut log = if holds { log.holding() } else { log };
            case.append("one\n");
            case.rotate(9);
            case.append("two\n");
            case.rotate(9);
            case.append("three\n");
            let mut found = [0; 4];
            assert_eq!(log.read(&mut found).unwrap(), 4);
            fs::remove_file(case.backup(1)).unwrap();
            let found = String::from_utf8_lossy(&found).into_owned();
            assert_eq!(found + all(&mut log).as_str(), expected);
        }
    }
}
