//! What was typed before: a file with a line for each chunk, for its owner alone.
//!
//! Each chunk is appended when it is typed, so that shells side by side and shells that are killed lose nothing.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The most chunks that are kept.
const KEPT: usize = 2_000;

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
        let text = String::from_utf8_lossy(&text);
        let mut history = History { path: None, chunks: Vec::new() };
        let mut lines = 0;
        for line in text.lines() {
            history.note(&unescape(line));
            lines += 1;
        }
        history.path = path.map(Path::to_owned);
        if lines > 2 * KEPT {
            // It is only history: where it cannot be shortened, it stays long.
            let _ = history.rewrite();
        }
        history
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

    fn rewrite(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let beside = path.with_extension("new");
        let mut file = create(&beside)?;
        for chunk in &self.chunks {
            writeln!(file, "{}", escape(chunk))?;
        }
        fs::rename(&beside, path)
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)
}

fn append(path: &Path, chunk: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(MODE))?;
    }
    file.write_all(format!("{}\n", escape(chunk)).as_bytes())
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
    fn what_cannot_be_written_is_still_known() {
        let mut history = History::open(Some(Path::new("/nowhere/at/all")));
        assert!(!history.add("a"));
        assert_eq!(history.chunks(), ["a"]);
    }
}
