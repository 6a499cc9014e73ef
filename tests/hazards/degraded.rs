//! Systems that lack what strays are usually found by.

use std::process::Command;

use serde_json::json;

use crate::harness::{Thermos, wait_until};

/// Hides all cgroups from a program.
const WITHOUT_CGROUPS: [&str; 6] =
    ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/fs/cgroup && exec \"$@\"", "sh"];

/// Refuses prctl(2) to a program and all it starts.
const WITHOUT_PRCTL: [&str; 7] = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=prctl:error=EPERM"];

/// Leaves a stray in a session of its own, then ends.
const LEAVES_A_STRAY: &str =
    "setsid sh -c 'echo $$ > stray; exec sleep 1000' & until [ -s stray ]; do :; done";

fn works(wrapper: &[&str]) -> bool {
    let works = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg("true")
        .output()
        .is_ok_and(|out| out.status.success());
    if !works {
        eprintln!("skipped: {} does not work here", wrapper[0]);
    }
    works
}

#[test]
fn point_04_without_cgroups_a_task_runs_says_so_once_and_leaves_nothing() {
    if !works(&WITHOUT_CGROUPS) {
        return;
    }
    let thermos = Thermos::new();
    let arguments = ["simplerun", "--task-id", "id", LEAVES_A_STRAY];
    let output = thermos.command_under(&WITHOUT_CGROUPS, arguments).output().expect_code(0);
    assert_eq!(output.whole_stderr.matches("No cgroup").count(), 1, "{}", output.whole_stderr);
    assert_eq!(thermos.processes(), [""; 0]);
}

#[test]
fn point_04_without_cgroups_a_stray_of_a_dead_coordinator_is_found_by_its_environment() {
    if !works(&WITHOUT_CGROUPS) {
        return;
    }
    let thermos = Thermos::new();
    let command = format!("[ -e again ] || {{ touch again; {LEAVES_A_STRAY}; kill -9 $PPID; sleep 1000; }}");
    let task = json!({"name": "t", "processes": [{"name": "p", "cmdline": command, "min_duration": 0}]});
    thermos.write("task.json", task.to_string());
    let arguments = ["run", "--json", "--task-id", "id", "task.json"];
    thermos.command_under(&WITHOUT_CGROUPS, arguments).output().expect_code(0).expect_stderr("was lost");
    assert_eq!(thermos.processes(), [""; 0]);
}

#[test]
fn point_04_without_prctl_a_task_runs_and_leaves_nothing() {
    if !works(&WITHOUT_PRCTL) {
        return;
    }
    let thermos = Thermos::new();
    let arguments = ["simplerun", "--task-id", "id", LEAVES_A_STRAY];
    let output = thermos.command_under(&WITHOUT_PRCTL, arguments).output().expect_code(0);
    assert!(output.stderr.contains("Cannot become a subreaper"), "{}", output.stderr);
    wait_until(&thermos.home(), || thermos.processes().is_empty());
}
