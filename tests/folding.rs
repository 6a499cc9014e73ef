//! The fold against a model that is slow and written from the rules anew (RUNNER.md sections 1 and 3), and compaction
//! against no compaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use thermos::checkpoint::compact::{Backlog, KEPT_RUNS, compact};
use thermos::checkpoint::load::load_runner;
use thermos::checkpoint::state::{Applied, FoldError};
use thermos::checkpoint::{ProcessState, ProcessStatus, Record, Root, State, TaskId, TaskPaths};

const HEADER: &str = r#"{"runner_header":{"task_id":"t","name":"t","launch_time_ms":0,"sandbox":"/","log_dir":"/nowhere","hostname":"h",
    "user":"u","uid":0,"ports":{},"boot_id":"b","launch":"m","version":"0","chroot":false,"preserve_env":false,
    "concurrency":null,"durable":false,"enforce":false,"launcher":"fork"}}"#;

fn header() -> Record {
    Record::parse(HEADER.as_bytes()).unwrap()
}

fn task_status(state: &str) -> Record {
    let text = format!(
        r#"{{"task_status":{{"state":"{state}","timestamp_ms":1,"runner_pid":1,"runner_uid":0,"runner_ticks":0,
            "runner_host":"h","runner_boot_id":"b"}}}}"#
    );
    Record::parse(text.as_bytes()).unwrap()
}

fn status(process: &str, run: u64, seq: u64, state: &str) -> ProcessStatus {
    let state: ProcessState = serde_json::from_value(state.into()).unwrap();
    let is_forked = state == ProcessState::Forked;
    ProcessStatus {
        seq,
        run,
        process: process.to_owned(),
        stop_time: state.is_terminal().then_some(seq as f64),
        coordinator_pid: is_forked.then_some(7),
        state,
        ..ProcessStatus::default()
    }
}

fn record(status: &ProcessStatus) -> Record {
    Record::ProcessStatus(Box::new(status.clone()))
}

/// Keeps all records of a process that counted, and looks through all of them for each answer.
#[derive(Default)]
struct SlowHistory {
    records: Vec<ProcessStatus>,
}

/// Which state may come after which, as RUNNER.md section 1 has it; `PAUSED` is of a newer version.
const STEPS: [&str; 13] = [
    "WAITING FORKED",
    "WAITING LOST",
    "WAITING FAILED",
    "FORKED RUNNING",
    "FORKED KILLED",
    "FORKED LOST",
    "RUNNING SUCCESS",
    "RUNNING FAILED",
    "RUNNING KILLED",
    "RUNNING LOST",
    "WAITING PAUSED",
    "FORKED PAUSED",
    "RUNNING PAUSED",
];

const ENDS: [&str; 4] = ["SUCCESS", "FAILED", "KILLED", "LOST"];

impl SlowHistory {
    /// Says whether a record is news; nothing if it is impossible.
    fn take(&mut self, status: &ProcessStatus) -> Option<bool> {
        let lost = |known: &&ProcessStatus| known.run == status.run && known.state == ProcessState::Lost;
        let count = self.records.len() as u64;
        if self.records.iter().any(|known| lost(&known)) || status.seq < count {
            return Some(false);
        }
        let begins = ["WAITING", "PAUSED"].contains(&status.state.as_str());
        let fits = match self.records.last() {
            None => begins,
            Some(last) if last.run == status.run => {
                let step = format!("{} {}", last.state.as_str(), status.state.as_str());
                last.state.as_str() == "PAUSED" || STEPS.contains(&step.as_str())
            }
            Some(last) => begins && status.run > last.run && ENDS.contains(&last.state.as_str()),
        };
        if status.seq > count || !fits {
            return None;
        }
        self.records.push(status.clone());
        Some(true)
    }

    /// Returns number, last state, last sequence number and whether it was claimed, of each run.
    fn runs(&self) -> Vec<(u64, String, u64, bool)> {
        let numbers: BTreeSet<u64> = self.records.iter().map(|record| record.run).collect();
        let of = |run: u64| self.records.iter().filter(move |record| record.run == run);
        let summary = |run: u64| {
            let last = of(run).next_back().unwrap();
            let claimed = of(run).any(|record| record.coordinator_pid.is_some());
            (run, last.state.as_str().to_owned(), last.seq, claimed)
        };
        numbers.into_iter().map(summary).collect()
    }
}

