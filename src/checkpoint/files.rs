//! Making folders, opening and reading, writing beside and renaming, syncing.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use super::error::CheckpointError;
use crate::process::failpoint::failpoint;

/// The most bytes of a file that is read whole: a task has fewer.
const MAX_LENGTH: u64 = 256 << 20;

/// Opens a file of the checkpoint. What is no plain file there is an error, and blocks nobody: neither a pipe that
/// nobody writes to, nor a link that leads elsewhere.
///
/// `flags` are added to those of the options, whose own custom flags count for nothing.
pub fn open(
    action: &'static str,
    path: &Path,
    options: &mut OpenOptions,
    flags: libc::c_int,
) -> Result<File, CheckpointError> {
    open_and_look(action, path, options, flags).map(|(file, _)| file)
}

/// Opens a file as [`open`] does, and tells what it was then.
pub(super) fn open_and_look(
    action: &'static str,
    path: &Path,
    options: &mut OpenOptions,
    flags: libc::c_int,
) -> Result<(File, Metadata), CheckpointError> {
    let opened = options.custom_flags(flags | libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path);
    let opened = opened.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    let kind = match &opened {
        Ok((_, metadata)) => Some(metadata.file_type()),
        Err(_) => fs::symlink_metadata(path).ok().map(|metadata| metadata.file_type()),
    };
    match (kind.and_then(foreign), opened) {
        (Some(what), _) => Err(CheckpointError::Foreign { path: path.to_owned(), what }),
        (None, opened) => opened.map_err(CheckpointError::io(action, path)),
    }
}

/// Says what a thing is that is no plain file.
fn foreign(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_dir(), "a folder"),
        (kind.is_symlink(), "a link"),
        (kind.is_fifo(), "a named pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_block_device() || kind.is_char_device(), "a device"),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

/// Reads a whole file; nothing if it is missing.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, CheckpointError> {
    match open("read", path, OpenOptions::new().read(true), 0) {
        Err(error) if error.is_not_found() => Ok(None),
        opened => read_open(opened?, path).map(Some),
    }
}

/// Reads the whole of an open file.
pub(crate) fn read_open(file: File, path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let mut bytes = Vec::new();
    file.take(MAX_LENGTH + 1).read_to_end(&mut bytes).map_err(CheckpointError::io("read", path))?;
    if bytes.len() as u64 > MAX_LENGTH {
        let error =
            io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {MAX_LENGTH} bytes"));
        return Err(CheckpointError::io("read", path)(error));
    }
    Ok(bytes)
}

/// Returns where a file is written before it is renamed into place.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    path.with_file_name(format!(".{}.new", name.to_string_lossy()))
}

/// Makes a folder and its parents, for its owner alone; `durable` makes those that are new survive a power failure.
pub fn create_private_folders(path: &Path, durable: bool) -> Result<(), CheckpointError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| durable && !folder.exists()).collect();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(CheckpointError::io("create", path))?;
    missing.into_iter().try_for_each(sync_folder_of)
}

/// Writes a whole file beside and renames it into place: nobody ever reads half of it.
pub fn replace(path: &Path, content: &[u8], mode: u32, durable: bool) -> Result<(), CheckpointError> {
    replace_by(&beside(path), path, content, mode, durable)
}

/// Does so by way of the file `beside`, which no other writer must use at the same time.
pub fn replace_by(
    beside: &Path,
    path: &Path,
    content: &[u8],
    mode: u32,
    durable: bool,
) -> Result<(), CheckpointError> {
    let written = write_file(beside, content, mode, durable);
    failpoint!("replace.written");
    let moved = written
        .and_then(|()| fs::rename(beside, path).map_err(CheckpointError::io("write", path)))
        .inspect_err(|_| drop(fs::remove_file(beside)));
    failpoint!("replace.renamed");
    moved?;
    if durable { sync_folder_of(path) } else { Ok(()) }
}

/// Removes a file that may be missing.
pub fn remove(path: &Path) -> Result<(), CheckpointError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the names in a file's folder survive a power failure.
pub fn sync_folder_of(path: &Path) -> Result<(), CheckpointError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(CheckpointError::io("sync", folder))
}

fn write_file(path: &Path, content: &[u8], mode: u32, durable: bool) -> Result<(), CheckpointError> {
    let mut options = OpenOptions::new();
    let mut file = open("write", path, options.write(true).create(true).truncate(true).mode(mode), 0)?;
    let written = file.write_all(content).and_then(|()| if durable { file.sync_all() } else { Ok(()) });
    written.map_err(CheckpointError::io("write", path))
}
