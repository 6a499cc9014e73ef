//! What must hold when a task has ended, whatever was killed: compares the records with each other, and with what the
//! commands themselves have written. Reads the streams as text, with none of the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::life::Life;
use super::task::{Run, Trace};
use serde_json::Value;
use thermos::checkpoint::TaskState;

/// What is wrong, by kind.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Records that are missing, unreadable or untrue; a task that did not end as it should.
    pub(crate) lost: Vec<String>,
    /// Runs that happened twice, or at the same time, or are recorded twice.
    pub(crate) doubled: Vec<String>,
    /// Processes that are left.
    pub(crate) strays: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.strays.is_empty()
    }
}

/// Judges a task that has ended.
pub(super) fn judge(life: &Life) -> Verdict {
    let mut verdict = Verdict { lost: life.unreadable.clone(), ..Verdict::default() };
    // A coordinator that was fenced may still be on its way out, anything else has to be gone.
    let is_command = |line: &String| !line.contains("thermos-failpoints");
    verdict.strays.extend(life.thermos.processes().into_iter().filter(is_command));
    verdict.strays.extend(life.thermos.kill_strays());
    match life.state() {
        Ok(Some(state)) if state == life.fate => {}
        other => verdict.lost.push(format!("the task is {other:?}, not {:?}", life.fate)),
    }
    let index = |name: &str| life.thermos.root().join("tasks").join(name).join("id").exists();
    if index("active") || !index("finished") {
        verdict.lost.push("the task is not among the finished".to_owned());
    }
    let records = Records::read(life, &mut verdict);
    let trace = Trace::read(&life.thermos.home());
    records.check_numbers(&mut verdict);
    records.check_files(life, &mut verdict);
    check_trace(&trace, &records, life, &mut verdict);
    verdict
}

/// The records of the runner's stream.
struct Records {
    /// Of each process, in order.
    of_process: BTreeMap<String, Vec<Value>>,
    /// The first record and the first run that are there, of processes whose earlier ones were dropped.
    firsts: BTreeMap<String, (u64, u64)>,
}

fn is_terminal(record: &Value) -> bool {
    !matches!(record["state"].as_str().unwrap(), "WAITING" | "FORKED" | "RUNNING")
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n'))
}

impl Records {
    fn read(life: &Life, verdict: &mut Verdict) -> Records {
        let text = fs::read_to_string(life.folder().join("runner")).unwrap_or_default();
        let mut of_process: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut firsts = BTreeMap::new();
        for line in lines(&text) {
            match serde_json::from_str::<Value>(line) {
                Ok(record) if record["process_status"].is_object() => {
                    let status = record["process_status"].clone();
                    of_process
                        .entry(status["process"].as_str().unwrap().to_owned())
                        .or_default()
                        .push(status);
                }
                Ok(record) if record["process_summary"].is_object() => {
                    let summary = &record["process_summary"];
                    let first = |of: &str| summary[of].as_u64().unwrap();
                    let process = summary["process"].as_str().unwrap().to_owned();
                    firsts.insert(process, (first("next_seq"), first("next_run")));
                }
                Ok(_) => {}
                Err(error) => verdict.lost.push(format!("a line is no record: {error}")),
            }
        }
        Records { of_process, firsts }
    }

    /// Returns the first record and the first run of a process that have to be there.
    fn first(&self, process: &str) -> (u64, u64) {
        self.firsts.get(process).copied().unwrap_or_default()
    }

    /// Says whether a run is known in sum only.
    fn is_dropped(&self, (process, run): &Run) -> bool {
        *run < self.first(process).1
    }

    /// Returns the terminal records of a run.
    fn ends(&self, (process, run): &Run) -> Vec<&Value> {
        let records = self.of_process.get(process).into_iter().flatten();
        records.filter(|record| record["run"] == *run && is_terminal(record)).collect()
    }

    /// Returns the recorded states in which the runs of a process ended.
    fn outcomes(&self, process: &str) -> Vec<&str> {
        let records = self.of_process.get(process).into_iter().flatten();
        records.filter(|record| is_terminal(record)).map(|record| record["state"].as_str().unwrap()).collect()
    }

    /// Records are numbered without a gap, so are runs, and each run has one beginning and one end.
    fn check_numbers(&self, verdict: &mut Verdict) {
        for (process, records) in &self.of_process {
            let (first_seq, first_run) = self.first(process);
            if !records.iter().zip(first_seq..).all(|(record, seq)| record["seq"] == seq) {
                verdict.lost.push(format!("the records of {process} are not numbered one by one"));
            }
            let runs: BTreeSet<u64> = records.iter().map(|record| record["run"].as_u64().unwrap()).collect();
            if !runs.iter().copied().eq(first_run..first_run + runs.len() as u64) {
                verdict.lost.push(format!("the runs of {process} are {runs:?}"));
            }
            for run in runs {
                match self.ends(&(process.clone(), run)).len() {
                    0 => verdict.lost.push(format!("{process}.{run} has no end")),
                    1 => {}
                    count => verdict.doubled.push(format!("{process}.{run} has {count} ends")),
                }
            }
        }
    }

