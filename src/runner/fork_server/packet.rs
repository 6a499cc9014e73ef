//! Messages between a runner, its fork server and a coordinator that waits for a run, each whole or not at all: JSON, and
//! numbers as answers.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, send as send_bytes, setsockopt, socketpair,
};
use nix::sys::time::TimeVal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The most bytes of a message. They fit into the buffer of a socket, so that to send one waits for nobody.
const LONGEST: usize = 64 << 10;

/// What a fork server says when it takes orders: at first, and once a coordinator no longer waits. To an order it answers
/// with the number of a process, or with that of an error, negative.
pub(super) const READY: i32 = 0;

/// Answers a runner.
pub(super) fn answer(socket: &OwnedFd, number: i32) -> io::Result<()> {
    uninterrupted(|| send_bytes(socket.as_raw_fd(), &number.to_ne_bytes(), MsgFlags::MSG_NOSIGNAL))?;
    Ok(())
}

/// Waits for an answer.
pub(super) fn receive_answer(socket: &OwnedFd) -> io::Result<i32> {
    let mut bytes = [0; 4];
    match uninterrupted(|| recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty()))? {
        4 => Ok(i32::from_ne_bytes(bytes)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// What a runner wants.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order<A> {
    /// The coordinator that is to read it; the fork server if none is named.
    pub(super) to: Option<u32>,
    /// The run of a coordinator; one that is forked without a run waits for an order.
    pub(super) assignment: Option<A>,
}

/// Makes two sockets that lead to each other. No call on the first one takes longer than `patience`.
pub(super) fn pair(patience: Duration) -> io::Result<(OwnedFd, OwnedFd)> {
    let (own, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let patience = TimeVal::new(patience.as_secs() as i64, 0);
    setsockopt(&own, ReceiveTimeout, &patience)?;
    setsockopt(&own, SendTimeout, &patience)?;
    Ok((own, other))
}

/// Sends a message.
pub(super) fn send(socket: &OwnedFd, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message is too long"));
    }
    uninterrupted(|| send_bytes(socket.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL))?;
    Ok(())
}

/// Waits for a message; nothing if there is nobody any more who would send one.
pub(super) fn receive<T: DeserializeOwned>(socket: &OwnedFd) -> io::Result<Option<T>> {
    // First its length: who reads less loses the rest.
    let look = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
    let length = uninterrupted(|| recv(socket.as_raw_fd(), &mut [], look))?;
    let mut bytes = vec![0; length];
    let length = uninterrupted(|| recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty()))?;
    if length == 0 { Ok(None) } else { Ok(Some(serde_json::from_slice(&bytes[..length])?)) }
}

/// Makes a call again that was interrupted: to be stopped and continued is enough for that (signal(7)).
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            outcome => return outcome,
        }
    }
}
