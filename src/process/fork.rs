//! Forking, and what a forked child does first and last.
//!
//! A child is a copy of a program with one thread, which is asserted before each fork: it may therefore go on in Rust.
//! It never returns into its parent's code: it leaves by [`exit_now`].

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getppid};

/// Where a fork returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// In the new process.
    Child,
    /// In the old one; the child is not reaped yet.
    Parent(Pid),
}

/// Forks a process with one thread; fails if there are more, or if the system has no room for another process.
pub fn fork() -> io::Result<Forked> {
    if thread_count()? != 1 {
        return Err(io::Error::other("a process with several threads cannot fork safely"));
    }
    // SAFETY: one thread, so no lock can be held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(Forked::Child),
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
    }
}

/// Counts the threads of this process with one system call.
fn thread_count() -> io::Result<u64> {
    // A directory has a link from its parent, its own and one from each subdirectory: one for each thread.
    Ok(std::fs::metadata("/proc/self/task")?.nlink().saturating_sub(2))
}

/// Ends a forked child at once: no destructors, no buffers of its parent flushed twice.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Has the kernel kill this process when the thread that forked it ends; fails if it ended already.
pub fn die_with_parent(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    if getppid() == parent { Ok(()) } else { Err(io::Error::other("the parent is gone")) }
}

/// Points standard output and error to /dev/null.
pub fn silence_output() -> io::Result<()> {
    let null = File::options().write(true).open("/dev/null")?;
    for target in [1, 2] {
        // SAFETY: both descriptors are open or free in this single-threaded child; nothing owns 1 or 2.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), target) })?;
    }
    Ok(())
}

/// Waits for a child to end and takes its status.
pub fn reap(child: Pid) -> io::Result<WaitStatus> {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            status => return Ok(status?),
        }
    }
}
