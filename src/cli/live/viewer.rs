//! The child: takes in what the runner tells, draws the live view, follows outputs, and sums up in the end.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use super::follow::{Follower, Output, Ways};
use super::pipe::{Received, Receiver};
use super::screen::Screen;
use super::told::Told;
use crate::checkpoint::paths::run_logs;
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskPaths, TaskState};
use crate::cli::report::visible;
use crate::cli::terminal::Terminal;
use crate::cli::{clock, logs, progress};
use crate::process::signals::SignalQueue;
use crate::runner;
use crate::schema::{LogDestination, Task};
use crate::view::live::{Board, Running};
use crate::view::look::{Style, Tone};
use crate::view::summary::summary;

/// Between two drawings, at least.
const PAUSE: Duration = Duration::from_millis(150);

/// Between two drawings, at most: times go on.
const TICK: Duration = Duration::from_secs(1);

/// Between two readings where the system lends no watches.
const BLIND: Duration = Duration::from_millis(200);

/// Bytes at the end of a log in which its last line is looked for.
const END: u64 = 1024;

/// The child's view of the task.
pub(super) struct Viewer {
    doing: &'static str,
    paths: TaskPaths,
    terminal: Terminal,
    screen: Option<Screen>,
    follow: bool,
    follower: Option<Follower>,
    /// What the task is, once it is on record.
    task: Option<Task>,
    board: Board,
    log_dir: PathBuf,
    start: f64,
    /// What running processes said last.
    said: HashMap<(String, u64), Said>,
    drawn: Option<Instant>,
    /// Whether something happened since.
    changed: bool,
    /// Whether there is more output to read at once.
    more: bool,
    /// Runs that had ended when following began: they were others' to show.
    before: HashSet<(String, u64)>,
}

/// The last line of a log, and the state of the log in which it was read.
#[derive(Debug, Default)]
struct Said {
    lengths: [u64; 2],
    line: Option<String>,
}

/// How the runner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Badly,
    Gone,
}

impl Viewer {
    /// Makes a viewer that knows nothing of the task yet.
    pub(super) fn new(
        doing: &'static str,
        paths: &TaskPaths,
        live: bool,
        follow: bool,
        terminal: Terminal,
    ) -> Viewer {
        Viewer {
            doing,
            paths: paths.clone(),
            terminal,
            screen: live.then(|| Screen::new(terminal.stderr.color)),
            follow,
            follower: None,
            task: None,
            board: Board::new(paths.id().as_str(), []),
            log_dir: paths.default_logs(),
            start: clock::seconds(),
            said: HashMap::new(),
            drawn: None,
            changed: false,
            more: false,
            before: HashSet::new(),
        }
    }

    /// Shows what happens until the runner has ended. Returns the exit code of the child.
    pub(super) fn run(mut self, mut receiver: Receiver) -> i32 {
        // Ctrl-C is for the runner; the signals that it took over stay blocked here.
        let wishes = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        let _ = crate::process::signals::block(&wishes);
        if self.follow {
            // Each followed run takes two descriptors.
            let most = getrlimit(Resource::RLIMIT_NOFILE).map(|(_, most)| most);
            let _ = most.and_then(|most| setrlimit(Resource::RLIMIT_NOFILE, most, most));
        }
        let looks = SigSet::from_iter([Signal::SIGWINCH, Signal::SIGCONT]);
        let mut looks = SignalQueue::open(&looks).ok();
        loop {
            self.sleep(&receiver, looks.as_ref());
            while let Some(Ok(Some(taken))) = looks.as_mut().map(SignalQueue::take) {
                self.look_up(taken.signal);
            }
            let Received { told, closed, much } = receiver.receive();
            let mut end = closed.then_some(End::Gone);
            for told in told {
                match told {
                    Told::Over { well } => end = Some(if well { End::Well } else { End::Badly }),
                    told => self.hear(&told),
                }
            }
            if much {
                // The pipe may have been full: what found no room is on record, though nothing may follow it.
                self.catch_up();
            }
            self.take_output();
            if let Some(end) = end {
                self.end(end);
                return 0;
            }
            self.draw_if_due();
        }
    }

