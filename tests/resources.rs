//! Resources: recorded and shown always, limits with `--enforce`; and the cgroup that holds a task together.
//!
//! Where no cgroup can be made, or none that limits, the tests say so and end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Thermos, wait_until};

const MB: u64 = 1 << 20;

fn resources(cpu: f64, megabytes: u64) -> Value {
    json!({"cpu": cpu, "ram": megabytes * MB, "disk": 0, "gpu": 0})
}

/// Takes so many megabytes at once.
fn eat(megabytes: u64) -> String {
    format!("head -c {megabytes}M /dev/zero | tail -n 1 | wc -c")
}

/// Starts a task of the name and id `id` with its processes, `extra` fields and flags.
fn command(thermos: &Thermos, processes: Value, extra: Value, flags: &[&str]) -> crate::harness::Invocation {
    let mut task = json!({"name": "id", "processes": processes, "finalization_wait": 1});
    task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    thermos.write("task.json", task.to_string());
    let arguments = ["run", "--json", "--task-id", "id"].iter().chain(flags).chain(&["task.json"]);
    thermos.command(arguments)
}

fn header(thermos: &Thermos) -> Value {
    let stream = fs::read_to_string(thermos.root().join("checkpoints/id/runner")).unwrap_or_default();
    let line = stream.lines().next().unwrap_or("null");
    serde_json::from_str::<Value>(line).unwrap()["runner_header"].clone()
}

/// The cgroup of the task, if one could be made.
fn cgroup(thermos: &Thermos) -> Option<PathBuf> {
    let folder = header(thermos)["cgroup"]["folder"].as_str().map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: no cgroup can be made here");
    }
    folder
}

/// Says whether a process runs; one that nobody has reaped does not.
fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// Says whether a task can be limited here.
fn can_enforce() -> bool {
    let thermos = Thermos::new();
    let processes = json!([{"name": "p", "cmdline": "true", "resources": resources(0.5, 100)}]);
    let output = command(&thermos, processes, json!({}), &["--enforce"]).output();
    if output.code != 0 {
        eprintln!("skipped: {}", output.expect_diagnostic("unlimited", "cannot be enforced").stderr);
        return false;
    }
    header(&thermos)["cgroup"]["work"].is_array()
}

#[test]
fn a_task_has_a_cgroup_from_its_start_to_its_end() {
    let thermos = Thermos::new();
    let processes =
        json!([{"name": "p", "cmdline": "echo $$ > pid; read -r x < /proc/self/cgroup; sleep 1000"}]);
    let running = command(&thermos, processes, json!({}), &[]).spawn();
    thermos.wait_for_file("pid");
    if let Some(folder) = cgroup(&thermos) {
        let name = format!("thermos-{}", header(&thermos)["launch"].as_str().unwrap());
        assert_eq!(folder.file_name().unwrap().to_str(), Some(name.as_str()));
        let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(members.lines().any(|pid| pid == running.pid().to_string()), "{members}");
        running.signal(Signal::SIGTERM);
        running.wait().expect_code(4);
        assert!(!folder.exists());
    }
}

#[test]
fn a_stray_without_mark_session_or_parent_is_found_when_everybody_who_knew_it_is_dead() {
    let thermos = Thermos::new();
    // It closes what it inherited, clears its environment, and loses its parent; then all supervisors die.
    let escape = "env -i setsid bash -c '(sleep 1000 & echo $! > stray) >/dev/null 2>&1'; sleep 1000";
    let running = command(&thermos, json!([{"name": "p", "cmdline": escape}]), json!({}), &[]).spawn();
    let stray = thermos.wait_for_file("stray");
    wait_until(&stray, || fs::read_to_string(&stray).unwrap().ends_with('\n'));
    let pid: i32 = fs::read_to_string(&stray).unwrap().trim().parse().unwrap();
    let stat = fs::read_to_string(thermos.root().join("checkpoints/id/coordinator.p.0")).unwrap();
    let claim: Value = serde_json::from_str(stat.lines().next().unwrap()).unwrap();
    let coordinator = claim["process_status"]["coordinator_pid"].as_i64().unwrap() as i32;
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, -9);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(coordinator), Signal::SIGKILL).unwrap();
    let has_group = cgroup(&thermos);
    thermos.run(["kill", "id"]).expect_code(0);
    match has_group {
        Some(folder) => {
            assert!(!lives(pid), "the stray lives");
            assert!(!folder.exists());
        }
        None => nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap(),
    }
}

