//! A log of bounded size: `stdout` is written to, `stdout.1` is what was before it, and so on.
//!
//! A file is closed at the end of a line. Lines of up to [`LONGEST_LINE`] bytes are kept whole, so that a file may be
//! longer than its size by one of them; longer ones are cut. A file is closed only when more comes, and there is always
//! one that is called `stdout`.
//!
//! All is done in the folder that was opened at first, whatever becomes of its path; no link in it is followed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, linkat, unlinkat};

use super::loss::words;
use crate::schema::RotatePolicy;

/// The most bytes of a line that are kept in one file.
pub(super) const LONGEST_LINE: u64 = 64 * 1024;

/// What a new file is called until it takes the place of the old one.
const NEXT: &str = "new";

/// A log that is rotated.
#[derive(Debug)]
pub(super) struct Rotated {
    folder: OwnedFd,
    name: &'static str,
    file: File,
    fill: Fill,
    backups: u32,
    /// Backups that this writer has made.
    kept: u32,
}

/// How full a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fill {
    limit: u64,
    length: u64,
    /// Whether its last line is whole.
    line_is_whole: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So many bytes go into the file.
    Write(usize),
    /// The file is closed.
    Rotate,
}

/// Removes the backups of another task that was given the same folder.
pub(in crate::runner) fn remove_backups(folder: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let suffix = path.file_name().and_then(|file| file.to_str()).and_then(|file| file.strip_prefix(name));
        let suffix = suffix.and_then(|suffix| suffix.strip_prefix('.')).unwrap_or_default();
        if suffix == NEXT || suffix.parse::<u32>().is_ok() {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

impl Fill {
    /// Decides what to do with bytes, of which there is one at least.
    fn next(&self, bytes: &[u8]) -> Step {
        let room = usize::try_from(self.limit.saturating_sub(self.length)).unwrap_or(usize::MAX);
        if bytes.len() <= room {
            return Step::Write(bytes.len());
        }
        if let Some(end) = bytes[..room].iter().rposition(|byte| *byte == b'\n') {
            return Step::Write(end + 1);
        }
        let most = (self.limit + LONGEST_LINE).saturating_sub(self.length);
        if (self.line_is_whole && self.length > 0) || most == 0 {
            return Step::Rotate;
        }
        // In the middle of a line that has begun in this file.
        let bytes = &bytes[..bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX))];
        let end = bytes[room..].iter().position(|byte| *byte == b'\n');
        Step::Write(end.map_or(bytes.len(), |end| room + end + 1))
    }

    fn add(&mut self, written: &[u8]) {
        self.length += written.len() as u64;
        if let Some(last) = written.last() {
            self.line_is_whole = *last == b'\n';
        }
    }

    fn start_at(&mut self, length: u64) {
        self.length = length;
        self.line_is_whole |= length == 0;
    }
}

impl Rotated {
    /// Takes over an open, empty log in its folder.
    pub(super) fn new(
        folder: &Path,
        name: &'static str,
        file: File,
        policy: RotatePolicy,
    ) -> io::Result<Rotated> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = open(folder, flags, Mode::empty())?;
        // Far from where sums of sizes overflow.
        let limit = policy.log_size.min(i64::MAX as u64);
        let fill = Fill { limit, length: 0, line_is_whole: true };
        Ok(Rotated { folder, name, file, fill, backups: policy.backups, kept: 0 })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Writes all of `bytes`; or says how many were written before an error.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < bytes.len() {
            let rest = &bytes[done..];
            match self.fill.next(rest) {
                Step::Rotate => self.rotate().map_err(|error| {
                    let text = format!("no new file: {}", words(&error));
                    (done, io::Error::other(text))
                })?,
                Step::Write(count) => match self.file.write(&rest[..count]) {
                    Ok(count) => {
                        self.fill.add(&rest[..count]);
                        done += count;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err((done, error)),
                },
            }
        }
        Ok(())
    }

    /// Begins a new file, unless somebody has emptied the old one.
    fn rotate(&mut self) -> io::Result<()> {
        let stat = fstat(&self.file)?;
        let length = u64::try_from(stat.st_size).unwrap_or_default();
        if length < self.fill.length {
            self.fill.start_at(length);
            return Ok(());
        }
        if self.backups == 0 {
            self.file.set_len(0)?;
        } else {
            self.file = self.replace(&stat)?;
        }
        self.fill.start_at(0);
        Ok(())
    }

