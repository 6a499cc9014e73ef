//! Pipes whose reader never blocks, and writing to somebody else's output without blocking on it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

/// The most bytes that fit where poll says that there is room.
const ATOMIC: usize = libc::PIPE_BUF;

/// Makes a pipe, reading end first: reading from it never blocks, writing to it does. No executed program inherits it.
pub fn pipe() -> io::Result<(File, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((File::from(reader), writer))
}

/// Has a pipe hold so many bytes, if this user may have that many in pipes.
pub fn grow(pipe: impl AsFd, bytes: i32) {
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(bytes));
}

/// Returns how many bytes lie in a pipe.
pub fn readable(pipe: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, which outlives the call.
    Errno::result(unsafe { libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// A descriptor that others use too, so that it cannot be told not to block.
#[derive(Debug)]
pub struct SharedOutput {
    fd: File,
    care: Care,
}

/// What keeps a write from blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// Nothing: what is no pipe, terminal or socket takes everything.
    None,
    /// A description of our own, opened anew, that does not block.
    Own,
    /// Asking first, and writing no more than fits for certain unless others write at the same moment.
    Ask,
}

impl SharedOutput {
    /// Takes over a descriptor.
    pub fn new(fd: OwnedFd) -> SharedOutput {
        let fd = File::from(fd);
        let Ok(kind) = fd.metadata().map(|metadata| metadata.file_type()) else {
            return SharedOutput { fd, care: Care::Ask };
        };
        if !(kind.is_fifo() || kind.is_char_device() || kind.is_socket()) {
            return SharedOutput { fd, care: Care::None };
        }
        let mut options = OpenOptions::new();
        // A process that leads a session would get a terminal that it opens as its own.
        options.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        match options.open(format!("/proc/self/fd/{}", fd.as_raw_fd())) {
            Ok(own) => SharedOutput { fd: own, care: Care::Own },
            Err(_) => SharedOutput { fd, care: Care::Ask },
        }
    }

    /// Writes what there is room for; fails with `WouldBlock` if there is none.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.care {
            Care::None | Care::Own => self.fd.write(bytes),
            Care::Ask => {
                match poll(&mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO)? {
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    _ => self.fd.write(&bytes[..bytes.len().min(ATOMIC)]),
                }
            }
        }
    }
}

impl AsFd for SharedOutput {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn fill(output: &mut SharedOutput) -> usize {
        let mut total = 0;
        loop {
            match output.write(&[7; 10_000]) {
                Ok(count) => total += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    return total;
                }
            }
        }
    }

    #[test]
    fn a_full_pipe_is_told_and_not_waited_for_and_its_owner_still_blocks() {
        for care in [Care::Own, Care::Ask] {
            let (mut reader, writer) = pipe().unwrap();
            let owner = writer.try_clone().unwrap();
            let mut output = SharedOutput { care, ..SharedOutput::new(writer) };
            if care == Care::Ask {
                output.fd = File::from(owner.try_clone().unwrap());
            }
            let total = fill(&mut output);
            assert_eq!(readable(&reader).unwrap(), total);
            let flags = OFlag::from_bits_retain(fcntl(&owner, FcntlArg::F_GETFL).unwrap());
            assert!(!flags.contains(OFlag::O_NONBLOCK));
            assert_eq!(reader.read(&mut vec![0; total + 1]).unwrap(), total);
            assert!(fill(&mut output) > 0);
        }
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let error = SharedOutput::new(writer).write(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