#[test]
fn resources_are_shown_and_limit_nothing_unless_that_is_asked_for() {
    let thermos = Thermos::new();
    let processes = json!([{"name": "p", "cmdline": eat(8), "resources": resources(0.5, 1)}]);
    command(&thermos, processes, json!({"resources": resources(0.25, 1)}), &[]).output().expect_code(0);
    let shown = thermos.run(["status", "--verbosity", "2", "id"]).expect_code(0);
    shown.expect_stdout("    resources: cpu 0.25, ram 1 MiB, disk 0 B, gpu 0\n");
    let json = thermos.run(["status", "--format", "json", "id"]).json();
    assert_eq!(json[0]["resources"]["ram"], MB);
}

#[test]
fn a_process_that_takes_more_memory_than_it_has_fails_and_says_why() {
    if !can_enforce() {
        return;
    }
    let thermos = Thermos::new();
    let processes = json!([
        {"name": "greedy", "cmdline": format!("set -o pipefail; {}", eat(200)), "resources": resources(0.0, 32)},
        {"name": "modest", "cmdline": eat(200)},
    ]);
    let output = command(&thermos, processes, json!({"max_failures": 2}), &["--enforce"]).output();
    let output = output.expect_code(0).expect_stderr("Process(modest) finished successfully");
    assert!(
        output.stderr.contains("Process(greedy) failed [rc=") && output.stderr.contains(": out of memory\n")
    );
    let status = thermos.run(["status", "--format", "json", "id"]).json();
    assert_eq!(status[0]["processes"]["greedy"][0]["state"], "FAILED");
    assert!(!cgroup(&thermos).unwrap().exists());
}

#[test]
fn what_a_task_may_take_is_shared_by_its_processes() {
    if !can_enforce() {
        return;
    }
    let thermos = Thermos::new();
    // Each holds its part until the other has its own, or until its own is taken away: both together are too much.
    let hold = |own: &str, other: &str| {
        let wait = format!("until [ -e {other} ]; do echo -n x || exit 1; sleep 0.01; done");
        let hold =
            format!("set -o pipefail; {{ head -c 40M /dev/zero; touch {own}; {wait}; }} | tail -n 1 | wc -c");
        json!({"name": own, "cmdline": hold})
    };
    let extra = json!({"resources": resources(0.0, 64), "max_failures": 2});
    let output = command(&thermos, json!([hold("a", "b"), hold("b", "a")]), extra, &["--enforce"]).output();
    assert!(output.stderr.contains(": out of memory\n"), "{}", output.stderr);
}

#[test]
fn the_share_of_processors_is_set_for_each_run_and_for_the_whole() {
    if !can_enforce() {
        return;
    }
    let thermos = Thermos::new();
    let processes =
        json!([{"name": "p", "cmdline": "touch here; sleep 1000", "resources": resources(0.5, 0)}]);
    let running =
        command(&thermos, processes, json!({"resources": resources(1.5, 0)}), &["--enforce"]).spawn();
    thermos.wait_for_file("here");
    let work: Vec<PathBuf> = serde_json::from_value(header(&thermos)["cgroup"]["work"].clone()).unwrap();
    let quota = |folder: &Path| {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        read("cpu.cfs_quota_us")
            .or_else(|| read("cpu.max"))
            .map(|text| text.split_whitespace().next().unwrap().parse::<u64>().unwrap())
    };
    let whole: Vec<u64> = work.iter().filter_map(|folder| quota(folder)).collect();
    let run: Vec<u64> = work.iter().filter_map(|folder| quota(&folder.join("0.0"))).collect();
    assert_eq!((whole, run), (vec![150_000], vec![50_000]));
    running.signal(Signal::SIGTERM);
    running.wait().expect_code(4);
    assert!(work.iter().all(|folder| !folder.exists()));
}

