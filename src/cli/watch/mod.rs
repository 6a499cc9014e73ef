//! `run --watch`: runs a script, and runs it again when it changes.
//!
//! The watcher never is a runner: each run is a child that executes `thermos run`, so that one thread, one event loop and
//! one death belong to each. It sleeps until a file changes, the child ends, or a signal comes.

mod files;
mod notices;
mod way;

use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid};

use self::files::Files;
use self::notices::Notices;
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, reason};
use super::report::visible;
use super::terminal::Terminal;
use crate::diagnostics::Diagnostic;
use crate::process::events::Events;
use crate::process::pidfd::Supervised;
use crate::process::signals::{self, SignalQueue};
use crate::runner::RunnerError;
use crate::script;

/// How long files must be at rest: an editor writes in several steps, and a person saves several files.
const REST: Duration = Duration::from_millis(100);

/// How long at most that is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The flag, set by the watcher alone, that tells a run whose child it is.
pub(super) const CHILD_FLAG: &str = "--watched-by";

/// What asks the watcher to end.
const WISHES: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

const SIGNALS: u64 = 0;
const FILES: u64 = 1;

/// Runs a script whenever it changes, until a signal ends that; the exit code is that of the last run.
pub(super) fn watch(script: &Path, context: &Context) -> Result<Exit, Failure> {
    if script == Path::new("-") {
        let diagnostic = Diagnostic::error("usage", "standard input cannot be watched");
        return Err(Failure::new(Exit::Usage, diagnostic.with_help("name a file")));
    }
    if let Ok(found) = fs::metadata(script)
        && !found.is_file()
    {
        let kind = script::kind(found.file_type());
        let message = format!("{} cannot be watched: it is {kind}, not a regular file", script.display());
        return Err(Failure::new(Exit::Usage, Diagnostic::error("usage", message).with_help("name a file")));
    }
    signals::reset_to_default(&[libc::SIGCHLD]).map_err(RunnerError::system("take signals"))?;
    let mut wanted: SigSet =
        WISHES.into_iter().filter(|signal| !signals::is_ignored(*signal as libc::c_int)).collect();
    wanted.add(Signal::SIGCHLD);
    let signals = SignalQueue::open(&wanted).map_err(RunnerError::system("open a signal descriptor"))?;
    let notices = Notices::new();
    let events = Events::new().map_err(RunnerError::system("open an event descriptor"))?;
    events.add(&signals, SIGNALS).map_err(RunnerError::system("watch for signals"))?;
    if let Some(descriptor) = notices.descriptor() {
        events.add(descriptor, FILES).map_err(RunnerError::system("watch for changes"))?;
    }
    let terminal = context.terminal;
    let script = script.to_owned();
    let (files, last) = (Files::default(), Exit::Success);
    let watcher = Watcher {
        script,
        terminal,
        events,
        signals,
        notices,
        files,
        child: None,
        last,
        rest: None,
        outdated: None,
        ending: false,
    };
    watcher.run()
}

/// Has a run that a watcher started end in good order when the watcher is gone.
pub(super) fn follow(watcher: i32) -> Result<(), Failure> {
    // Heard by the runner once it listens.
    let term = SigSet::from_iter([Signal::SIGTERM]);
    signals::block(&term).map_err(RunnerError::system("block signals"))?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)
        .map_err(|error| RunnerError::system("follow")(error.into()))?;
    if getppid() != Pid::from_raw(watcher) {
        return Err(Failure::quiet(Exit::Killed));
    }
    Ok(())
}

struct Watcher {
    script: PathBuf,
    terminal: Terminal,
    events: Events,
    signals: SignalQueue,
    notices: Notices,
    /// The files as the last run found them.
    files: Files,
    child: Option<Child>,
    /// How the last run ended.
    last: Exit,
    /// Since when something is happening to files, and when it will have been over for long enough.
    rest: Option<(Instant, Instant)>,
    /// The file that has changed, if the run that goes on was told to end for its sake.
    outdated: Option<String>,
    /// Whether it was asked to end.
    ending: bool,
}

