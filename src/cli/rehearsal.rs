//! `--dry-run`: shows in which order the processes of a task would start, and starts none.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::arguments::Format;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::report::visible;
use crate::checkpoint::{ProcessState, State};
use crate::diagnostics::Diagnostic;
use crate::plan::{Never, ProcessId, Rehearsal, RehearsalError, Start, rehearse};
use crate::runner::{self, Options, RunnerError};
use crate::schema::Task;

/// Says what would keep the task from being run, else shows the order of its starts.
pub(crate) fn show(
    task: &Task,
    options: &Options,
    format: Format,
    context: &Context,
) -> Result<Exit, Failure> {
    let before = runner::examine(task, options)?;
    let done = done(task, options, before.as_ref());
    let rehearsal = rehearse(task, options.concurrency, &done).map_err(failure)?;
    let shown = Shown { task, rehearsal: &rehearsal };
    context.terminal.print(match format {
        Format::Text => shown.text(),
        Format::Json => format!("{:#}\n", shown.json()),
    })?;
    Ok(Exit::Success)
}

/// What a rerun carries over, or a task that is gone on with has done.
fn done(task: &Task, options: &Options, before: Option<&State>) -> BTreeSet<ProcessId> {
    let has_succeeded = |name: &str| {
        let last = before.and_then(|state| state.processes.get(name)?.last());
        last.is_some_and(|run| run.state == ProcessState::Success)
    };
    let is_carried = |name: &str| match before.and_then(|state| state.header.as_ref()) {
        Some(header) => header.carried(name).is_some(),
        None => options.rerun.as_ref().is_some_and(|rerun| rerun.carried_over.contains_key(name)),
    };
    let processes = task.processes.iter().zip(0..).filter(|(process, _)| {
        is_carried(&process.name) || (has_succeeded(&process.name) && !process.daemon)
    });
    processes.map(|(_, id)| ProcessId(id)).collect()
}

fn failure(error: RehearsalError) -> Failure {
    match error {
        RehearsalError::Plan(error) => RunnerError::from(error).into(),
        RehearsalError::Illegal(error) => {
            let help = "this is a defect of thermos: please report it with the configuration";
            Failure::new(Exit::Other, Diagnostic::error("internal", error.to_string()).with_help(help))
        }
    }
}

/// A rehearsal with the task whose processes it counts.
struct Shown<'a> {
    task: &'a Task,
    rehearsal: &'a Rehearsal,
}

impl Shown<'_> {
    fn name(&self, id: ProcessId) -> String {
        visible(&self.task.processes[id.index()].name).replace('\n', "\u{fffd}")
    }

    fn names(&self, ids: &[ProcessId]) -> String {
        let (shown, more) = ids.split_at(ids.len().min(MOST_NAMES));
        let names: Vec<String> = shown.iter().map(|id| self.name(*id)).collect();
        match more.len() {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }

    fn text(&self) -> String {
        let Rehearsal { ordinary, finals, done, never, endless, .. } = self.rehearsal;
        let mut text = self.heading();
        if !done.is_empty() {
            text += &format!("  done before: {}\n", self.names(done));
        }
        self.steps(&mut text, ordinary, 1);
        if !finals.is_empty() {
            text += "finally\n";
            self.steps(&mut text, finals, ordinary.len() + 1);
        }
        for (why, words) in [
            (Never::Unneeded, "not started, since the task does not wait for it"),
            (Never::NoRoom, "never started, since daemons take all the room"),
        ] {
            let ids: Vec<ProcessId> =
                never.iter().filter(|(_, reason)| *reason == why).map(|(id, _)| *id).collect();
            if !ids.is_empty() {
                text += &format!("{words}: {}\n", self.names(&ids));
            }
        }
        if !endless.is_empty() {
            text += &format!("the task goes on until it is ended: {} runs for ever\n", self.names(endless));
        }
        text
    }

    fn heading(&self) -> String {
        let Rehearsal { limit, ordinary, finals, .. } = self.rehearsal;
        let starts: usize = ordinary.iter().chain(finals).map(Vec::len).sum();
        let steps = ordinary.len() + finals.len();
        let count = |count: usize, word: &str, words: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{count} {words}"),
        };
        let room = limit.map(|limit| format!(", at most {limit} at once")).unwrap_or_default();
        let name = visible(&self.task.name).replace('\n', "\u{fffd}");
        format!(
            "task {name}: {} in {}{room}, if every run succeeds and takes the same time\n",
            count(starts, "start", "starts"),
            count(steps, "step", "steps")
        )
    }

    fn steps(&self, text: &mut String, steps: &[Vec<Start>], first: usize) {
        let names = steps.iter().flatten().map(|start| self.name(start.process).chars().count());
        let width = names.max().unwrap_or_default().min(WIDEST_NAME);
        for (step, number) in steps.iter().zip(first..) {
            for (index, start) in step.iter().enumerate() {
                let number = if index == 0 { number.to_string() } else { String::new() };
                let line =
                    format!("{number:>4}  {:<width$}  {}", self.name(start.process), self.remark(start));
                *text += line.trim_end();
                text.push('\n');
            }
        }
    }

    fn remark(&self, start: &Start) -> String {
        let process = &self.task.processes[start.process.index()];
        let after = (!start.after.is_empty()).then(|| format!("after {}", self.names(&start.after)));
        let room = start.waited_for_room.then(|| "when there is room".to_owned());
        let daemon = process.daemon.then(|| "daemon".to_owned());
        let ephemeral = process.ephemeral.then(|| "ephemeral".to_owned());
        [after, room, daemon, ephemeral].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Json {
        let Rehearsal { limit, ordinary, finals, done, never, endless } = self.rehearsal;
        let names = |ids: &[ProcessId]| -> Vec<&str> {
            ids.iter().map(|id| self.task.processes[id.index()].name.as_str()).collect()
        };
        let start = |start: &Start| {
            json!({
                "process": self.task.processes[start.process.index()].name,
                "after": names(&start.after),
                "waited_for_room": start.waited_for_room,
            })
        };
        let steps = |steps: &[Vec<Start>]| -> Vec<Vec<Json>> {
            steps.iter().map(|step| step.iter().map(start).collect()).collect()
        };
        let never = |why: Never| {
            let ids = never.iter().filter(|(_, reason)| *reason == why).map(|(id, _)| *id);
            names(&ids.collect::<Vec<_>>()).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        json!({
            "task": self.task.name,
            "max_concurrency": limit,
            "done": names(done),
            "steps": steps(ordinary),
            "final_steps": steps(finals),
            "unneeded": never(Never::Unneeded),
            "without_room": never(Never::NoRoom),
            "endless": names(endless),
        })
    }
}

/// Names that are listed in one line.
const MOST_NAMES: usize = 8;

/// The widest column of names.
const WIDEST_NAME: usize = 32;