    /// The terminal has another size, or somebody else wrote to it while this process was stopped.
    fn look_up(&mut self, signal: Signal) {
        self.changed = true;
        if signal == Signal::SIGCONT && self.screen.is_some() {
            self.screen = Some(Screen::new(self.terminal.stderr.color));
        }
    }

    /// Waits for news, or for the time to draw.
    fn sleep(&self, receiver: &Receiver, resized: Option<&SignalQueue>) {
        let mut fds = vec![PollFd::new(receiver.as_fd(), PollFlags::POLLIN)];
        fds.extend(resized.map(|queue| PollFd::new(queue.as_fd(), PollFlags::POLLIN)));
        fds.extend(self.follower.as_ref().map(|follower| PollFd::new(follower.as_fd(), PollFlags::POLLIN)));
        let since = self.drawn.map_or(TICK, |drawn| drawn.elapsed());
        let drawing = match (&self.screen, self.changed) {
            (None, _) => None,
            (Some(_), true) => Some(PAUSE.saturating_sub(since)),
            (Some(_), false) => Some(TICK.saturating_sub(since)),
        };
        let blind = self.follower.as_ref().filter(|follower| follower.blind).map(|_| BLIND);
        let more = self.more.then_some(Duration::ZERO);
        let timeout = [drawing, blind, more].into_iter().flatten().min();
        let timeout = timeout.and_then(|time| PollTimeout::try_from(time).ok()).unwrap_or(PollTimeout::NONE);
        // An interrupted sleep is a short one.
        let _ = poll(&mut fds, timeout);
    }

    fn hear(&mut self, told: &Told) {
        self.changed = true;
        if self.task.is_none() && !matches!(told, Told::Note(_)) {
            self.meet();
        }
        let now = clock::seconds();
        match told {
            Told::Task { state, reason } => self.entered(state, reason.as_deref()),
            Told::AlreadyEnded { state } => {
                self.say(&format!(" The task has ended already: {}", state.as_str()))
            }
            Told::Forking { process, run, at } => self.started(process, *run, *at),
            Told::Attached { process, run } => {
                // It stands in the checkpoint that was read when the task was met.
                if !self.board.is_running(process, *run) {
                    self.started(process, *run, now);
                }
            }
            Told::Finished { process, run } => {
                self.ended(process, *run);
                self.board.finished(process);
            }
            Told::Failed { process, run, return_code, reason } => {
                self.ended(process, *run);
                self.board.stopped(process);
                self.say_of(Tone::Bad, &progress::failure(process, *return_code, reason.as_deref()));
                let words = progress::last_words(&run_logs(&self.log_dir, process, *run).join("stderr"));
                self.say(words.trim_end());
            }
            Told::Interrupted { process, run, state } => {
                self.ended(process, *run);
                self.board.stopped(process);
                // Of a task that is being ended that is what is meant to happen.
                if !self.board.is_ending() {
                    let tone = if *state == ProcessState::Lost { Tone::Gone } else { Tone::Ended };
                    self.say_of(tone, &format!("Process({process}) was {}", progress::interruption(state)));
                }
            }
            Told::UnderLimit { process } => {
                self.say(&format!("   Process {process} under maximum failure limit, restarting."));
            }
            Told::ReachedLimit { process } => {
                self.board.failed(process);
                self.say(&format!("   Process {process} reached maximum failures."));
            }
            Told::Note(note) => self.say(&format!("   {}", progress::sentence(note))),
            Told::Missed(count) => {
                self.catch_up();
                self.say(&format!("   {count} events are left out here; `thermos status` knows them."));
            }
            Told::Over { .. } => {}
        }
    }

