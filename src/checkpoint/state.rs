//! The state of a task: a fold over its records through one transition function. Touches no file.

use indexmap::IndexMap;

use super::past::Past;
use super::record::{Header, ProcessState, ProcessStatus, ProcessSummary, Record, TaskState, TaskStatus};
use super::task_id::TaskId;
use super::transitions::{may_follow_run, may_follow_task};

/// Takeovers that are kept: equal states in a row beyond the last so many count once.
pub const KEPT_STATUSES: usize = 100;

/// The most that a record or a run is numbered: what every reader of JSON can count to.
pub(super) const MOST: u64 = 1 << 53;

/// What a task has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What the task was launched with; without it nothing has started.
    pub header: Option<Header>,
    /// Every state and every takeover, in order.
    pub statuses: Vec<TaskStatus>,
    /// The processes that ran, in the order of their first runs.
    pub processes: IndexMap<String, History>,
}

/// The runs of a process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The number of the next record.
    pub next_seq: u64,
    /// The runs before those that are kept, together.
    pub past: Past,
    /// What is known of each run that is kept, in order.
    pub runs: Vec<ProcessStatus>,
}

/// What a record did to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was news.
    New,
    /// It was known already, or speaks of a run that was given up.
    Skipped,
}

/// A record that cannot follow those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A second header, or anything before the first.
    #[error("a header is the first record, and the only one")]
    Header,
    /// A summary after records of its process that it does not know.
    #[error("process '{process}': a summary comes before all other records of its process")]
    Summary {
        /// The process.
        process: String,
    },
    /// A number that nobody counts to.
    #[error("process '{process}': {number} is too large a number")]
    Number {
        /// The process.
        process: String,
        /// The number of a record or of a run.
        number: u64,
    },
    /// Records of a process are missing.
    #[error("process '{process}': record {found} follows record {expected}, those between are missing",
        expected = i128::from(*.next) - 1)]
    Gap {
        /// The process.
        process: String,
        /// The number that should have come.
        next: u64,
        /// The number that came.
        found: u64,
    },
    /// A run cannot go from its state to this one.
    #[error("process '{process}', run {run}: {to} cannot follow {from}")]
    Run {
        /// The process.
        process: String,
        /// The run.
        run: u64,
        /// The state before, or what stands for none.
        from: String,
        /// The state that came.
        to: String,
    },
    /// A process runs that was carried over from an earlier task.
    #[error("process '{process}' was carried over from task {from} and cannot run")]
    CarriedOver {
        /// The process.
        process: String,
        /// The earlier task.
        from: TaskId,
    },
    /// The task cannot go from its state to this one.
    #[error("task: {to} cannot follow {from}")]
    Task {
        /// The state before, or what stands for none.
        from: String,
        /// The state that came.
        to: String,
    },
}

impl State {
    /// Takes in one record. On an error the state is as before.
    pub fn apply(&mut self, record: Record) -> Result<Applied, FoldError> {
        match record {
            Record::RunnerHeader(header) => self.apply_header(*header),
            Record::TaskStatus(status) => self.apply_task(*status),
            Record::ProcessStatus(status) => self.apply_process(*status),
            Record::ProcessSummary(summary) => self.apply_summary(*summary),
            Record::Unknown(_) if self.header.is_none() => Err(FoldError::Header),
            Record::Unknown(_) => Ok(Applied::Skipped),
        }
    }

    /// Keeps the last `runs` of each process one by one, which are one at least, and the last takeovers.
    pub fn forget(&mut self, runs: u64) {
        for history in self.processes.values_mut() {
            history.forget_before(history.next_run().saturating_sub(runs));
        }
        let mut filter = StatusFilter::new(self.statuses.len());
        self.statuses.retain(|status| filter.keeps(status));
    }

    /// Returns the last recorded state of the task.
    pub fn task_state(&self) -> Option<&TaskState> {
        self.statuses.last().map(|status| &status.state)
    }

    /// Returns the runs that have not ended, at most one of each process.
    pub fn live_runs(&self) -> impl Iterator<Item = &ProcessStatus> {
        self.processes.values().filter_map(History::last).filter(|run| !run.state.is_terminal())
    }

    /// Returns what is known of a run.
    pub fn run(&self, process: &str, run: u64) -> Option<&ProcessStatus> {
        self.processes.get(process)?.run(run)
    }

    fn apply_header(&mut self, header: Header) -> Result<Applied, FoldError> {
        if self.header.is_some() || !self.statuses.is_empty() || !self.processes.is_empty() {
            return Err(FoldError::Header);
        }
        self.header = Some(header);
        Ok(Applied::New)
    }