/// Hides all cgroups from a program.
const WITHOUT_CGROUPS: [&str; 6] =
    ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/fs/cgroup && exec \"$@\"", "sh"];

#[test]
fn without_cgroups_a_process_is_limited_by_itself_and_all_else_is_refused() {
    let hidden = Command::new(WITHOUT_CGROUPS[0]).args(&WITHOUT_CGROUPS[1..]).arg("true").output();
    if !hidden.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: cgroups cannot be hidden here");
    }
    let thermos = Thermos::new();
    let run = |id: &str, processes: Value, extra: Value| {
        let mut task = json!({"name": "t", "processes": processes});
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        thermos.write("task.json", task.to_string());
        let arguments = ["run", "--json", "--enforce", "--task-id", id, "task.json"];
        thermos.command_under(&WITHOUT_CGROUPS, arguments).output()
    };
    let limited = json!([{"name": "p", "cmdline": "ulimit -v", "resources": resources(0.0, 64)}]);
    run("own", limited, json!({})).expect_code(0);
    thermos.run(["tail", "own"]).expect_stdout("65536\n");
    let whole = json!({"resources": resources(0.0, 64)});
    let refused = run("whole", json!([{"name": "p", "cmdline": "touch ran"}]), whole).expect_code(6);
    refused.expect_diagnostic("unlimited", "resources cannot be enforced");
    let cpu = json!([{"name": "p", "cmdline": "touch ran", "resources": resources(1.0, 0)}]);
    run("cpu", cpu, json!({})).expect_code(6).expect_diagnostic("unlimited", "resources cannot be enforced");
    assert!(!thermos.home().join("ran").exists());
}

/// The folder of the memory cgroup that this test is in, and the name of the file with its limit.
fn own_memory() -> Option<(PathBuf, &'static str)> {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let legacy = memberships.lines().find_map(|line| line.split_once(":memory:"));
    let folder = match legacy {
        Some((_, path)) => Path::new("/sys/fs/cgroup/memory").join(path.trim_start_matches('/')),
        None => Path::new("/sys/fs/cgroup").join(memberships.trim().strip_prefix("0::/")?),
    };
    let name = if legacy.is_some() { "memory.limit_in_bytes" } else { "memory.max" };
    folder.join(name).exists().then_some((folder, name))
}

/// A cgroup of a test, removed at its end.
struct OuterGroup(PathBuf);

impl Drop for OuterGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn what_the_kernel_kills_for_want_of_memory_has_failed_though_nothing_was_limited_by_us() {
    let Some((own, limit)) = own_memory() else { return eprintln!("skipped: no memory cgroup here") };
    let outer = OuterGroup(own.join(format!("thermos-test-{}", std::process::id())));
    if fs::create_dir(&outer.0).and_then(|()| fs::write(outer.0.join(limit), (64 * MB).to_string())).is_err()
    {
        return eprintln!("skipped: memory cannot be limited here");
    }
    let thermos = Thermos::new();
    let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", outer.0.display());
    let wrapper = ["sh", "-c", &enter, "sh"];
    // One line without an end: all of it is held.
    let arguments = ["simplerun", "--task-id", "id", "tail -n 1 /dev/zero"];
    let output = thermos.command_under(&wrapper, arguments).output().expect_code(1);
    output.expect_stderr("Process(simple) failed [rc=-9]: out of memory");
}
