//! Making folders, writing beside and renaming, syncing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::error::CheckpointError;
use crate::process::failpoint::failpoint;

/// Makes a folder and its parents, for its owner alone; `durable` makes those that are new survive a power failure.
pub fn create_private_folders(path: &Path, durable: bool) -> Result<(), CheckpointError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| durable && !folder.exists()).collect();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(CheckpointError::io("create", path))?;
    missing.into_iter().try_for_each(sync_folder_of)
}

/// Writes a whole file beside and renames it into place: nobody ever reads half of it.
pub fn replace(path: &Path, content: &[u8], mode: u32, durable: bool) -> Result<(), CheckpointError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(format!(".{}", name.to_string_lossy()));
    let written = write_file(&beside, content, mode, durable).and_then(|()| {
        failpoint!("replace.written");
        fs::rename(&beside, path)
    });
    failpoint!("replace.renamed");
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        CheckpointError::io("write", path)(error)
    })?;
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

fn write_file(path: &Path, content: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(content)?;
    if durable { file.sync_all() } else { Ok(()) }
}
