//! Telling browsers what has changed, as server-sent events. While nobody looks, nothing is read and nobody wakes.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use futures_util::stream;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use super::answer::{Trouble, content};
use super::index::Index;
use super::usage::Sampler;
use crate::checkpoint::TaskId;

/// The most pages that listen, to tasks or to a log.
const MOST: usize = 64;
/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(500);
/// How long after a question usage is measured.
const INTEREST: Duration = Duration::from_secs(60);
/// Something is sent at least so often, so that a connection that is dead is noticed.
pub(super) const ALIVE: Duration = Duration::from_secs(15);

/// What browsers are told.
#[derive(Debug)]
pub(super) struct Events {
    sender: broadcast::Sender<Arc<str>>,
    interest: Mutex<Interest>,
    arrived: Condvar,
}

/// Who wants to know.
#[derive(Debug, Default)]
struct Interest {
    pages: usize,
    /// Those of them that want to know about tasks, not about a log.
    watching: usize,
    asked: Option<Instant>,
}

impl Interest {
    fn is_there(&self) -> bool {
        self.watching > 0 || self.asked.is_some_and(|asked| asked.elapsed() < INTEREST)
    }
}

impl Events {
    pub(super) fn new() -> Events {
        Events { sender: broadcast::channel(64).0, interest: Mutex::default(), arrived: Condvar::new() }
    }

    /// Notes that somebody looks at what is used.
    pub(super) fn ask_for_usage(&self) {
        self.interest().asked = Some(Instant::now());
        self.arrived.notify_all();
    }

    /// Takes the place of a page that listens; an error if there are too many.
    pub(super) fn seat(self: &Arc<Events>, watching: bool) -> Result<Seat, Trouble> {
        let mut interest = self.interest();
        if interest.pages >= MOST {
            let text = format!("{MOST} pages are live already. This one can be read, but not watched.");
            let trouble = Trouble::missing("Too many watch", text);
            return Err(Trouble { status: StatusCode::SERVICE_UNAVAILABLE, ..trouble });
        }
        interest.pages += 1;
        interest.watching += usize::from(watching);
        self.arrived.notify_all();
        Ok(Seat { events: Arc::clone(self), watching })
    }

    /// Lets a page listen to what happens to tasks.
    pub(super) fn listen(self: &Arc<Events>) -> Result<Response<Body>, Trouble> {
        let listener = (self.seat(true)?, self.sender.subscribe());
        let hello = Some(Arc::from(event("hello", &json!({}))));
        let stream = stream::unfold((listener, hello), |((seat, mut receiver), hello)| async {
            let text: Arc<str> = match hello {
                Some(hello) => hello,
                None => match tokio::time::timeout(ALIVE, receiver.recv()).await {
                    Ok(Ok(text)) => text,
                    Ok(Err(RecvError::Lagged(_))) => event("tasks", &json!({"tasks": null})).into(),
                    Ok(Err(RecvError::Closed)) => return None,
                    Err(_) => Arc::from(": alive\n\n"),
                },
            };
            Some((Ok::<_, Infallible>(Bytes::copy_from_slice(text.as_bytes())), ((seat, receiver), None)))
        });
        Ok(content("text/event-stream", Body::from_stream(stream)))
    }

    fn interest(&self) -> MutexGuard<'_, Interest> {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until somebody looks; says whether it slept.
    fn wait_for_interest(&self) -> bool {
        let mut interest = self.interest();
        let slept = !interest.is_there();
        while !interest.is_there() {
            interest = self.arrived.wait(interest).unwrap_or_else(PoisonError::into_inner);
        }
        slept
    }

    fn tell(&self, name: &str, data: &serde_json::Value) {
        // Nobody may listen any more.
        let _ = self.sender.send(event(name, data).into());
    }

    fn tell_changes(&self, changed: &HashSet<TaskId>) {
        if !changed.is_empty() {
            let few = changed.len() <= 100;
            let tasks: Option<Vec<&str>> = few.then(|| changed.iter().map(TaskId::as_str).collect());
            self.tell("tasks", &json!({ "tasks": tasks }));
        }
    }
}

/// Writes an event.
pub(super) fn event(name: &str, data: &serde_json::Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// A page that listens, as long as it lives.
#[derive(Debug)]
pub(super) struct Seat {
    events: Arc<Events>,
    watching: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut interest = self.events.interest();
        interest.pages -= 1;
        interest.watching -= usize::from(self.watching);
    }
}

/// Watches for as long as the observer runs: while somebody looks, it waits for what happens to files, and measures what
/// living processes use. A round wakes when the kernel tells of a change, or when the next measurement is due.
pub(super) fn watch(index: &Index, sampler: &Sampler, events: &Events) {
    loop {
        index.read_all();
        if events.wait_for_interest() {
            sampler.forget();
        }
        let begin = Instant::now();
        events.tell_changes(&index.changed());
        let is_alive = index.is_anything_alive();
        if is_alive && sampler.next().is_none_or(|next| next <= begin) {
            sampler.sample(&index.live());
            events.tell("usage", &json!({}));
        }
        let next = [index.next_due(), is_alive.then(|| sampler.next()).flatten()];
        if wait_for_change(index, next.into_iter().flatten().min()) {
            thread::sleep(TOGETHER.saturating_sub(begin.elapsed()));
        }
    }
}

/// Waits until something has happened, and says so, or until a time.
fn wait_for_change(index: &Index, until: Option<Instant>) -> bool {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    // Rounded up: to come too early would be to come twice.
    let left = left.map(|left| PollTimeout::try_from(left + Duration::from_millis(1)));
    let timeout = left.map_or(PollTimeout::NONE, |left| left.unwrap_or(PollTimeout::MAX));
    let mut events: Vec<PollFd<'_>> =
        index.events().map(|events| PollFd::new(events, PollFlags::POLLIN)).into_iter().collect();
    poll(&mut events, timeout).is_ok_and(|ready| ready > 0)
}
