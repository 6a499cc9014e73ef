//! Where included files come from: a trait, and the loader that reads regular files below a root.
//!
//! LANGUAGE section 1.4. Knows nothing of what is in the files.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::libc;
use thiserror::Error;

use crate::diagnostics::did_you_mean_help;

/// The most bytes that an included file may have.
const MAX_FILE: u64 = 16 << 20;

/// A file as a loader gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// As users know it: the path of the including file's folder, then the path as written.
    pub name: String,
    /// The same for every way to write the path of the same file.
    pub identity: String,
    /// The text.
    pub text: String,
}

/// Why a file cannot be included.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IncludeError {
    /// There is no such file.
    #[error("there is no file `{path}`")]
    Missing {
        /// The path as users know it.
        path: String,
        /// What to do.
        help: Option<String>,
    },
    /// It is a folder, a pipe, a device.
    #[error("`{0}` is no regular file")]
    NoFile(String),
    /// It lies outside of every include root, perhaps behind a link.
    #[error("`{0}` lies outside of the folder that files may be included from")]
    Outside(String),
    /// It is not UTF-8.
    #[error("`{path}` is no UTF-8 text: byte {byte} is wrong")]
    NoText {
        /// The path as users know it.
        path: String,
        /// The first wrong byte, from 0.
        byte: usize,
    },
    /// It is longer than any script.
    #[error("`{path}` has {bytes} bytes, more than the {MAX_FILE} that a script may have")]
    TooLarge {
        /// The path as users know it.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// The system refuses to read it.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// The path as users know it.
        path: String,
        /// What the system says.
        reason: String,
    },
}

impl IncludeError {
    /// Says what to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            IncludeError::Missing { help, .. } => Some(help.clone().unwrap_or_else(|| {
                "check the path: it starts at the folder of the file that includes".into()
            })),
            IncludeError::Outside(_) => {
                Some("move it below the main file's folder, or name its folder with --include-root".into())
            }
            IncludeError::NoText { .. } => Some("save the file as UTF-8".into()),
            IncludeError::NoFile(_) => Some("name a file, not a folder or a device".into()),
            IncludeError::TooLarge { .. } => {
                Some("is this the right file? a script is what people write".into())
            }
            IncludeError::Unreadable { .. } => {
                Some("check who owns the file and what its mode allows".into())
            }
        }
    }
}

/// Gives the text of included files.
pub trait Loader: Send + Sync {
    /// Loads the file that `path` names in an include of the file `from`, a name that this loader gave or the main
    /// file's.
    ///
    /// # Errors
    /// [`IncludeError`].
    fn load(&self, from: &str, path: &str) -> Result<Loaded, IncludeError>;

    /// Returns the identity of the main file, so that a cycle through it is found.
    fn identity(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// Includes nothing: for standard input and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _: &str, path: &str) -> Result<Loaded, IncludeError> {
        Err(IncludeError::Missing { path: path.to_owned(), help: None })
    }
}

/// Finds every file, and nothing in it: for those who ask about one text alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EmptyFiles;

impl Loader for EmptyFiles {
    fn load(&self, from: &str, path: &str) -> Result<Loaded, IncludeError> {
        Ok(Loaded { name: path.to_owned(), identity: format!("{path} of {from}"), text: String::new() })
    }
}

/// Reads regular files below its roots; links are followed, but not out of the roots.
#[derive(Clone, Debug)]
pub struct FileLoader {
    roots: Vec<PathBuf>,
}

impl FileLoader {
    /// Allows the files below `roots`; a root that cannot be found allows nothing.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> FileLoader {
        FileLoader { roots: roots.into_iter().filter_map(|root| fs::canonicalize(root).ok()).collect() }
    }
}

