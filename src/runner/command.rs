//! What a command gets: its environment, its arguments, and where its output goes. Made ready before the coordinator is
//! forked, where that is possible, and used by it.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::lstat;

use super::options::Caller;
use super::output::{Pipes, remove_backups};
use super::owned::open_logs;
use crate::checkpoint::Header;
use crate::checkpoint::paths::run_logs;
use crate::checkpoint::record::LostOutput;
use crate::process::signals;
use crate::process::users::Credentials;
use crate::schema::{LogDestination, Logger};

/// The logs of a run.
const NAMES: [&str; 2] = ["stdout", "stderr"];

/// What bash reads before a command, if it is in the sandbox.
const PROFILE: &str = ".thermos_profile";

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the `NAME=VALUE` entries that all commands of a task have, but for `BASH_ENV` and those that name the run.
pub(super) fn common_environment(header: &Header, caller: &Caller) -> Vec<CString> {
    let inherited = caller.environment.iter().filter(|(name, _)| header.preserve_env && !is_ours(name));
    let mut entries: Vec<CString> = inherited.filter_map(|(name, value)| entry(name, value)).collect();
    let path = caller.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    // A chroot hides the sandbox behind the root.
    let home = header.home.as_ref().filter(|_| header.chroot).unwrap_or(&header.sandbox);
    let own: [(&str, &OsStr); 6] = [
        ("HOME", home.as_os_str()),
        ("LOGNAME", header.user.as_ref()),
        ("USER", header.user.as_ref()),
        ("PATH", path.unwrap_or(DEFAULT_PATH.as_ref())),
        ("THERMOS_TASK_ID", header.task_id.as_str().as_ref()),
        ("THERMOS_LAUNCH", header.launch.as_ref()),
    ];
    entries.extend(own.iter().filter_map(|(name, value)| entry(name.as_ref(), value)));
    entries
}

/// Adds the entries of one run, but for `BASH_ENV`.
pub(super) fn run_environment(common: &[CString], process: &str, run: u64) -> Vec<CString> {
    let mut entries = common.to_vec();
    entries.extend(entry("THERMOS_PROCESS".as_ref(), process.as_ref()));
    entries.extend(entry("THERMOS_RUN".as_ref(), run.to_string().as_ref()));
    entries
}

/// What bash reads before a command, if there is such a file.
#[derive(Debug)]
pub(super) struct Profile {
    path: Option<CString>,
    bash_env: Option<CString>,
}

impl Profile {
    /// That of a sandbox, which may be the root of its commands.
    pub(super) fn of(sandbox: &Path, is_root: bool) -> Profile {
        let path = sandbox.join(PROFILE);
        let seen = if is_root { &Path::new("/").join(PROFILE) } else { &path };
        let bash_env = entry("BASH_ENV".as_ref(), seen.as_os_str());
        Profile { path: CString::new(path.into_os_string().into_vec()).ok(), bash_env }
    }

    /// Looks for the file, and returns the entry of the environment that names it.
    pub(super) fn bash_env(&self) -> Option<CString> {
        // Where a link leads only the command can say: it may see another root.
        lstat(self.path.as_deref()?).ok().and_then(|_| self.bash_env.clone())
    }
}

fn is_ours(name: &OsStr) -> bool {
    const OURS: [&str; 9] = [
        "HOME",
        "LOGNAME",
        "USER",
        "PATH",
        "BASH_ENV",
        "THERMOS_TASK_ID",
        "THERMOS_LAUNCH",
        "THERMOS_PROCESS",
        "THERMOS_RUN",
    ];
    OURS.iter().any(|own| name == *own)
}

/// Nothing if there is a zero byte in it, which no environment can hold.
fn entry(name: &OsStr, value: &OsStr) -> Option<CString> {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(value);
    CString::new(text.into_vec()).ok()
}

/// What was the runner's standard output and error.
pub(super) type Console = [OwnedFd; 2];

/// Where the output of a run goes.
#[derive(Debug)]
pub(super) enum Output {
    /// Files that the command appends to.
    Files([File; 2]),
    /// The command has the console for itself.
    Console(Console),
    /// /dev/null.
    Nowhere(File),
    /// The coordinator takes it and passes it on.
    Piped(Box<Pipes>),
}

