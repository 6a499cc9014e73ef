//! A disk that is soon full: some memory, mounted for the eyes of a few processes alone.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::geteuid;

/// A mount of its own, there for processes that [`Invocation::inside`](super::Invocation::inside) starts.
pub(crate) struct SmallDisk {
    /// Has the namespace of the mount, and keeps it.
    holder: Child,
}

impl SmallDisk {
    /// Mounts so many bytes at a folder; says so and returns nothing where that is not permitted.
    pub(crate) fn mount(folder: &Path, bytes: u64) -> Option<SmallDisk> {
        let mut holder = Command::new("unshare");
        holder.arg("-m").args((!geteuid().is_root()).then_some("-r")).args(["bash", "-c"]);
        holder.arg(r#"mount -t tmpfs -o "size=$1" tmpfs "$0" && echo mounted && read -r never"#);
        holder.arg(folder).arg(bytes.to_string());
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        let said = holder.stdout.take().map(BufReader::new)?.read_line(&mut line);
        let disk = SmallDisk { holder };
        if said.is_ok() && line == "mounted\n" {
            return Some(disk);
        }
        let _ = writeln!(std::io::stderr(), "skipped: a disk cannot be mounted here");
        None
    }

    /// Returns the path by which those who do not have the mount see a file on it.
    pub(crate) fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// Makes a command that does the same where the disk is mounted.
    pub(super) fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside
            .arg("-m")
            .args((!geteuid().is_root()).then_some(["-U", "--preserve-credentials"]).into_iter().flatten());
        // Its folder is looked up there: the one that it is in lies below the disk.
        inside.args(["-t", &self.holder.id().to_string(), "bash", "-c", r#"cd "$0" && exec "$@""#]);
        inside.arg(command.get_current_dir().unwrap()).arg(command.get_program()).args(command.get_args());
        inside.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
