//! Starting a command: a child that shares its parent's memory until it executes, so that nothing is copied.

use std::ffi::{CString, c_char, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::signals;

/// A program to execute in a session of its own, with /dev/null or whatever its parent has as standard input.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program and its arguments.
    pub arguments: &'a [CString],
    /// `NAME=VALUE` each.
    pub environment: &'a [CString],
    /// Standard output.
    pub stdout: BorrowedFd<'a>,
    /// Standard error.
    pub stderr: BorrowedFd<'a>,
    /// Signals that this process ignores and the program shall not.
    pub ignored: &'a [libc::c_int],
}

/// A child of [`spawn`]; it is there to be reaped even if it could not execute.
#[derive(Debug)]
pub struct Spawned {
    /// Number of the child and of its session.
    pub pid: Pid,
    /// Why the program was not executed.
    pub failure: Option<io::Error>,
}

/// What the child needs, made ready by its parent: it may neither allocate nor lock.
struct Plan {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    stdout: i32,
    stderr: i32,
    ignored: *const libc::c_int,
    ignored_count: usize,
    parent: libc::pid_t,
    errno: i32,
}

const STACK: usize = 32 * 1024;

/// Starts a command that the kernel kills when this process ends. All signals must be blocked; the command has none
/// blocked. Returns when it has executed.
pub fn spawn(command: &Command<'_>) -> io::Result<Spawned> {
    let mut plan = Plan {
        arguments: pointers(command.arguments),
        environment: pointers(command.environment),
        stdout: command.stdout.as_raw_fd(),
        stderr: command.stderr.as_raw_fd(),
        ignored: command.ignored.as_ptr(),
        ignored_count: command.ignored.len(),
        parent: nix::unistd::getpid().as_raw(),
        errno: 0,
    };
    #[repr(align(16))]
    struct Stack(MaybeUninit<[u8; STACK]>);
    let mut stack = Stack(MaybeUninit::uninit());
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs on a stack of its own, downwards from its aligned end, while this thread, the only one,
    // waits until it has executed or exited; so plan and stack outlive its use of them. Signals are blocked: no handler
    // runs in the shared memory.
    let pid = Errno::result(unsafe {
        let top = stack.0.as_mut_ptr().cast::<u8>().add(STACK).cast::<c_void>();
        libc::clone(child, top, flags, (&raw mut plan).cast::<c_void>())
    })?;
    // The child wrote it behind the compiler's back.
    // SAFETY: the child has executed or exited; plan is alive and aligned.
    let errno = unsafe { (&raw const plan.errno).read_volatile() };
    let failure = (errno != 0).then(|| io::Error::from_raw_os_error(errno));
    Ok(Spawned { pid: Pid::from_raw(pid), failure })
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

extern "C" fn child(plan: *mut c_void) -> libc::c_int {
    let plan = plan.cast::<Plan>();
    // SAFETY: the parent made the plan, keeps it alive, and is stopped; `enter` makes async-signal-safe calls alone.
    unsafe {
        enter(&*plan);
        (&raw mut (*plan).errno).write_volatile(Errno::last_raw());
        libc::_exit(127)
    }
}

/// Returns only if something failed, with errno set.
///
/// # Safety
/// Runs in a child that shares memory with its stopped parent, on a valid plan.
unsafe fn enter(plan: &Plan) {
    // SAFETY: system calls on values and on pointers that the plan keeps alive; zeroes are the default action with no
    // flags and an empty mask.
    unsafe {
        libc::setsid();
        for index in 0..plan.ignored_count {
            signals::reset(*plan.ignored.add(index));
        }
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
            return;
        }
        if libc::getppid() != plan.parent {
            Errno::ESRCH.set();
            return;
        }
        if libc::dup2(plan.stdout, 1) < 0 || libc::dup2(plan.stderr, 2) < 0 {
            return;
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        libc::execve(plan.arguments[0], plan.arguments.as_ptr(), plan.environment.as_ptr());
    }
}
