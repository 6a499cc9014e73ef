//! What the end of a run means to the plan; the same when it happens and when it is replayed.

use crate::checkpoint::ProcessState;
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
        match state {
            ProcessState::Success => {
                *interruptions = 0;
                planner.success(id, now).map(|()| Verdict::Finished)
            }
            ProcessState::Failed => {
                *interruptions = 0;
                let again = planner.failure(id, now)?;
                Ok(if again { Verdict::UnderLimit } else { Verdict::ReachedLimit })
            }
            _ => {
                *interruptions += u32::from(claimed);
                if *interruptions >= MAX_INTERRUPTIONS {
                    return planner.set_failed(id).map(|()| Verdict::Exhausted);
                }
                planner.lost(id, now).map(|()| Verdict::Again)
            }
        }
    }
}