    fn apply_task(&mut self, status: TaskStatus) -> Result<Applied, FoldError> {
        if self.header.is_none() {
            return Err(FoldError::Header);
        }
        let from = self.task_state();
        if !may_follow_task(from, &status.state) {
            let from = from.map_or("nothing", TaskState::as_str).to_owned();
            return Err(FoldError::Task { from, to: status.state.as_str().to_owned() });
        }
        self.statuses.push(status);
        Ok(Applied::New)
    }

    /// Says whether a process may have runs.
    fn check_process(&self, process: &str) -> Result<(), FoldError> {
        let header = self.header.as_ref().ok_or(FoldError::Header)?;
        match header.carried(process) {
            Some(run) => {
                Err(FoldError::CarriedOver { process: process.to_owned(), from: run.task_id.clone() })
            }
            None => Ok(()),
        }
    }

    fn apply_process(&mut self, status: ProcessStatus) -> Result<Applied, FoldError> {
        self.check_process(&status.process)?;
        if !self.processes.contains_key(&status.process) {
            check_next(&History::default(), &status)?;
            self.processes.insert(status.process.clone(), History::default());
        }
        self.processes[&status.process].apply(status)
    }

    fn apply_summary(&mut self, summary: ProcessSummary) -> Result<Applied, FoldError> {
        let ProcessSummary { process, past } = summary;
        self.check_process(&process)?;
        check_numbers(&process, [past.next_seq, past.next_run])?;
        match self.processes.get(&process) {
            Some(known) if known.next_seq >= past.next_seq => return Ok(Applied::Skipped),
            Some(_) => return Err(FoldError::Summary { process }),
            None => {}
        }
        self.processes.insert(process, History { next_seq: past.next_seq, past, runs: Vec::new() });
        Ok(Applied::New)
    }
}

/// Picks the statuses that are kept when old ones are dropped: each change of state, and the last takeovers.
#[derive(Debug)]
pub(crate) struct StatusFilter {
    /// How many are still to come.
    left: usize,
    previous: Option<TaskState>,
}

impl StatusFilter {
    /// Prepares to look at `count` statuses in order.
    pub(crate) fn new(count: usize) -> StatusFilter {
        StatusFilter { left: count, previous: None }
    }

    /// Looks at the next one.
    pub(crate) fn keeps(&mut self, status: &TaskStatus) -> bool {
        let is_change = self.previous.as_ref() != Some(&status.state);
        let is_late = self.left <= KEPT_STATUSES;
        self.left = self.left.saturating_sub(1);
        if is_change {
            self.previous = Some(status.state.clone());
        }
        is_change || is_late
    }
}

impl History {
    /// Returns the latest run.
    pub fn last(&self) -> Option<&ProcessStatus> {
        self.runs.last()
    }

    /// Returns the number of the run that would come next.
    pub fn next_run(&self) -> u64 {
        self.last().map_or(self.past.next_run, |run| run.run + 1)
    }

    /// Returns how many runs there were, whether they are kept or not.
    pub fn run_count(&self) -> u64 {
        self.past.runs().saturating_add(self.runs.len() as u64)
    }

    /// Says whether nothing more is to be learned of a run.
    pub fn is_over(&self, run: u64) -> bool {
        let is_over = |last: &ProcessStatus| run < last.run || (run == last.run && last.state.is_terminal());
        run < self.past.next_run || self.last().is_some_and(is_over)
    }

    /// Counts the ended runs before run `first` together instead of keeping them one by one.
    pub fn forget_before(&mut self, first: u64) {
        let is_old = |run: &&ProcessStatus| run.run < first && run.state.is_terminal();
        let old = self.runs.iter().take_while(is_old).count();
        for run in self.runs.drain(..old) {
            self.past.add(&run);
        }
    }

    /// Returns what is known of a run.
    pub fn run(&self, run: u64) -> Option<&ProcessStatus> {
        let index = self.runs.binary_search_by_key(&run, |status| status.run).ok()?;
        self.runs.get(index)
    }

    fn apply(&mut self, status: ProcessStatus) -> Result<Applied, FoldError> {
        let given_up = self.run(status.run).is_some_and(|run| run.state == ProcessState::Lost);
        if given_up || status.run < self.past.next_run || status.seq < self.next_seq {
            return Ok(Applied::Skipped);
        }
        check_next(self, &status)?;
        self.next_seq = status.seq + 1;
        match self.runs.last_mut().filter(|run| run.run == status.run) {
            Some(run) => run.merge(status),
            None => {
                if self.runs.is_empty() {
                    // Most processes run once; a vector that grows by itself has room for four at first.
                    self.runs.reserve_exact(1);
                }
                self.runs.push(status);
            }
        }
        Ok(Applied::New)
    }
}

