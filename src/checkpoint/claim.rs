//! Claiming a run: whoever moves the first record to the run's file has it, for ever.
//!
//! A coordinator claims its run before it starts the command; recovery claims the run of a coordinator that never came,
//! so that it finds the name taken if it comes after all.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::libc;

use super::error::CheckpointError;
use super::files;
use super::paths::TaskPaths;
use super::record::{ProcessStatus, Record};
use super::stream::Writer;
use crate::process::failpoint::failpoint;

/// Bytes that a claim reserves at least, so that the records after it fit even on a disk that is full by then.
const RESERVE: i64 = 4096;

/// A byte of a name takes up to six in JSON; there are three records.
fn reserve(process: &str) -> i64 {
    RESERVE.max(RESERVE / 2 + 3 * 6 * process.len() as i64)
}

/// A claim of a run, to be made.
#[derive(Clone, Debug)]
pub struct Claim {
    beside: PathBuf,
    target: PathBuf,
}

impl Claim {
    /// Prepares the claim of a run. `who` keeps claimers of one run apart until one of them has it.
    pub fn new(paths: &TaskPaths, who: &str, process: &str, run: u64) -> Claim {
        let beside = paths.folder().join(format!("{who}.{process}.{run}"));
        Claim { beside, target: paths.run(process, run) }
    }

    /// Claims the run with its first record; nothing if somebody has it.
    pub fn make(&self, first: ProcessStatus, durable: bool) -> Result<Option<Writer>, CheckpointError> {
        failpoint!("claim.before");
        let Claim { beside, target } = self;
        let claimed = write_beside(beside, first, durable).and_then(|writer| {
            failpoint!("claim.written");
            let moved =
                move_without_replacing(beside, target).map_err(CheckpointError::io("create", target))?;
            failpoint!("claim.moved");
            Ok(moved.then_some(writer))
        });
        if !matches!(claimed, Ok(Some(_))) {
            let _ = fs::remove_file(beside);
        } else if durable {
            files::sync_folder_of(target)?;
        }
        claimed
    }
}

/// Gives a claimed run back whose command was never started. Whoever does so has no more to do with the run.
pub fn unclaim(paths: &TaskPaths, process: &str, run: u64) -> Result<(), CheckpointError> {
    let path = paths.run(process, run);
    fs::remove_file(&path).map_err(CheckpointError::io("remove", &path))
}

fn write_beside(beside: &Path, first: ProcessStatus, durable: bool) -> Result<Writer, CheckpointError> {
    let mut options = OpenOptions::new();
    // Left from a claim that failed for lack of room, if it exists: each claimer has one run and one name.
    options.append(true).create(true).mode(0o600);
    let file = files::open("create", beside, &mut options, libc::O_TRUNC)?;
    let mut writer = Writer::of_empty(file, beside, durable);
    writer.reserve(reserve(&first.process))?;
    writer.append([&Record::ProcessStatus(Box::new(first))])?;
    writer.sync()?;
    Ok(writer)
}

/// Says `false` if the target exists.
fn move_without_replacing(from: &Path, to: &Path) -> io::Result<bool> {
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        Err(Errno::EINVAL | Errno::ENOSYS) => link(from, to),
        Err(error) => Err(error.into()),
    }
}

fn link(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::load::read_run;
    use crate::checkpoint::record::ProcessState;
    use crate::checkpoint::{Root, TaskId};

    #[test]
    fn a_run_is_claimed_once() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("a").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        let status = |state| ProcessStatus { seq: 1, process: "p".into(), state, ..ProcessStatus::default() };
        let [fence, claim] = ["fence", "claim"].map(|who| Claim::new(&paths, who, "p", 0));
        assert!(fence.make(status(ProcessState::Lost), true).unwrap().is_some());
        assert!(claim.make(status(ProcessState::Forked), false).unwrap().is_none());
        assert_eq!(read_run(&paths, "p", 0).unwrap()[0].state, ProcessState::Lost);
        assert_eq!(fs::read_dir(paths.folder()).unwrap().count(), 1);
        unclaim(&paths, "p", 0).unwrap();
        assert!(claim.make(status(ProcessState::Forked), false).unwrap().is_some());
    }
}
