//! The pipe from a runner to its child. The runner never waits on it before its end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::told::Told;
use crate::process::pipe as system;

/// Bytes that a pipe is asked to hold.
const ROOM: i32 = 1 << 20;

/// The most events that wait for room; there is more only if the child is stopped.
const WAITING: usize = 4096;

/// The runner's end.
#[derive(Debug)]
pub(super) struct Sender {
    pipe: File,
    /// Lines that found no room, the first perhaps in part.
    waiting: VecDeque<Vec<u8>>,
    missed: u64,
    /// Whether nobody reads any more.
    broken: bool,
}

/// The child's end.
#[derive(Debug)]
pub(super) struct Receiver {
    pipe: File,
    rest: Vec<u8>,
    /// Bytes of which there are more in a pipe that is full, however lines lie in it.
    much: usize,
}

/// Makes a pipe; neither end ever blocks.
pub(super) fn pipe() -> io::Result<(Sender, Receiver)> {
    let (reader, writer) = system::pipe()?;
    system::grow(&writer, ROOM);
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    // Pages that a line did not fit into may be half empty.
    let much = fcntl(&writer, FcntlArg::F_GETPIPE_SZ)? as usize / 4;
    let sender = Sender { pipe: File::from(writer), waiting: VecDeque::new(), missed: 0, broken: false };
    Ok((sender, Receiver { pipe: reader, rest: Vec::new(), much }))
}

impl Sender {
    /// Sends an event, now or with a later one. Says whether there is still somebody who reads.
    pub(super) fn send(&mut self, told: Told) -> bool {
        if self.missed > 0 || self.waiting.len() >= WAITING {
            self.missed += 1;
        } else {
            self.waiting.push_back(line(&told));
        }
        self.flush();
        if self.missed > 0 && self.waiting.is_empty() {
            let missed = std::mem::take(&mut self.missed);
            self.waiting.push_back(line(&Told::Missed(missed)));
            self.flush();
        }
        !self.broken
    }

    /// Leaves the last event to [`Sender::flush`], which says when all have been taken.
    pub(super) fn finish(&mut self, told: Told) {
        if self.missed > 0 {
            self.waiting.push_back(line(&Told::Missed(self.missed)));
        }
        self.waiting.push_back(line(&told));
    }

    /// Writes what has room; says whether nothing is left.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(first) = self.waiting.front_mut() {
            match self.pipe.write(first) {
                Ok(count) if count == first.len() => drop(self.waiting.pop_front()),
                Ok(count) => drop(first.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => {
                    self.broken = true;
                    self.waiting.clear();
                }
            }
        }
        true
    }
}

fn line(told: &Told) -> Vec<u8> {
    // Plain structs of strings and numbers always serialize.
    let mut line = serde_json::to_vec(told).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What was received.
#[derive(Debug, PartialEq)]
pub(super) struct Received {
    pub(super) told: Vec<Told>,
    /// Whether the other end is closed.
    pub(super) closed: bool,
    /// Whether the pipe may have been full before.
    pub(super) much: bool,
}

impl Receiver {
    /// Takes what has come.
    pub(super) fn receive(&mut self) -> Received {
        let mut buffer = [0; 64 * 1024];
        let (mut closed, mut total) = (false, 0);
        loop {
            match self.pipe.read(&mut buffer) {
                Ok(0) => closed = true,
                Ok(count) => {
                    total += count;
                    self.rest.extend_from_slice(&buffer[..count]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => closed = true,
            }
            break;
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let lines: Vec<u8> = self.rest.drain(..end).collect();
        let told = lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        Received { told: told.collect(), closed, much: total >= self.much }
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_waits_for_nobody_and_says_what_was_missed() {
        let (mut sender, mut receiver) = pipe().unwrap();
        let note = "x".repeat(1000);
        let count = 10_000;
        (0..count).for_each(|_| assert!(sender.send(Told::Note(note.clone()))));
        let received = receiver.receive();
        assert!(received.much);
        let mut first = received.told.len();
        assert!(first > 10, "{first} events fit");
        sender.finish(Told::Over { well: true });
        let mut missed = 0;
        let mut over = false;
        while !over {
            for told in receiver.receive().told {
                match told {
                    Told::Note(_) => first += 1,
                    Told::Missed(count) => missed += count,
                    Told::Over { well } => over = well,
                    other => panic!("{other:?}"),
                }
            }
            sender.flush();
        }
        drop(sender);
        assert!(missed > 0);
        assert_eq!(first as u64 + missed, count);
        assert!(receiver.receive().closed);
    }

    #[test]
    fn a_runner_learns_that_nobody_reads() {
        let (mut sender, receiver) = pipe().unwrap();
        assert!(sender.send(Told::Note("x".to_owned())));
        drop(receiver);
        assert!(!sender.send(Told::Note("x".to_owned())));
    }
}
