//! What every command is given: the root folder and the terminal.

use std::env;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::checkpoint::Root;
use crate::diagnostics::Diagnostic;

/// What a command knows of its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where checkpoints and logs are; absolute.
    pub(crate) root: Root,
    /// Where results and messages go.
    pub(crate) terminal: Terminal,
}

impl Context {
    /// Makes a context for the root that `--root` or `THERMOS_ROOT` named, `~/.thermos` if neither did.
    pub(crate) fn new(root: Option<&Path>, terminal: Terminal) -> Result<Context, Failure> {
        let named = root.map(Path::to_owned).or_else(|| variable("THERMOS_ROOT"));
        let root = match named {
            Some(root) => absolute(&root)?,
            None => home().map(|home| home.join(".thermos")).ok_or_else(no_home)?,
        };
        Ok(Context { root: Root::new(root), terminal })
    }
}

/// Makes a path absolute without asking whether it exists.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    if path.as_os_str().is_empty() {
        let diagnostic = Diagnostic::error("usage", "a path is empty").with_help("name a file or a folder");
        return Err(Failure::new(Exit::Usage, diagnostic));
    }
    std::path::absolute(path).map_err(|error| Failure::file("cannot find", path, &error))
}

/// Returns the home directory: `HOME`, else what the user database says.
fn home() -> Option<PathBuf> {
    let home = variable("HOME").filter(|home| home.is_absolute());
    home.or_else(|| User::from_uid(Uid::current()).ok().flatten().map(|user| user.dir))
}

/// Returns a path from the environment; an empty one counts as not set.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn no_home() -> Failure {
    let diagnostic = Diagnostic::error("no_home", "this user has no home directory to keep tasks in")
        .with_help("name a folder with --root DIR or THERMOS_ROOT");
    Failure::new(Exit::Other, diagnostic)
}
