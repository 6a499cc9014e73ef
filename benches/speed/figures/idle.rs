//! What a task costs whose processes only sleep.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::Scale;
use crate::Outcome;
use crate::measure::quantile;
use crate::report::{Report, Row};
use crate::work::{Folder, MEMORY, many, run};

/// Memory of the runner and of its coordinators, and how often they wake.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let count = scale.of(200, 20);
    let mut task = many(count, "exec sleep 1000");
    task["max_concurrency"] = Value::from(0);
    let folder = Folder::below(Path::new(MEMORY))?;
    let mut call = run(folder.path(), &task)?;
    let mut runner = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let seen = look(runner.id() as i32, count, Duration::from_secs(scale.of(10, 2)));
    kill(Pid::from_raw(runner.id() as i32), Signal::SIGTERM)?;
    runner.wait()?;
    let (memory, shares, wakeups) = seen?;
    report.row(Row {
        case: format!("runner of {count} sleeping processes"),
        memory: Some(memory / 1024.0),
        other: format!("{wakeups} wakeups of all; "),
        limit: "PSS under 6 MB, no wakeups".to_owned(),
        ..Row::default()
    });
    report.row(Row {
        case: "a coordinator".to_owned(),
        memory: Some(quantile(shares, 0.5) / 1024.0),
        limit: "PSS under 0.3 MB".to_owned(),
        ..Row::default()
    });
    Ok(())
}

/// Returns the memory of the runner and of each coordinator in KB, and how often any of them woke.
fn look(runner: i32, count: usize, window: Duration) -> Outcome<(f64, Vec<f64>, u64)> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let coordinators = loop {
        let children = children(runner)?;
        if children.len() == count && children.iter().all(|child| is_supervising(*child)) {
            break children;
        }
        if Instant::now() > deadline {
            return Err("the processes did not come to sleep within a minute".into());
        }
        sleep(Duration::from_millis(20));
    };
    let all: Vec<i32> = coordinators.iter().copied().chain([runner]).collect();
    let total = || all.iter().map(|pid| switches(*pid)).sum::<Outcome<u64>>();
    let before = total()?;
    sleep(window);
    let wakeups = total()? - before;
    let shares = coordinators.iter().map(|pid| share(*pid)).collect::<Outcome<Vec<f64>>>()?;
    Ok((share(runner)?, shares, wakeups))
}

fn children(pid: i32) -> Outcome<Vec<i32>> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}

/// Says whether the command of a coordinator has become what it is to be.
fn is_supervising(coordinator: i32) -> bool {
    let commands = children(coordinator).unwrap_or_default();
    let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    commands.first().map(name).is_some_and(|name| name.trim() == "sleep")
}

fn switches(pid: i32) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(number(&text, "voluntary_ctxt_switches:")? as u64)
}

fn share(pid: i32) -> Outcome<f64> {
    number(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?, "Pss:")
}

fn number(text: &str, name: &str) -> Outcome<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("a line of /proc is missing")?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}
