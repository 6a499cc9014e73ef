//! Where cgroup hierarchies are mounted and where this process stands in them (cgroups(7), proc(5)).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A mounted hierarchy, seen from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// The controllers of a legacy hierarchy, `name=` ones included; none for the unified one, which says itself what it has.
    controllers: Vec<String>,
    unified: bool,
    mount: PathBuf,
    own: PathBuf,
}

impl Hierarchy {
    /// Lists the hierarchies of this machine; empty where there are none.
    pub fn all() -> io::Result<Vec<Hierarchy>> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(parse(&mounts, &fs::read_to_string("/proc/self/cgroup").unwrap_or_default()))
    }

    /// Says whether this is the hierarchy of version 2.
    pub fn is_unified(&self) -> bool {
        self.unified
    }

    /// Says whether a limit of this controller can be set somewhere in the hierarchy.
    pub fn has(&self, controller: &str) -> bool {
        match self.unified {
            true => words(&self.own.join("cgroup.controllers")).iter().any(|word| word == controller),
            false => self.controllers.iter().any(|word| word == controller),
        }
    }

    /// Returns the folder of the cgroup that this process is in.
    pub fn own(&self) -> &Path {
        &self.own
    }

    /// Says whether a folder is a cgroup of this hierarchy.
    pub(super) fn covers(&self, folder: &Path) -> bool {
        folder.starts_with(&self.mount)
    }

    /// Returns the folders from this process's cgroup up to the root of what is mounted.
    pub fn upwards(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|folder| folder.starts_with(&self.mount))
    }
}

/// Reads a file of words; none if it cannot be read.
pub(super) fn words(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn parse(mounts: &str, memberships: &str) -> Vec<Hierarchy> {
    memberships.lines().filter_map(|line| hierarchy(mounts, line)).collect()
}

/// Finds the mount of one line of /proc/self/cgroup: `ID:CONTROLLERS:PATH`.
fn hierarchy(mounts: &str, membership: &str) -> Option<Hierarchy> {
    let mut parts = membership.splitn(3, ':');
    let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
    let controllers: Vec<String> =
        names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let unified = controllers.is_empty();
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (kind, options) = (after.split(' ').next()?, after.rsplit(' ').next()?);
        let is_meant = match unified {
            true => kind == "cgroup2",
            false => kind == "cgroup" && options.split(',').any(|option| option == controllers[0]),
        };
        let mut fields = before.split(' ').skip(3);
        let (root, mount) = (unescape(fields.next()?), PathBuf::from(unescape(fields.next()?)));
        // A process outside of what is mounted here, as in some containers, has no folder.
        let below = Path::new(path).strip_prefix(&root).ok().filter(|_| is_meant)?;
        let own = mount.components().chain(below.components()).collect();
        Some(Hierarchy { controllers: controllers.clone(), unified, mount, own })
    })
}

/// Reads `\040` and the like, which stand for blanks in proc(5).
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => plain.extend([char::from(code)].into_iter().chain(part[3..].chars())),
            None => plain.extend(['\\'].into_iter().chain(part.chars())),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unified_hierarchy_is_found_below_its_mount() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let found = parse(mounts, "0::/user.slice/user-1.slice\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].own(), Path::new("/sys/fs/cgroup/user.slice/user-1.slice"));
        let upwards: Vec<&Path> = found[0].upwards().collect();
        assert_eq!(upwards.last(), Some(&Path::new("/sys/fs/cgroup")));
        assert_eq!(upwards.len(), 3);
    }

    #[test]
    fn legacy_hierarchies_are_told_apart_by_their_options() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 /box /sys/fs/cgroup/me\\040mory rw - cgroup cgroup rw,memory\n\
            40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd";
        let found = parse(mounts, "4:cpu,cpuacct:/\n3:memory:/box/a:b\n2:name=systemd:/x\n1:pids:/\n0::/\n");
        let folders: Vec<&Path> = found.iter().map(Hierarchy::own).collect();
        let expected = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/me mory/a:b", "/sys/fs/cgroup/systemd/x"];
        assert_eq!(folders, expected.map(Path::new));
        assert!(found[1].has("memory") && !found[1].has("cpu") && !found[1].is_unified());
    }

    #[test]
    fn who_is_outside_of_the_mount_has_no_folder() {
        let mounts = "35 31 0:32 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        assert!(parse(mounts, "0::/other\n").is_empty());
        assert!(parse("", "0::/\n").is_empty());
    }
}
