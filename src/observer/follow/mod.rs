//! A log that somebody follows: what it grows by, as server-sent events. The kernel tells when there is more; a log that
//! is rotated goes on in its next file, one that is cut off begins anew.

mod tail;

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream;
use serde_json::json;
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep, timeout};

use self::tail::Tail;
use super::ansi::Look;
use super::answer::content;
use super::beneath;
use super::events::{ALIVE, Seat, event};
use crate::process::changes::{Changes, Notice};

/// A command that prints a line at a time shall not cost an event each.
const CALM: Duration = Duration::from_millis(100);
/// How often a log is looked at that the kernel will not tell about, since too much is watched already.
const UNTOLD: Duration = Duration::from_secs(1);

/// Where a log is.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// The logs of its task.
    pub(super) folder: PathBuf,
    /// The process, the run, the stream.
    pub(super) parts: [Vec<u8>; 3],
    /// Only of this user.
    pub(super) owner: Option<u32>,
}

impl Log {
    /// Opens it.
    pub(super) fn open(&self) -> io::Result<File> {
        beneath::open_file(&self.folder, &self.parts, self.owner)
    }

    /// Lists the logs of the same run, those that were rotated too.
    pub(super) fn siblings(&self) -> Vec<String> {
        let listed = beneath::list(&self.folder, &self.parts[..2], self.owner);
        let (entries, _) = listed.unwrap_or_default();
        entries.into_iter().filter_map(|entry| String::from_utf8(entry.name).ok()).collect()
    }

    fn watch(&self) -> io::Result<(Changes<()>, AsyncFd<OwnedFd>)> {
        let mut changes = Changes::new(Notice::Writes);
        let names = self.parts[..2].iter().map(|part| std::ffi::OsStr::from_bytes(part));
        let folder: PathBuf = [self.folder.as_os_str()].into_iter().chain(names).collect();
        changes.watch(&folder, ())?;
        let told = changes.descriptor().filter(|_| changes.timeout().is_none());
        let owned = told.ok_or(io::ErrorKind::QuotaExceeded)?.try_clone_to_owned()?;
        #[expect(deprecated, reason = "its successor asks its callers for an owned descriptor; this is one")]
        let ready = AsyncFd::new(owned)?;
        Ok((changes, ready))
    }
}

/// A place in a log, as pages hand it back: the file, the offset and the look of what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) inode: u64,
    pub(super) offset: u64,
    pub(super) look: Look,
}

impl Place {
    /// Reads what was written by `to_string`.
    pub(super) fn parse(text: &str) -> Option<Place> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next()?.parse().ok();
        let (inode, offset) = (number()?, number()?);
        Some(Place { inode, offset, look: Look::parse(parts.next()?) })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.inode, self.offset, self.look.code())
    }
}

/// Sends what comes after a place, for as long as somebody reads.
pub(super) fn follow(log: Log, place: Place, seat: Seat) -> Response<Body> {
    // Watched first, then read: what is written meanwhile is heard of.
    let (changes, ready) = log.watch().ok().unzip();
    let tail = Tail::new(log, place, changes);
    let follower = Follower { tail, ready, is_new: true, _seat: seat };
    let stream = stream::unfold(follower, |follower| async {
        let (text, follower) = follower.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), follower))
    });
    content("text/event-stream", Body::from_stream(stream))
}

struct Follower {
    tail: Tail,
    ready: Option<AsyncFd<OwnedFd>>,
    is_new: bool,
    _seat: Seat,
}

impl Follower {
    async fn next(mut self) -> Option<(String, Follower)> {
        let mut text = String::new();
        if self.is_new {
            text += &event("hello", &json!({}));
        } else if !self.tail.is_behind && !self.wait().await {
            return Some((": alive\n\n".to_owned(), self));
        }
        let mut tail = self.tail;
        let (tail, news) = tokio::task::spawn_blocking(move || {
            let news = tail.read();
            (tail, news)
        })
        .await
        .ok()?;
        // Also when nothing has come that can be shown: a line tells that the connection lives.
        text += if news.is_empty() { ":\n\n" } else { &news };
        Some((text, Follower { tail, is_new: false, ..self }))
    }

    /// Waits for the kernel; says whether there may be something new.
    async fn wait(&mut self) -> bool {
        match &self.ready {
            Some(ready) => match timeout(ALIVE, ready.readable()).await {
                // Forgotten before it is read, so that what comes meanwhile wakes again.
                Ok(Ok(mut guard)) => guard.clear_ready(),
                Ok(Err(_)) | Err(_) => return false,
            },
            None => sleep(UNTOLD).await,
        }
        sleep(CALM).await;
        true
    }
}

/// Returns what tells a file from the next one of its name.
pub(super) fn inode(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_a_page() {
        let place = Place { inode: 7, offset: 9, look: Look::parse("1;31") };
        assert_eq!(Place::parse(&place.to_string()), Some(place));
        assert_eq!(Place::parse("7.x."), None);
    }
}
