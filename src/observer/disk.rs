//! How much a folder takes: found out when somebody asks, and not for longer than a moment.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::fcntl::AtFlags;
use nix::libc;
use nix::sys::stat::fstatat;

use super::beneath;

/// The longest that is counted.
const TIME: Duration = Duration::from_secs(2);
/// The most things that are counted.
const MOST: u64 = 200_000;

/// What a folder takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) bytes: u64,
    pub(super) entries: u64,
    /// Whether there is more than was counted.
    pub(super) is_more: bool,
}

/// One folder at a time is measured: disks are slow, and others want to read.
#[derive(Debug, Default)]
pub(super) struct Scale(Mutex<()>);

impl Scale {
    /// Adds up the blocks of what lies below a folder; follows no link and leaves out other file systems. Nothing while
    /// another one is measured.
    pub(super) fn measure(
        &self,
        folder: &Path,
        parts: &[Vec<u8>],
        owner: Option<u32>,
    ) -> io::Result<Option<Taken>> {
        let Ok(_turn) = self.0.try_lock() else { return Ok(None) };
        let end = Instant::now() + TIME;
        let mut sum = Sum {
            taken: Taken::default(),
            device: None,
            known: HashSet::new(),
            folders: vec![parts.to_vec()],
        };
        sum.add(folder, owner, end)?;
        while !sum.taken.is_more && !sum.folders.is_empty() {
            // A folder that has gone meanwhile takes nothing.
            let _ = sum.add(folder, owner, end);
        }
        Ok(Some(sum.taken))
    }
}

struct Sum {
    taken: Taken,
    device: Option<libc::dev_t>,
    /// Files of several names that were counted.
    known: HashSet<libc::ino_t>,
    /// Where there is more to count.
    folders: Vec<Vec<Vec<u8>>>,
}

impl Sum {
    fn add(&mut self, folder: &Path, owner: Option<u32>, end: Instant) -> io::Result<()> {
        let Some(parts) = self.folders.pop() else { return Ok(()) };
        let opened = beneath::open_folder(folder, &parts, owner)?;
        let mut listed = nix::dir::Dir::from_fd(opened.try_clone()?)?;
        for entry in listed.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                continue;
            }
            if self.taken.entries >= MOST || Instant::now() > end {
                self.taken.is_more = true;
                return Ok(());
            }
            let Ok(stat) = fstatat(&opened, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            if stat.st_dev != *self.device.get_or_insert(stat.st_dev) {
                continue;
            }
            self.taken.entries += 1;
            if stat.st_nlink < 2 || self.known.insert(stat.st_ino) {
                self.taken.bytes += stat.st_blocks as u64 * 512;
            }
            if stat.st_mode & libc::S_IFMT == libc::S_IFDIR {
                self.folders.push(parts.iter().cloned().chain([name.to_bytes().to_vec()]).collect());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn links_are_not_followed_and_names_of_one_file_count_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("box/inner")).unwrap();
        fs::write(folder.path().join("outside"), vec![1; 1 << 20]).unwrap();
        fs::write(folder.path().join("box/inner/file"), vec![1; 64 << 10]).unwrap();
        fs::hard_link(folder.path().join("box/inner/file"), folder.path().join("box/again")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("box/up")).unwrap();
        let taken = Scale::default().measure(&folder.path().join("box"), &[], None).unwrap().unwrap();
        assert_eq!((taken.entries, taken.is_more), (4, false));
        assert!((64 << 10..256 << 10).contains(&taken.bytes), "{taken:?}");
    }
}
