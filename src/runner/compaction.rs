//! Drops old runs of a task now and then, so that a daemon may run for years.

use super::engine::Engine;
use super::sink::Event;

impl Engine<'_> {
    /// Drops old runs if there are many. A task whose old runs cannot be dropped goes on all the same.
    pub(super) fn compact_if_due(&mut self) {
        if self.journal.is_compaction_due()
            && let Err(error) = self.journal.compact()
        {
            self.sink.event(&Event::Note(&format!("old runs cannot be dropped: {error}")));
        }
    }
}