    /// What a coordinator recorded of a run's end is what the runner recorded.
    fn check_files(&self, life: &Life, verdict: &mut Verdict) {
        for entry in fs::read_dir(life.folder()).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let Some((process, run)) = name.strip_prefix("coordinator.").and_then(|run| run.rsplit_once('.'))
            else {
                continue;
            };
            let run = (process.to_owned(), run.parse().unwrap());
            if self.is_dropped(&run) {
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap();
            let records = lines(&text).map(|line| serde_json::from_str::<Value>(line).unwrap());
            let own = records.map(|record| record["process_status"].clone()).find(is_terminal);
            let ends = self.ends(&run);
            if ends.is_empty() || own.is_some_and(|own| *ends[0] != own) {
                verdict.lost.push(format!("the end of {name} is not recorded as it was"));
            }
        }
    }
}

/// What the commands did is what was recorded.
fn check_trace(trace: &Trace, records: &Records, life: &Life, verdict: &mut Verdict) {
    for (_, (process, run), ..) in trace.lines.iter().filter(|line| line.0 == "TWICE") {
        verdict.doubled.push(format!("{process}.{run} began while an earlier run had not gone"));
    }
    for (run, pids) in trace.starts() {
        let name = format!("{}.{}", run.0, run.1);
        if pids.len() > 1 {
            verdict.doubled.push(format!("{name} was run {} times", pids.len()));
        }
        let Some(end) = records.ends(&run).first().copied() else {
            verdict.lost.push(format!("{name} has run and is not recorded"));
            continue;
        };
        let may_be_lost = life.any_orphaned || life.orphaned.contains(&run);
        match end["state"].as_str().unwrap() {
            "LOST" if may_be_lost => {}
            "KILLED" if life.may_be_killed(&run) => {}
            "SUCCESS" | "FAILED" if end["return_code"] == trace.end(&run).unwrap_or(i32::MIN) => {}
            state => verdict.lost.push(format!(
                "{name} is recorded as {state} {}, its command ended by {:?}",
                end["return_code"],
                trace.end(&run)
            )),
        }
    }
    check_processes_in_turn(trace, verdict);
    match life.fate {
        TaskState::Success if life.finalizes => check_success(trace, records, verdict),
        TaskState::Killed if life.finalizes => check_finals(records, verdict),
        _ => {}
    }
}

/// Final processes run, and succeed once, however the task ends.
fn check_finals(records: &Records, verdict: &mut Verdict) {
    ["report", "sweep"].iter().for_each(|process| check_success_of(process, records, verdict));
}

fn check_success_of(process: &str, records: &Records, verdict: &mut Verdict) {
    let outcomes = records.outcomes(process);
    let successes = outcomes.iter().filter(|state| **state == "SUCCESS").count();
    if outcomes.last() != Some(&"SUCCESS") || successes > 1 {
        verdict.lost.push(format!("{process} went {outcomes:?}"));
    }
}

/// No line of an earlier run comes after the start of a later one.
fn check_processes_in_turn(trace: &Trace, verdict: &mut Verdict) {
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, (process, run), ..) in &trace.lines {
        let latest = latest.entry(process).or_insert(*run);
        if run < latest {
            verdict.doubled.push(format!("{kind} of {process}.{run} after the start of {process}.{latest}"));
        }
        *latest = (*latest).max(*run);
    }
}

/// The task went its way: what had to run did, as often as it had to, after what it waits for.
fn check_success(trace: &Trace, records: &Records, verdict: &mut Verdict) {
    ["first", "flaky", "last"].iter().for_each(|process| check_success_of(process, records, verdict));
    check_finals(records, verdict);
    let failures = |process| records.outcomes(process).iter().filter(|state| **state == "FAILED").count();
    if failures("broken") != 1 || failures("flaky") > 2 {
        verdict.doubled.push(format!("{} and {} failures", failures("broken"), failures("flaky")));
    }
    for (before, after) in [("first", "flaky"), ("flaky", "last"), ("last", "report"), ("report", "sweep")] {
        if trace.position("START", after, None) < trace.position("END", before, Some(0)) {
            verdict.doubled.push(format!("{after} began before {before} had succeeded"));
        }
    }
}
