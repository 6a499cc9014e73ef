//! What `kill` and `lose` share: picking tasks, ending them all at once, and saying what becomes of each.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::patterns::Pattern;
use super::progress::Progress;
use super::report::visible;
use super::terminal::Terminal;
use super::{launch, report, tasks};
use crate::checkpoint::{Status, TaskEntry, TaskId, TaskState};
use crate::runner::{self, RunnerError, Sink, Wish, Witness};

/// Ends the tasks that the patterns pick, as `doing` says: "Killing". Success means that all have ended.
pub(crate) fn end(
    patterns: &[Pattern],
    wish: &Wish,
    doing: &str,
    context: &Context,
) -> Result<Exit, Failure> {
    let found = tasks::select(&context.root, patterns)?;
    if found.is_empty() {
        return Err(tasks::none_found(&context.root, patterns));
    }
    let terminal = context.terminal;
    terminal.say(report::draw(&tasks::idle_patterns(&found, patterns), terminal.stderr));
    let (ended, living): (Vec<_>, Vec<_>) = found.into_iter().partition(|task| task.finished);
    let mut is_damaged = false;
    for TaskEntry { id, .. } in ended {
        // The index is no proof: whether it has ended stands in its checkpoint.
        match Status::read(&context.root.task(&id)) {
            Ok(_) => terminal.say(format!(" INFO] Task {id} had ended before\n")),
            Err(error) => {
                is_damaged = true;
                terminal.say(report::draw(&[tasks::diagnostic(&error)], terminal.stderr));
            }
        }
    }
    let ids: Vec<TaskId> = living.into_iter().map(|task| task.id).collect();
    for id in &ids {
        terminal.say(format!(" INFO] {doing} task {id}\n"));
    }
    let mut witness = Speaker { terminal, several: ids.len() > 1 };
    let code = runner::end(&context.root, &ids, wish, &launch::caller(), &mut witness)?;
    let exit = Exit::from_code(code).unwrap_or(Exit::Other);
    Ok(if is_damaged && exit == Exit::Success { Exit::Other } else { exit })
}

/// Says what it hears.
struct Speaker {
    terminal: Terminal,
    /// Whether tasks have to be told apart.
    several: bool,
}

impl Witness for Speaker {
    fn sink(&mut self, id: &TaskId) -> Box<dyn Sink> {
        Box::new(Progress::under_way(self.terminal, self.several.then_some(id)))
    }

    fn note(&mut self, id: &TaskId, text: &str) {
        self.terminal.say(format!(" INFO] {id}: {}\n", visible(text)));
    }

    fn ended(&mut self, id: &TaskId, outcome: Result<TaskState, RunnerError>) -> i32 {
        match outcome {
            Ok(state) => {
                self.terminal.say(format!(" INFO] Task {id} has ended: {}\n", state.as_str()));
                Exit::Success as i32
            }
            Err(error) => {
                let failure = Failure::from(error);
                self.terminal.say(report::draw(&failure.diagnostics, self.terminal.stderr));
                failure.exit as i32
            }
        }
    }
}
