//! What was typed before: a file with a line for each chunk, for its owner alone.
//!
//! Each chunk is appended when it is typed, by one write. Who writes holds a lock on the file for that moment; so shells side
//! by side neither tear each other's lines nor lose one when the file is shortened, and shells that are killed lose nothing.
//! A chunk for which the lock cannot be had within a second is not kept. What a shell offers is what was there when it began,
//! and what was typed in it.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The most chunks that are kept.
const KEPT: usize = 2_000;

/// How often a lock is tried that others hold; they take moments.
const ATTEMPTS: u32 = 200;

const PAUSE: Duration = Duration::from_millis(5);

/// Only the owner may read it: command lines hold secrets.
const MODE: u32 = 0o600;

/// The chunks of this and earlier shells, the latest last, none twice.
pub(crate) struct History {
    path: Option<PathBuf>,
    chunks: Vec<String>,
}

impl History {
    /// Reads the file; a history that cannot be read is empty.
    pub(crate) fn open(path: Option<&Path>) -> History {
        let text = path.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let (chunks, lines) = chunks(&text);
        if let (Some(path), true) = (path, lines > 2 * KEPT) {
            // It is only history: where it cannot be shortened, it stays long.
            let _ = shorten(path);
        }
        History { path: path.map(Path::to_owned), chunks }
    }

    /// Returns the chunks, the latest last.
    pub(crate) fn chunks(&self) -> &[String] {
        &self.chunks
    }

    /// Adds a chunk, unless it begins with a blank; says whether it is in there twice now but for this.
    pub(crate) fn add(&mut self, chunk: &str) -> bool {
        if chunk.starts_with(' ') || self.chunks.last().is_some_and(|last| last == chunk) {
            return false;
        }
        let moved = self.note(chunk);
        if let Some(path) = &self.path {
            let _ = append(path, chunk);
        }
        moved
    }

    /// Puts a chunk last; says whether it stood elsewhere before.
    fn note(&mut self, chunk: &str) -> bool {
        let before = self.chunks.iter().position(|known| known == chunk);
        if let Some(at) = before {
            self.chunks.remove(at);
        }
        self.chunks.push(chunk.to_owned());
        if self.chunks.len() > KEPT {
            self.chunks.remove(0);
        }
        before.is_some()
    }
}

/// Reads the latest chunks of a file, none twice, and counts its lines.
fn chunks(text: &[u8]) -> (Vec<String>, usize) {
    let text = String::from_utf8_lossy(text);
    let mut seen = HashSet::new();
    let latest_first = text.lines().rev().filter(|line| seen.insert(*line));
    let mut chunks: Vec<String> = latest_first.take(KEPT).map(unescape).collect();
    chunks.reverse();
    (chunks, text.lines().count())
}

/// Writes the file anew, with what is in it now and once: another shell may have added to it meanwhile.
fn shorten(path: &Path) -> io::Result<()> {
    let _lock = lock(path)?;
    let (chunks, _) = chunks(&fs::read(path)?);
    let text: String = chunks.iter().map(|chunk| escape(chunk) + "\n").collect();
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&beside)?;
    file.write_all(text.as_bytes()).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn append(path: &Path, chunk: &str) -> io::Result<()> {
    let mut file = lock(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    // A shell that was killed, or met a full disk, may have left a line without an end.
    let mut last = [b'\n'];
    if let Some(at) = file.metadata()?.len().checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    let start = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{start}{}\n", escape(chunk)).as_bytes())
}

/// Opens the file, made if need be, and locks it until it is dropped; fails if others keep it locked for long.
fn lock(path: &Path) -> io::Result<Flock<File>> {
    for _ in 0..ATTEMPTS {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // Whoever shortened it meanwhile has left another file in its place.
            Ok(file) if is_at(&file, path) => return Ok(file),
            Ok(_) => {}
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => thread::sleep(PAUSE),
            Err((_, error)) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |found: Metadata| (found.dev(), found.ino());
    let ids = (file.metadata().map(id), fs::metadata(path).map(id));
    matches!(ids, (Ok(one), Ok(other)) if one == other)
}

fn escape(chunk: &str) -> String {
    chunk.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(line: &str) -> String {
    let mut chunk = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => chunk.push('\n'),
                Some('r') => chunk.push('\r'),
                other => chunk.extend(other),
            },
            (character, false) => chunk.push(character),
        }
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("thermos-repl-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn chunks_come_back_once_and_whole() {
        let folder = Folder::new("history");
        let path = folder.0.join("history");
        let mut history = History::open(Some(&path));
        assert!(!history.add("a\n  \\n b"));
        assert!(!history.add("c"));
        assert!(!history.add(" secret"));
        assert!(history.add("a\n  \\n b"));
        let chunks = History::open(Some(&path)).chunks().to_vec();
        assert_eq!(chunks, ["c", "a\n  \\n b"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_becomes_short() {
        let folder = Folder::new("long");
        let path = folder.0.join("history");
        fs::write(&path, (0..5_000).map(|number| format!("{number}\n")).collect::<String>()).unwrap();
        assert_eq!(History::open(Some(&path)).chunks().len(), KEPT);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), text.lines().last()), (KEPT, Some("4999")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn shells_side_by_side_lose_nothing_while_the_file_is_shortened() {
        let folder = Folder::new("beside");
        let path = folder.0.join("history");
        let old: String = (0..5_000).map(|number| format!("{number}\n")).collect();
        fs::write(&path, old).unwrap();
        let add = |shell: u32| {
            for number in 0..20 {
                // Each of these may find the file too long, and shorten it.
                History::open(Some(&path)).add(&format!("{shell} {number} {}", "x".repeat(9_000)));
            }
        };
        thread::scope(|scope| (0..4).for_each(|shell| drop(scope.spawn(move || add(shell)))));
        let text = fs::read_to_string(&path).unwrap();
        for shell in 0..4 {
            for number in 0..20 {
                let line = format!("{shell} {number} {}", "x".repeat(9_000));
                assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{shell} {number}");
            }
        }
    }

    #[test]
    fn a_torn_line_takes_no_other_with_it() {
        let folder = Folder::new("torn");
        let path = folder.0.join("history");
        fs::write(&path, "whole\nto").unwrap();
        History::open(Some(&path)).add("next");
        assert_eq!(History::open(Some(&path)).chunks(), ["whole", "to", "next"]);
    }

    #[test]
    fn what_cannot_be_written_is_still_known() {
        let mut history = History::open(Some(Path::new("/nowhere/at/all")));
        assert!(!history.add("a"));
        assert_eq!(history.chunks(), ["a"]);
    }
}