    fn entered(&mut self, state: &TaskState, reason: Option<&str>) {
        self.board.entered(state);
        let Some(reason) = reason.filter(|_| *state == TaskState::Cleaning) else { return };
        self.say_of(Tone::Ended, &format!("Ending the task: {reason}"));
        if reason == runner::ASKED {
            self.board.hint("Ctrl-C again kills");
        }
    }

    /// Learns what the task is: it is on record by now.
    fn meet(&mut self) {
        let Ok(task) = runner::read_task(&self.paths) else { return };
        let names = task.processes.iter().map(|process| process.name.clone());
        self.board = Board::new(self.paths.id().as_str(), names);
        self.say(&format!(" {} task {}", self.doing, self.paths.id()));
        self.task = Some(task);
        self.catch_up();
    }

    /// Takes in what is on record.
    fn catch_up(&mut self) {
        let Ok(Some(status)) = Status::read(&self.paths) else { return };
        self.log_dir = status.log_dir.clone();
        self.start = status.launch_time_ms as f64 / 1000.0;
        self.begin_to_follow(&status);
        for process in status.carried_over.keys() {
            self.board.finished(process);
        }
        for (process, runs) in &status.processes {
            let Some(last) = runs.last() else { continue };
            self.follow_missed(process, runs);
            match &last.state {
                ProcessState::Success => drop(self.board.finished(process)),
                ProcessState::Failed => self.board.failed(process),
                ProcessState::Forked | ProcessState::Running if self.board.is_running(process, last.run) => {}
                ProcessState::Forked | ProcessState::Running => {
                    self.started(process, last.run, self.since(last));
                }
                _ => drop(self.board.stopped(process)),
            }
        }
    }

    /// Follows runs of which nothing was told, for want of room.
    fn follow_missed(&mut self, process: &str, runs: &[RunEntry]) {
        if self.follower.is_none() {
            return;
        }
        for run in runs {
            if run.state != ProcessState::Waiting && !self.before.contains(&(process.to_owned(), run.run)) {
                self.follow(process, run.run, self.since(run));
                if let (Some(follower), true) = (&mut self.follower, run.state.is_terminal()) {
                    follower.finish(process, run.run);
                }
            }
        }
    }

    fn since(&self, run: &RunEntry) -> f64 {
        run.fork_time.or(run.start_time).unwrap_or(self.start)
    }

    fn begin_to_follow(&mut self, status: &Status) {
        if !self.follow || self.follower.is_some() {
            return;
        }
        let runs = status.processes.iter().flat_map(|(name, runs)| runs.iter().map(move |run| (name, run)));
        let ended = runs.filter(|(_, run)| run.state.is_terminal());
        self.before = ended.map(|(name, run)| (name.clone(), run.run)).collect();
        let Some(task) = &self.task else { return };
        let names = task.processes.iter().map(|process| process.name.as_str());
        let Terminal { stdout, stderr } = self.terminal;
        let ways = Ways { terminal: [stdout.terminal, stderr.terminal], color: [stdout.color, stderr.color] };
        match Follower::new(&self.log_dir, names, ways) {
            Ok(follower) => self.follower = Some(follower),
            Err(error) => {
                self.follow = false;
                self.say(&format!("   Cannot follow outputs: {}", crate::cli::failure::reason(&error)));
            }
        }
    }

    fn started(&mut self, process: &str, run: u64, since: f64) {
        self.board.started(process, run, since);
        self.follow(process, run, since);
    }

    /// Follows a run whose output goes to files alone; others write to the output of `thermos run` themselves, or nowhere.
    fn follow(&mut self, process: &str, run: u64, since: f64) {
        let (Some(follower), Some(task)) = (&mut self.follower, &self.task) else { return };
        let found = task.processes.iter().find(|known| known.name == process);
        let destination = found.and_then(|known| Some(known.logger.as_ref()?.destination));
        if let None | Some(LogDestination::File) = destination {
            follower.add(process, run, since);
        }
    }

    fn ended(&mut self, process: &str, run: u64) {
        self.said.remove(&(process.to_owned(), run));
        if let Some(follower) = &mut self.follower {
            follower.finish(process, run);
        }
        self.take_output();
    }