impl Watcher {
    /// Each round: run if files have changed and nothing runs; sleep; take in what happened.
    fn run(mut self) -> Result<Exit, Failure> {
        self.look()?;
        self.start()?;
        loop {
            let rest = self.rest.map(|(_, until)| until.saturating_duration_since(Instant::now()));
            let timeout = rest.into_iter().chain(self.notices.timeout()).min();
            let mut woken = self.events.wait(timeout).map_err(RunnerError::system("wait for events"))?;
            if woken.any(|token| token == SIGNALS) {
                self.take_signals()?;
            }
            if self.notices.take().map_err(unwatchable)? {
                self.put_off();
            }
            if self.ending && self.child.is_none() {
                return Ok(self.last);
            }
            if self.rest.is_some_and(|(_, until)| Instant::now() >= until) {
                self.rest = None;
                self.files_are_at_rest()?;
            }
        }
    }

    /// Something happened to a file: what else happens to it is waited for.
    fn put_off(&mut self) {
        let now = Instant::now();
        let since = self.rest.map_or(now, |(since, _)| since);
        self.rest = Some((since, (now + REST).min(since + PATIENCE)));
    }

    /// Runs again if any file says something else, once what still runs has ended.
    fn files_are_at_rest(&mut self) -> Result<(), Failure> {
        let before = std::mem::take(&mut self.files);
        self.look()?;
        let changed = self.files.changed_since(&before).map(|path| path.display().to_string());
        let Some(changed) = changed.filter(|_| !self.ending) else { return Ok(()) };
        match &self.child {
            // Told once: twice would be an order to end at once.
            Some(_) if self.outdated.is_some() => Ok(()),
            Some(_) => {
                if !self.terminal.stderr.terminal {
                    self.say(&format!("{changed} has changed: ending the task to run it anew"));
                }
                self.outdated = Some(changed);
                self.signal(Signal::SIGTERM)
            }
            None => self.start_anew(&changed),
        }
    }

    /// Reads all files, and watches them from before they are read.
    fn look(&mut self) -> Result<(), Failure> {
        let mut files = Files::read(&self.script);
        loop {
            self.notices.watch(files.paths()).map_err(unwatchable)?;
            let again = Files::read(&self.script);
            let is_same = again.paths().eq(files.paths());
            files = again;
            if is_same {
                self.files = files;
                return Ok(());
            }
        }
    }

    fn start_anew(&mut self, changed: &str) -> Result<(), Failure> {
        self.say(&format!("{changed} has changed: running it anew"));
        self.start()
    }

    fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(env::args_os().next().unwrap_or_else(|| "thermos".into()));
        let mut arguments = env::args_os().skip(1);
        // The watcher's own arguments, but for the flag that makes it one.
        command.args(arguments.by_ref().take_while(|argument| argument != "--watch"));
        command.arg(format!("{CHILD_FLAG}={}", Pid::this())).args(arguments);
        // A terminal's Ctrl-C comes to the watcher, which passes it on once.
        let child = command.process_group(0).spawn();
        self.child = Some(child.map_err(RunnerError::system("start a run"))?);
        Ok(())
    }

    fn take_signals(&mut self) -> Result<(), Failure> {
        while let Some(taken) = self.signals.take().map_err(RunnerError::system("read signals"))? {
            match taken.signal {
                Signal::SIGCHLD => self.reap()?,
                signal => {
                    self.ending = true;
                    self.signal(signal)?;
                }
            }
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let Some(child) = &self.child else { return Ok(()) };
        let sent = Supervised::Child(Pid::from_raw(child.id().cast_signed())).signal(signal);
        sent.map(drop).map_err(|error| RunnerError::system("signal the run")(error).into())
    }

    fn reap(&mut self) -> Result<(), Failure> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let ended = child.try_wait().map_err(RunnerError::system("wait for the run"))?;
        let Some(status) = ended else { return Ok(()) };
        self.child = None;
        self.last = status.code().and_then(Exit::from_code).unwrap_or(Exit::Other);
        if self.ending {
            return Ok(());
        }
        match self.outdated.take() {
            // The run may have drawn on the terminal until now.
            Some(changed) if self.terminal.stderr.terminal => return self.start_anew(&changed),
            Some(_) => return self.start(),
            None => {}
        }
        let files = match self.files.count() {
            1 => self.script.display().to_string(),
            count => format!("{} and {} more", self.script.display(), count - 1),
        };
        self.say(&format!("Waiting for a change of {files}"));
        Ok(())
    }

    fn say(&self, text: &str) {
        self.terminal.say(format!(" INFO] {}\n", visible(text)));
    }
}

fn unwatchable(error: io::Error) -> Failure {
    let diagnostic = Diagnostic::error("watch", format!("cannot watch for changes: {}", reason(&error)));
    let help = "without --watch the task runs all the same";
    Failure::new(Exit::Other, diagnostic.with_help(help))
}
