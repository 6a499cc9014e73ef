//! Telling browsers what has changed, as server-sent events. Without a browser that listens nothing is done.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use futures_util::stream;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::broadcast::{self, error::RecvError};

use super::answer::{Trouble, content};
use super::index::Index;
use super::usage::Sampler;
use crate::checkpoint::TaskId;
use crate::checkpoint::load::load;

/// The most browsers that listen.
const MOST: usize = 64;
/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(250);
/// How long after a question usage is measured.
const INTEREST: Duration = Duration::from_secs(60);
/// Something is sent at least so often, so that a connection that is dead is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// What browsers are told.
#[derive(Debug)]
pub(super) struct Events {
    sender: broadcast::Sender<Arc<str>>,
    listening: AtomicUsize,
    started: Instant,
    /// Milliseconds after the start at which usage was asked for last, and one more.
    asked: AtomicU64,
}

impl Events {
    pub(super) fn new() -> Events {
        let sender = broadcast::channel(64).0;
        Events { sender, listening: AtomicUsize::new(0), started: Instant::now(), asked: AtomicU64::new(0) }
    }

    /// Notes that somebody wants to know what is used.
    pub(super) fn ask_for_usage(&self) {
        self.asked.store(self.started.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn is_asked_for_usage(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let age = (self.started.elapsed().as_millis() as u64 + 1).saturating_sub(asked);
        self.listening.load(Ordering::Relaxed) > 0 || (asked > 0 && age < INTEREST.as_millis() as u64)
    }

    /// Lets a browser listen.
    pub(super) fn listen(self: &Arc<Events>) -> Result<Response<Body>, Trouble> {
        if self.listening.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.listening.fetch_sub(1, Ordering::Relaxed);
            let text = format!("{MOST} pages are live already. This one can be read, but not watched.");
            let trouble = Trouble::missing("Too many watch", text);
            return Err(Trouble { status: StatusCode::SERVICE_UNAVAILABLE, ..trouble });
        }
        let listener = Listener { events: Arc::clone(self), receiver: self.sender.subscribe() };
        let hello = Some(Arc::from("event: hello\ndata: {}\n\n"));
        let stream =
            stream::unfold((listener, hello), |(mut listener, hello): (Listener, Option<Arc<str>>)| async {
                let text = match hello {
                    Some(hello) => hello,
                    None => match tokio::time::timeout(ALIVE, listener.receiver.recv()).await {
                        Ok(Ok(text)) => text,
                        Ok(Err(RecvError::Lagged(_))) => {
                            Arc::from("event: tasks\ndata: {\"tasks\":null}\n\n")
                        }
                        Ok(Err(RecvError::Closed)) => return None,
                        Err(_) => Arc::from(": alive\n\n"),
                    },
                };
                Some((
                    Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(text.as_bytes())),
                    (listener, None),
                ))
            });
        Ok(content("text/event-stream", Body::from_stream(stream)))
    }

    fn tell(&self, event: &str, data: &serde_json::Value) {
        // Nobody may listen any more.
        let _ = self.sender.send(format!("event: {event}\ndata: {data}\n\n").into());
    }
}

struct Listener {
    events: Arc<Events>,
    receiver: broadcast::Receiver<Arc<str>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.events.listening.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Watches for as long as the observer runs: waits for what happens to files while somebody listens, and measures.
pub(super) fn watch(index: &Index, sampler: &Sampler, events: &Events) {
    while index.read_more(50) {}
    let inotify = index.events();
    loop {
        if !events.is_asked_for_usage() {
            thread::sleep(TOGETHER);
            continue;
        }
        if sampler.is_due() {
            index.look_for_runners();
            let active = index.select(|_, entry| !entry.finished);
            let load = |(id, _): (TaskId, _)| Some((id.clone(), load(&index.root().task(&id)).ok()?));
            let states: Vec<_> = active.into_iter().filter_map(load).collect();
            sampler.sample(&states);
            if !states.is_empty() {
                events.tell("usage", &serde_json::json!({}));
            }
        }
        let wait = if index.is_behind() { PollTimeout::from(50_u16) } else { PollTimeout::from(1000_u16) };
        let _ = poll(&mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)], wait);
        tell_changes(events, index.changes());
        thread::sleep(TOGETHER);
    }
}

fn tell_changes(events: &Events, changed: HashSet<TaskId>) {
    if !changed.is_empty() {
        let tasks: Option<Vec<&str>> =
            (changed.len() <= 100).then(|| changed.iter().map(TaskId::as_str).collect());
        events.tell("tasks", &serde_json::json!({ "tasks": tasks }));
    }
}
