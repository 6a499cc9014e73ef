//! `--follow`: the outputs of all runs as they grow, in turns, however few descriptors there are.

use std::collections::{BTreeSet, HashSet};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use super::lines::{self, Lines, Names, Ways};
use crate::checkpoint::paths::run_logs;
use crate::cli::follow::log::LogFollower;
use crate::cli::logs::is_starved;
use crate::process::changes::{Change, Changes, Notice};

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// Bytes of one stream that are taken before others have their turn.
const TURN: usize = 256 << 10;

/// Bytes that are handed on at once; lines behind long names are longer than they were.
const MOST: usize = 4 << 20;

/// A run of a process.
type Key = (String, u64);

/// What is to be shown.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// For standard output.
    pub(super) stdout: Vec<u8>,
    /// For standard error.
    pub(super) stderr: Vec<u8>,
    /// Whether there is more to read at once.
    pub(super) more: bool,
}

/// Follows the logs of runs.
#[derive(Debug)]
pub(super) struct Follower {
    changes: Changes<Key>,
    log_dir: PathBuf,
    ways: Ways,
    names: Names,
    runs: IndexMap<Key, Run>,
    /// Every run that was ever followed.
    known: HashSet<Key>,
    /// Runs that may have grown.
    grown: IndexSet<Key>,
    /// Runs whose logs cannot be opened before others are closed.
    starved: BTreeSet<Key>,
}

#[derive(Debug)]
struct Run {
    streams: [Stream; 2],
    /// Whether nothing more will be written.
    has_ended: bool,
}

#[derive(Debug)]
struct Stream {
    log: LogFollower,
    lines: Lines,
    /// What stands before each line.
    prefix: String,
    /// Whether the lines go to a terminal.
    terminal: bool,
}

/// How far a reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    /// To the end.
    Done,
    /// Nowhere: this process has no descriptor left.
    Starved,
    /// There is more.
    More,
}

impl Follower {
    /// Follows nothing yet; names are as wide as the widest of `names`.
    pub(super) fn new<'a>(log_dir: &Path, names: impl Iterator<Item = &'a str>, ways: Ways) -> Follower {
        Follower {
            changes: Changes::new(Notice::Writes),
            log_dir: log_dir.to_owned(),
            ways,
            names: Names::new(names),
            runs: IndexMap::new(),
            known: HashSet::new(),
            grown: IndexSet::new(),
            starved: BTreeSet::new(),
        }
    }

    /// Begins with a run, unless it was followed before. What its logs held before `since`, in seconds since 1970, is
    /// another task's.
    pub(super) fn add(&mut self, process: &str, run: u64, since: f64) {
        let key = (process.to_owned(), run);
        if !self.known.insert(key.clone()) {
            return;
        }
        let folder = run_logs(&self.log_dir, process, run);
        let [stdout, stderr] = self.names.prefixes(process, &self.ways);
        let stream = |index: usize, name: &str, prefix: String| Stream {
            log: LogFollower::new(&folder.join(name), since),
            lines: Lines::default(),
            prefix,
            terminal: self.ways.terminal[index],
        };
        let streams = [stream(0, "stdout", stdout), stream(1, "stderr", stderr)];
        self.runs.insert(key.clone(), Run { streams, has_ended: false });
        if self.changes.watch(&folder, key.clone()).is_err() {
            self.changes.poll(&folder, key.clone());
        }
        self.grown.insert(key);
    }

    /// A run has ended: what is left of it is all there is.
    pub(super) fn finish(&mut self, process: &str, run: u64) {
        let key = (process.to_owned(), run);
        if let Some(run) = self.runs.get_mut(&key) {
            run.finish();
            self.grown.insert(key);
        }
    }

    /// All runs have ended.
    pub(super) fn finish_all(&mut self) {
        self.runs.values_mut().for_each(Run::finish);
        self.grown.extend(self.runs.keys().cloned());
    }

    /// Reads what has grown, as far as a turn goes.
    pub(super) fn take(&mut self, output: &mut Output) {
        self.notice();
        for key in std::mem::take(&mut self.grown) {
            if output.stdout.len() + output.stderr.len() >= MOST {
                self.grown.insert(key);
                continue;
            }
            let Some(run) = self.runs.get_mut(&key) else { continue };
            match run.read(output) {
                Reading::More => drop(self.grown.insert(key)),
                Reading::Starved => drop(self.starved.insert(key)),
                Reading::Done if run.has_ended => self.close(&key, output),
                Reading::Done => {}
            }
        }
        output.more = !self.grown.is_empty();
    }

    /// Lets go of a run that was read to its end.
    fn close(&mut self, key: &Key, output: &mut Output) {
        let Some(mut run) = self.runs.swap_remove(key) else { return };
        // It gives back what others waited for.
        self.grown.extend(std::mem::take(&mut self.starved));
        for (index, Stream { lines, prefix, terminal, .. }) in run.streams.iter_mut().enumerate() {
            lines.finish(|rest| lines::write(prefix, *terminal, rest, output.stream(index)));
        }
        self.changes.unwatch(key);
    }

    /// Learns which runs have grown.
    fn notice(&mut self) {
        for change in self.changes.take().unwrap_or_else(|_| vec![Change::Anything]) {
            match change {
                Change::At(key, _) => drop(self.grown.insert(key)),
                Change::Anything => self.grown.extend(self.runs.keys().cloned()),
            }
        }
    }

    /// How long at most the caller may sleep before it takes what has grown; for ever if the descriptor wakes it.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.changes.timeout()
    }

    /// What becomes readable when something has grown.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.changes.descriptor()
    }
}

impl Run {
    fn finish(&mut self) {
        self.has_ended = true;
        self.streams.iter_mut().for_each(|stream| stream.log.finish());
    }

    /// Reads both streams for a turn.
    fn read(&mut self, output: &mut Output) -> Reading {
        let streams = self.streams.iter_mut().enumerate();
        streams.map(|(index, stream)| stream.read(output.stream(index))).max().unwrap_or(Reading::Done)
    }
}

impl Stream {
    /// Reads on for about a turn.
    fn read(&mut self, into: &mut Vec<u8>) -> Reading {
        let Stream { log, lines, prefix, terminal } = self;
        let mut left = TURN;
        let mut block = vec![0; BLOCK];
        while left > 0 {
            match log.read(&mut block) {
                Ok(0) => return Reading::Done,
                Ok(count) => {
                    left = left.saturating_sub(count);
                    lines.take(&block[..count], |text| lines::write(prefix, *terminal, text, into));
                }
                Err(error) if is_starved(&error) => return Reading::Starved,
                Err(_) => return Reading::Done,
            }
        }
        Reading::More
    }
}

impl Output {
    fn stream(&mut self, index: usize) -> &mut Vec<u8> {
        if index == 0 { &mut self.stdout } else { &mut self.stderr }
    }
}
