//! What a call asks of the system to make things last, in order, as strace sees it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

use super::{Thermos, skip};

/// Something that a process did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// Wrote to a file.
    Wrote(PathBuf),
    /// Waited until a file or a folder was on the disk.
    Synced(PathBuf),
    /// Gave a file another name.
    Renamed(PathBuf, PathBuf),
    /// Made a folder.
    MadeFolder(PathBuf),
    /// Removed a file or a folder.
    Removed(PathBuf),
    /// Made a process.
    Forked,
}

const CALLS: &str = "fsync,fdatasync,write,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,clone,clone3,fork,vfork";

/// Runs `thermos` under strace and returns what each process did; nothing if there is no strace that works here.
pub(crate) fn trace(thermos: &Thermos, arguments: &[&str]) -> Option<Vec<(u32, Deed)>> {
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        skip("strace is missing, or may not trace here");
        return None;
    }
    let file = thermos.home().join("trace");
    let mut call = Command::new("strace");
    call.args(["-f", "-y", "-s", "0", "-e", &format!("trace={CALLS}"), "-o"]).arg(&file);
    call.arg(env!("CARGO_BIN_EXE_thermos")).args(arguments).current_dir(thermos.home());
    call.env("THERMOS_ROOT", thermos.root()).stdin(Stdio::null());
    call.output().unwrap();
    Some(std::fs::read_to_string(file).unwrap().lines().filter_map(deed).collect())
}

fn deed(line: &str) -> Option<(u32, Deed)> {
    let (pid, call) = line.split_once(' ')?;
    let (name, rest) = call.trim_start().split_once('(')?;
    let opened = || Some(PathBuf::from(Regex::new(r"^\d+<([^>]*)>").unwrap().captures(rest)?[1].to_owned()));
    let named: Vec<PathBuf> = Regex::new(r#""([^"]*)""#)
        .unwrap()
        .captures_iter(rest)
        .map(|found| Path::new(&found[1]).to_owned())
        .collect();
    let deed = match name {
        "write" => Deed::Wrote(opened()?),
        "fsync" | "fdatasync" => Deed::Synced(opened()?),
        "rename" | "renameat" | "renameat2" => Deed::Renamed(named.first()?.clone(), named.get(1)?.clone()),
        "mkdir" | "mkdirat" if !line.contains("EEXIST") => Deed::MadeFolder(named.first()?.clone()),
        "unlink" | "unlinkat" | "rmdir" if !line.contains("ENOENT") => Deed::Removed(named.first()?.clone()),
        "clone" | "clone3" | "fork" | "vfork" => Deed::Forked,
        _ => return None,
    };
    Some((pid.parse().ok()?, deed))
}
