//! Signal dispositions and masks, and waiting for signals without handlers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Gives signals their default action.
pub fn reset_to_default(signals: &[libc::c_int]) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for &signal in signals {
        // SAFETY: the default action runs no code of ours.
        unsafe { sigaction(Signal::try_from(signal)?, &default) }?;
    }
    Ok(())
}

/// Lists the signals that this process ignores: they alone would stay ignored in a program that it executes.
pub fn ignored() -> Vec<libc::c_int> {
    (1..=libc::SIGRTMAX()).filter(|signal| is_ignored(*signal)).collect()
}

/// Says whether this process ignores a signal, as one started by nohup ignores HUP.
pub fn is_ignored(signal: libc::c_int) -> bool {
    let (new, mut old) = (std::ptr::null::<Action>(), Action::default());
    // SAFETY: a null new action only asks for the old one, for which there is room.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, &raw mut old, SET_SIZE) };
    result == 0 && old.handler == libc::SIG_IGN
}

/// Gives a signal its default action, on its own and with no more than one system call.
///
/// # Safety
/// No code of ours may count on a handler of this signal.
pub(super) unsafe fn reset(signal: libc::c_int) {
    let (new, old) = (Action::default(), std::ptr::null::<Action>());
    // SAFETY: the new action outlives the call; the old one is not asked for.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, &raw const new, old, SET_SIZE) };
}

/// What the kernel takes and gives for an action; all zeroes is the default one. The library of C hides two signals that
/// it keeps for itself, and a program that was started with them ignored would pass that on.
#[derive(Default)]
#[repr(C)]
struct Action {
    handler: usize,
    rest: [u64; 3],
}

/// Bytes of a set of signals, to the kernel.
const SET_SIZE: usize = 8;

/// Waits until one of the signals is pending, or until the time is over, and takes it. All must be blocked.
pub fn wait(signals: &SigSet, timeout: Option<Duration>) -> io::Result<Option<Signal>> {
    let time = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(std::ptr::null(), |time| time as *const libc::timespec);
    loop {
        // SAFETY: the set and the time, if any, outlive the call; no siginfo is asked for.
        match Errno::result(unsafe { libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), time) }) {
            Ok(number) => return Ok(Some(Signal::try_from(number)?)),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ignores a signal from now on.
pub fn ignore(signal: Signal) -> io::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: to ignore runs no code of ours.
    unsafe { sigaction(signal, &ignore) }?;
    Ok(())
}

/// Blocks signals: they stay pending until somebody takes them.
pub fn block(signals: &SigSet) -> io::Result<()> {
    Ok(sigprocmask(SigmaskHow::SIG_BLOCK, Some(signals), None)?)
}

/// Lets signals come again.
pub fn unblock(signals: &SigSet) -> io::Result<()> {
    Ok(sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(signals), None)?)
}

/// Blocks signals in the first process of a container, where those that nobody waits for would be lost: it may be told to
/// end before it is ready to hear.
pub fn block_if_first(signals: &SigSet) -> io::Result<()> {
    if std::process::id() == 1 { block(signals) } else { Ok(()) }
}

/// A signal that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub signal: Signal,
    /// What its sender queued with it, if it did.
    pub value: Option<i32>,
}

/// Signals that are read from a descriptor. They stay blocked when it is dropped: one that comes late must not end a
/// process that has done its work and is about to say so.
#[derive(Debug)]
pub struct SignalQueue(SignalFd);

impl SignalQueue {
    /// Blocks signals and opens a descriptor that is readable when one is pending.
    pub fn open(signals: &SigSet) -> io::Result<SignalQueue> {
        block(signals)?;
        Ok(SignalQueue(SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// Takes a pending signal.
    pub fn take(&mut self) -> io::Result<Option<Taken>> {
        let Some(info) = self.0.read_signal()? else { return Ok(None) };
        let value = (info.ssi_code == libc::SI_QUEUE).then_some(info.ssi_int);
        Ok(Some(Taken { signal: Signal::try_from(info.ssi_signo as i32)?, value }))
    }
}

impl AsFd for SignalQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
