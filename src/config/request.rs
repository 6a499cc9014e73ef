//! What is asked of a configuration, and how it is read from the disk.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use thiserror::Error;

use crate::diagnostics::{Diagnostic, Sources, Span};
use crate::script;

/// The largest configuration that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A configuration and what is bound in it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The text.
    pub source: Source,
    /// The `-E` values.
    pub bindings: Vec<Binding>,
    /// The task to take, by its name; all of them otherwise.
    pub task: Option<String>,
    /// A folder below which includes may be, besides that of the file.
    pub include_root: Option<PathBuf>,
    /// What the evaluation may use.
    pub limits: Limits,
}

/// The text of a configuration.
#[derive(Clone, Debug)]
pub enum Source {
    /// A script, and where it stands.
    Script {
        /// The path as it was given.
        path: PathBuf,
        /// The text.
        text: String,
    },
    /// One task document or a list of them.
    Json {
        /// The path as it was given, or `-`.
        name: String,
        /// The text.
        text: String,
    },
}

/// One `-E NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// A parameter or an address.
    pub name: String,
    /// What it stands for.
    pub value: String,
}

/// What an evaluation may use. The defaults keep any script of 64 KiB below 10 seconds and 1 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Operations of the script.
    pub operations: u64,
    /// Bytes of address space.
    pub memory: u64,
    /// Time on the clock.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { operations: 100_000_000, memory: 1 << 30, time: Duration::from_secs(8) }
    }
}

/// Why there is no task.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration cannot be read")]
    Unreadable(Box<Diagnostic>),
    /// The configuration is wrong. Warnings come after errors.
    #[error("the configuration is wrong")]
    Invalid(Vec<Diagnostic>),
}

impl Source {
    /// Returns the name by which users know it.
    pub fn name(&self) -> String {
        match self {
            Source::Script { path, .. } => path.display().to_string(),
            Source::Json { name, .. } if name == "-" => "standard input".to_owned(),
            Source::Json { name, .. } => name.clone(),
        }
    }

    /// Reads a configuration: a script, or JSON if `json` says so or the name ends in `.json`.
    ///
    /// `-` is standard input, which must be JSON.
    pub fn read(path: &Path, json: bool) -> Result<Source, ConfigError> {
        let is_json = json || path.extension().is_some_and(|extension| extension == "json");
        if path == Path::new("-") {
            return match is_json {
                true => Ok(Source::Json { name: "-".to_owned(), text: read_text(path, io::stdin().lock())? }),
                false => Err(standard_input()),
            };
        }
        let text = read_text(path, open(path)?)?;
        Ok(match is_json {
            true => Source::Json { name: path.display().to_string(), text },
            false => Source::Script { path: path.to_owned(), text },
        })
    }
}

fn standard_input() -> ConfigError {
    let diagnostic = Diagnostic::error("standard_input", "standard input is read for JSON only");
    let help = "add --json, or name a .thermos file: a script needs a folder for its includes";
    ConfigError::Unreadable(Box::new(diagnostic.with_help(help)))
}

/// Opens a file, or a pipe that was handed over; waits for nobody who might write to a pipe with a name.
fn open(path: &Path) -> Result<File, ConfigError> {
    let failed = |error: io::Error| unreadable(path, &error);
    let file = script::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if about.is_file() {
        return Ok(file);
    }
    if !is_handed_over(&file, &about) {
        return Err(no_file(path, &about));
    }
    // Whoever writes to it may take time.
    let flags = fcntl(&file, FcntlArg::F_GETFL).map_err(|error| failed(error.into()))?;
    let blocking = OFlag::from_bits_truncate(flags) - OFlag::O_NONBLOCK;
    fcntl(&file, FcntlArg::F_SETFL(blocking)).map_err(|error| failed(error.into()))?;
    Ok(file)
}

/// Says whether this process had the same pipe or terminal open before: as `/dev/stdin`, or by `<(command)`.
fn is_handed_over(file: &File, about: &Metadata) -> bool {
    let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let own = file.as_raw_fd().to_string();
    let others = descriptors.filter(|entry| entry.file_name() != *own);
    let mut found = others.filter_map(|entry| fs::metadata(entry.path()).ok());
    found.any(|other| (other.dev(), other.ino()) == (about.dev(), about.ino()))
}

fn no_file(path: &Path, about: &Metadata) -> ConfigError {
    let kind = script::kind(about.file_type());
    let message = format!("cannot read {}: it is {kind}, not a regular file", path.display());
    let help = "name a file, or hand a pipe over: <(COMMAND), or `-` with --json";
    ConfigError::Unreadable(Box::new(Diagnostic::error("unreadable", message).with_help(help)))
}

fn read_text(path: &Path, reader: impl Read) -> Result<String, ConfigError> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("{} has more than {} MiB", path.display(), MAX_BYTES >> 20);
        let diagnostic = Diagnostic::error("too_large", message);
        return Err(invalid(
            diagnostic.with_help("a configuration is text that people write: is this the right file?"),
        ));
    }
    // Some editors begin a file with a mark that it is UTF-8.
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    String::from_utf8(bytes.split_off(start)).map_err(|error| {
        let before =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let mut sources = Sources::default();
        let source = sources.add(path.display().to_string(), String::from_utf8_lossy(error.as_bytes()));
        let place = sources.place(Span::new(source, line as u32, column as u32, 1));
        let message = format!("{} is not UTF-8 text", path.display());
        let help = "save the file as UTF-8; if it is a program or an archive, it is the wrong file";
        let diagnostic = Diagnostic::error("not_utf8", message);
        invalid(diagnostic.with_label(place, "this byte cannot be").with_help(help))
    })
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    let (reason, help) = match error.kind() {
        io::ErrorKind::NotFound => {
            ("there is no such file", "check the path; it starts at the current directory")
        }
        io::ErrorKind::IsADirectory => ("it is a directory", "name the .thermos file inside of it"),
        io::ErrorKind::PermissionDenied => {
            ("permission denied", "check who owns it and what its mode allows")
        }
        _ => ("the operating system cannot read it", "check the file with `cat`"),
    };
    let message = format!("cannot read {}: {reason}", path.display());
    ConfigError::Unreadable(Box::new(Diagnostic::error("unreadable", message).with_help(help)))
}

fn invalid(diagnostic: Diagnostic) -> ConfigError {
    ConfigError::Invalid(vec![diagnostic])
}
