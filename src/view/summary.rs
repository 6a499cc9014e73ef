//! How a task went, in a few lines: for the end of `run` on a terminal.

use unicode_width::UnicodeWidthStr;

use super::columns::{cut, fit, one_line};
use super::duration;
use super::look::{Style, Tone};
use super::words::shell_word;
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status, TaskState, paths};

/// The most slow processes that are named.
const SLOWEST: usize = 5;

/// The most failures that are named.
const FAILURES: usize = 10;

/// Columns of the words at the left.
const WORDS: usize = 10;

/// Draws how a task of so many processes went.
pub fn summary(status: &Status, processes: usize, style: &Style) -> String {
    let mut lines = vec![headline(status, style)];
    let mut add = |word: &str, text: String| {
        lines.push(format!("   {}{text}", style.faint(&fit(word, WORDS))));
    };
    add("", counts(status, processes));
    let slowest = slowest(status);
    if slowest.len() > 1 {
        let room = style.width.saturating_sub(WORDS + 4);
        add("slowest", joined(&slowest, room));
    }
    let failures: Vec<_> = status.processes.iter().filter_map(|(name, runs)| failure(name, runs)).collect();
    for (index, (name, run)) in failures.iter().take(FAILURES).enumerate() {
        let log = paths::run_logs(&status.log_dir, name, run.run).join("stderr");
        let code = run.return_code.map(|code| format!(" rc={code}")).unwrap_or_default();
        let name = style.paint(Tone::Bad, &cut(&one_line(name), 40));
        add(
            if index == 0 { "failed" } else { "" },
            format!("{name}{code}  {}", one_line(&log.to_string_lossy())),
        );
    }
    if failures.len() > FAILURES {
        add("", format!("and {} more", failures.len() - FAILURES));
    }
    let commands = [tail(status), Some(format!("thermos timeline {}", status.task_id))];
    for (index, command) in commands.iter().flatten().enumerate() {
        add(if index == 0 { "more" } else { "" }, style.faint(command));
    }
    lines.join("\n") + "\n"
}

fn headline(status: &Status, style: &Style) -> String {
    let tone = Tone::of_task(&status.state);
    let verb = match status.state {
        TaskState::Success => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Killed => "was killed",
        TaskState::Lost => "was lost",
        _ => "goes on",
    };
    let end = status.statuses.last().map_or(status.launch_time_ms, |last| last.timestamp_ms);
    let time = duration(end.saturating_sub(status.launch_time_ms) as f64 / 1000.0);
    let verdict = style.paint(tone, &format!("{} {verb}", style.strong(&status.task_id)));
    format!(" {} {verdict} after {time}", style.paint(tone, tone.sign()))
}

fn counts(status: &Status, processes: usize) -> String {
    let runs = || status.processes.values().flatten();
    let dropped: u64 = status.dropped.values().sum();
    let all = runs().count() as u64 + dropped;
    let failed = runs().filter(|run| run.state == ProcessState::Failed).count();
    let failed = if failed > 0 { format!(", {failed} of them failed") } else { String::new() };
    let carried = status.carried_over.len();
    let waiting = processes.saturating_sub(status.processes.len() + carried);
    let waiting = if waiting > 0 { format!("; {waiting} never ran") } else { String::new() };
    let carried = if carried > 0 { format!("; {carried} carried over") } else { String::new() };
    format!(
        "{}, {}{failed}{carried}{waiting}",
        count(processes as u64, "process", "processes"),
        count(all, "run", "runs")
    )
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The processes whose longest runs took longest, with that time.
fn slowest(status: &Status) -> Vec<(String, f64)> {
    let took = |run: &RunEntry| Some(run.stop_time? - run.start_time?);
    let longest = |runs: &[RunEntry]| runs.iter().filter_map(took).fold(0.0, f64::max);
    let mut all: Vec<_> =
        status.processes.iter().map(|(name, runs)| (one_line(name), longest(runs))).collect();
    all.sort_by(|left, right| right.1.total_cmp(&left.1));
    all.truncate(SLOWEST);
    all
}

/// Joins as many as there is room for.
fn joined(slowest: &[(String, f64)], room: usize) -> String {
    let mut line = String::new();
    for (name, seconds) in slowest {
        let text = format!("{} {}", cut(name, 24), duration(*seconds));
        let separator = if line.is_empty() { "" } else { " · " };
        if line.width() + separator.width() + text.width() > room {
            break;
        }
        line += separator;
        line += &text;
    }
    line
}

/// Returns the command that prints what a process has printed: one that failed, else the one that ended last. Of a failure
/// standard error was shown when it happened.
fn tail(status: &Status) -> Option<String> {
    let id = &status.task_id;
    let failed = status.processes.iter().find_map(|(name, runs)| failure(name, runs));
    let end = |runs: &[RunEntry]| runs.last().and_then(|run| run.stop_time).unwrap_or(f64::INFINITY);
    let ended = || status.processes.iter().max_by(|(_, left), (_, right)| end(left).total_cmp(&end(right)));
    let name = failed.map(|(name, _)| name).or_else(|| ended().map(|(name, _)| name.as_str()))?;
    let name = match status.processes.len() + status.carried_over.len() {
        0 | 1 => String::new(),
        _ if name.starts_with('-') => format!(" -- {}", shell_word(name)),
        _ => format!(" {}", shell_word(name)),
    };
    Some(format!("thermos tail {id}{name}"))
}

/// Returns the last run of a process if it failed.
fn failure<'a>(name: &'a str, runs: &'a [RunEntry]) -> Option<(&'a str, &'a RunEntry)> {
    runs.last().filter(|run| run.state == ProcessState::Failed).map(|run| (name, run))
}
