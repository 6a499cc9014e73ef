//! What every test stands on: a `thermos` of its own, in a clean environment, for a bounded time, leaving nothing.
//!
//! ```ignore
//! let thermos = Thermos::new();
//! let file = thermos.write("hello.thermos", "...");
//! thermos.command(["run", "hello.thermos"]).output().expect_code(0);
//! ```
//! The binary runs in [`Thermos::home`], which is also the sandbox of its tasks. When the fixture goes, every process that came of
//! it must be gone: one that is left fails the test and is killed.
#![allow(dead_code)]

mod disk;
mod invocation;
mod recorded;
mod screen;
mod strays;
mod streams;
mod trace;
mod waiting;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

pub(crate) use disk::SmallDisk;
#[allow(unused_imports)]
pub(crate) use invocation::{Invocation, Output, Running};
pub(crate) use recorded::Recorded;
#[allow(unused_imports)]
pub(crate) use screen::Screen;
pub(crate) use trace::{Deed, trace};
pub(crate) use waiting::{LIMIT, wait_until};

/// The binary under test.
pub(crate) const THERMOS: &str = env!("CARGO_BIN_EXE_thermos");

/// Says that a part of a test is left out here, and why.
#[allow(clippy::print_stderr)]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// A `thermos` with its own home and root.
pub(crate) struct Thermos {
    folder: tempfile::TempDir,
    binary: PathBuf,
    user: Option<u32>,
}

impl Thermos {
    /// Makes an empty home and an empty root.
    pub(crate) fn new() -> Thermos {
        Thermos::of_binary(env!("CARGO_BIN_EXE_thermos").into())
    }

    /// Does the same for another build of `thermos`.
    pub(crate) fn of_binary(binary: PathBuf) -> Thermos {
        let folder = tempfile::Builder::new().prefix("thermos-test-").tempdir().unwrap();
        let thermos = Thermos { folder, binary, user: None };
        fs::create_dir(thermos.home()).unwrap();
        thermos
    }

    /// The home and working directory, and so the default sandbox.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The root of checkpoints and logs; made by `thermos` itself.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Writes a file below the home, with its folders, and returns its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Prepares `thermos` with arguments.
    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Invocation {
        match self.user {
            Some(uid) => self.prepare_as(uid, &self.binary, arguments),
            None => self.prepare(Command::new(&self.binary), arguments),
        }
    }

    /// Prepares `thermos` with arguments as the last arguments of another program.
    pub(crate) fn command_under(
        &self,
        program: &[&str],
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Invocation {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(&self.binary);
        self.prepare(command, arguments)
    }

    /// Other users may not get at the place of the binary: they execute a descriptor.
    fn prepare_as(
        &self,
        uid: u32,
        binary: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Invocation {
        let file = File::open(binary).unwrap();
        fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.prepare(command, arguments).user(uid).holding(file)
    }

    fn prepare(
        &self,
        mut command: Command,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Invocation {
        command
            .args(arguments)
            .current_dir(self.home())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("THERMOS_ROOT", self.root())
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1");
        Invocation::new(command)
    }

    /// Makes a home and a root that belong to another user, as whom [`Thermos::command`] then runs; takes root.
    pub(crate) fn of_user(uid: u32) -> Thermos {
        let mut thermos = Thermos::new();
        thermos.open_to_all();
        thermos.user = Some(uid);
        for folder in [thermos.folder.path(), &thermos.home()] {
            chown(folder, Some(uid), Some(uid)).unwrap();
        }
        thermos
    }

    /// Lets other users look into the folder of the fixture.
    pub(crate) fn open_to_all(&self) {
        fs::set_permissions(self.folder.path(), Permissions::from_mode(0o755)).unwrap();
    }

    /// Prepares a bash script, in which `$0` and `$THERMOS` are the binary.
    pub(crate) fn shell(&self, script: &str) -> Invocation {
        self.prepare(Command::new("/bin/bash"), ["-c", script, THERMOS])
            .env("THERMOS", env!("CARGO_BIN_EXE_thermos"))
    }

    /// Runs `thermos` with arguments to its end.
    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.command(arguments).output()
    }

    /// Waits until a file below the home exists.
    pub(crate) fn wait_for_file(&self, name: &str) -> PathBuf {
        let path = self.home().join(name);
        wait_until(&path, || path.exists());
        path
    }

    /// Returns the processes that carry this fixture's folder in their environment, as `pid: command`.
    pub(crate) fn processes(&self) -> Vec<String> {
        strays::find(self.folder.path()).iter().map(ToString::to_string).collect()
    }

    /// Returns what is still alive after a short grace, and kills it.
    pub(crate) fn kill_strays(&self) -> Vec<String> {
        strays::kill(self.folder.path()).iter().map(ToString::to_string).collect()
    }

    /// Lists what is below the root, sorted; empty if there is no root.
    pub(crate) fn root_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
        if entry.file_type().unwrap().is_dir() {
            list(root, &entry.path(), found);
        }
    }
}

impl Drop for Thermos {
    fn drop(&mut self) {
        let left = strays::kill(self.folder.path());
        strays::remove_cgroups(self.folder.path());
        if !left.is_empty() && !std::thread::panicking() {
            let left: Vec<String> = left.iter().map(ToString::to_string).collect();
            panic!("processes were left behind:\n{}", left.join("\n"));
        }
    }
}

#[test]
fn a_process_that_is_left_behind_is_found_and_killed() {
    let thermos = Thermos::new();
    let mark = thermos.home();
    // Its environment can be read once it has said something, not as soon as it is spawned.
    let mut stray = Command::new("bash");
    stray
        .args(["-c", "echo here; read -r never"])
        .env("HOME", &mark)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut stray = stray.spawn().unwrap();
    BufReader::new(stray.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(thermos)));
    let message = *outcome.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("read -r never"), "{message}");
    assert!(!stray.wait().unwrap().success());
    assert!(!mark.exists());
}