    /// Has the follower read for a while, and writes what it found.
    fn take_output(&mut self) {
        let Some(follower) = &mut self.follower else { return };
        let mut output = Output::default();
        follower.take(&mut output);
        let Output { stdout, stderr, more } = output;
        self.more = more;
        if !stderr.is_empty() {
            self.write(|| self.terminal.say(&stderr));
        }
        let mut gone = false;
        if !stdout.is_empty() {
            self.write(|| gone = self.terminal.print(&stdout).is_err());
        }
        if gone {
            // Nobody reads them any more: the task goes on.
            (self.follow, self.follower, self.more) = (false, None, false);
        }
    }

    fn say_of(&self, tone: Tone, text: &str) {
        let style = Style::from(self.terminal.stderr);
        self.say(&format!(" {} {}", style.paint(tone, tone.sign()), visible(text)));
    }

    /// Writes a line that stays; without a screen the runner says it itself.
    fn say(&self, text: &str) {
        if self.screen.is_some() && !text.is_empty() {
            self.write(|| self.terminal.say(format!("{text}\n")));
        }
    }

    fn write(&self, write: impl FnOnce()) {
        match &self.screen {
            Some(screen) => screen.above(write),
            None => write(),
        }
    }

    fn draw_if_due(&mut self) {
        let Some(screen) = &self.screen else { return };
        let pause = if self.changed { PAUSE } else { TICK };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < pause) {
            return;
        }
        let room = screen.room();
        let shown: Vec<Running> = self.board.shown(&room).cloned().collect();
        for running in &shown {
            let said = self.said.entry((running.process.clone(), running.run)).or_default();
            look_again(said, &run_logs(&self.log_dir, &running.process, running.run), running.since);
        }
        let said = |running: &Running| self.said.get(&(running.process.clone(), running.run))?.line.clone();
        let lines = self.board.lines(&room, clock::seconds(), self.start, said);
        // A terminal of one line has no room for anything that stays.
        screen.draw(if room.rows > 1 { &lines } else { &[] });
        (self.drawn, self.changed) = (Some(Instant::now()), false);
    }

    fn end(&mut self, end: End) {
        if let Some(follower) = &mut self.follower {
            follower.finish_all();
        }
        self.take_output();
        while self.more {
            self.take_output();
        }
        if let Some(screen) = &self.screen {
            screen.clear();
        }
        let style = Style::from(self.terminal.stderr);
        match end {
            End::Badly => {}
            End::Gone => {
                let id = self.paths.id();
                let text = format!(
                    " {} The runner of task {id} is gone; what it started runs on.\n   `thermos resume {id}` goes on with it.\n",
                    style.paint(Tone::Gone, Tone::Gone.sign())
                );
                self.terminal.say(text);
            }
            End::Well if self.screen.is_some() => {
                let processes = self.task.as_ref().map_or(0, |task| task.processes.len());
                if let Ok(Some(status)) = Status::read(&self.paths) {
                    self.terminal.say(summary(&status, processes, &style));
                }
            }
            End::Well => {}
        }
        let _ = io::stderr().flush();
    }
}

/// Reads the last line of a run's logs again if they have grown since it was started.
fn look_again(said: &mut Said, folder: &Path, since: f64) {
    let logs = ["stdout", "stderr"].map(|name| folder.join(name));
    for (log, known) in logs.iter().zip(&mut said.lengths) {
        let Ok(file) = logs::open(log) else { continue };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length == *known || !logs::is_since(&file, since) {
            continue;
        }
        *known = length;
        if let Some(line) = last_line(file, length) {
            said.line = Some(line);
        }
    }
}

/// Returns the last line of a log that is not blank, as a terminal would show it.
fn last_line(mut file: File, length: u64) -> Option<String> {
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.split(['\n', '\r']).rfind(|line| !line.trim().is_empty())?;
    Some(logs::without_escapes(line).trim().to_owned())
}