/// Where a random record stands to those before it: `(process, run, seq, state)`, all but the process relative.
type Step = (usize, i8, i8, &'static str);

fn step() -> impl Strategy<Value = Step> {
    let near = || prop_oneof![12 => Just(0i8), 1 => -3i8..4];
    let run = prop_oneof![12 => Just(0i8), 6 => Just(1), 1 => -3i8..4];
    let states = vec!["WAITING", "FORKED", "RUNNING", "SUCCESS", "FAILED", "KILLED", "LOST", "PAUSED"];
    (0..3usize, run, near(), prop::sample::select(states))
}

fn moved(number: u64, by: i8) -> u64 {
    number.saturating_add_signed(i64::from(by))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn folding_does_what_the_slow_model_does(steps in prop::collection::vec(step(), 0..120)) {
        let names = ["p", "q", "a b"];
        let mut state = State::default();
        state.apply(header()).unwrap();
        let mut models: [SlowHistory; 3] = Default::default();
        for (index, run, seq, word) in steps {
            let model = &mut models[index];
            let last = model.records.last().map_or((0, 0), |last| (last.run, last.seq + 1));
            // What follows most often is what may follow, so that histories grow long.
            let next = status(names[index], moved(last.0, run), moved(last.1, seq), word);
            let before = state.clone();
            match (state.apply(record(&next)), model.take(&next)) {
                (Ok(applied), expected) => prop_assert_eq!(Some(applied == Applied::New), expected, "{:?}", next),
                (Err(error), expected) => {
                    prop_assert!(expected.is_none(), "{}", error);
                    prop_assert!(error.to_string().contains(names[index]), "{}", error);
                    prop_assert_eq!(&before, &state, "an error changes nothing");
                }
            }
            // A record that is known changes nothing when it comes again.
            let before = state.clone();
            if let Some(known) = model.records.last() {
                prop_assert_eq!(state.apply(record(known)), Ok(Applied::Skipped));
            }
            prop_assert_eq!(&before, &state);
        }
        for (name, model) in names.iter().zip(&models) {
            let runs = state.processes.get(*name).map(|history| history.runs.clone()).unwrap_or_default();
            let runs: Vec<(u64, String, u64, bool)> = runs
                .iter()
                .map(|run| (run.run, run.state.as_str().to_owned(), run.seq, run.is_claimed()))
                .collect();
            prop_assert_eq!(runs, model.runs());
        }
    }

    #[test]
    fn any_records_at_all_are_taken_or_refused(
        records in prop::collection::vec(any_record(), 0..40),
    ) {
        let mut state = State::default();
        for record in records {
            let _: Result<Applied, FoldError> = state.apply(record);
        }
        state.forget(1);
    }

    #[test]
    fn the_runners_copy_and_the_file_of_the_run_commute(
        end in prop::sample::select(ENDS.to_vec()),
        order in prop::collection::vec(any::<bool>(), 8),
    ) {
        let all = ["WAITING", "FORKED", "RUNNING", end];
        let all: Vec<ProcessStatus> = (0..).zip(all).map(|(seq, word)| status("p", 0, seq, word)).collect();
        let (mut copy, mut file) = (all[1..].iter(), all[1..].iter());
        let mut state = State::default();
        state.apply(header()).unwrap();
        state.apply(record(&all[0])).unwrap();
        for from_copy in order {
            let next = if from_copy { copy.next() } else { file.next() };
            if let Some(next) = next {
                state.apply(record(next)).unwrap();
            }
        }
        for next in copy.chain(file) {
            state.apply(record(next)).unwrap();
        }
        let mut plain = State::default();
        plain.apply(header()).unwrap();
        for next in &all {
            plain.apply(record(next)).unwrap();
        }
        prop_assert_eq!(state, plain);
    }
}

/// Records of every kind, with numbers of every size.
fn any_record() -> impl Strategy<Value = Record> {
    let number = || prop_oneof![4 => 0..4u64, 1 => Just(1 << 53), 1 => Just(u64::MAX), 1 => any::<u64>()];
    let word =
        prop::sample::select(vec!["WAITING", "FORKED", "RUNNING", "SUCCESS", "FAILED", "LOST", "PAUSED"]);
    let task = prop::sample::select(vec!["ACTIVE", "CLEANING", "FINALIZING", "KILLED", "PAUSED"]);
    prop_oneof![
        1 => Just(header()),
        2 => task.prop_map(task_status),
        8 => (number(), number(), word).prop_map(|(run, seq, word)| record(&status("p", run, seq, word))),
        2 => (number(), number(), number()).prop_map(|(run, seq, count)| {
            let text = format!(
                r#"{{"process_summary":{{"process":"p","next_seq":{seq},"next_run":{run},"succeeded":{count},
                    "failed":{count},"killed":0,"lost":{count},"interruptions":3}}}}"#
            );
            Record::parse(text.as_bytes()).unwrap()
        }),
        1 => Just(Record::parse(br#"{"weather":{"rain":true}}"#).unwrap()),
    ]
}

