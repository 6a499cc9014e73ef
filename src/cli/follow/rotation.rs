//! From a file of a log to the next, while the log is rotated: `stdout.2`, `stdout.1`, `stdout`.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io;
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cli::logs::{self, is_starved};

/// How often the files are looked at again because they went on meanwhile.
const ATTEMPTS: usize = 100;

/// How far a file may go on between being looked at and being opened.
const STEPS: u32 = 3;

/// Says whether another file than that of an inode has the name of the log by now. Between two names, or gone, it is the last.
pub(super) fn is_rotated(path: &Path, inode: u64) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.ino() != inode)
}

/// Opens the file that followed the one of an inode, if the log at `path` has been rotated since that was its end. After
/// one that is gone comes the oldest that is kept.
///
/// # Errors
/// The want of descriptors, of which this takes one at a time.
pub(super) fn next(path: &Path, inode: u64) -> io::Result<Option<File>> {
    if !is_rotated(path, inode) {
        return Ok(None);
    }
    for _ in 0..ATTEMPTS {
        let known = files(path)?;
        let own = known.iter().position(|(_, known)| *known == inode);
        let wanted = match own {
            // Its successor is not there yet.
            Some(0) => return Ok(None),
            Some(own) => known.get(own - 1),
            None => known.last(),
        };
        let Some((number, wanted)) = wanted else { return Ok(None) };
        if let Some(file) = open(path, *number, *wanted)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Opens the oldest file of the log at `path` that was written to since a time, in seconds since 1970, if the log has been
/// rotated by now.
///
/// # Errors
/// The want of descriptors.
pub(super) fn oldest(path: &Path, since: f64) -> io::Result<Option<File>> {
    'again: for _ in 0..ATTEMPTS {
        for (number, inode) in files(path)?.into_iter().rev().filter(|(number, _)| *number > 0) {
            // It went on further than it could be followed, or is gone: what is older now, another look tells.
            let Some(file) = open(path, number, inode)? else { continue 'again };
            // The time of the text, since a rotation changes the other: backups of an earlier task go on too.
            if logs::is_written_since(&file, since) {
                return Ok(Some(file));
            }
        }
        break;
    }
    Ok(None)
}

/// Opens the file of an inode, which had a number and may have a higher one by now.
fn open(path: &Path, number: u32, inode: u64) -> io::Result<Option<File>> {
    for number in number..=number.saturating_add(STEPS) {
        match logs::open(&named(path, number)) {
            Ok(file) if file.metadata()?.ino() == inode => return Ok(Some(file)),
            Err(error) if is_starved(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// Lists the numbers and inodes of a log's files, the newest first.
fn files(path: &Path) -> io::Result<Vec<(u32, u64)>> {
    let newest = || fs::symlink_metadata(path).ok().map(|found| found.ino());
    let mut listed = Vec::new();
    for _ in 0..ATTEMPTS {
        let before = newest();
        listed = list(path)?;
        // Else the files may have gone on by any number of steps meanwhile.
        if before.is_some() && before == newest() {
            break;
        }
    }
    Ok(listed)
}

/// Lists them, though they may go on meanwhile by a few steps. Files go on to higher numbers only, so that going the same
/// way meets each in its order: some twice, of which the first counts, and none not at all.
fn list(path: &Path) -> io::Result<Vec<(u32, u64)>> {
    let backups = match logs::backup_numbers(path) {
        Err(error) if is_starved(&error) => return Err(error),
        backups => backups.unwrap_or_default(),
    };
    let listed = iter::once(0).chain(backups);
    let numbers: BTreeSet<u32> = listed.flat_map(|number| number..=number.saturating_add(STEPS)).collect();
    let mut met = HashSet::new();
    let inode = |number| Some((number, fs::symlink_metadata(named(path, number)).ok()?.ino()));
    Ok(numbers.into_iter().filter_map(inode).filter(|(_, inode)| met.insert(*inode)).collect())
}

fn named(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.into()
}
