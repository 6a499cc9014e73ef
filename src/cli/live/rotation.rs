//! From a file of a log to the next, while the log is rotated: `stdout.2`, `stdout.1`, `stdout`.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::logs;

/// How often the files are looked at again because they went on meanwhile.
const ATTEMPTS: usize = 100;

/// How far a file may go on between being looked at and being opened.
const STEPS: u32 = 3;

/// Opens the file that followed `file`, if the log at `path` has been rotated since `file` was its end. After one that
/// is gone comes the oldest that is kept.
pub(super) fn next(path: &Path, file: &File) -> Option<File> {
    let inode = file.metadata().ok()?.ino();
    if fs::symlink_metadata(path).ok()?.ino() == inode {
        return None;
    }
    (0..ATTEMPTS).find_map(|_| {
        let known = files(path);
        let own = known.iter().position(|(_, known)| *known == inode);
        let (number, wanted) = *match own {
            // Its successor is not there yet.
            Some(0) => return None,
            Some(own) => &known[own - 1],
            None => known.last()?,
        };
        open(path, number, wanted)
    })
}

/// Opens the oldest file of the log at `path` that was written to since a time, in seconds since 1970, if the log has been
/// rotated by now.
pub(super) fn oldest(path: &Path, since: f64) -> Option<File> {
    // The time of the text, since a rotation changes the other: backups of an earlier task go on too.
    let is_own = |file: &File| {
        let written =
            file.metadata().map(|metadata| metadata.mtime() as f64 + metadata.mtime_nsec() as f64 / 1e9);
        written.is_ok_and(|written| written + logs::STEP >= since)
    };
    let rotated = files(path).into_iter().rev().filter(|(number, _)| *number > 0);
    rotated.filter_map(|(number, inode)| open(path, number, inode)).find(is_own)
}

/// Opens the file of an inode, which had a number and may have a higher one by now.
fn open(path: &Path, number: u32, inode: u64) -> Option<File> {
    (number..=number.saturating_add(STEPS)).find_map(|number| {
        let file = logs::open(&named(path, number)).ok()?;
        (file.metadata().ok()?.ino() == inode).then_some(file)
    })
}

/// Lists the numbers and inodes of a log's files, the newest first. Files go on to higher numbers only, so that going the
/// same way meets each in its order: some twice, of which the first counts, and none not at all.
fn files(path: &Path) -> Vec<(u32, u64)> {
    let listed = iter::once(0).chain(logs::backup_numbers(path));
    let numbers: BTreeSet<u32> = listed.flat_map(|number| number..=number.saturating_add(STEPS)).collect();
    let mut met = HashSet::new();
    let inode = |number| Some((number, fs::symlink_metadata(named(path, number)).ok()?.ino()));
    numbers.into_iter().filter_map(inode).filter(|(_, inode)| met.insert(*inode)).collect()
}

fn named(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.into()
}
