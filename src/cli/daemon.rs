//! `--daemon`: the runner goes on in the background, and the command ends once the task is on record.
//!
//! What is wrong before is told in the foreground: by the child, which has the terminal until then, and by the exit
//! code, which the parent passes on.

use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, file_help, reason};
use super::launch;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::checkpoint::{TaskId, TaskState};
use crate::diagnostics::Diagnostic;
use crate::process::detach::{Beginning, Begun, Detached, detach};
use crate::process::fork::leave_by;
use crate::runner::{Caller, Event, RunnerError, Sink};

/// Has a child become the runner of a task, as `work` does for a caller and a sink, and prints the task's id.
pub(crate) fn run(
    id: &TaskId,
    caller: &Caller,
    context: &Context,
    work: impl FnOnce(&Caller, &mut dyn Sink) -> Result<TaskState, RunnerError>,
) -> Result<Exit, Failure> {
    let detached = detach().map_err(RunnerError::system("go on in the background"))?;
    match detached {
        Detached::Child(beginning) => {
            let caller = Caller { detached: true, ..caller.clone() };
            let terminal = context.terminal;
            let mut departure = Departure { id, beginning: Some(beginning), terminal };
            leave_by(|| match work(&caller, &mut departure) {
                Ok(state) => launch::exit(&state) as i32,
                // Once it has departed, nobody sees it.
                Err(error) => super::tell(&Failure::from(error), terminal) as i32,
            })
        }
        Detached::Parent(Begun::UnderWay) => Ok(Exit::Success),
        Detached::Parent(Begun::Ended(code)) => {
            Err(Failure::quiet(Exit::from_code(code).unwrap_or(Exit::Other)))
        }
        Detached::Parent(Begun::Killed(signal)) => Err(killed(signal, id)),
    }
}

/// Waits for the task to be on record, prints its id and lets go of the terminal; hears nothing more.
struct Departure<'a> {
    id: &'a TaskId,
    beginning: Option<Beginning>,
    terminal: Terminal,
}

impl Sink for Departure<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::AlreadyEnded { .. } = event {
            // There is nothing to depart for.
            Progress::under_way(self.terminal, None).event(event);
        }
        if let Event::Task { .. } = event
            && let Some(beginning) = self.beginning.take()
        {
            // The task runs, whether or not anybody reads this.
            let _ = self.terminal.print(format!("{}\n", self.id));
            if let Err(error) = beginning.under_way() {
                let message = format!("cannot let go of the terminal: {}", reason(&error));
                let warning = Diagnostic::warning("system", message).with_help(file_help(&error));
                self.terminal.say(super::report::draw(&[warning], self.terminal.stderr));
            }
        }
    }
}

fn killed(signal: i32, id: &TaskId) -> Failure {
    let message =
        format!("the runner of task {id} was ended by signal {signal} before the task was on record");
    let help = format!("`thermos status {id}` shows whether it has begun; else run it again");
    Failure::new(Exit::Other, Diagnostic::error("runner_killed", message).with_help(help))
}
