//! Reading what was recorded: going on with a large task, and looking at many.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::measure::measure;
use crate::report::Report;
use crate::work::{Folder, MEMORY, command, many, run, thermos};

const GATE: &str = "until [ -e go ]; do sleep 0.1; done";
const PARSE: &str = "import json\nfor line in open('root/checkpoints/id/runner'):\n    json.loads(line)\n";

/// Four records of each process; then many tasks of one process.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let count = scale.of(25_000, 500);
    let left = Folder::below(Path::new(MEMORY))?;
    leave(left.path(), count)?;
    let cases = [
        Case::new("json.loads of each line by Python", |folder| {
            copy_task(left.path(), folder)?;
            let mut call = command("python3", folder);
            call.args(["-c", PARSE]);
            Ok(call)
        }),
        Case::new(format!("thermos resume, {} records", 4 * count), |folder| {
            copy_task(left.path(), folder)?;
            let mut call = thermos(folder);
            call.args(["resume", "id"]);
            Ok(call)
        }),
    ];
    compare(report, Path::new(MEMORY), 5, &cases)?;
    drop(cases);
    drop(left);
    let tasks = scale.of(10_000, 200);
    let root = Folder::below(Path::new(MEMORY))?;
    copies(root.path(), tasks)?;
    let cases = [
        Case::new(format!("cat of {tasks} streams"), |_| {
            let mut call = command("bash", root.path());
            call.args(["-c", "find root/checkpoints -name runner -print0 | xargs -0 cat > /dev/null"]);
            Ok(call)
        }),
        Case::new(format!("thermos status, {tasks} tasks"), |_| {
            let mut call = thermos(root.path());
            call.arg("status");
            Ok(call)
        }),
    ];
    compare(report, Path::new(MEMORY), 5, &cases)
}

/// Leaves a task behind whose runner was killed when all but the last process had ended, which ends by itself.
fn leave(folder: &Path, count: usize) -> Outcome<()> {
    let mut task = many(count, "true");
    if let Some(processes) = task["processes"].as_array_mut() {
        processes.push(json!({"name": "gate", "cmdline": GATE}));
    }
    let mut call = run(folder, &task)?;
    let mut runner = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let records =
        |name: &str| fs::read_to_string(folder.join("root/checkpoints/id").join(name)).unwrap_or_default();
    // All others have ended, and the last one is there.
    let left = wait_for(|| {
        let first: Value = serde_json::from_str(records("coordinator.gate.0").lines().next()?).ok()?;
        let ended = records("runner").matches(r#""state":"SUCCESS""#).count();
        first["process_status"]["coordinator_pid"].as_i64().filter(|_| ended == count)
    });
    kill(Pid::from_raw(runner.id() as i32), Signal::SIGKILL)?;
    runner.wait()?;
    fs::write(folder.join("go"), "")?;
    let coordinator = left?.to_string();
    wait_for(|| (!Path::new("/proc").join(&coordinator).exists()).then_some(()))
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Outcome<T> {
    let deadline = Instant::now() + Duration::from_secs(600);
    while Instant::now() < deadline {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        sleep(Duration::from_millis(20));
    }
    Err("nothing happened for ten minutes".into())
}

/// Copies what a runner that goes on with the task needs.
fn copy_task(from: &Path, to: &Path) -> Outcome<()> {
    let files = [
        "checkpoints/id/runner",
        "checkpoints/id/lock",
        "checkpoints/id/coordinator.gate.0",
        "tasks/active/id",
    ];
    for file in files {
        copy(&from.join("root").join(file), &to.join("root").join(file))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()).into())
}

/// Runs one task and copies it under other ids.
fn copies(folder: &Path, count: usize) -> Outcome<()> {
    measure(&run(folder, &many(1, "true"))?)?;
    let root = folder.join("root");
    let stream = fs::read_to_string(root.join("checkpoints/id/runner"))?;
    for number in 1..count {
        let id = format!("id-{number:05}");
        let checkpoint = root.join("checkpoints").join(&id);
        fs::create_dir_all(&checkpoint)?;
        fs::write(
            checkpoint.join("runner"),
            stream.replace(r#""task_id":"id""#, &format!(r#""task_id":"{id}""#)),
        )?;
        copy(&root.join("checkpoints/id/lock"), &checkpoint.join("lock"))?;
        copy(&root.join("tasks/finished/id"), &root.join("tasks/finished").join(&id))?;
    }
    Ok(())
}
