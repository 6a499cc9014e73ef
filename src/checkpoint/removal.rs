//! Removing what a task has left, so that a death in the middle leaves nothing that looks like a damaged task.
//!
//! First a mark in its folder says what is to go. Then the task leaves the index: from then on nobody sees it. Then its logs
//! go, while the header still says where they are, then its folder is renamed to a name that is no id, and last the renamed
//! folder goes. Whoever comes after a death finds a marked checkpoint without index, or a folder of that name, and goes on
//! with what was begun.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{Uid, UnlinkatFlags, unlinkat};

use super::error::CheckpointError;
use super::files;
use super::lock::Ownership;
use super::paths::{Root, TaskPaths, run_logs};
use super::state::State;
use super::task_id::TaskId;
use crate::process::failpoint::failpoint;

const REMOVED: &str = ".removed";

impl Root {
    /// Lists checkpoints that no index has, sorted: a removal was cut short, or a beginning.
    pub fn unlisted(&self) -> Result<Vec<TaskId>, CheckpointError> {
        let listed: BTreeSet<TaskId> = self.tasks()?.into_iter().map(|entry| entry.id).collect();
        let names = names_in(&self.checkpoints())?;
        let ids = names.iter().filter_map(|name| TaskId::new(name).ok());
        let mut found: Vec<TaskId> = ids.filter(|id| !listed.contains(id)).collect();
        found.sort();
        Ok(found)
    }

    /// Lists checkpoints whose removal was cut short after they left the index, and what was to go with each.
    pub fn left_removals(&self) -> Result<Vec<(TaskId, Extent)>, CheckpointError> {
        let marked = |id: TaskId| {
            let content = files::read(&self.task(&id).removal()).transpose()?;
            Some(content.map(|content| (id, Extent::of_mark(&content))))
        };
        self.unlisted()?.into_iter().filter_map(marked).collect()
    }

    /// Lists folders of tasks whose removal was cut short.
    pub fn half_removed(&self) -> Result<Vec<PathBuf>, CheckpointError> {
        let folder = self.checkpoints();
        let is_removed = |name: &String| {
            let id = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(REMOVED));
            id.is_some_and(|id| TaskId::new(id).is_ok())
        };
        Ok(names_in(&folder)?.into_iter().filter(is_removed).map(|name| folder.join(name)).collect())
    }
}

/// What goes with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Its index, its checkpoint, and the outputs of its runs.
    All,
    /// Its index and its checkpoint.
    AllButLogs,
}

impl Extent {
    fn mark(self) -> &'static [u8] {
        match self {
            Extent::All => b"all\n",
            Extent::AllButLogs => b"all but logs\n",
        }
    }

    /// What nobody can read keeps the logs.
    fn of_mark(content: &[u8]) -> Extent {
        if content == Extent::All.mark() { Extent::All } else { Extent::AllButLogs }
    }
}

impl TaskPaths {
    /// Where it stands what a removal that has begun takes with it.
    fn removal(&self) -> PathBuf {
        self.folder().join("removal")
    }

    /// Where the task's folder goes to be removed.
    fn removed(&self) -> PathBuf {
        let name = format!(".{}{REMOVED}", self.id());
        self.folder().with_file_name(name)
    }
}

/// Removes a task that this process owns.
///
/// Never touches the sandbox, nor in a log folder that the user named what is not an output of one of its runs.
pub fn remove(
    paths: &TaskPaths,
    owner: Ownership,
    state: &State,
    extent: Extent,
) -> Result<(), CheckpointError> {
    files::replace(&paths.removal(), extent.mark(), 0o600, false)?;
    failpoint!("removal.marked");
    remove_index(paths)?;
    failpoint!("removal.unlisted");
    if extent == Extent::All {
        remove_logs(paths, state)?;
    }
    failpoint!("removal.logs");
    let beside = paths.removed();
    remove_folder(&beside)?;
    fs::rename(paths.folder(), &beside).map_err(CheckpointError::io("rename", paths.folder()))?;
    failpoint!("removal.renamed");
    drop(owner);
    remove_folder(&beside)
}

/// Takes a task out of the index.
pub fn remove_index(paths: &TaskPaths) -> Result<(), CheckpointError> {
    [paths.active(), paths.finished()].iter().try_for_each(|path| files::remove(path))
}

