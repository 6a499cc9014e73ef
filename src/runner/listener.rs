//! What a runner hears: signals, and the ends of coordinators. Knows nothing of what they mean to a task.
//!
//! It is opened before the first record: from then on no wish to end the task is missed.

use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::error::RunnerError;
use super::options::Caller;
use crate::process::events::Events;
use crate::process::signals::{self, SignalQueue};
use crate::process::{fork, tree};

/// The token of the signal queue; those below are places of processes.
pub(super) const SIGNALS: u64 = u64::MAX;

/// The value of a TERM that says: there is a request. Without one, that request has been heard already.
pub(super) const REQUEST: i32 = 0x7465726d;

/// Signals that ask a runner to end its task.
const WISHES: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// How long a wish may echo: timeout(1) signals its child and then the group of its child, a terminal that closes does so
/// too, and neither means to insist.
const ECHO: Duration = Duration::from_millis(50);

/// The signals and events of a process that is about to be a runner.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) events: Events,
    pub(super) signals: SignalQueue,
    /// Children that this process had before.
    pub(super) earlier_children: Vec<Pid>,
    /// What this system does not allow, in words.
    pub(super) degraded: Option<String>,
}

impl Listener {
    /// Begins to listen; from now on orphans among the descendants become children of this process.
    pub(super) fn open(caller: &Caller) -> Result<Listener, RunnerError> {
        let system = RunnerError::system;
        if caller.detached {
            signals::ignore(Signal::SIGHUP).map_err(system("ignore a signal"))?;
        }
        // Whose children are reaped by the kernel never learns how they ended.
        signals::reset_to_default(&[libc::SIGCHLD]).map_err(system("take signals"))?;
        let signals = SignalQueue::open(&wanted_signals()).map_err(system("open a signal descriptor"))?;
        let events = Events::new().map_err(system("open an event descriptor"))?;
        events.add(&signals, SIGNALS).map_err(system("watch for signals"))?;
        let degraded = fork::become_subreaper().err().map(|error| {
            format!("cannot become a subreaper ({error}): orphans of dead coordinators are harder to find")
        });
        let earlier_children = tree::children(Pid::this()).map_err(system("read /proc"))?;
        Ok(Listener { events, signals, earlier_children, degraded })
    }
}

/// Has the first process of a container keep a wish to end that comes before it listens.
pub fn keep_early_wishes() -> Result<(), RunnerError> {
    signals::block_if_first(&SigSet::from_iter(WISHES)).map_err(RunnerError::system("block signals"))
}

/// Takes the echoes of a wish, and what else comes in that moment.
pub(super) fn take_echoes() -> Result<(), RunnerError> {
    let begin = Instant::now();
    let wishes = SigSet::from_iter(WISHES);
    let next = || signals::wait(&wishes, Some(ECHO.saturating_sub(begin.elapsed())));
    while next().map_err(RunnerError::system("read signals"))?.is_some() {}
    Ok(())
}

/// What this process was told to ignore it goes on ignoring, as under nohup; but for TERM, by which `kill` calls.
fn wanted_signals() -> SigSet {
    let heard = |signal: &Signal| *signal == Signal::SIGTERM || !signals::is_ignored(*signal as libc::c_int);
    let mut wanted = SigSet::from_iter(WISHES.into_iter().filter(heard));
    wanted.add(Signal::SIGCHLD);
    wanted
}
