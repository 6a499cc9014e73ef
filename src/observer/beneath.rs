//! Opening what lies below a folder, and nothing else, whatever is swapped for a link meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, fstatat};

/// How often a path is resolved anew because something was renamed meanwhile.
const ATTEMPTS: u32 = 8;

/// The most entries of a folder that are listed.
pub(super) const MOST_ENTRIES: usize = 5_000;

/// A thing in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
}

/// What a thing in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    /// A device, a socket or a pipe.
    Special,
}

/// Opens a regular file below a folder. `owner`: only what belongs to that user.
pub(super) fn open_file(folder: &Path, parts: &[Vec<u8>], owner: Option<u32>) -> io::Result<File> {
    let file = File::from(open(folder, parts, OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?);
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    let what = match () {
        () if metadata.is_file() => return allowed(file, owner),
        () if metadata.is_dir() => "It is a folder.",
        () if kind.is_fifo() || kind.is_socket() => "It is a pipe or a socket, and is not opened.",
        () => "It is a device, and is not opened.",
    };
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}

/// Opens a folder below a folder.
pub(super) fn open_folder(folder: &Path, parts: &[Vec<u8>], owner: Option<u32>) -> io::Result<OwnedFd> {
    let opened = open(folder, parts, OFlag::O_DIRECTORY)?;
    Ok(OwnedFd::from(allowed(File::from(opened), owner)?))
}

/// Lists a folder below a folder, and says whether there is more than is listed.
pub(super) fn list(folder: &Path, parts: &[Vec<u8>], owner: Option<u32>) -> io::Result<(Vec<Entry>, bool)> {
    let opened = open_folder(folder, parts, owner)?;
    let mut dir = nix::dir::Dir::from_fd(opened.try_clone()?)?;
    let (mut entries, mut more) = (Vec::new(), false);
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if entries.len() == MOST_ENTRIES {
            more = true;
            break;
        }
        // What vanishes meanwhile is not there.
        let Ok(stat) = fstatat(&opened, entry.file_name(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
        let kind = match stat.st_mode & nix::libc::S_IFMT {
            nix::libc::S_IFDIR => Kind::Folder,
            nix::libc::S_IFREG => Kind::File,
            nix::libc::S_IFLNK => Kind::Link,
            _ => Kind::Special,
        };
        entries.push(Entry {
            name: name.to_owned(),
            kind,
            size: stat.st_size.max(0) as u64,
            modified: stat.st_mtime,
        });
    }
    entries.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    Ok((entries, more))
}

/// Says whether it is a folder, without following a link at the end out of it.
pub(super) fn is_folder(folder: &Path, parts: &[Vec<u8>]) -> io::Result<bool> {
    Ok(File::from(open(folder, parts, OFlag::O_PATH)?).metadata()?.is_dir())
}

fn allowed(file: File, owner: Option<u32>) -> io::Result<File> {
    match owner {
        Some(owner) if file.metadata()?.uid() != owner => Err(io::ErrorKind::PermissionDenied.into()),
        _ => Ok(file),
    }
}

fn open(folder: &Path, parts: &[Vec<u8>], flags: OFlag) -> io::Result<OwnedFd> {
    let is_odd = |part: &Vec<u8>| {
        part.is_empty() || part == b"." || part == b".." || part.contains(&b'/') || part.contains(&0)
    };
    if parts.iter().any(is_odd) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let start = File::open(folder)?;
    let path: PathBuf = parts.iter().map(|part| OsStr::from_bytes(part)).collect();
    let path = if parts.is_empty() { PathBuf::from(".") } else { path };
    let how = OpenHow::new()
        .flags(flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 0..ATTEMPTS {
        match openat2(&start, &path, how) {
            Ok(opened) => return Ok(opened),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::ENOSYS | Errno::EPERM) => return open_step_by_step(&start, parts, flags),
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("It is being renamed all the time."))
}

/// For kernels and containers without openat2: no link at all is followed.
fn open_step_by_step(start: &File, parts: &[Vec<u8>], flags: OFlag) -> io::Result<OwnedFd> {
    let safe = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let mut at: OwnedFd = start.as_fd().try_clone_to_owned()?;
    let Some((last, folders)) = parts.split_last() else {
        return Ok(openat(&at, ".", flags | safe, Mode::empty())?);
    };
    for part in folders {
        at = openat(&at, OsStr::from_bytes(part), safe | OFlag::O_DIRECTORY | OFlag::O_PATH, Mode::empty())?;
    }
    Ok(openat(&at, OsStr::from_bytes(last), flags | safe, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    #[test]
    fn without_openat2_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/file"), "inside").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        let start = File::open(folder.path()).unwrap();
        let open =
            |parts: [&[u8]; 2]| open_step_by_step(&start, &parts.map(<[u8]>::to_vec), OFlag::O_NONBLOCK);
        let mut text = String::new();
        File::from(open([b"a", b"file"]).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        assert!(open([b"link", b"file"]).is_err());
    }
}
