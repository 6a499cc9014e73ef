//! Which files a script is made of, and what they say: the script and all that it includes, there or not, right or not.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::script;

/// More of a file than a configuration may have.
const MOST: u64 = (64 << 20) + 1;

/// The most files that are watched.
const MOST_FILES: usize = 1000;

/// The files of a script as they were at one time, by their paths; one that cannot be read says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Files {
    /// Reads a script and what it includes; reading a script that is wrong finds its includes too.
    pub(super) fn read(script: &Path) -> Files {
        let mut found = BTreeMap::new();
        let mut left = vec![script.to_owned()];
        while let Some(path) = left.pop() {
            if found.contains_key(&path) || found.len() == MOST_FILES {
                continue;
            }
            let text = read(&path);
            let folder = path.parent().unwrap_or(Path::new(""));
            if path.extension().is_none_or(|extension| extension != "json") {
                left.extend(text.iter().flat_map(|text| includes(text)).map(|name| tidy(&folder.join(name))));
            }
            found.insert(path, text);
        }
        Files(found)
    }

    /// Returns their paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns a file that says something else than before; what is new among them has changed too.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Files) -> Option<&'a Path> {
        let differs = |(path, text): &(&PathBuf, &Option<Vec<u8>>)| before.0.get(*path) != Some(*text);
        self.0.iter().find(differs).map(|(path, _)| path.as_path())
    }
}

/// Reads a regular file; waits for nobody.
fn read(path: &Path) -> Option<Vec<u8>> {
    let file = script::open(path).ok()?;
    file.metadata().is_ok_and(|about| about.is_file()).then_some(())?;
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Finds what looks like an include, wherever it stands: a file too many does no harm.
fn includes(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let Ok(include) = Regex::new(r#"\binclude\s*\(\s*(?:"([^"\n]*)"|'([^'\n]*)')"#) else {
        return Vec::new();
    };
    let name =
        |found: regex::Captures<'_>| found.get(1).or(found.get(2)).map(|name| name.as_str().to_owned());
    include.captures_iter(&text).filter_map(name).collect()
}

/// Takes `.` and `..` out of a path, as includes do.
fn tidy(path: &Path) -> PathBuf {
    use std::path::Component::{CurDir, Normal, ParentDir};
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            CurDir => {}
            ParentDir if matches!(tidied.components().next_back(), Some(Normal(_))) => drop(tidied.pop()),
            other => tidied.push(other),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn includes_are_found_in_what_no_parser_would_read() {
        let text = b"include(\"a.thermos\"); include ( 'b/c.thermos' )\nlet x = ((( \" include(name)";
        assert_eq!(includes(text), ["a.thermos", "b/c.thermos"]);
    }

    #[test]
    fn a_file_that_is_missing_or_wrong_is_one_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let [main, lib, missing] = ["main", "lib/a", "missing"].map(|name| folder.path().join(name));
        fs::create_dir(folder.path().join("lib")).unwrap();
        fs::write(&main, "include(\"lib/a\"); ((").unwrap();
        fs::write(&lib, "include(\"../missing\"); include('../main');").unwrap();
        let before = Files::read(&main);
        assert_eq!(before.paths().collect::<Vec<_>>(), [lib.as_path(), &main, &missing]);
        assert_eq!(Files::read(&main).changed_since(&before), None);
        fs::write(&missing, "").unwrap();
        assert_eq!(Files::read(&main).changed_since(&before), Some(missing.as_path()));
    }
}
