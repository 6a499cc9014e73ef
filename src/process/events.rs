//! Waiting for any of many descriptors, or for a time: the only place where a runner sleeps.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::pidfd::poll_timeout;

/// A set of descriptors, each with a token of the caller.
#[derive(Debug)]
pub struct Events {
    epoll: Epoll,
    buffer: Vec<EpollEvent>,
}

impl Events {
    /// Makes an empty set.
    pub fn new() -> io::Result<Events> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Events { epoll, buffer: vec![EpollEvent::empty(); 64] })
    }

    /// Adds a descriptor that wakes the waiter when it is readable.
    pub fn add(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }

    /// Adds a descriptor that wakes the waiter when it can be written to.
    pub fn add_writable(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLOUT, token))?)
    }

    /// Takes a descriptor out; closing it is not enough while a child holds a copy.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(self.epoll.delete(fd)?)
    }

    /// Waits until a descriptor is ready, or until the time is over; for ever if none is given.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = u64> + use<>> {
        let count = match self.epoll.wait(&mut self.buffer, poll_timeout(timeout)) {
            Err(Errno::EINTR) => 0,
            count => count?,
        };
        Ok(self.buffer[..count].iter().map(EpollEvent::data).collect::<Vec<u64>>().into_iter())
    }
}
