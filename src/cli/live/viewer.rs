//! The child: takes in what the runner tells, draws the live view, follows outputs, and sums up in the end.

mod hear;
mod record;
mod said;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use self::said::Said;
use super::follower::{Follower, Output};
use super::pipe::{Received, Receiver};
use super::screen::Screen;
use super::told::Told;
use crate::checkpoint::paths::run_logs;
use crate::checkpoint::{Status, TaskPaths};
use crate::cli::clock;
use crate::cli::terminal::Terminal;
use crate::process::signals::SignalQueue;
use crate::schema::Task;
use crate::view::live::{Board, Running};
use crate::view::look::{Style, Tone};
use crate::view::summary::summary;

/// Between two drawings, at least.
const PAUSE: Duration = Duration::from_millis(150);

/// Between two drawings, at most: times go on.
const TICK: Duration = Duration::from_secs(1);

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
        let grown = self.follower.as_ref().and_then(Follower::descriptor);
        fds.extend(grown.map(|grown| PollFd::new(grown, PollFlags::POLLIN)));
        let since = self.drawn.map_or(TICK, |drawn| drawn.elapsed());
        let drawing = match (&self.screen, self.changed) {
            (None, _) => None,
            (Some(_), true) => Some(PAUSE.saturating_sub(since)),
            (Some(_), false) => Some(TICK.saturating_sub(since)),
        };
        let blind = self.follower.as_ref().and_then(Follower::timeout);
        let more = self.more.then_some(Duration::ZERO);
        let timeout = [drawing, blind, more].into_iter().flatten().min();
        let timeout = timeout.and_then(|time| PollTimeout::try_from(time).ok()).unwrap_or(PollTimeout::NONE);
        // An interrupted sleep is a short one.
        let _ = poll(&mut fds, timeout);
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
            said.look_again(&run_logs(&self.log_dir, &running.process, running.run), running.since);
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
