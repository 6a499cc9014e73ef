//! Finds and kills the processes of a fixture, whoever their parent is now.

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

/// How long a process that was told to end before may need to go.
const GRACE: Duration = Duration::from_millis(1500);

/// A process of a fixture.
pub(super) struct Stray {
    pid: i32,
    command: String,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pid, self.command)
    }
}

/// Returns the living processes that have `folder` in their environment.
pub(super) fn find(folder: &Path) -> Vec<Stray> {
    let mark = folder.as_os_str().as_encoded_bytes();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        contains(&environment, mark).then(|| Stray { pid, command: command(pid) })
    })
    .collect()
}

/// Returns what is still alive after a short grace, and kills it.
///
/// Strays are nobody's children here, so there is no event to wait for: this looks again every few milliseconds.
pub(super) fn kill(folder: &Path) -> Vec<Stray> {
    let begin = Instant::now();
    while begin.elapsed() < GRACE && !find(folder).is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    let left = find(folder);
    while let strays @ [_, ..] = find(folder).as_slice() {
        for stray in strays {
            let _ = send(Pid::from_raw(stray.pid), Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(10));
    }
    left
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
}
