//! What a runner tells while it works: as lines, or by a child that draws a live view and follows outputs.
//!
//! The child is a mere reader of a pipe and of files: the runner neither waits for it nor minds its death. It is forked
//! before the runner begins, so that it is no part of the task.

mod follow;
mod pipe;
mod rotation;
mod screen;
mod told;
mod viewer;

use clap::{Args, ValueEnum};
use nix::unistd::Pid;

use self::pipe::Sender;
use self::told::Told;
use self::viewer::Viewer;
use super::context::Context;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::checkpoint::TaskPaths;
use crate::process::fork::{self, Forked};
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
        let Some(task) = task else { return Teller { lines: lines(), child: None, terminal } };
        let live = show.progress == How::Auto
            && terminal.stderr.terminal
            && !super::terminal::is_dumb()
            // Whatever reads what is followed may write to this terminal.
            && !(show.follow && super::terminal::stdout_is_read())
            // What processes write to the terminal themselves would be drawn over.
            && !task.processes.iter().any(writes_to_console);
        if !live && !show.follow {
            return Teller { lines: lines(), child: None, terminal };
        }
        match viewer(doing, paths, live, show.follow, context) {
            Some(child) => Teller { lines: if live { None } else { lines() }, child: Some(child), terminal },
            // Without room for another process there are lines.
            None => Teller { lines: lines(), child: None, terminal },
        }
    }

    /// Waits until everything is shown; `well` says whether the task ended rather than the runner.
    pub(crate) fn end(self, well: bool) {
        if let Some((mut sender, child)) = self.child {
            sender.finish(&Told::Over { well });
            drop(sender);
            // The runner may have reaped it.
            let _ = fork::reap(child);
        }
    }
}

impl Sink for Teller {
    fn event(&mut self, event: &Event<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.event(event);
        }
        let Some((sender, _)) = &mut self.child else { return };
        if !sender.send(Told::from(event)) && self.lines.is_none() {
            // The child is dead: lines take the place of its view, from the next line on.
            self.terminal.say("\n");
            self.lines.insert(Progress::under_way(self.terminal, None)).event(event);
        }
    }
}

fn writes_to_console(process: &Process) -> bool {
    let destination = process.logger.as_ref().map(|logger| logger.destination);
    matches!(destination, Some(LogDestination::Console | LogDestination::Both))
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
