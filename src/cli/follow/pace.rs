//! How often something is read that changes without pause.

use std::time::{Duration, Instant};

/// A busy task changes thousands of times a second; nobody sees more than this.
const PAUSE: Duration = Duration::from_millis(100);

/// Reading may take this part of the time at most, one in so many.
const SHARE: u32 = 10;

/// When the next reading is due: ten times a second at most, and in a tenth of the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    next: Instant,
}

impl Pace {
    /// The first reading is due at once.
    pub(crate) fn new() -> Pace {
        Pace { next: Instant::now() }
    }

    /// Returns how long the next reading has to wait; nothing if it is due.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let left = self.next.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A reading that began at `start` is over.
    pub(crate) fn has_read(&mut self, start: Instant) {
        self.next = start + PAUSE.max(start.elapsed() * SHARE);
    }
}
