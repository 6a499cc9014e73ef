//! This program once more, as a child in the foreground: what it says and hears is that of its parent.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How the child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Runs this program with some arguments and a standard input, and waits for its end. No signal is blocked in it.
pub fn run(arguments: impl IntoIterator<Item = OsString>, input: &[u8]) -> io::Result<Ended> {
    // The file may have been replaced since; the kernel still knows what this process runs.
    let program = env::current_exe().ok().filter(|path| path.exists());
    let program = program.unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
    let mut child = Command::new(program).arg0("thermos").args(arguments).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read to the end says why by itself.
        let _ = stdin.write_all(input);
    }
    let status = child.wait()?;
    Ok(match status.code() {
        Some(code) => Ended::Exited(code),
        None => Ended::Killed(status.signal().unwrap_or_default()),
    })
}
