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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::ProcessStatus;
    use crate::plan::{Graph, Node, Stage};

    const ID: ProcessId = ProcessId(0);

    /// A plan of one process, and what is counted beside it.
    struct Case {
        planner: Planner,
        interruptions: Interruptions,
    }

    impl Case {
        fn new(node: &Node) -> Case {
            let graph = Graph::new(vec![node.clone()], &[], Stage::Ordinary).unwrap();
            Case { planner: Planner::new(graph), interruptions: Interruptions::new(1) }
        }

        fn replay(&mut self, run: &ProcessStatus) -> Verdict {
            self.planner.recall_running(ID).unwrap();
            let (claimed, stop) = (run.is_claimed(), run.stop_time.unwrap());
            self.interruptions.settle(&mut self.planner, ID, &run.state, claimed, stop).unwrap()
        }

        /// Everything that can be asked of the plan.
        fn answers(&mut self, now: f64) -> (f64, bool, bool, u32, usize) {
            let wait = self.planner.min_wait(now);
            let ends = (self.planner.is_complete(), self.planner.is_deadlocked());
            (wait, ends.0, ends.1, self.planner.failures(ID), self.planner.failed_count())
        }
    }

    fn run(number: u64, state: ProcessState, claimed: bool, stop: f64) -> ProcessStatus {
        ProcessStatus {
            run: number,
            state,
            coordinator_pid: claimed.then_some(1),
            stop_time: Some(stop),
            ..ProcessStatus::default()
        }
    }

    fn end() -> impl Strategy<Value = (ProcessState, bool, u8)> {
        use ProcessState::{Failed, Killed, Lost, Success};
        let state = prop::sample::select(vec![Success, Failed, Killed, Lost, Lost]);
        (state, prop::bool::weighted(0.9), 0..9u8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sum_of_runs_decides_as_the_runs_themselves(
            ends in prop::collection::vec(end(), 1..60),
            max_failures in 0..20u32,
            min_duration in 0..9u8,
            flags in any::<[bool; 2]>(),
            kept in 1..60usize,
        ) {
            let node = Node {
                name: "p".to_owned(), max_failures, min_duration: f64::from(min_duration), daemon: flags[0],
                ephemeral: flags[1], is_final: false,
            };
            let (mut plain, mut now) = (Case::new(&node), 0.0);
            let mut runs = Vec::new();
            for (number, (state, claimed, pause)) in (0..).zip(ends) {
                now += f64::from(pause);
                let run = run(number, state, claimed, now);
                let verdict = plain.replay(&run);
                runs.push((run, verdict));
                let again = matches!(verdict, Verdict::UnderLimit | Verdict::Again);
                let goes_on = again || (verdict == Verdict::Finished && node.daemon);
                if !goes_on {
                    break;
                }
            }
            let mut past = Past::default();
            let (dropped, kept) = runs.split_at(runs.len().saturating_sub(kept));
            dropped.iter().for_each(|(run, _)| past.add(run));
            let mut summed = Case::new(&node);
            summed.interruptions.recall(&mut summed.planner, ID, &past, past.stop_time);
            for (run, verdict) in kept {
                prop_assert_eq!(summed.replay(run), *verdict);
            }
            prop_assert_eq!(summed.answers(now), plain.answers(now));
        }
    }
}
