//! Tasks as lines of text, in the layout of the manual.

use std::collections::HashMap;
use std::fmt::Write;

use indexmap::IndexMap;
use nix::unistd::{Uid, User};

use crate::checkpoint::Status;
use crate::checkpoint::status::RunEntry;
use crate::cli::clock;
use crate::schema::Resources;
use crate::view::one_line;

/// Names of users by their numbers: to look one up reads a file.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<u32, String>);

impl Owners {
    /// Returns the user whose runner the task has.
    fn of(&mut self, status: &Status) -> String {
        let Some(uid) = status.statuses.last().map(|entry| entry.runner_uid) else {
            return one_line(&status.user);
        };
        let name = || User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        self.0.entry(uid).or_insert_with(|| name().unwrap_or_else(|| uid.to_string())).clone()
    }
}

/// Shows tasks under two headings: those that have not ended, and those that have.
pub(super) fn overview(active: &str, finished: &str) -> String {
    let section = |heading: &str, tasks: &str| match tasks {
        "" => None,
        tasks => Some(format!("{heading}\n{tasks}")),
    };
    let sections = [section("Active tasks:", active), section("Finished tasks:", finished)];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// Shows a task that was asked for.
pub(super) fn found(status: &Status, verbosity: u8, owners: &mut Owners) -> String {
    format!("Found task {}\n{}", status.task_id, task(status, verbosity, owners))
}

/// Shows a task at a level of detail.
pub(super) fn task(status: &Status, verbosity: u8, owners: &mut Owners) -> String {
    let mut text = format!("  {} [owner: {:>8}]", status.task_id, owners.of(status));
    if verbosity > 0 {
        let start = clock::text(status.launch_time_ms as i64);
        let state = one_line(status.state.as_str());
        text += &format!("  state: {state:>8} start: {start:>25}{}", abandoned(status));
    }
    text.push('\n');
    if verbosity > 1 {
        text += &format!("    user: {} ports: {}\n", one_line(&status.user), ports(&status.ports));
        if let Some(earlier) = &status.rerun_of {
            text += &format!("    rerun of: {earlier}\n");
        }
        text += &format!("    sandbox: {}\n", one_line(&status.sandbox.to_string_lossy()));
    }
    if let Some(resources) = status.resources.as_ref().filter(|_| verbosity > 1) {
        let enforced = if status.enforce { " (enforced)" } else { "" };
        let Resources { cpu, ram, disk, gpu } = resources;
        let (ram, disk) = (bytes(*ram), bytes(*disk));
        text += &format!("    resources: cpu {cpu}, ram {ram}, disk {disk}, gpu {gpu}{enforced}\n");
    }
    if verbosity > 2 {
        text += "    process table:\n";
        text.extend(status.carried_over.iter().map(|(name, run)| {
            format!("      - {} carried over from {} run {}\n", one_line(name), run.task_id, run.run)
        }));
        text.extend(status.processes.iter().map(|(name, runs)| {
            let dropped = status.dropped.get(name).copied().unwrap_or_default();
            process(name, dropped, runs)
        }));
    }
    text
}

/// Says that nobody works at a task that has not ended.
fn abandoned(status: &Status) -> &'static str {
    if status.state.is_terminal() || status.runner_alive { "" } else { " (its runner is gone)" }
}

fn ports(ports: &IndexMap<String, u16>) -> String {
    let ports: Vec<String> = ports.iter().map(|(name, number)| format!("{name}={number}")).collect();
    if ports.is_empty() { "None".to_owned() } else { ports.join(", ") }
}

/// Writes a number of bytes in the largest unit that divides it.
fn bytes(number: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = |shift: u32| number > 0 && number.trailing_zeros() >= shift;
    match units.into_iter().find(|(_, shift)| fits(*shift)) {
        Some((unit, shift)) => format!("{} {unit}", number >> shift),
        None => format!("{number} B"),
    }
}

fn process(name: &str, dropped: u64, runs: &[RunEntry]) -> String {
    let Some(last) = runs.last() else { return String::new() };
    let mut text =
        format!("      - {} runs: {} last: ", one_line(name), dropped.saturating_add(runs.len() as u64));
    // Writing to a string cannot fail.
    let _ = match (last.pid, last.coordinator_pid) {
        (Some(pid), _) => write!(text, "pid={pid}, "),
        (None, Some(pid)) => write!(text, "coordinator={pid}, "),
        (None, None) => Ok(()),
    };
    if let Some(code) = last.return_code {
        let _ = write!(text, "rc={code}, ");
    }
    let _ = match (last.stop_time, last.start_time) {
        (Some(time), _) => write!(text, "finish:{}, ", clock::seconds_text(time)),
        (None, Some(time)) => write!(text, "start:{}, ", clock::seconds_text(time)),
        (None, None) => Ok(()),
    };
    let _ = writeln!(text, "state:{}", one_line(last.state.as_str()));
    text
}