/// Writes a stream in which processes run by turns, and knows nothing but how to go on.
struct Runs {
    paths: TaskPaths,
    next: BTreeMap<usize, (u64, u64)>,
    text: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Runs {
    fn new() -> Runs {
        let folder = tempfile::tempdir().unwrap();
        let paths = Root::new(folder.path()).task(&TaskId::new("t").unwrap());
        fs::create_dir_all(paths.folder()).unwrap();
        let mut runs = Runs { paths, next: BTreeMap::new(), text: Vec::new(), _folder: folder };
        runs.put(&header());
        runs.put(&task_status("ACTIVE"));
        runs
    }

    fn put(&mut self, record: &Record) {
        record.write_line(&mut self.text).unwrap();
    }

    fn run(&mut self, process: usize, count: u64, words: &[&str]) {
        for _ in 0..count {
            let (run, seq) = self.next.get(&process).copied().unwrap_or_default();
            for (seq, word) in (seq..).zip(words) {
                self.put(&record(&status(&format!("p{process}"), run, seq, word)));
            }
            self.next.insert(process, (run + 1, seq + words.len() as u64));
        }
    }

    fn flush(&mut self) -> State {
        let old = fs::read(self.paths.runner()).unwrap_or_default();
        fs::write(self.paths.runner(), [old, std::mem::take(&mut self.text)].concat()).unwrap();
        load_runner(&self.paths).unwrap().state
    }
}

/// How the runs of a stretch go.
fn stretch() -> impl Strategy<Value = (usize, u64, &'static [&'static str])> {
    let words: Vec<&'static [&'static str]> = vec![
        &["WAITING", "FORKED", "RUNNING", "SUCCESS"],
        &["WAITING", "FORKED", "RUNNING", "FAILED"],
        &["WAITING", "FORKED", "KILLED"],
        &["WAITING", "FORKED", "RUNNING", "LOST"],
        &["WAITING", "LOST"],
        &["WAITING", "FAILED"],
    ];
    (0..4usize, 0..80u64, prop::sample::select(words))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_compacted_stream_folds_to_the_same_state_as_far_as_it_is_kept(
        stretches in prop::collection::vec(stretch(), 0..16),
        takeovers in 0..40usize,
        places in prop::collection::vec(any::<bool>(), 16),
    ) {
        let (mut plain, mut compacted) = (Runs::new(), Runs::new());
        for ((process, count, words), place) in stretches.into_iter().zip(places) {
            for runs in [&mut plain, &mut compacted] {
                runs.run(process, count, words);
                (0..takeovers).for_each(|_| runs.put(&task_status("ACTIVE")));
                runs.put(&Record::parse(br#"{"weather":{"rain":true}}"#).unwrap());
            }
            if place {
                let state = compacted.flush();
                let (writer, dropped) = compact(&compacted.paths, &state, false, &mut Backlog::of(&state)).unwrap();
                drop(writer);
                dropped.unwrap().remove(&compacted.paths, &compacted.paths.default_logs()).unwrap();
            }
        }
        for runs in [&mut plain, &mut compacted] {
            runs.run(0, 1, &["WAITING", "FORKED"]);
        }
        let (mut expected, mut found) = (plain.flush(), compacted.flush());
        prop_assert_eq!(
            expected.processes.values().map(|history| history.run_count()).collect::<Vec<_>>(),
            found.processes.values().map(|history| history.run_count()).collect::<Vec<_>>()
        );
        // Both forget as much: what is left, and what is known of the rest, is the same.
        expected.forget(KEPT_RUNS);
        found.forget(KEPT_RUNS);
        prop_assert_eq!(expected.processes.keys().collect::<Vec<_>>(), found.processes.keys().collect::<Vec<_>>());
        prop_assert_eq!(expected, found);
    }
}
