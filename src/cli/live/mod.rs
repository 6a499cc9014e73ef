//! What a runner tells while it works: as lines, or by a child that draws a live view and follows outputs.
//!
//! The child is a mere reader of a pipe and of files: the runner neither waits for it nor minds its death. It is forked
//! before the runner begins, so that it is no part of the task.

mod follower;
mod lines;
mod pipe;
mod screen;
mod told;
mod viewer;

use std::time::Duration;

use clap::{Args, ValueEnum};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use self::pipe::Sender;
use self::told::Told;
use self::viewer::Viewer;
use super::context::Context;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::checkpoint::TaskPaths;
use crate::process::fork::{self, Forked};
use crate::process::signals;
use crate::runner::{Event, Sink};
use crate::schema::{LogDestination, Process, Task};

/// How a command shows what goes on.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ShowArguments {
    /// Print what processes print, each line with the name of its process; standard error goes to standard error
    #[arg(long)]
    pub(crate) follow: bool,
    /// How to tell what goes on
    #[arg(long, value_name = "HOW", value_enum, default_value_t, env = "THERMOS_PROGRESS")]
    pub(crate) progress: How,
}

/// How to tell what goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// A live view on a terminal, otherwise lines
    #[default]
    Auto,
    /// A line for each event
    Lines,
}

/// Tells what a runner does.
#[derive(Debug)]
pub(crate) struct Teller {
    /// Writes lines, unless the child tells everything.
    lines: Option<Progress>,
    child: Option<(Sender, Pid)>,
    terminal: Terminal,
    /// Whether outputs are followed.
    follows: bool,
    /// Whether the child has died before its time.
    is_widowed: bool,
}

impl Teller {
    /// Begins to tell of a task that is `doing`: "Running", "Resuming"; in lines, if the task is not known or not ours.
    pub(crate) fn start(
        doing: &'static str,
        paths: &TaskPaths,
        task: Option<&Task>,
        show: ShowArguments,
        context: &Context,
    ) -> Teller {
        let terminal = context.terminal;
        let lines = || Some(Progress::new(terminal, doing, paths.id()));
        let teller =
            |lines, child| Teller { lines, child, terminal, follows: show.follow, is_widowed: false };
        let Some(task) = task else { return teller(lines(), None) };
        let live = show.progress == How::Auto
            && terminal.stderr.terminal
            && !super::terminal::is_dumb()
            // Whatever reads what is followed may write to this terminal.
            && !(show.follow && super::terminal::stdout_is_read())
            // What processes write to the terminal themselves would be drawn over.
            && !task.processes.iter().any(writes_to_console);
        if !live && !show.follow {
            return teller(lines(), None);
        }
        match viewer(doing, paths, live, show.follow, context) {
            Some(child) => teller(if live { None } else { lines() }, Some(child)),
            // Without room for another process there are lines.
            None => teller(lines(), None),
        }
    }

    /// Waits until everything is shown; `well` says whether the task ended rather than the runner.
    pub(crate) fn end(self, well: bool) {
        if let Some((mut sender, child)) = self.child {
            sender.finish(Told::Over { well });
            wait_for(sender, child);
        }
    }
}

impl Sink for Teller {
    fn event(&mut self, event: &Event<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.event(event);
        }
        let Some((sender, _)) = &mut self.child else { return };
        if sender.send(Told::from(event)) || std::mem::replace(&mut self.is_widowed, true) {
            return;
        }
        // The child is dead.
        if self.lines.is_none() {
            // Lines take the place of its view, from the next line on.
            self.terminal.say("\n");
            self.lines.insert(Progress::under_way(self.terminal, None)).event(event);
        }
        if let Some(lines) = self.lines.as_mut().filter(|_| self.follows) {
            lines.event(&Event::Note(
                "outputs are no longer followed: who did so is dead; `thermos tail` shows them",
            ));
        }
    }
}

/// Waits until the child has shown everything. It may have to wait for whoever reads; who asks this process to end meanwhile
/// is not kept waiting for that.
fn wait_for(mut sender: Sender, child: Pid) {
    let wishes = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    let awaited: SigSet = wishes.into_iter().chain([Signal::SIGCHLD]).collect();
    if signals::block(&awaited).is_err() {
        return;
    }
    let mut grace = None;
    // The runner may have reaped it.
    while matches!(fork::has_ended(child), Ok(false)) {
        let pause = if sender.flush() { grace } else { Some(RETRY) };
        match signals::wait(&awaited, pause) {
            Ok(Some(Signal::SIGCHLD)) => {}
            Ok(Some(_)) => grace = Some(GRACE),
            Ok(None) if grace.is_none() => {}
            _ => {
                let _ = kill(child, Signal::SIGKILL);
                let _ = fork::reap(child);
                return;
            }
        }
    }
}

/// How long the child may still take when somebody asks for the end.
const GRACE: Duration = Duration::from_secs(1);

/// Between two attempts to tell the child the last events.
const RETRY: Duration = Duration::from_millis(20);

fn writes_to_console(process: &Process) -> bool {
    let destination = process.logger.as_ref().map(|logger| logger.destination);
    destination.is_some_and(LogDestination::has_console)
}

/// Forks the child.
fn viewer(
    doing: &'static str,
    paths: &TaskPaths,
    live: bool,
    follow: bool,
    context: &Context,
) -> Option<(Sender, Pid)> {
    let (sender, receiver) = pipe::pipe().ok()?;
    match fork::fork().ok()? {
        Forked::Parent(child) => Some((sender, child)),
        Forked::Child => {
            drop(sender);
            fork::leave_by(|| Viewer::new(doing, paths, live, follow, context.terminal).run(receiver))
        }
    }
}
