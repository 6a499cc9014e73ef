//! Forking, and what a forked child does first and last.
//!
//! A child is a copy of a program with one thread, which is asserted before each fork: it may therefore go on in Rust.
//! It never returns into its parent's code: it leaves by [`exit_now`].

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
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

/// Proof that this process has one thread. Who has it makes no other.
#[derive(Debug)]
pub struct OneThread(());

impl OneThread {
    /// Counts the threads; nothing if there are more.
    pub fn prove() -> io::Result<Option<OneThread>> {
        Ok((thread_count()? == 1).then_some(OneThread(())))
    }
}

/// Forks a child not of this process but of its parent, who takes its status (`CLONE_PARENT`, clone(2)).
pub fn fork_sibling(_: &OneThread) -> io::Result<Forked> {
    // The signal at its end is that of this process.
    // SAFETY: without a stack of its own and without shared memory it is a fork. One thread, so no lock can be held by a
    // thread that the child lacks; nothing in this program rests on the thread's number that libc has kept.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT, 0, 0, 0, 0) })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent(Pid::from_raw(child as libc::pid_t))),
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

/// Has the kernel kill this process when the thread that forked it ends, if that is allowed; fails if it ended already.
pub fn die_with_parent(parent: Pid) -> io::Result<()> {
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
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

/// Says whether a child has ended, and takes its status then; an error if there is no such child any more.
pub fn has_ended(child: Pid) -> io::Result<bool> {
    Ok(waitpid(child, Some(WaitPidFlag::WNOHANG))? != WaitStatus::StillAlive)
}

/// Closes every descriptor but the three standard ones.
pub fn close_foreign_descriptors() -> io::Result<()> {
    close_range(3, libc::c_uint::MAX)
}

/// Closes every descriptor but the three standard ones and this one.
pub fn close_foreign_descriptors_but(kept: RawFd) -> io::Result<()> {
    let kept = kept.cast_unsigned();
    if kept > 3 {
        close_range(3, kept - 1)?;
    }
    close_range(3.max(kept + 1), libc::c_uint::MAX)
}

fn close_range(first: libc::c_uint, last: libc::c_uint) -> io::Result<()> {
    // SAFETY: a forked child that never returns into the code that owns these descriptors.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
    Ok(())
}

/// Points the three standard descriptors to /dev/null.
pub fn detach_standard_descriptors() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for target in 0..3 {
        // SAFETY: the source is open; in this forked child nothing owns the target.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), target) })?;
    }
    Ok(())
}

/// Copies a standard descriptor to a new one that no executed program inherits.
pub fn duplicate(standard: i32) -> io::Result<OwnedFd> {
    // SAFETY: fcntl makes a new descriptor or fails.
    let fd = Errno::result(unsafe { libc::fcntl(standard, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the descriptor is new and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Has orphans among this process's descendants become its children.
pub fn become_subreaper() -> io::Result<()> {
    // Not by what wraps it, which lies in a page of code that a coordinator needs for nothing else.
    // SAFETY: it sets a flag of this process.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    Ok(())
}

/// Has what a panic says go nowhere, in this process and in those that it forks.
pub fn silence_panics() {
    static ARE_SILENT: AtomicBool = AtomicBool::new(false);
    if !ARE_SILENT.load(Ordering::Relaxed) {
        panic::set_hook(Box::new(|_| {}));
        ARE_SILENT.store(true, Ordering::Relaxed);
    }
}

/// Leaves by the code that `work` returns, or by 70 if it panics; what a panic says goes nowhere.
pub fn leave_by(work: impl FnOnce() -> i32) -> ! {
    silence_panics();
    exit_now(panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(70))
}

/// Forks a child that starts with every signal blocked; the parent's mask stays as it is.
pub fn fork_blocked() -> io::Result<Forked> {
    let mut old = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut old))?;
    let forked = fork();
    if !matches!(forked, Ok(Forked::Child)) {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&old), None)?;
    }
    forked
}
