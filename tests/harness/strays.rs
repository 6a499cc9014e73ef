//! Finds and kills the processes of a fixture, whoever their parent is now, and removes its cgroups.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;
use serde_json::Value;

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

/// Removes the cgroups of the tasks below a folder that no runner came back to.
pub(super) fn remove_cgroups(folder: &Path) {
    for stream in streams(folder) {
        let stream = fs::read(stream).unwrap_or_default();
        let first = stream.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = serde_json::from_slice::<Value>(first).unwrap_or_default();
        let cgroup = &header["runner_header"]["cgroup"];
        let work = cgroup["work"].as_array().into_iter().flatten();
        for group in work.chain([&cgroup["folder"]]).filter_map(Value::as_str) {
            remove_group(Path::new(group));
        }
    }
}

/// Finds the runners' streams of all roots below a folder.
fn streams(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let below = |folder: PathBuf| match folder.file_name() {
        Some(name) if name == "checkpoints" => {
            let tasks = fs::read_dir(&folder).into_iter().flatten().flatten();
            tasks.map(|task| task.path().join("runner")).collect()
        }
        _ => streams(&folder),
    };
    folders.flat_map(|folder| below(folder.path())).collect()
}

fn remove_group(group: &Path) {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    for inner in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_group(&inner.path());
    }
    let _ = fs::remove_dir(group);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
}
