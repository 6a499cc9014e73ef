//! `--follow`: the outputs of all runs as they grow, whole lines, each with the name of its process.
//!
//! Noticed by inotify. What a log folder does not have yet is waited for at the nearest folder that exists.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use nix::libc;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use unicode_width::UnicodeWidthStr;

use super::super::logs;
use super::rotation;
use crate::checkpoint::paths::run_logs;
use crate::view::{cut, fit, one_line};

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// A line that is longer is handed on in pieces.
const LONGEST: usize = 1 << 20;

/// Bytes of one stream that are taken before others have their turn.
const TURN: usize = 256 << 10;

/// Bytes that are handed on at once; lines behind long names are longer than they were.
const MOST: usize = 4 << 20;

/// The most columns of a name.
const NAMES: usize = 24;

/// Colours of names, as parameters of the terminal.
const COLORS: [&str; 6] = ["36", "35", "34", "33", "32", "31"];

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

/// How lines are written to each of the two streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// Whether it is a terminal, which must not be told to do anything.
    pub(super) terminal: [bool; 2],
    /// Whether names are coloured.
    pub(super) color: [bool; 2],
}

/// Follows the logs of runs.
#[derive(Debug)]
pub(super) struct Follower {
    inotify: Inotify,
    log_dir: PathBuf,
    ways: Ways,
    runs: IndexMap<Key, Run>,
    /// Whose folder is watched under which descriptor.
    watched: HashMap<WatchDescriptor, Key>,
    /// Runs whose folder is not there yet.
    pending: BTreeSet<Key>,
    /// Every run that was ever followed.
    known: HashSet<Key>,
    /// Runs that may have grown.
    grown: IndexSet<Key>,
    /// Runs whose logs cannot be opened before others are closed.
    starved: BTreeSet<Key>,
    /// Whether the system lends no more watches.
    pub(super) blind: bool,
    columns: usize,
    colors: HashMap<String, usize>,
}

#[derive(Debug)]
struct Run {
    streams: [Stream; 2],
    watch: Option<WatchDescriptor>,
    /// What stands before each line of the two.
    prefixes: [String; 2],
    /// Whether nothing more will be written.
    ended: bool,
}

impl Follower {
    /// Follows nothing yet; names are as wide as the widest of `names`.
    pub(super) fn new<'a>(
        log_dir: &Path,
        names: impl Iterator<Item = &'a str>,
        ways: Ways,
    ) -> io::Result<Follower> {
        Ok(Follower {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            log_dir: log_dir.to_owned(),
            ways,
            runs: IndexMap::new(),
            watched: HashMap::new(),
            pending: BTreeSet::new(),
            known: HashSet::new(),
            grown: IndexSet::new(),
            starved: BTreeSet::new(),
            blind: false,
            columns: names.map(|name| one_line(name).width()).max().unwrap_or_default().min(NAMES),
            colors: HashMap::new(),
        })
    }

    /// Begins with a run, unless it was followed before. What its logs held before `since`, in seconds since 1970, is
    /// another task's.
    pub(super) fn add(&mut self, process: &str, run: u64, since: f64) {
        let key = (process.to_owned(), run);
        if !self.known.insert(key.clone()) {
            return;
        }
        let folder = run_logs(&self.log_dir, process, run);
        let streams = ["stdout", "stderr"].map(|name| Stream::new(folder.join(name), since));
        let prefixes = self.prefixes(process);
        self.runs.insert(key.clone(), Run { streams, watch: None, prefixes, ended: false });
        self.watch(&key);
    }

    /// A run has ended: what is left of it is all there is.
    pub(super) fn finish(&mut self, process: &str, run: u64) {
        let key = (process.to_owned(), run);
        self.pending.remove(&key);
        if let Some(run) = self.runs.get_mut(&key) {
            run.ended = true;
            self.grown.insert(key);
        }
    }

    /// All runs have ended.
    pub(super) fn finish_all(&mut self) {
        self.runs.values_mut().for_each(|run| run.ended = true);
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
            match run.read(&self.ways, output) {
                Reading::More => drop(self.grown.insert(key)),
                Reading::Starved => drop(self.starved.insert(key)),
                Reading::Done if run.ended => self.close(&key, output),
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
        for index in 0..2 {
            let rest = std::mem::take(&mut run.streams[index].rest);
            if !rest.is_empty() {
                line(&run.prefixes[index], self.ways.terminal[index], &rest, output.stream(index));
            }
        }
        if let Some(watch) = run.watch {
            self.watched.remove(&watch);
            let _ = self.inotify.rm_watch(watch);
        }
    }

    /// Makes what stands before the lines of a process.
    fn prefixes(&mut self, process: &str) -> [String; 2] {
        let count = self.colors.len();
        let color = COLORS[*self.colors.entry(process.to_owned()).or_insert(count) % COLORS.len()];
        let name = fit(&cut(&one_line(process), self.columns), self.columns);
        self.ways.color.map(|colored| match colored {
            true => format!("\x1b[{color}m{name} |\x1b[0m "),
            false => format!("{name} | "),
        })
    }

    /// Learns which runs have grown, and which folders have come.
    fn notice(&mut self) {
        let mut came = self.blind;
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    self.grown.extend(self.runs.keys().cloned());
                }
                match self.watched.get(&event.wd) {
                    Some(key) => drop(self.grown.insert(key.clone())),
                    None => came = true,
                }
            }
        }
        if self.blind {
            self.grown.extend(self.runs.keys().cloned());
        }
        if came {
            for key in self.pending.iter().cloned().collect::<Vec<_>>() {
                self.watch(&key);
            }
        }
    }

    /// Watches the folder of a run, or the nearest above it that is there.
    fn watch(&mut self, key: &Key) {
        let folder = run_logs(&self.log_dir, &key.0, key.1);
        loop {
            let here = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            match self.inotify.add_watch(&folder, here) {
                Ok(watch) => {
                    self.pending.remove(key);
                    self.watched.insert(watch, key.clone());
                    self.grown.insert(key.clone());
                    if let Some(run) = self.runs.get_mut(key) {
                        run.watch = Some(watch);
                    }
                    return;
                }
                Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => {
                    self.pending.insert(key.clone());
                    let Some(above) = folder.ancestors().skip(1).find(|folder| folder.is_dir()) else {
                        return;
                    };
                    let coming =
                        AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ONLYDIR;
                    match self.inotify.add_watch(above, coming) {
                        // What came before the watch stood is seen by looking again.
                        Ok(_) if next_below(above, &folder).is_some_and(|next| next.is_dir()) => {}
                        Ok(_) => return,
                        Err(_) => break,
                    }
                }
                Err(_) => break,
            }
        }
        self.blind = true;
        self.pending.remove(key);
        self.grown.insert(key.clone());
    }
}