/// Removes a folder with all that is in it, which may be gone; no link is followed.
pub fn remove_folder(folder: &Path) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Returns the bytes on disk that go with a task.
pub fn size(paths: &TaskPaths, state: &State, extent: Extent) -> u64 {
    let index = [paths.active(), paths.finished()].iter().map(|path| size_of(path)).sum::<u64>();
    let logs = match extent {
        Extent::All => log_files(paths, state).iter().map(|path| size_of(path)).sum(),
        Extent::AllButLogs => 0,
    };
    index + size_of(paths.folder()) + logs
}

/// Returns the bytes on disk of a file, or of a folder with all that is in it; nothing of what cannot be seen.
pub fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let own = metadata.blocks() * 512;
    if !metadata.is_dir() {
        return own;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    own + entries.map(|entry| size_of(&entry.path())).sum::<u64>()
}

/// The files and folders that [`remove_logs`] looks into.
fn log_files(paths: &TaskPaths, state: &State) -> Vec<PathBuf> {
    let named = named_logs(paths, state).into_iter();
    let outputs = named.flat_map(|folder| runs(state).map(move |(name, run)| run_logs(folder, name, run)));
    outputs.chain([paths.default_logs()]).collect()
}

/// Returns the log folder that the user named, if one was; however the root is spelt, and wherever it was moved.
fn named_logs<'a>(paths: &TaskPaths, state: &'a State) -> Option<&'a Path> {
    let folder = state.header.as_ref().map(|header| header.log_dir.as_path())?;
    let default = paths.default_logs();
    let is_default = folder == default
        || folder
            .canonicalize()
            .is_ok_and(|folder| default.canonicalize().is_ok_and(|other| folder == other));
    (!is_default).then_some(folder)
}

fn runs(state: &State) -> impl Iterator<Item = (&str, u64)> {
    state.processes.iter().flat_map(|(name, history)| history.runs.iter().map(|run| (name.as_str(), run.run)))
}

fn remove_logs(paths: &TaskPaths, state: &State) -> Result<(), CheckpointError> {
    let owner = state.header.as_ref().map_or(0, |header| header.uid);
    if let Some(folder) = named_logs(paths, state) {
        for (process, run) in runs(state) {
            let path = run_logs(folder, process, run);
            remove_outputs(folder, process, run, owner).map_err(CheckpointError::io("remove", &path))?;
        }
    }
    remove_folder(&paths.default_logs())
}

/// Removes the outputs of a run from a folder that others may own: from open folder to open folder, following no link.
/// What is not an output stays, and so do the folders that hold it.
fn remove_outputs(folder: &Path, process: &str, run: u64, owner: u32) -> io::Result<()> {
    let opened = File::options().read(true).custom_flags(libc::O_DIRECTORY).open(folder);
    let Some(top) = if_there(opened)? else { return Ok(()) };
    let Some(of_process) = if_there(folder_in(&top, process))? else { return Ok(()) };
    let name = run.to_string();
    let Some(of_run) = if_there(folder_in(&of_process, &name))? else { return Ok(()) };
    let uid = of_run.metadata()?.uid();
    if uid == owner || uid == Uid::effective().as_raw() {
        for output in outputs(&of_run)? {
            if_there(
                unlinkat(&of_run, output.as_c_str(), UnlinkatFlags::NoRemoveDir).map_err(io::Error::from),
            )?;
        }
        if is_removed(unlinkat(&of_process, name.as_str(), UnlinkatFlags::RemoveDir))? {
            is_removed(unlinkat(&top, process, UnlinkatFlags::RemoveDir))?;
        }
    }
    Ok(())
}

fn folder_in(folder: &File, name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?.into())
}

/// Lists `stdout`, `stdout.1` and so on in an open folder.
fn outputs(folder: &File) -> io::Result<Vec<CString>> {
    let is_output = |name: &CStr| {
        let name = name.to_bytes();
        let rest = name.strip_prefix(b"stdout").or_else(|| name.strip_prefix(b"stderr"));
        rest.is_some_and(|rest| match rest.strip_prefix(b".") {
            None => rest.is_empty(),
            Some(number) => !number.is_empty() && number.iter().all(u8::is_ascii_digit),
        })
    };
    let mut listing = Dir::from_fd(folder.try_clone()?.into())?;
    let mut found = Vec::new();
    for entry in listing.iter() {
        let name = entry?.file_name().to_owned();
        if is_output(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

/// What is missing, or is no folder but a link, is nothing to remove.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENOTDIR)) => Ok(None),
        result => result.map(Some),
    }
}

/// A folder that still holds something stays.
fn is_removed(result: nix::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>, CheckpointError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(CheckpointError::io("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(CheckpointError::io("read", folder))?.file_name().into_string());
    }
    Ok(names)
}
