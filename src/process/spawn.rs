//! Starting a command: a child that shares its parent's memory until it executes, so that nothing is copied.

use std::ffi::{CStr, CString, c_char, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::identity::Moment;
use super::signals;
use super::users::{Credentials, KEEP};

/// A program to execute in a session of its own, with /dev/null or whatever its parent has as standard input.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program and its arguments.
    pub arguments: &'a [CString],
    /// `NAME=VALUE` each.
    pub environment: &'a [&'a CStr],
    /// Standard output.
    pub stdout: BorrowedFd<'a>,
    /// Standard error.
    pub stderr: BorrowedFd<'a>,
    /// Signals that this process ignores and the program shall not.
    pub ignored: &'a [libc::c_int],
    /// Bytes of address space that each process of the program may have.
    pub address_space: Option<u64>,
    /// As whom it runs, if as another than this process, which must be root's then.
    pub credentials: Option<&'a Credentials>,
    /// Whether the working directory of this process becomes the root of the program; this process must be root's then.
    pub chroot: bool,
}

/// What the child does, as far as it can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Leaving its parent.
    Prepare,
    /// Changing its root.
    Chroot,
    /// Changing its user and groups.
    User,
    /// Using the working directory as the new user.
    Folder,
    /// Executing the program.
    Execute,
}

/// Why a program was not executed.
#[derive(Debug)]
pub struct Failure {
    /// What was refused.
    pub step: Step,
    /// Why.
    pub error: io::Error,
}

/// A child of [`spawn`]; it is there to be reaped even if it could not execute.
#[derive(Debug)]
pub struct Spawned {
    /// Number of the child and of its session.
    pub pid: Pid,
    /// Two moments between which it began.
    pub began: [Moment; 2],
    /// Why the program was not executed.
    pub failure: Option<Failure>,
}

/// What the child needs, made ready by its parent: it may neither allocate nor lock.
struct Plan {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    stdout: i32,
    stderr: i32,
    ignored: *const libc::c_int,
    ignored_count: usize,
    address_space: Option<libc::rlimit>,
    parent: libc::pid_t,
    user: Option<User>,
    chroot: bool,
    began: Moment,
    step: Step,
    errno: i32,
}

/// Numbers that are handed to the kernel.
struct User {
    uid: libc::uid_t,
    gid: libc::gid_t,
    groups: *const libc::gid_t,
    group_count: usize,
}

const STACK: usize = 8 * 1024;

/// Starts a command that the kernel kills when this process ends. All signals must be blocked; the command has none
/// blocked. Returns when it has executed.
pub fn spawn(command: &Command<'_>) -> io::Result<Spawned> {
    let mut plan = Plan {
        arguments: pointers(command.arguments.iter().map(CString::as_c_str)),
        environment: pointers(command.environment.iter().copied()),
        stdout: command.stdout.as_raw_fd(),
        stderr: command.stderr.as_raw_fd(),
        ignored: command.ignored.as_ptr(),
        ignored_count: command.ignored.len(),
        address_space: command.address_space.map(|bytes| libc::rlimit { rlim_cur: bytes, rlim_max: bytes }),
        parent: nix::unistd::getpid().as_raw(),
        user: command.credentials.map(|Credentials { uid, gid, groups }| User {
            uid: *uid,
            gid: *gid,
            groups: groups.as_ptr(),
            group_count: groups.len(),
        }),
        chroot: command.chroot,
        began: Moment::now(),
        step: Step::Prepare,
        errno: 0,
    };
    #[repr(align(16))]
    struct Stack(MaybeUninit<[u8; STACK]>);
    let mut stack = Stack(MaybeUninit::uninit());
    let before = plan.began;
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
    let (errno, step, began) = unsafe {
        (
            (&raw const plan.errno).read_volatile(),
            (&raw const plan.step).read_volatile(),
            (&raw const plan.began).read_volatile(),
        )
    };
    let failure = (errno != 0).then(|| Failure { step, error: io::Error::from_raw_os_error(errno) });
    Ok(Spawned { pid: Pid::from_raw(pid), began: [before, began], failure })
}

fn pointers<'a>(strings: impl Iterator<Item = &'a CStr>) -> Vec<*const c_char> {
    strings.map(CStr::as_ptr).chain([std::ptr::null()]).collect()
}

extern "C" fn child(plan: *mut c_void) -> libc::c_int {
    let plan = plan.cast::<Plan>();
    // SAFETY: the parent made the plan, keeps it alive, and is stopped; `enter` makes async-signal-safe calls alone.
    unsafe {
        (&raw mut (*plan).began).write_volatile(Moment::now());
        let step = enter(&*plan);
        (&raw mut (*plan).step).write_volatile(step);
        (&raw mut (*plan).errno).write_volatile(Errno::last_raw());
        libc::_exit(127)
    }
}

/// Returns only if something failed, which it names, with errno set.
///
/// # Safety
/// Runs in a child that shares memory with its stopped parent, on a valid plan.
unsafe fn enter(plan: &Plan) -> Step {
    // SAFETY: system calls on values and on pointers that the plan keeps alive; zeroes are the default action with no
    // flags and an empty mask.
    unsafe {
        libc::setsid();
        for index in 0..plan.ignored_count {
            signals::reset(*plan.ignored.add(index));
        }
        if libc::dup2(plan.stdout, 1) < 0 || libc::dup2(plan.stderr, 2) < 0 {
            return Step::Prepare;
        }
        if plan.chroot && (libc::chroot(c".".as_ptr()) != 0 || libc::chdir(c"/".as_ptr()) != 0) {
            return Step::Chroot;
        }
        if let Some(user) = &plan.user {
            if !become_user(user) {
                return Step::User;
            }
            if libc::chdir(c".".as_ptr()) != 0 {
                return Step::Folder;
            }
        }
        // Not earlier: the kernel forgets it when the user changes. Where it is not allowed, who finds the coordinator
        // dead ends the command.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != plan.parent {
            Errno::ESRCH.set();
            return Step::Prepare;
        }
        if let Some(limit) = &plan.address_space
            && libc::setrlimit(libc::RLIMIT_AS, limit) != 0
        {
            return Step::Prepare;
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        libc::execve(plan.arguments[0], plan.arguments.as_ptr(), plan.environment.as_ptr());
    }
    Step::Execute
}

/// Says whether it worked, with errno set if not.
///
/// # Safety
/// As for [`enter`].
unsafe fn become_user(user: &User) -> bool {
    let User { uid, gid, groups, group_count } = *user;
    if uid == KEEP || gid == KEEP {
        Errno::EINVAL.set();
        return false;
    }
    // SAFETY: the groups are alive. Not by the functions of libc, which make all threads follow and lock for that: the
    // child shares its memory with its parent and must change alone.
    unsafe {
        libc::syscall(libc::SYS_setgroups, group_count, groups) == 0
            && libc::syscall(libc::SYS_setresgid, gid, gid, gid) == 0
            && libc::syscall(libc::SYS_setresuid, uid, uid, uid) == 0
    }
}