    /// Moves all files on by one. Wherever this is cut short, every file that is to be kept is there under some name,
    /// and `stdout` is.
    fn replace(&mut self, old: &FileStat) -> io::Result<File> {
        let next = format!("{}.{NEXT}", self.name);
        let file = self.create(&next)?;
        if old.st_uid != nix::unistd::geteuid().as_raw() {
            fchown(&file, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)))?;
        }
        for number in (1..=self.kept.min(self.backups - 1)).rev() {
            self.rename(&self.backup(number), &self.backup(number + 1))?;
        }
        self.back_up()?;
        renameat(&self.folder, next.as_str(), &self.folder, self.name)?;
        self.kept = self.kept.saturating_add(1).min(self.backups);
        Ok(file)
    }

    fn backup(&self, number: u32) -> String {
        format!("{}.{number}", self.name)
    }

    /// Opens a new file, in place of what a rotation that failed may have left.
    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_WRONLY
            | OFlag::O_APPEND
            | OFlag::O_CREAT
            | OFlag::O_EXCL
            | OFlag::O_NOFOLLOW
            | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o666);
        let create = || openat(&self.folder, name, flags, mode);
        let file = match create() {
            Err(Errno::EEXIST) => {
                unlinkat(&self.folder, name, UnlinkatFlags::NoRemoveDir)?;
                create()?
            }
            file => file?,
        };
        Ok(File::from(file))
    }

    /// Gives the file a second name, so that it has one all the time.
    fn back_up(&self) -> io::Result<()> {
        let first = self.backup(1);
        match unlinkat(&self.folder, first.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        match linkat(&self.folder, self.name, &self.folder, first.as_str(), AtFlags::empty()) {
            // Somebody has moved it away, and so has it.
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            // A file system in which a file has one name.
            Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EMLINK) => {
                self.rename(self.name, &first)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Renames what may have been removed from outside.
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match renameat(&self.folder, from, &self.folder, to) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        log: Rotated,
    }

    impl Case {
        fn new(log_size: u64, backups: u32) -> Case {
            let folder = tempfile::tempdir().unwrap();
            let file = File::options().append(true).create(true).open(folder.path().join("stdout")).unwrap();
            let policy = RotatePolicy { log_size, backups };
            let log = Rotated::new(folder.path(), "stdout", file, policy).unwrap();
            Case { folder, log }
        }

        fn write(&mut self, text: &str) {
            self.log.write_all(text.as_bytes()).unwrap();
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.folder.path().join(name)).unwrap()
        }

        /// The files, the oldest first.
        fn files(&self) -> Vec<String> {
            let count = fs::read_dir(self.folder.path()).unwrap().count();
            let backups = (1..count).rev().map(|number| self.read(&format!("stdout.{number}")));
            backups.chain([self.read("stdout")]).collect()
        }
    }

    #[test]
    fn files_are_closed_at_the_end_of_a_line_and_the_oldest_goes() {
        let mut case = Case::new(6, 2);
        case.write("a\nb\n");
        case.write("c\n");
        assert_eq!(case.files(), ["a\nb\nc\n"]);
        case.write("d\nee");
        case.write("e\nf\n");
        assert_eq!(case.files(), ["a\nb\nc\n", "d\neee\n", "f\n"]);
        case.write("ggg\nhh\n");
        assert_eq!(case.files(), ["d\neee\n", "f\nggg\n", "hh\n"]);
    }

    #[test]
    fn a_line_that_does_not_fit_is_kept_whole_and_an_endless_one_is_cut() {
        let mut case = Case::new(4, 9);
        case.write("long ");
        case.write("line\nnext\n");
        assert_eq!(case.files(), ["long line\n", "next\n"]);
        let endless = "x".repeat(2 * LONGEST_LINE as usize);
        case.write(&endless);
        let files = case.files();
        assert_eq!(files[2].len() as u64, 4 + LONGEST_LINE);
        assert_eq!(files[2..].concat(), endless);
    }

    #[test]
    fn without_backups_there_is_one_file() {
        let mut case = Case::new(4, 0);
        case.write("a\nb\nc\n");
        assert_eq!(case.files(), ["c\n"]);
    }

    #[test]
    fn what_is_done_to_the_files_from_outside_does_no_harm() {
        let mut case = Case::new(4, 2);
        let [current, first, next, away] =
            ["stdout", "stdout.1", "stdout.new", "away"].map(|name| case.folder.path().join(name));
        case.write("a\nb\n");
        File::options().write(true).open(&current).unwrap().set_len(0).unwrap();
        case.write("c\nd\n");
        assert_eq!(case.files(), ["c\nd\n"]);
        fs::rename(&current, &away).unwrap();
        case.write("e\n");
        fs::remove_file(&away).unwrap();
        assert_eq!(case.files(), ["e\n"]);
        case.write("f\ng\n");
        fs::remove_file(&first).unwrap();
        fs::write(&next, "left").unwrap();
        case.write("h\ni\nj\n");
        assert_eq!(case.files(), ["g\nh\n", "i\nj\n"]);
    }

    #[test]
    fn a_link_that_somebody_puts_in_the_way_is_not_followed() {
        let mut case = Case::new(2, 1);
        let victim = case.folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for name in ["stdout.new", "stdout.1"] {
            std::os::unix::fs::symlink(&victim, case.folder.path().join(name)).unwrap();
        }
        case.write("a\nb\n");
        assert_eq!(
            (case.read("victim"), case.read("stdout"), case.read("stdout.1")),
            ("precious".into(), "b\n".into(), "a\n".into())
        );
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_that_says_how_much_was_written() {
        let mut case = Case::new(2, 1);
        case.write("a\n");
        fs::remove_dir_all(case.folder.path()).unwrap();
        let (done, error) = case.log.write_all(b"b\n").unwrap_err();
        assert_eq!((done, error.to_string().as_str()), (0, "no new file: No such file or directory"));
    }

    proptest! {
        /// Nothing is lost or moved, no file is too long, and short lines are whole.
        #[test]
        fn all_that_is_kept_is_kept_in_order(
            chunks in vec(vec((0..200usize).prop_map(|length| "x".repeat(length) + "\n"), 0..8), 0..8),
            cut in 1..50usize,
            limit in 0..600u64,
        ) {
            let text = chunks.concat().concat();
            let mut case = Case::new(limit, u32::MAX);
            for piece in text.as_bytes().chunks(cut) {
                case.log.write_all(piece).unwrap();
            }
            let files = case.files();
            prop_assert_eq!(files.concat(), text);
            for file in &files {
                prop_assert!(file.is_empty() || file.ends_with('\n'), "{:?}", file);
                prop_assert!(file.len() as u64 <= limit + 200);
            }
        }
    }
}
