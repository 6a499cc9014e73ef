//! What the end of a run means to the plan; the same when it happens and when it is replayed.

use crate::checkpoint::past::interruptions_in_a_row;
use crate::checkpoint::{Past, ProcessState};
use crate::plan::{IllegalEvent, Planner, ProcessId};

/// Runs in a row that end KILLED or LOST before the process is given up.
const MAX_INTERRUPTIONS: u32 = 10;

/// What becomes of a process after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It succeeded.
    Finished,
    /// It failed and will run again.
    UnderLimit,
    /// It failed for good.
    ReachedLimit,
    /// It was interrupted and will run again.
    Again,
    /// It was interrupted too often and fails for good.
    Exhausted,
}

/// How many runs in a row each process was interrupted.
#[derive(Clone, Debug)]
pub(super) struct Interruptions(Vec<u32>);

impl Interruptions {
    pub(super) fn new(processes: usize) -> Interruptions {
        Interruptions(vec![0; processes])
    }

    /// Tells the plan of the runs of `id` that were dropped, the last of which ended at `last_end`.
    pub(super) fn recall(
        &mut self,
        planner: &mut Planner,
        id: ProcessId,
        past: &Past,
        last_end: Option<f64>,
    ) {
        self.0[id.index()] = past.interruptions;
        planner.recall_past(id, u32::try_from(past.failed).unwrap_or(u32::MAX), last_end);
    }

    /// Tells the plan that the run of `id` ended. A run that nobody claimed does not count as interrupted.
    pub(super) fn settle(
        &mut self,
        planner: &mut Planner,
        id: ProcessId,
        state: &ProcessState,
        claimed: bool,
        now: f64,
    ) -> Result<Verdict, IllegalEvent> {
        let interruptions = &mut self.0[id.index()];
        *interruptions = interruptions_in_a_row(*interruptions, state, claimed);
        match state {
            ProcessState::Success => planner.success(id, now).map(|()| Verdict::Finished),
            ProcessState::Failed => {
                let again = planner.failure(id, now)?;
                Ok(if again { Verdict::UnderLimit } else { Verdict::ReachedLimit })
            }
            _ => {
                if *interruptions >= MAX_INTERRUPTIONS {
                    return planner.set_failed(id).map(|()| Verdict::Exhausted);
                }
                planner.lost(id, now).map(|()| Verdict::Again)
            }
        }
    }
}
