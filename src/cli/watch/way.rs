//! The way to a file: each name on it may be replaced, and so change what a path means.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Links are followed no further, as by the kernel.
const MOST_LINKS: usize = 40;

/// Lists the names that a path leads through, each in its folder, from the root to the file: those of links and those of
/// what the links lead to. What is not there yet is the last. No folder in the list is behind a link.
pub(super) fn way(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut left: VecDeque<PathBuf> = std::path::absolute(path).map(parts).unwrap_or_default().into();
    let (mut folder, mut names, mut links) = (PathBuf::from("/"), Vec::new(), 0);
    while let Some(part) = left.pop_front() {
        match part.components().next() {
            Some(Component::RootDir) => folder = PathBuf::from("/"),
            Some(Component::ParentDir) => drop(folder.pop()),
            Some(Component::Normal(name)) => {
                names.push((folder.clone(), name.to_owned()));
                let here = folder.join(name);
                match fs::read_link(&here) {
                    Ok(_) if links == MOST_LINKS => break,
                    Ok(target) => {
                        links += 1;
                        parts(target).into_iter().rev().for_each(|part| left.push_front(part));
                    }
                    Err(_) if here.is_dir() => folder = here,
                    Err(_) => break,
                }
            }
            _ => {}
        }
    }
    names
}

fn parts(path: PathBuf) -> Vec<PathBuf> {
    path.components().map(|component| PathBuf::from(component.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_and_every_folder_on_the_way_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("releases/one")).unwrap();
        fs::create_dir(root.join("links")).unwrap();
        symlink("../releases/one", root.join("links/stable")).unwrap();
        symlink(root.join("links/stable"), root.join("current")).unwrap();
        let way_to = |path: &str| -> Vec<String> {
            let names = way(&root.join(path)).into_iter().map(|(folder, name)| folder.join(name));
            names.filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned())).collect()
        };
        let expected =
            ["", "current", "", "links", "links/stable", "releases", "releases/one", "releases/one/file"];
        assert_eq!(way_to("current/file"), expected);
        fs::write(root.join("releases/one/file"), "").unwrap();
        assert_eq!(way_to("links/../current/file")[1..3], ["links", "current"]);
        assert_eq!(way_to("current/file").last().unwrap(), "releases/one/file");
        assert_eq!(way_to("none/of/these"), ["", "none"]);
        symlink("round", root.join("round")).unwrap();
        assert_eq!(way_to("round").len(), 1 + MOST_LINKS + 1);
    }
}
