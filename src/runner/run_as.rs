//! As whom and in which root the commands of a task run: asked of the header, for a resumed task too, never of the
//! caller.

use std::fs::File;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::error::RunnerError;
use crate::checkpoint::Header;
use crate::process::spawn::{Failure, Step};
use crate::process::users::{Credentials, Identity};

/// What the children of all coordinators take on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunAs {
    /// The user's name.
    user: String,
    /// Nothing if it is the runner's own user.
    pub(super) credentials: Option<Credentials>,
    /// Whether the sandbox becomes the root.
    pub(super) chroot: bool,
}

impl RunAs {
    /// Reads a header. The numbers in it hold even if the user is not in the database any more.
    pub(super) fn of_header(header: &Header) -> Result<RunAs, RunnerError> {
        let own = geteuid();
        let is_other = header.uid != own.as_raw();
        if (is_other || header.chroot) && !own.is_root() {
            let (id, user) = (header.task_id.clone(), header.user.clone());
            return Err(RunnerError::OtherUser { id, user, chroot: header.chroot });
        }
        let credentials = if is_other { Some(credentials(header)?) } else { None };
        Ok(RunAs { user: header.user.clone(), credentials, chroot: header.chroot })
    }

    /// Says why a command was not executed.
    pub(super) fn explain(&self, sandbox: &Path, Failure { step, error }: &Failure) -> String {
        let (user, sandbox) = (&self.user, sandbox.display());
        match step {
            Step::Prepare => format!("cannot start the command: {error}"),
            Step::Chroot => format!("cannot make {sandbox} the root: {error}"),
            Step::User => format!("cannot become user {user}: {error}"),
            Step::Folder => format!("user {user} cannot enter {sandbox}: {error}"),
            Step::Execute if self.chroot && error.kind() == io::ErrorKind::NotFound => {
                format!("/bin/bash, or a library that it needs, is missing in the root {sandbox}: {error}")
            }
            Step::Execute => format!("cannot execute /bin/bash: {error}"),
        }
    }
}

/// Headers of a version that did not write down groups get those that the user has now.
fn credentials(header: &Header) -> Result<Credentials, RunnerError> {
    if let Some(gid) = header.gid {
        return Ok(Credentials { uid: header.uid, gid, groups: header.groups.clone() });
    }
    let found = Identity::of_uid(header.uid).map_err(RunnerError::system("look up the user"))?;
    let unknown = || RunnerError::UnknownUser(header.user.clone());
    found.map(|user| user.credentials).ok_or_else(unknown)
}

/// Says whether a program will be found at `/bin/bash` once a folder is the root.
pub(super) fn has_shell(root: &Path) -> bool {
    let folder = File::options().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(root);
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    let metadata = folder
        .and_then(|folder| Ok(openat2(folder, "bin/bash", how)?))
        .and_then(|shell| File::from(shell).metadata());
    metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