impl Loader for FileLoader {
    fn load(&self, from: &str, path: &str) -> Result<Loaded, IncludeError> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let wanted = tidy(&folder.join(path));
        let name = wanted.to_string_lossy().into_owned();
        let real = fs::canonicalize(&wanted).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => missing(&wanted, &name),
            _ => IncludeError::Unreadable { path: name.clone(), reason: error.to_string() },
        })?;
        if !self.roots.iter().any(|root| real.starts_with(root)) {
            return Err(IncludeError::Outside(name));
        }
        let text = read_text(&real, &name)?;
        Ok(Loaded { name, identity: real.to_string_lossy().into_owned(), text })
    }

    fn identity(&self, name: &str) -> String {
        fs::canonicalize(name).map_or(name.to_owned(), |real| real.to_string_lossy().into_owned())
    }
}

/// Reads the text of a regular file; `name` is the path as users know it.
///
/// # Errors
/// [`IncludeError`], except for [`IncludeError::Outside`].
pub fn read_text(path: &Path, name: &str) -> Result<String, IncludeError> {
    let unreadable =
        |error: io::Error| IncludeError::Unreadable { path: name.to_owned(), reason: error.to_string() };
    let file = open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(path, name),
        _ => unreadable(error),
    })?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(IncludeError::NoFile(name.to_owned()));
    }
    if about.len() > MAX_FILE {
        return Err(IncludeError::TooLarge { path: name.to_owned(), bytes: about.len() });
    }
    read_stream(file, name)
}

/// Reads a source file to its end, such as standard input; `name` is what messages call it.
///
/// # Errors
/// It cannot be read, is too large, or no text.
pub fn read_stream(reader: impl Read, name: &str) -> Result<String, IncludeError> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| IncludeError::Unreadable { path: name.to_owned(), reason: error.to_string() })?;
    let count = bytes.len() as u64;
    if count > MAX_FILE {
        return Err(IncludeError::TooLarge { path: name.to_owned(), bytes: count });
    }
    String::from_utf8(bytes).map_err(|error| IncludeError::NoText {
        path: name.to_owned(),
        byte: error.utf8_error().valid_up_to(),
    })
}

/// Opens a file for reading and waits for nobody: a pipe that nobody writes to is open at once.
///
/// # Errors
/// Those of the system. What was opened need not be a regular file: its metadata tell.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Says what something is that is no regular file.
pub(crate) fn kind(what: FileType) -> &'static str {
    match what {
        what if what.is_dir() => "a directory",
        what if what.is_fifo() => "a pipe",
        what if what.is_socket() => "a socket",
        _ => "a device",
    }
}

fn missing(path: &Path, name: &str) -> IncludeError {
    IncludeError::Missing { path: name.to_owned(), help: neighbours(path) }
}

/// Finds the file or folder of the same place that was probably meant.
fn neighbours(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else {
        return path.parent().and_then(neighbours);
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    did_you_mean_help(&wanted, names.iter().map(String::as_str))
}

/// Removes `.` components, for shorter names.
fn tidy(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_below_the_root_are_read() {
        let root = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let main = root.path().join("main.thermos").to_string_lossy().into_owned();
        fs::create_dir(root.path().join("lib")).unwrap();
        fs::write(root.path().join("lib/math.thermos"), "let a = 1;").unwrap();
        fs::write(other.path().join("x.thermos"), "").unwrap();
        fs::write(root.path().join("bad.thermos"), [b'a', 0xff]).unwrap();
        std::os::unix::fs::symlink(other.path().join("x.thermos"), root.path().join("link.thermos")).unwrap();
        let loader = FileLoader::new([root.path().to_owned()]);
        let load = |path: &str| loader.load(&main, path);
        assert_eq!(load("lib/math.thermos").unwrap().text, "let a = 1;");
        assert_eq!(
            load("./lib/math.thermos").unwrap().identity,
            load("lib/../lib/math.thermos").unwrap().identity
        );
        assert!(matches!(load("link.thermos"), Err(IncludeError::Outside(_))));
        assert!(matches!(load("lib"), Err(IncludeError::NoFile(_))));
        assert!(matches!(load("bad.thermos"), Err(IncludeError::NoText { byte: 1, .. })));
        let help = load("lib/meth.thermos").unwrap_err().help();
        assert_eq!(help.as_deref(), Some("did you mean `math.thermos`?"));
    }
}
