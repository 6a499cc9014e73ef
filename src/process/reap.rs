//! Taking the statuses of children that have ended.

use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// A child that has ended and is gone.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its number, which may be given to others from now on.
    pub pid: Pid,
    /// How it ended.
    pub exit: Exit,
    /// Seconds of processor time in programs, its own and those it waited for.
    pub user: f64,
    /// Seconds of processor time in the kernel.
    pub system: f64,
    /// Bytes of memory of the largest of them.
    pub max_rss: u64,
}

/// What there was to reap.
#[derive(Clone, Copy, Debug)]
pub enum Reaped {
    /// A child.
    Ended(Ended),
    /// There are children, and all of them run.
    AllRunning,
    /// There are no children.
    NoChildren,
}

/// Reaps any child that has ended, without waiting.
pub fn reap_any() -> io::Result<Reaped> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to memory of the right type that outlives the call.
    let result = Errno::result(unsafe { libc::wait4(-1, &mut status, libc::WNOHANG, usage.as_mut_ptr()) });
    match result {
        Ok(0) => Ok(Reaped::AllRunning),
        // SAFETY: zeroes are a valid rusage, and wait4 has filled it.
        Ok(pid) => Ok(Reaped::Ended(ended(Pid::from_raw(pid), status, &unsafe { usage.assume_init() }))),
        Err(Errno::ECHILD) => Ok(Reaped::NoChildren),
        Err(Errno::EINTR) => Ok(Reaped::AllRunning),
        Err(error) => Err(error.into()),
    }
}

/// Says whether a process is a child of this one that has not ended; takes no status.
pub fn is_running_child(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(pid), flags) == Ok(WaitStatus::StillAlive)
}

fn ended(pid: Pid, status: i32, usage: &libc::rusage) -> Ended {
    let exit = match libc::WIFSIGNALED(status) {
        true => Exit::Signal(libc::WTERMSIG(status)),
        false => Exit::Code(libc::WEXITSTATUS(status)),
    };
    let seconds = |time: &libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let (user, system) = (seconds(&usage.ru_utime), seconds(&usage.ru_stime));
    Ended { pid, exit, user, system, max_rss: usage.ru_maxrss as u64 * 1024 }
}
