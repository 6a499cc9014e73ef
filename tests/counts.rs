//! What a start and a check may cost, in counts that do not depend on how busy the machine is.
//!
//! Each is the difference between a larger and a smaller task, so that the cost of the first process is not in it. A
//! budget stands a little above what was measured when it was set; who makes something dearer on purpose raises it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Thermos, skip};

/// How many processes the two tasks have: more than a runner forks by itself, even if its fork server is slow to come.
const MANY: [u64; 2] = [60, 80];

/// So few that it forks all of them by itself, however slow a tool makes everything.
const FEW: [u64; 2] = [5, 15];

/// System calls of the runner, of its fork server and of the coordinator for a start, measured and allowed.
const CALLS: [(&str, f64, f64); 3] =
    [("the runner", 15.1, 16.5), ("its fork server", 4.0, 4.5), ("a coordinator", 32.0, 33.5)];

/// Instructions of a runner for a start, measured and allowed. A release build takes far fewer.
const START: (f64, f64) = (605_000.0, 665_000.0);
/// Instructions of a check for a process.
const CHECK: (f64, f64) = (97_000.0, 107_000.0);
/// Allocations of a check for a process.
const BLOCKS: (f64, f64) = (33.8, 37.0);

#[test]
fn a_start_takes_few_system_calls() {
    let Some(counts) = of_each_size(MANY, &STRACE, &["run", "--json"], system_calls) else { return };
    for (place, (who, measured, most)) in CALLS.into_iter().enumerate() {
        let calls = per_process(MANY, counts.map(|count| count[place]));
        eprintln!("a start takes {calls} system calls of {who}");
        assert!(calls <= most, "{who} makes {calls} system calls; {measured} were measured, {most} may be");
    }
}

#[test]
fn a_start_takes_few_instructions() {
    let Some(counts) = of_each_size(FEW, &CALLGRIND, &["run", "--json"], |home| {
        // The runner's own: it ends last.
        profiles(home).last().map_or(0, |profile| number_after(profile, "summary: "))
    }) else {
        return;
    };
    let instructions = per_process(FEW, counts);
    eprintln!("a start takes {instructions} instructions of the runner in this build");
    assert!(
        instructions <= START.1,
        "a start takes {instructions} instructions; {START:?} were measured and may be"
    );
}

#[test]
fn a_check_takes_few_instructions_and_allocations() {
    let Some(counts) = of_each_size(FEW, &CALLGRIND, &["check", "--json"], |home| {
        let profiles = profiles(home);
        // What was done before the fork is in both: it does not grow.
        let instructions: u64 = profiles.iter().map(|profile| number_after(profile, "summary: ")).sum();
        [instructions, profiles.iter().map(|profile| allocations(profile)).sum()]
    }) else {
        return;
    };
    let [instructions, allocations] = [0, 1].map(|place| per_process(FEW, counts.map(|count| count[place])));
    eprintln!(
        "a check takes {instructions} instructions and {allocations} allocations a process in this build"
    );
    assert!(
        instructions <= CHECK.1,
        "a check takes {instructions} instructions; {CHECK:?} were measured and may be"
    );
    assert!(
        allocations <= BLOCKS.1,
        "a check makes {allocations} allocations; {BLOCKS:?} were measured and may be"
    );
}

const STRACE: [&str; 4] = ["strace", "-f", "-o", "trace"];
const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=profile.%p"];

/// Measures a task of each size under a tool; nothing if the tool is missing or does not work here.
fn of_each_size<T: Default + Copy>(
    sizes: [u64; 2],
    tool: &[&str],
    arguments: &[&str],
    count: impl Fn(&Path) -> T,
) -> Option<[T; 2]> {
    let mut counts = [T::default(); 2];
    for (size, counted) in sizes.into_iter().zip(&mut counts) {
        let thermos = Thermos::new();
        let tried = Command::new(tool[0]).args(&tool[1..]).arg("true").current_dir(thermos.home()).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            skip(&format!("{} is missing, or may not look at processes here", tool[0]));
            return None;
        }
        for entry in fs::read_dir(thermos.home()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let processes: Vec<Value> =
            (0..size).map(|number| json!({"name": format!("p{number:03}"), "cmdline": "true"})).collect();
        // One at a time: two that end together would be taken in at once.
        let task = json!({"name": "t", "max_concurrency": 1, "processes": processes});
        thermos.write("task.json", task.to_string());
        let call = thermos.command_under(tool, arguments.iter().chain(&["task.json"]));
        call.limit(Duration::from_secs(240)).output().expect_code(0);
        *counted = count(&thermos.home());
    }
    Some(counts)
}

fn per_process(sizes: [u64; 2], [fewer, more]: [u64; 2]) -> f64 {
    more.saturating_sub(fewer) as f64 / (sizes[1] - sizes[0]) as f64
}

/// Counts the calls of the runner, of who forks siblings, and of coordinators: the first process, the one that does so, and
/// those others that take charge of orphans.
fn system_calls(home: &Path) -> [u64; 3] {
    let trace = fs::read_to_string(home.join("trace")).unwrap();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let (mut runner, mut server, mut coordinators) = (None, None, Vec::new());
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        runner = runner.or(Some(pid));
        if call.starts_with("prctl(PR_SET_CHILD_SUBREAPER") && runner != Some(pid) {
            coordinators.push(pid);
        }
        if call.starts_with("clone(") && call.contains("CLONE_PARENT") {
            server = Some(pid);
        }
        if call.starts_with(|first: char| first.is_ascii_lowercase()) {
            *counts.entry(pid).or_default() += 1;
        }
    }
    let of = |pid: &str| counts.get(pid).copied().unwrap_or_default();
    [of(runner.unwrap()), of(server.unwrap()), coordinators.into_iter().map(of).sum()]
}

/// Returns what callgrind wrote about each process, in the order of their ends.
fn profiles(home: &Path) -> Vec<String> {
    let files = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    let is_profile = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "profile");
    let mut files: Vec<PathBuf> = files.filter(is_profile).collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn number_after(profile: &str, name: &str) -> u64 {
    profile.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
}

/// Counts the calls of the allocator that give or enlarge a block.
fn allocations(profile: &str) -> u64 {
    let names = ["alloc", "alloc_zeroed", "realloc"];
    let is_allocator = |name: &str| {
        name.split_once("memory::Counting as ")
            .is_some_and(|(_, rest)| names.iter().any(|name| rest.ends_with(&format!("::{name}"))))
    };
    let (mut allocators, mut is_called, mut count) = (HashSet::new(), false, 0);
    for line in profile.lines() {
        let function = line.strip_prefix("cfn=(").or_else(|| line.strip_prefix("fn=("));
        if let Some((id, name)) = function.and_then(|function| function.split_once(')')) {
            if is_allocator(name.trim()) {
                allocators.insert(id);
            }
            is_called = line.starts_with('c') && allocators.contains(id);
        } else if let Some(calls) = line.strip_prefix("calls=").filter(|_| is_called) {
            count += calls.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
    }
    count
}
