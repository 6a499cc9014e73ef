//! Folders and files that root makes for the user of a task.
//!
//! That user may own what is around them, and put a link in the place of what root is about to open: each step goes from
//! an open folder to a name in it that is no link, and nothing is given away that was there before.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::{Mode, mkdirat};

use crate::process::users::Credentials;

/// Makes a folder and its parents, those that are missing, for a user; `path` is absolute.
pub(super) fn create_folders(path: &Path, owner: &Credentials) -> io::Result<()> {
    let Some(there) = path.ancestors().find(|folder| folder.exists()) else { return Ok(()) };
    let missing = path.strip_prefix(there).unwrap_or(Path::new(""));
    let mut folder = open_folder(there)?;
    let mut made = Vec::new();
    for name in missing.components().map(Component::as_os_str) {
        let (next, is_new) = folder_in(&folder, Path::new(name), 0o777)?;
        if is_new {
            made.push(next.try_clone()?);
        }
        folder = next;
    }
    // The innermost first: while it is given away, nobody else can move it.
    made.iter().rev().try_for_each(|folder| give(folder, owner))
}

/// Opens the two outputs of a run, in a folder that belongs to the user as they do.
pub(super) fn open_logs(
    log_dir: &Path,
    process: &str,
    run: u64,
    owner: &Credentials,
) -> io::Result<[File; 2]> {
    DirBuilder::new().recursive(true).mode(0o755).create(log_dir)?;
    let (of_process, _) = folder_in(&open_folder(log_dir)?, Path::new(process), 0o755)?;
    let (of_run, is_new) = folder_in(&of_process, Path::new(&run.to_string()), 0o755)?;
    if is_new {
        give(&of_run, owner)?;
    }
    Ok([append(&of_run, "stdout", owner)?, append(&of_run, "stderr", owner)?])
}

fn open_folder(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_DIRECTORY).open(path)
}

/// Opens a folder in a folder, making it if it is missing; says whether it was.
fn folder_in(folder: &File, name: &Path, mode: libc::mode_t) -> io::Result<(File, bool)> {
    let is_new = match mkdirat(folder, name, Mode::from_bits_truncate(mode)) {
        Ok(()) => true,
        Err(Errno::EEXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok((openat(folder, name, flags, Mode::empty())?.into(), is_new))
}

/// Opens an output to append to; an old one is emptied if it is the user's own.
fn append(folder: &File, name: &str, owner: &Credentials) -> io::Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(folder, name, flags | OFlag::O_CREAT | OFlag::O_EXCL, Mode::from_bits_truncate(0o644)) {
        Ok(new) => {
            let new = File::from(new);
            give(&new, owner)?;
            Ok(new)
        }
        Err(Errno::EEXIST) => {
            let old = File::from(openat(folder, name, flags | OFlag::O_NONBLOCK, Mode::empty())?);
            let metadata = old.metadata()?;
            if !metadata.is_file() || metadata.uid() != owner.uid {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            old.set_len(0)?;
            Ok(old)
        }
        Err(error) => Err(error.into()),
    }
}

fn give(made: &File, owner: &Credentials) -> io::Result<()> {
    fchown(made, Some(owner.uid), Some(owner.gid))
}
