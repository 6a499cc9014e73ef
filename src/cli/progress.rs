//! What a runner tells, as ` INFO]` lines on standard error.
//!
//! When a process fails, the last lines of its standard error follow, with the path of the log.

use std::path::Path;

use super::logs;
use super::report::visible;
use super::terminal::Terminal;
use crate::checkpoint::{ProcessState, TaskId, TaskState};
use crate::runner::{Event, Sink};

/// Lines of a failed process that are shown.
const LINES: u64 = 10;

/// Bytes of each of them that are shown.
const WIDTH: usize = 400;

/// Writes a line for each event.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: Terminal,
    /// Begins each line, to tell tasks apart.
    prefix: String,
    /// What to say before the first event, as soon as the task is really there.
    opening: Option<String>,
}

impl Progress {
    /// Tells of a task that is `doing`: "Running", "Resuming".
    pub(crate) fn new(terminal: Terminal, doing: &str, id: &TaskId) -> Progress {
        Progress { terminal, prefix: String::new(), opening: Some(format!("{doing} task {id}")) }
    }

    /// Tells of a task of which the command has spoken already; with its id, if there are others.
    pub(crate) fn under_way(terminal: Terminal, id: Option<&TaskId>) -> Progress {
        Progress { terminal, prefix: id.map(|id| format!("{id}: ")).unwrap_or_default(), opening: None }
    }

    /// Says what is being done, unless that has been said.
    fn open(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.info(&opening);
        }
    }

    fn info(&self, text: &str) {
        self.terminal.say(format!(" INFO] {}{}\n", self.prefix, visible(text)));
    }
}

impl Sink for Progress {
    fn event(&mut self, event: &Event<'_>) {
        if !matches!(event, Event::AlreadyEnded { .. }) {
            self.open();
        }
        for line in lines(event) {
            self.info(&line);
        }
        if let Event::Failed { logs, .. } = event {
            self.terminal.say(last_words(&logs.join("stderr")));
        }
    }
}

/// Words an event.
fn lines(event: &Event<'_>) -> Vec<String> {
    match event {
        Event::Task { state: TaskState::Cleaning, reason } => {
            reason.map(|reason| format!("Ending the task: {reason}")).into_iter().collect()
        }
        Event::Task { state, .. } => task_line(state).map(str::to_owned).into_iter().collect(),
        Event::AlreadyEnded { state } => vec![format!("The task has ended already: {}", state.as_str())],
        Event::Forking { process, .. } => vec![format!("Forking Process({process})")],
        Event::Attached { process, .. } => vec![format!("Process({process}) still runs, watching it again")],
        Event::Finished { process, return_code, .. } => {
            vec![format!("Process({process}) finished successfully [rc={return_code}]")]
        }
        Event::Failed { process, return_code, reason, .. } => vec![failure(process, *return_code, *reason)],
        Event::Interrupted { process, state, .. } => {
            vec![format!("Process({process}) was {}", interruption(state))]
        }
        Event::UnderLimit { process } => {
            vec![format!("Process {process} under maximum failure limit, restarting.")]
        }
        Event::ReachedLimit { process } => {
            vec![format!("Process {process} reached maximum failures, marking process run failed.")]
        }
        Event::Note(text) => vec![sentence(text)],
    }
}

fn task_line(state: &TaskState) -> Option<&'static str> {
    match state {
        TaskState::Success => Some("Task succeeded."),
        TaskState::Failed => Some("Task failed."),
        TaskState::Killed => Some("Task killed."),
        TaskState::Lost => Some("Task lost."),
        _ => None,
    }
}

pub(crate) fn failure(process: &str, return_code: Option<i32>, reason: Option<&str>) -> String {
    let code = return_code.map(|code| format!(" [rc={code}]")).unwrap_or_default();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("Process({process}) failed{code}{reason}")
}

pub(crate) fn interruption(state: &ProcessState) -> String {
    state.as_str().to_lowercase()
}

pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Quotes the end of a log; says nothing if there is no log.
pub(crate) fn last_words(path: &Path) -> String {
    match logs::last_lines(path, LINES, WIDTH) {
        Err(_) => String::new(),
        Ok(lines) if lines.is_empty() => format!("       nothing in {}\n", path.display()),
        Ok(lines) => {
            let quoted: String = lines.iter().map(|line| format!("       | {}\n", visible(line))).collect();
            format!("       last lines of {}:\n{quoted}", path.display())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_as_in_the_manual() {
        let process = "x";
        let logs = Path::new("/logs");
        let cases = [
            (Event::Forking { process, run: 0 }, "Forking Process(x)"),
            (Event::Finished { process, run: 0, return_code: 0 }, "Process(x) finished successfully [rc=0]"),
            (
                Event::Failed { process, run: 0, return_code: Some(1), reason: None, logs },
                "Process(x) failed [rc=1]",
            ),
            (Event::UnderLimit { process }, "Process x under maximum failure limit, restarting."),
            (
                Event::ReachedLimit { process },
                "Process x reached maximum failures, marking process run failed.",
            ),
            (Event::Interrupted { process, run: 0, state: &ProcessState::Lost }, "Process(x) was lost"),
            (Event::Task { state: &TaskState::Success, reason: None }, "Task succeeded."),
            (Event::Task { state: &TaskState::Killed, reason: None }, "Task killed."),
        ];
        for (event, expected) in cases {
            assert_eq!(lines(&event), [expected]);
        }
        let task = |state, reason| lines(&Event::Task { state, reason });
        assert_eq!(task(&TaskState::Cleaning, Some("too many failed")), ["Ending the task: too many failed"]);
        assert!(task(&TaskState::Finalizing, Some("too many failed")).is_empty());
        assert!(task(&TaskState::Active, None).is_empty());
    }

    #[test]
    fn the_last_words_of_a_process_are_quoted_with_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr");
        assert_eq!(last_words(&path), "");
        let text: String = (0..20).map(|number| format!("line {number}\n")).collect();
        std::fs::write(&path, text + "\x1b[31mred").unwrap();
        let words = last_words(&path);
        assert!(
            words.starts_with(&format!("       last lines of {}:\n       | line 11\n", path.display())),
            "{words}"
        );
        assert!(words.ends_with("       | \u{fffd}[31mred\n"), "{words}");
    }
}
