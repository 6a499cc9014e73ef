//! Commands that see their sandbox as their root. All of it takes root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{games, is_root};
use crate::harness::{Thermos, wait_until};

/// Makes a root with bash in it.
fn small_root(thermos: &Thermos) -> PathBuf {
    thermos.open_to_all();
    let root = thermos.home().join("small");
    let listed = Command::new("ldd").arg("/bin/bash").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let libraries = listed.split_ascii_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain(["/bin/bash"]) {
        copy(file, &root);
    }
    root
}

/// By another process: a file that this one had open for writing could not be executed while any thread forks.
fn copy(file: &str, root: &Path) {
    let target = root.join(file.trim_start_matches('/'));
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    assert!(Command::new("cp").arg("-L").args([Path::new(file), &target]).status().unwrap().success());
}

fn run(thermos: &Thermos, id: &str, command: &str) -> crate::harness::Output {
    thermos.run(["simplerun", "--chroot", "--sandbox", "small", "--user", "games", "--task-id", id, command])
}

#[test]
fn commands_see_the_sandbox_as_their_root() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let root = small_root(&thermos);
    fs::write(root.join(".thermos_profile"), "from_profile=yes\n").unwrap();
    let command =
        "echo $PWD; echo $HOME $USER $UID; echo $BASH_ENV $from_profile; echo /*; [ -e /proc ] || echo alone";
    run(&thermos, "id", command).expect_code(0);
    let said = thermos.run(["tail", "id"]).text;
    let lines: Vec<&str> = said.lines().collect();
    let who = format!("{} games {}", games().dir.display(), games().uid);
    assert_eq!(lines[..3], ["/", &who, "/.thermos_profile yes"], "{said}");
    assert!(lines[3].starts_with("/bin ") && lines[4] == "alone", "{said}");
    assert!(thermos.root().join("logs/id/simple/0/stdout").exists());
}

#[test]
fn a_resumed_task_keeps_its_root_its_user_and_its_strays() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let root = small_root(&thermos);
    let wait = "echo $UID $HOME; (while :; do read -t 1000 <> wait; done) & > up; read < wait; echo /*";
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(root.join("wait")).status().unwrap().success());
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    let arguments =
        ["simplerun", "--chroot", "--sandbox", "small", "--user", "games", "--task-id", "id", wait];
    let running = thermos.command(arguments).spawn();
    thermos.wait_for_file("small/up");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    let stream = fs::read_to_string(thermos.root().join("checkpoints/id/coordinator.simple.0")).unwrap();
    let first: serde_json::Value = serde_json::from_str(stream.lines().next().unwrap()).unwrap();
    let coordinator = first["process_status"]["coordinator_pid"].as_i64().unwrap() as i32;
    kill(Pid::from_raw(coordinator), Signal::SIGKILL).unwrap();
    let resumed = thermos.command(["resume", "id"]).spawn();
    let log = thermos.root().join("logs/id/simple/1/stdout");
    let who = format!("{} {}\n", games().uid, games().dir.display());
    wait_until(&log, || fs::read_to_string(&log).is_ok_and(|text| text == who));
    thermos.run(["kill", "id"]).expect_code(0);
    resumed.wait().expect_code(4);
    assert_eq!(strays_below(&root), Vec::<PathBuf>::new());
}

/// Returns the processes whose root this is.
fn strays_below(root: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.filter(|process| fs::read_link(process.join("root")).is_ok_and(|of| of == root)).collect()
}

#[test]
fn a_root_without_a_shell_is_refused_before_anything_starts() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    run(&thermos, "id", "true").expect_code(6).expect_diagnostic("no_shell", "there is no program /bin/bash");
    assert!(!thermos.home().join("small").exists());
    // A link that leads out of the root leads nowhere in it.
    fs::create_dir_all(thermos.home().join("small/bin")).unwrap();
    std::os::unix::fs::symlink("/usr/bin/bash", thermos.home().join("small/bin/bash")).unwrap();
    run(&thermos, "id", "true").expect_code(6).expect_diagnostic("no_shell", "there is no program /bin/bash");
    assert_eq!(thermos.root_files(), Vec::<String>::new());
}

#[test]
fn a_shell_that_cannot_be_executed_in_the_root_fails_the_process_with_the_reason() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    thermos.open_to_all();
    copy("/bin/bash", &thermos.home().join("small"));
    let output = run(&thermos, "id", "true").expect_code(1);
    output.expect_stderr("/bin/bash, or a library that it needs, is missing in the root");
}
