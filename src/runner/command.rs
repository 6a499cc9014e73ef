//! What a command gets: its environment, its arguments, and where its output goes. Runs in the coordinator.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::options::Caller;
use crate::checkpoint::Header;
use crate::schema::LogDestination;

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

/// Adds the entries of one run.
pub(super) fn run_environment(
    common: &[CString],
    sandbox: &Path,
    chroot: bool,
    process: &str,
    run: u64,
) -> Vec<CString> {
    let mut entries = common.to_vec();
    let profile = sandbox.join(PROFILE);
    // Where a link leads only the command can say: it may see another root.
    if profile.symlink_metadata().is_ok() {
        let seen = if chroot { Path::new("/").join(PROFILE) } else { profile };
        entries.extend(entry("BASH_ENV".as_ref(), seen.as_os_str()));
    }
    entries.extend(entry("THERMOS_PROCESS".as_ref(), process.as_ref()));
    entries.extend(entry("THERMOS_RUN".as_ref(), run.to_string().as_ref()));
    entries
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

/// Where the output of a run goes.
#[derive(Debug)]
pub(super) enum Output {
    /// Files that are appended to.
    Files {
        /// Standard output.
        stdout: File,
        /// Standard error.
        stderr: File,
    },
    /// What was the runner's standard output and error.
    Console {
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// /dev/null.
    Nowhere(File),
}

impl Output {
    /// Says whether output goes to files of the run.
    pub(super) fn is_in_files(destination: LogDestination) -> bool {
        !matches!(destination, LogDestination::None | LogDestination::Console)
    }

    /// Opens the output of a run; `logs` is its folder, `console` what the runner had.
    pub(super) fn open(
        destination: LogDestination,
        logs: &Path,
        console: Option<(OwnedFd, OwnedFd)>,
    ) -> io::Result<Output> {
        match (destination, console) {
            (LogDestination::None, _) => {
                Ok(Output::Nowhere(OpenOptions::new().write(true).open("/dev/null")?))
            }
            (LogDestination::Console, Some((stdout, stderr))) => Ok(Output::Console { stdout, stderr }),
            _ => {
                let is_new = create_folder(logs)?;
                let open = |name| append(&logs.join(name), is_new);
                Ok(Output::Files { stdout: open("stdout")?, stderr: open("stderr")? })
            }
        }
    }

    pub(super) fn stdout(&self) -> BorrowedFd<'_> {
        match self {
            Output::Files { stdout, .. } => stdout.as_fd(),
            Output::Console { stdout, .. } => stdout.as_fd(),
            Output::Nowhere(null) => null.as_fd(),
        }
    }

    pub(super) fn stderr(&self) -> BorrowedFd<'_> {
        match self {
            Output::Files { stderr, .. } => stderr.as_fd(),
            Output::Console { stderr, .. } => stderr.as_fd(),
            Output::Nowhere(null) => null.as_fd(),
        }
    }
}

/// Makes the folder of a run; says whether it was not there before.
fn create_folder(logs: &Path) -> io::Result<bool> {
    let create = |folder: &Path| DirBuilder::new().mode(0o755).create(folder);
    // In its first run that of the process is missing too, those above are not.
    let made = create(logs).or_else(|error| match (error.kind(), logs.parent()) {
        (io::ErrorKind::NotFound, Some(process)) => {
            // Another task may make it at the same time; what else is wrong shows below.
            let _ = create(process);
            create(logs)
        }
        _ => Err(error),
    });
    match made {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o755).create(logs).map(|()| true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

/// Opens an output to append to. What is there already is of another task that was given the same `--log-dir`.
fn append(path: &Path, is_new: bool) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    if !is_new {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Makes the arguments of bash.
pub(super) fn arguments(command: &str) -> io::Result<Vec<CString>> {
    ["/bin/bash", "-c", command]
        .into_iter()
        .map(|text| Ok(CString::new(OsStr::new(text).as_bytes())?))
        .collect()
}
