//! Tells the binary which commit it was built from, if that can be told.

use std::path::Path;
use std::process::Command;

fn main() {
    let commit = git(&["log", "-1", "--format=%h %cs"]).map(|commit| format!(" ({commit})"));
    println!("cargo::rustc-env=THERMOS_COMMIT={}", commit.unwrap_or_default());
    // The log of HEAD grows with each commit and checkout. A path that does not exist would mean a build each time.
    let log = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]);
    let watched = log.filter(|log| Path::new(log).exists());
    println!("cargo::rerun-if-changed={}", watched.as_deref().unwrap_or("build.rs"));
}

/// Returns what git prints about this folder; nothing outside of a repository of its own or without git.
fn git(arguments: &[&str]) -> Option<String> {
    // Asked for now: a build script that was copied with its build folder knows where it was compiled.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
    if !Path::new(&folder).join(".git").exists() {
        return None;
    }
    let output = Command::new("git").arg("-C").arg(&folder).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
