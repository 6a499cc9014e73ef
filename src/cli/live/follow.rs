//! `--follow`: the outputs of all runs as they grow, whole lines, each with the name of its process.
//!
//! Noticed by inotify. What a log folder does not have yet is waited for at the nearest folder that exists.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use unicode_width::UnicodeWidthStr;

use super::super::logs;
use crate::checkpoint::paths::run_logs;
use crate::view::{cut, fit, one_line};

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// A line that is longer is handed on in pieces.
const LONGEST: usize = 1 << 20;

/// Bytes of one stream that are taken before others have their turn.
const TURN: usize = 1 << 20;

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
    pending: HashSet<Key>,
    /// Every run that was ever followed.
    known: HashSet<Key>,
    /// Runs that may have grown.
    grown: HashSet<Key>,
    /// Whether the system lends no more watches.
    pub(super) blind: bool,
    columns: usize,
    colors: HashMap<String, usize>,
}

#[derive(Debug)]
struct Run {
    streams: [Stream; 2],
    watch: Option<WatchDescriptor>,
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
            pending: HashSet::new(),
            known: HashSet::new(),
            grown: HashSet::new(),
            blind: false,
            columns: names.map(|name| one_line(name).width()).max().unwrap_or_default().min(NAMES),
            colors: HashMap::new(),
        })
    }

    /// Begins with a run, unless it was followed before.
    pub(super) fn add(&mut self, process: &str, run: u64) {
        let key = (process.to_owned(), run);
        if !self.known.insert(key.clone()) {
            return;
        }
        let folder = run_logs(&self.log_dir, process, run);
        let streams = ["stdout", "stderr"].map(|name| Stream::new(folder.join(name)));
        self.runs.insert(key.clone(), Run { streams, watch: None });
        self.watch(&key);
    }

    /// Reads a run that has ended to its end.
    pub(super) fn finish(&mut self, process: &str, run: u64, output: &mut Output) {
        let key = (process.to_owned(), run);
        self.pending.remove(&key);
        self.grown.remove(&key);
        let Some(mut run) = self.runs.shift_remove(&key) else { return };
        self.read(&key, &mut run, usize::MAX, output);
        for index in 0..2 {
            let rest = std::mem::take(&mut run.streams[index].rest);
            if !rest.is_empty() {
                self.line(&key.0, index, &rest, output);
            }
        }
        if let Some(watch) = run.watch {
            self.watched.remove(&watch);
            let _ = self.inotify.rm_watch(watch);
        }
    }

    /// Reads every run to its end.
    pub(super) fn finish_all(&mut self, output: &mut Output) {
        for (process, run) in self.runs.keys().cloned().collect::<Vec<_>>() {
            self.finish(&process, run, output);
        }
    }

    /// Reads what has grown, as far as a turn goes.
    pub(super) fn take(&mut self, output: &mut Output) {
        self.notice();
        for key in std::mem::take(&mut self.grown) {
            let Some(mut run) = self.runs.shift_remove(&key) else { continue };
            if self.read(&key, &mut run, TURN, output) {
                self.grown.insert(key.clone());
            }
            self.runs.insert(key, run);
        }
        output.more = !self.grown.is_empty();
    }

    /// Learns which runs have grown, and which folders have come.
    fn notice(&mut self) {
        let mut came = self.blind;
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
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

    /// Reads both streams of a run; says whether there is more.
    fn read(&mut self, key: &Key, run: &mut Run, most: usize, output: &mut Output) -> bool {
        let mut more = false;
        for index in 0..2 {
            let mut lines = Vec::new();
            more |= run.streams[index].read(most, |line| lines.push(line.to_vec()));
            for line in lines {
                self.line(&key.0, index, &line, output);
            }
        }
        more
    }

    /// Writes a line behind the name of its process.
    fn line(&mut self, process: &str, index: usize, line: &[u8], output: &mut Output) {
        let count = self.colors.len();
        let color = COLORS[*self.colors.entry(process.to_owned()).or_insert(count) % COLORS.len()];
        let name = fit(&cut(&one_line(process), self.columns), self.columns);
        let into = if index == 0 { &mut output.stdout } else { &mut output.stderr };
        match self.ways.color[index] {
            true => into.extend_from_slice(format!("\x1b[{color}m{name} |\x1b[0m ").as_bytes()),
            false => into.extend_from_slice(format!("{name} | ").as_bytes()),
        }
        match self.ways.terminal[index] {
            true => into.extend_from_slice(tame(&String::from_utf8_lossy(line)).as_bytes()),
            false => into.extend_from_slice(line),
        }
        into.push(b'\n');
    }
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

/// One log that grows, is truncated, or is rotated.
#[derive(Debug)]
struct Stream {
    path: PathBuf,
    file: Option<File>,
    /// A line whose end has not come.
    rest: Vec<u8>,
}

impl Stream {
    fn new(path: PathBuf) -> Stream {
        Stream { path, file: None, rest: Vec::new() }
    }

    /// Reads on for about `most` bytes, and hands on whole lines without their newlines; says whether there is more.
    fn read(&mut self, most: usize, mut line: impl FnMut(&[u8])) -> bool {
        let mut left = most;
        let mut block = vec![0; BLOCK];
        while left > 0 {
            if self.file.is_none() {
                self.file = logs::open(&self.path).ok();
            }
            let Some(file) = &mut self.file else { return false };
            match file.read(&mut block) {
                Ok(0) if restart_if_truncated(file) => {}
                Ok(0) => match self.next_file() {
                    Some(next) => self.file = Some(next),
                    None => return false,
                },
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.split(&block[..count], &mut line);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
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

    /// Returns the file behind the one that was read to its end, if the log was rotated meanwhile.
    fn next_file(&self) -> Option<File> {
        let inode = self.file.as_ref()?.metadata().ok()?.ino();
        if fs::symlink_metadata(&self.path).ok()?.ino() == inode {
            return None;
        }
        // The newest first. Of a file that is gone, all that is kept comes after it.
        let mut newer = vec![self.path.clone()];
        for backup in logs::backups(&self.path) {
            if fs::symlink_metadata(&backup).is_ok_and(|metadata| metadata.ino() == inode) {
                break;
            }
            newer.push(backup);
        }
        let next = newer.iter().rev().find_map(|path| logs::open(path).ok())?;
        (next.metadata().ok()?.ino() != inode).then_some(next)
    }
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
    use std::io::Write;

    use super::*;

    fn read(stream: &mut Stream) -> Vec<String> {
        let mut lines = Vec::new();
        stream.read(usize::MAX, |line| lines.push(String::from_utf8_lossy(line).into_owned()));
        lines
    }

    #[test]
    fn a_log_is_followed_through_growth_truncation_and_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let mut stream = Stream::new(path.clone());
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