/// Says whether a record may be the next one of its process.
fn check_next(history: &History, status: &ProcessStatus) -> Result<(), FoldError> {
    let process = || status.process.clone();
    check_numbers(&status.process, [status.seq, status.run])?;
    if status.seq > history.next_seq {
        return Err(FoldError::Gap { process: process(), next: history.next_seq, found: status.seq });
    }
    let known = history.last();
    let from = known.filter(|run| run.run == status.run).map(|run| &run.state);
    let in_turn = known.is_none_or(|run| match from {
        Some(_) => true,
        None => run.run < status.run && run.state.is_terminal(),
    });
    if in_turn && may_follow_run(from, &status.state) {
        return Ok(());
    }
    let from = from.map_or("nothing", ProcessState::as_str).to_owned();
    Err(FoldError::Run { process: process(), run: status.run, from, to: status.state.as_str().to_owned() })
}

fn check_numbers(process: &str, numbers: [u64; 2]) -> Result<(), FoldError> {
    match numbers.into_iter().find(|number| *number >= MOST) {
        Some(number) => Err(FoldError::Number { process: process.to_owned(), number }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(seq: u64, run: u64, state: ProcessState) -> ProcessStatus {
        ProcessStatus { seq, process: "p".into(), run, state, ..ProcessStatus::default() }
    }

    fn fold(statuses: impl IntoIterator<Item = (u64, u64, ProcessState)>) -> Result<History, FoldError> {
        let mut history = History::default();
        for (seq, run, state) in statuses {
            history.apply(status(seq, run, state))?;
        }
        Ok(history)
    }

    #[test]
    fn two_runs_follow_each_other_and_known_records_are_skipped() {
        use ProcessState::*;
        let records = [
            (0, 0, Waiting),
            (1, 0, Forked),
            (1, 0, Forked),
            (2, 0, Running),
            (3, 0, Failed),
            (0, 0, Waiting),
            (4, 1, Waiting),
        ];
        let history = fold(records).unwrap();
        let states: Vec<&ProcessState> = history.runs.iter().map(|run| &run.state).collect();
        assert_eq!((history.next_seq, history.next_run(), states), (5, 2, vec![&Failed, &Waiting]));
    }

    #[test]
    fn a_run_that_was_given_up_stays_so() {
        use ProcessState::*;
        let history = fold([(0, 0, Waiting), (1, 0, Lost), (2, 0, Running), (3, 0, Success)]).unwrap();
        assert_eq!((history.next_seq, &history.runs[0].state), (2, &Lost));
    }

    #[test]
    fn a_summary_stands_for_what_came_before_and_is_read_again_in_vain() {
        use ProcessState::*;
        let summary = |next_seq, next_run| {
            let past = Past { next_seq, next_run, failed: next_run, ..Past::default() };
            Record::ProcessSummary(Box::new(ProcessSummary { process: "p".into(), past }))
        };
        let record = |seq, run, state| Record::ProcessStatus(Box::new(status(seq, run, state)));
        let header = Some(crate::checkpoint::record::tests::header());
        let mut state = State { header, ..State::default() };
        assert_eq!(state.apply(summary(40, 10)), Ok(Applied::New));
        assert_eq!(state.processes["p"].next_run(), 10);
        assert_eq!(state.apply(record(40, 9, Running)), Ok(Applied::Skipped), "of a dropped run");
        assert_eq!(state.apply(record(40, 10, Waiting)), Ok(Applied::New));
        assert_eq!(state.apply(summary(40, 10)), Ok(Applied::Skipped));
        assert_eq!(state.apply(summary(80, 20)), Err(FoldError::Summary { process: "p".into() }));
        assert!(matches!(state.apply(record(42, 10, Running)), Err(FoldError::Gap { .. })));
    }

    #[test]
    fn gaps_and_impossible_states_are_errors() {
        use ProcessState::*;
        assert!(matches!(fold([(0, 0, Waiting), (2, 0, Running)]), Err(FoldError::Gap { next: 1, .. })));
        assert!(matches!(fold([(0, 0, Running)]), Err(FoldError::Run { .. })));
        assert!(matches!(fold([(0, 0, Waiting), (1, 1, Waiting)]), Err(FoldError::Run { .. })));
        assert!(matches!(
            fold([(0, 0, Waiting), (1, 0, Failed), (2, 0, Running)]),
            Err(FoldError::Run { .. })
        ));
    }
}
