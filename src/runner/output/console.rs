//! The runner's own output. Others write to it too; whoever reads it may be slow, stop reading, or go away.
//!
//! What it does not take stays in a backlog, and the command waits as it would for any pipe.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::loss::{Loss, words};
use crate::process::pipe::SharedOutput;

/// One of the two outputs of the runner.
#[derive(Debug)]
pub(super) struct Console {
    output: SharedOutput,
    backlog: Vec<u8>,
    /// Bytes of the backlog that were written.
    sent: usize,
    is_gone: bool,
    lost: Loss,
}

impl Console {
    pub(super) fn new(fd: OwnedFd) -> Console {
        let output = SharedOutput::new(fd);
        Console { output, backlog: Vec::new(), sent: 0, is_gone: false, lost: Loss::default() }
    }

    /// Writes what there is room for and keeps the rest. Who has gone away misses nothing.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let done = if self.is_behind() { 0 } else { self.put(bytes) };
        if !self.is_gone {
            self.backlog.extend_from_slice(&bytes[done..]);
        }
    }

    /// Goes on with the backlog.
    pub(super) fn catch_up(&mut self) {
        let backlog = std::mem::take(&mut self.backlog);
        self.sent += self.put(&backlog[self.sent..]);
        if self.sent < backlog.len() && !self.is_gone {
            self.backlog = backlog;
        } else {
            self.sent = 0;
        }
    }

    /// Says whether there is a backlog.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Gives up what nobody reads.
    pub(super) fn give_up(&mut self) {
        self.is_gone = true;
        self.backlog = Vec::new();
    }

    pub(super) fn lost(&self) -> &Loss {
        &self.lost
    }

    /// Returns how many bytes are done with: written, or refused for good.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() && !self.is_gone {
            match self.output.write(&bytes[done..]) {
                Ok(count) => done += count,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return done,
                    // A file on a disk that may have room later.
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => {
                        let reason = format!("{} on the console", words(&error));
                        self.lost.add((bytes.len() - done) as u64, reason);
                        return bytes.len();
                    }
                    _ => self.is_gone = true,
                },
            }
        }
        done
    }
}

impl AsFd for Console {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;
    use crate::process::pipe::{pipe, readable};

    #[test]
    fn what_a_slow_reader_has_not_taken_is_kept_in_order() {
        let (mut reader, writer) = pipe().unwrap();
        let mut console = Console::new(writer);
        let text: Vec<u8> = (0..300_000u32).map(|number| (number % 251) as u8).collect();
        text.chunks(100_000).for_each(|chunk| console.write(chunk));
        let mut read = Vec::new();
        while read.len() < text.len() {
            let mut buffer = vec![0; readable(&reader).unwrap()];
            reader.read_exact(&mut buffer).unwrap();
            read.extend(buffer);
            console.catch_up();
        }
        assert_eq!((read == text, console.is_behind(), console.lost().bytes), (true, false, 0));
    }

    #[test]
    fn a_reader_that_goes_away_misses_nothing() {
        let (reader, writer) = pipe().unwrap();
        let mut console = Console::new(writer);
        console.write(&[0; 100_000]);
        assert!(console.is_behind());
        drop(reader);
        console.catch_up();
        console.write(b"more");
        assert_eq!((console.is_behind(), console.lost()), (false, &Loss::default()));
    }

    #[test]
    fn a_full_disk_below_the_console_is_a_loss() {
        let mut console = Console::new(File::options().write(true).open("/dev/full").unwrap().into());
        console.write(b"four");
        assert!(!console.is_behind());
        assert_eq!(
            *console.lost(),
            Loss { bytes: 4, reason: "No space left on device on the console".to_owned() }
        );
    }
}
