//! Both outputs of a command, and waiting for signals while they are passed on.
//!
//! One loop, which sleeps until a signal comes, a pipe has something, or a console that was behind has room. It takes
//! one chunk at a time: a command that never stops writing does not keep a signal from being heard.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use super::log::{Log, Writer};
use super::loss::Loss;
use super::rotate::Rotated;
use super::stream::{CHUNK, Stream};
use crate::process::events::Events;
use crate::process::signals::SignalQueue;
use crate::schema::RotatePolicy;

/// How long a console may stay behind after TERM and the end of the command.
const PATIENCE: Duration = Duration::from_secs(1);

const SIGNALS: u64 = 0;

/// The outputs of one command.
#[derive(Debug)]
pub(in crate::runner) struct Pipes {
    streams: [Stream; 2],
    buffer: Vec<u8>,
    events: Events,
    signals: SignalQueue,
    /// When a console that is behind is given up; set once the run is told to end.
    until: Option<Instant>,
}

impl Pipes {
    /// Makes pipes to logs that are open and empty. Of the signals, TERM and QUIT are told to the caller like all
    /// others, and bound the time that consoles have.
    pub(in crate::runner) fn open(
        folder: &Path,
        names: [&'static str; 2],
        logs: [File; 2],
        rotation: Option<RotatePolicy>,
        consoles: Option<[OwnedFd; 2]>,
        signals: &SigSet,
    ) -> io::Result<Pipes> {
        let [first, second] = consoles.map_or([None, None], |consoles| consoles.map(Some));
        let [stdout, stderr] = logs;
        let stream = |name, file, console, token| {
            let writer = match rotation {
                Some(policy) => Writer::Rotated(Rotated::new(folder, name, file, policy)?),
                None => Writer::Plain(file),
            };
            Stream::open(Log::new(writer), console, token)
        };
        let streams =
            [stream(names[0], stdout, first, SIGNALS + 1)?, stream(names[1], stderr, second, SIGNALS + 3)?];
        let signals = SignalQueue::open(signals)?;
        let events = Events::new()?;
        events.add(&signals, SIGNALS)?;
        Ok(Pipes { streams, buffer: vec![0; CHUNK], events, signals, until: None })
    }

    /// Returns the ends that the command is to have.
    pub(in crate::runner) fn ends(&self) -> io::Result<[BorrowedFd<'_>; 2]> {
        Ok([self.streams[0].end()?, self.streams[1].end()?])
    }

    /// Lets go of the command's ends.
    pub(in crate::runner) fn release(&mut self) {
        self.streams.iter_mut().for_each(Stream::release);
    }

    /// Waits for a signal, or until the time is over, and passes output on meanwhile.
    pub(in crate::runner) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Option<Signal>> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let signal = self.pass_on(deadline)?;
            if signal.is_some() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(signal);
            }
        }
    }

    /// Takes what lies in the pipes now; what others write later does not delay it.
    pub(in crate::runner) fn drain(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.drain(&mut self.buffer));
    }

    /// Takes what is left and waits for consoles to take theirs, unless the run is told to end.
    pub(in crate::runner) fn finish(&mut self) -> io::Result<()> {
        self.drain();
        for stream in &mut self.streams {
            stream.close(&self.events)?;
        }
        while self.streams.iter().any(Stream::is_behind) {
            if self.until.is_some_and(|until| Instant::now() >= until) {
                self.streams.iter_mut().for_each(Stream::give_up);
            } else {
                self.pass_on(self.until)?;
            }
        }
        Ok(())
    }

    /// Returns what was lost of both outputs, with the reason of the last of it.
    pub(in crate::runner) fn lost(&self) -> Option<Loss> {
        let mut lost = Loss::default();
        for part in self.streams.iter().map(Stream::lost).filter(|part| !part.is_empty()) {
            lost.add(part.bytes, part.reason);
        }
        (!lost.is_empty()).then_some(lost)
    }

    /// Sleeps once, until something happens or the deadline comes.
    fn pass_on(&mut self, deadline: Option<Instant>) -> io::Result<Option<Signal>> {
        for stream in &mut self.streams {
            stream.rewatch(&self.events)?;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut signalled = false;
        for token in self.events.wait(left)? {
            signalled |= token == SIGNALS;
            for stream in self.streams.iter_mut().filter(|stream| stream.has(token)) {
                stream.go_on(&mut self.buffer);
            }
        }
        let taken = if signalled { self.signals.take()? } else { None };
        let signal = taken.map(|taken| taken.signal);
        self.heed(signal);
        Ok(signal)
    }

    fn heed(&mut self, signal: Option<Signal>) {
        match signal {
            Some(Signal::SIGTERM) => self.until = self.until.or(Some(Instant::now() + PATIENCE)),
            Some(Signal::SIGQUIT) => self.until = Some(Instant::now()),
            _ => {}
        }
    }
}