impl Output {
    /// Opens the output of a run; its logs belong to `owner` if that is another user than this one. Of the signals that
    /// [`Output::wait`] takes, all must be blocked.
    pub(super) fn open(
        logger: &Logger,
        logs: &RunLogs,
        owner: Option<&Credentials>,
        console: Option<Console>,
        signals: &SigSet,
    ) -> io::Result<Output> {
        match (logger.destination, console) {
            (LogDestination::None, _) => {
                Ok(Output::Nowhere(OpenOptions::new().write(true).open("/dev/null")?))
            }
            (LogDestination::Console, Some(console)) => Ok(Output::Console(console)),
            (_, console) => {
                let files = logs.open(owner)?;
                if console.is_none() && logger.rotation().is_none() {
                    return Ok(Output::Files(files));
                }
                let pipes = Pipes::open(&logs.folder, NAMES, files, logger.rotation(), console, signals)?;
                if let Some(Credentials { uid, gid, .. }) = owner {
                    // Or the command could not open what /dev/stdout leads to.
                    pipes.ends()?.into_iter().try_for_each(|end| fchown(end, Some(*uid), Some(*gid)))?;
                }
                Ok(Output::Piped(Box::new(pipes)))
            }
        }
    }

    /// Returns what the command is to have as its standard output and error.
    pub(super) fn ends(&self) -> io::Result<[BorrowedFd<'_>; 2]> {
        match self {
            Output::Files([stdout, stderr]) => Ok([stdout.as_fd(), stderr.as_fd()]),
            Output::Console([stdout, stderr]) => Ok([stdout.as_fd(), stderr.as_fd()]),
            Output::Nowhere(null) => Ok([null.as_fd(), null.as_fd()]),
            Output::Piped(pipes) => pipes.ends(),
        }
    }

    /// The command has started.
    pub(super) fn release(&mut self) {
        if let Output::Piped(pipes) = self {
            pipes.release();
        }
    }

    /// Waits for one of the signals with which it was opened, or until the time is over; passes output on meanwhile.
    pub(super) fn wait(&mut self, signals: &SigSet, timeout: Option<Duration>) -> io::Result<Option<Signal>> {
        match self {
            Output::Piped(pipes) => pipes.wait(timeout),
            _ => signals::wait(signals, timeout),
        }
    }

    /// The command has ended: takes what it has said, and tells what could not be kept of that.
    pub(super) fn drain(&mut self) -> Option<LostOutput> {
        let Output::Piped(pipes) = self else { return None };
        pipes.drain();
        pipes.lost().map(|lost| LostOutput { bytes: lost.bytes, reason: lost.reason })
    }

    /// Nobody of the run is left: takes the rest.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Output::Piped(pipes) => pipes.finish(),
            _ => Ok(()),
        }
    }
}

/// Where the logs of a run are.
#[derive(Debug)]
pub(super) struct RunLogs {
    log_dir: PathBuf,
    process: String,
    run: u64,
    of_process: PathBuf,
    folder: PathBuf,
    files: [PathBuf; 2],
}

impl RunLogs {
    pub(super) fn new(log_dir: &Path, process: &str, run: u64) -> RunLogs {
        let folder = run_logs(log_dir, process, run);
        RunLogs {
            log_dir: log_dir.to_owned(),
            process: process.to_owned(),
            run,
            of_process: log_dir.join(process),
            files: NAMES.map(|name| folder.join(name)),
            folder,
        }
    }

    /// Opens the empty logs, which belong to `owner` if that is another user than this one.
    fn open(&self, owner: Option<&Credentials>) -> io::Result<[File; 2]> {
        if let Some(owner) = owner {
            return open_logs(&self.log_dir, &self.process, self.run, owner);
        }
        let is_new = self.create_folder()?;
        if !is_new {
            // What is there already is of another task that was given the same `--log-dir`.
            NAMES.iter().try_for_each(|name| remove_backups(&self.folder, name))?;
        }
        let [stdout, stderr] = [0, 1].map(|place| append(&self.files[place], is_new));
        Ok([stdout?, stderr?])
    }

    /// Makes the folder of the run, which may be the first of its process; says whether it was not there before.
    fn create_folder(&self) -> io::Result<bool> {
        let create = |folder: &Path| DirBuilder::new().mode(0o755).create(folder);
        // In its first run that of the process is missing too, those above are not. Another task may make it at the same
        // time; what else is wrong shows below.
        let _ = (self.run == 0).then(|| create(&self.of_process));
        match create(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o755).create(&self.folder).map(|()| true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            made => made.map(|()| true),
        }
    }
}

/// Opens an output to append to.
fn append(path: &Path, is_new: bool) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    if !is_new {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Makes the arguments of bash; nothing of a command with a zero byte in it.
pub(super) fn arguments(command: &str) -> Option<Vec<CString>> {
    ["/bin/bash", "-c", command].into_iter().map(|text| CString::new(text).ok()).collect()
}