impl Run {
    /// Reads both streams for a turn.
    fn read(&mut self, ways: &Ways, output: &mut Output) -> Reading {
        let mut reading = Reading::Done;
        for (index, (stream, prefix)) in self.streams.iter_mut().zip(&self.prefixes).enumerate() {
            let into = output.stream(index);
            let write = |text: &[u8]| line(prefix, ways.terminal[index], text, into);
            reading = reading.max(stream.read(TURN, self.ended, write));
        }
        reading
    }
}

impl Output {
    fn stream(&mut self, index: usize) -> &mut Vec<u8> {
        if index == 0 { &mut self.stdout } else { &mut self.stderr }
    }
}

/// Writes a line behind its prefix.
fn line(prefix: &str, terminal: bool, text: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(prefix.as_bytes());
    match terminal {
        true => into.extend_from_slice(tame(&String::from_utf8_lossy(text)).as_bytes()),
        false => into.extend_from_slice(text),
    }
    into.push(b'\n');
}

impl AsFd for Follower {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The folder one step below `above` on the way to `folder`.
fn next_below(above: &Path, folder: &Path) -> Option<PathBuf> {
    Some(above.join(folder.strip_prefix(above).ok()?.components().next()?))
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

/// One log that grows, is truncated, or is rotated.
#[derive(Debug)]
struct Stream {
    path: PathBuf,
    /// Seconds since 1970; an older file belongs to another task until the run opens it.
    since: f64,
    file: Option<File>,
    /// Whether the file was read to its end after it had been rotated: then nothing more comes.
    is_done: bool,
    /// A line whose end has not come.
    rest: Vec<u8>,
}

impl Stream {
    fn new(path: PathBuf, since: f64) -> Stream {
        Stream { path, since, file: None, is_done: false, rest: Vec::new() }
    }

    /// Reads on for about `most` bytes, and hands on whole lines without their newlines.
    /// Whether the run has ended, so that what is there is its own, says `ended`.
    fn read(&mut self, most: usize, ended: bool, mut line: impl FnMut(&[u8])) -> Reading {
        let mut left = most;
        let mut block = vec![0; BLOCK];
        while left > 0 {
            if self.file.is_none() {
                match logs::open(&self.path) {
                    Ok(file) if ended || logs::is_since(&file, self.since) => {
                        self.file = Some(rotation::oldest(&self.path, self.since).unwrap_or(file));
                    }
                    Err(error) if is_starved(&error) => return Reading::Starved,
                    _ => {}
                }
            }
            let Some(file) = &mut self.file else { return Reading::Done };
            match file.read(&mut block) {
                Ok(0) if restart_if_truncated(file) => {}
                Ok(0) => match rotation::next(&self.path, file) {
                    // What was written between the end that was met and the rotation.
                    Some(_) if !self.is_done => self.is_done = true,
                    Some(next) => (self.file, self.is_done) = (Some(next), false),
                    None => return Reading::Done,
                },
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.split(&block[..count], &mut line);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Reading::Done,
            }
        }
        Reading::More
    }

    fn split(&mut self, block: &[u8], line: &mut impl FnMut(&[u8])) {
        let mut pieces = block.split(|byte| *byte == b'\n');
        let Some(last) = pieces.next_back() else { return };
        for piece in pieces {
            if self.rest.is_empty() {
                line(piece);
            } else {
                self.rest.extend_from_slice(piece);
                line(&std::mem::take(&mut self.rest));
            }
        }
        self.rest.extend_from_slice(last);
        while self.rest.len() > LONGEST {
            let piece: Vec<u8> = self.rest.drain(..LONGEST).collect();
            line(&piece);
        }
    }
}

fn is_starved(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Goes to the beginning of a file that is shorter than what was read of it.
fn restart_if_truncated(file: &mut File) -> bool {
    let (length, position) = (file.metadata().map(|metadata| metadata.len()), file.stream_position());
    match (length, position) {
        (Ok(length), Ok(position)) if length < position => file.seek(SeekFrom::Start(0)).is_ok(),
        _ => false,
    }
}

/// Leaves of a line what may reach a terminal: text and colours. What would have been overwritten is left out.
fn tame(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut tamed = String::new();
    let mut rest = line;
    let mut colored = false;
    while let Some(start) = rest.find('\x1b') {
        tamed += &visible(&rest[..start]);
        let end = sgr(&rest[start..]);
        tamed += &rest[start..start + end];
        colored |= end > 0;
        if end == 0 {
            tamed.push(char::REPLACEMENT_CHARACTER);
        }
        rest = &rest[start + end.max(1)..];
    }
    tamed += &visible(rest);
    if colored { tamed + "\x1b[0m" } else { tamed }
}

/// The length of the "select graphic rendition" sequence that a text begins with; zero if it begins with another.
fn sgr(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    let length =
        parameters.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count();
    if parameters[length..].starts_with('m') { 2 + length + 1 } else { 0 }
}

fn visible(text: &str) -> String {
    text.split('\t').map(one_line).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn read(stream: &mut Stream) -> Vec<String> {
        let mut lines = Vec::new();
        stream.read(usize::MAX, true, |line| lines.push(String::from_utf8_lossy(line).into_owned()));
        lines
    }

    #[test]
    fn a_log_that_was_rotated_before_it_was_met_is_read_from_its_oldest_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let backup = |number: u32| folder.path().join(format!("stdout.{number}"));
        for (path, text) in
            [(backup(3), "earlier\n"), (backup(2), "one\n"), (backup(1), "two\n"), (path.clone(), "three\n")]
        {
            fs::write(path, text).unwrap();
        }
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        File::options().write(true).open(backup(3)).unwrap().set_modified(earlier).unwrap();
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() - 30.0;
        assert_eq!(read(&mut Stream::new(path, since)), ["one", "two", "three"]);
    }

    #[test]
    fn a_log_is_followed_through_growth_truncation_and_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let mut stream = Stream::new(path.clone(), 0.0);
        assert!(read(&mut stream).is_empty());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut stream), ["one"]);
        file.write_all(b"o\n").unwrap();
        assert_eq!(read(&mut stream), ["two"]);
        fs::write(&path, "new\n").unwrap();
        assert_eq!(read(&mut stream), ["new"]);
        let backup = |number: u32| folder.path().join(format!("stdout.{number}"));
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"last\n").unwrap();
        fs::rename(&path, backup(2)).unwrap();
        fs::write(backup(1), "between\n").unwrap();
        fs::write(&path, "now").unwrap();
        assert_eq!(read(&mut stream), ["last", "between"]);
        assert_eq!(stream.rest, b"now");
    }

    #[test]
    fn what_reaches_a_terminal_is_text_and_colour() {
        assert_eq!(tame("10 %\r20 %\r"), "20 %");
        assert_eq!(tame("a\tb\x07"), "a\tb\u{fffd}");
        assert_eq!(tame("\x1b[1;31mred\x1b[2J"), "\x1b[1;31mred\u{fffd}[2J\x1b[0m");
        assert_eq!(tame("\x1b"), "\u{fffd}");
    }
}
