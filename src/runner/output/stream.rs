//! One output of a command: from its pipe to its log and to the console.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::console::Console;
use super::log::Log;
use super::loss::Loss;
use crate::process::events::Events;
use crate::process::pipe;

/// What is read at once.
pub(super) const CHUNK: usize = 256 * 1024;

/// A read of this much says that a writer is waiting: a pipe holds twice as much at first.
const MUCH: usize = 32 * 1024;

/// What a pipe holds once its writer has filled it: an idle command shall not use up what a user may have in pipes.
const PIPE: i32 = 1024 * 1024;

/// One output.
#[derive(Debug)]
pub(super) struct Stream {
    /// Until its last writer is gone.
    pipe: Option<File>,
    /// The command's end, until it has that.
    end: Option<OwnedFd>,
    log: Log,
    console: Option<Console>,
    is_large: bool,
    /// What is waited for.
    watched: Watched,
    /// Events of the pipe; those of the console have the next number.
    token: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Nothing,
    Pipe,
    Console,
}

impl Stream {
    pub(super) fn open(log: Log, console: Option<OwnedFd>, token: u64) -> io::Result<Stream> {
        let (reader, writer) = pipe::pipe()?;
        let (pipe, end, console) = (Some(reader), Some(writer), console.map(Console::new));
        Ok(Stream { pipe, end, log, console, is_large: false, watched: Watched::Nothing, token })
    }

    /// Returns the end that the command is to have; fails once it has it.
    pub(super) fn end(&self) -> io::Result<BorrowedFd<'_>> {
        let end = self.end.as_ref().map(AsFd::as_fd);
        end.ok_or_else(|| io::Error::other("the command has its output already"))
    }

    /// Lets go of the command's end: from now on the last writer is one of the command's.
    pub(super) fn release(&mut self) {
        self.end = None;
    }

    /// Says whether an event is about this output.
    pub(super) fn has(&self, token: u64) -> bool {
        token == self.token || token == self.token + 1
    }

    /// Goes on with what is ready: one chunk, or the console's backlog.
    pub(super) fn go_on(&mut self, buffer: &mut [u8]) {
        match &mut self.console {
            Some(console) if console.is_behind() => console.catch_up(),
            _ => drop(self.take(buffer)),
        }
    }

    /// Takes what lies in the pipe now, and nothing that is written later.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) {
        let readable = self.pipe.as_ref().map_or(Ok(0), pipe::readable);
        let mut left = readable.unwrap_or_default();
        while left > 0 {
            let most = left.min(buffer.len());
            match self.take(&mut buffer[..most]) {
                0 => return,
                count => left -= count,
            }
        }
    }

    /// Stops reading.
    pub(super) fn close(&mut self, events: &Events) -> io::Result<()> {
        if self.watched == Watched::Pipe {
            self.watch(Watched::Nothing, events)?;
        }
        self.pipe = None;
        Ok(())
    }

    /// Says whether the console has not taken everything yet.
    pub(super) fn is_behind(&self) -> bool {
        self.console.as_ref().is_some_and(Console::is_behind)
    }

    /// Gives up what the console has not taken.
    pub(super) fn give_up(&mut self) {
        if let Some(console) = &mut self.console {
            console.give_up();
        }
    }

    /// Has the right thing wake the waiter: the console while it is behind, else the pipe, if that is still written to.
    pub(super) fn rewatch(&mut self, events: &Events) -> io::Result<()> {
        let wanted = match (self.is_behind(), &self.pipe) {
            (true, _) => Watched::Console,
            (false, Some(_)) => Watched::Pipe,
            (false, None) => Watched::Nothing,
        };
        if wanted == self.watched { Ok(()) } else { self.watch(wanted, events) }
    }

    /// Returns what was lost, with the reason of the last of it.
    pub(super) fn lost(&self) -> Loss {
        let mut lost = self.log.lost();
        if let Some(console) = self.console.as_ref().filter(|console| !console.lost().is_empty()) {
            lost.add(console.lost().bytes, console.lost().reason.as_str());
        }
        lost
    }

    fn watch(&mut self, wanted: Watched, events: &Events) -> io::Result<()> {
        match (self.watched, &self.pipe, &self.console) {
            (Watched::Pipe, Some(pipe), _) => events.remove(pipe)?,
            (Watched::Console, _, Some(console)) => events.remove(console)?,
            _ => {}
        }
        match (wanted, &self.pipe, &self.console) {
            (Watched::Pipe, Some(pipe), _) => events.add(pipe, self.token)?,
            (Watched::Console, _, Some(console)) => events.add_writable(console, self.token + 1)?,
            _ => {}
        }
        self.watched = wanted;
        Ok(())
    }

    /// Passes one chunk on; returns its length, zero if there is none.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let Some(pipe) = &mut self.pipe else { return 0 };
        let count = match pipe.read(buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return 0;
            }
            // No pipe fails otherwise; one that did is at its end.
            Err(_) => 0,
        };
        if count == 0 {
            // Closing it takes it out of the set of events: no other process has this end.
            self.pipe = None;
            self.watched = Watched::Nothing;
            return 0;
        }
        if count >= MUCH && !self.is_large {
            self.is_large = true;
            pipe::grow(&*pipe, PIPE);
        }
        let bytes = &buffer[..count];
        self.log.write(bytes);
        if let Some(console) = &mut self.console {
            console.write(bytes);
        }
        count
    }
}
