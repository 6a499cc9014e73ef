//! Other users: commands of theirs, tasks of theirs, and people who are not in the user database (points 5 and 13).
//!
//! Most of this takes root; without it there is nothing to see.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, User, mkfifo};
use serde_json::{Value, json};

use super::{games, is_root};
use crate::harness::{Thermos, wait_until};

const NOBODY: u32 = 65534;

fn name_of(uid: u32) -> String {
    User::from_uid(uid.into()).unwrap().unwrap().name
}

/// Starts a task of one process and returns once its command has made a file `up` in its sandbox.
fn start_with_sandbox(thermos: &Thermos, user: &str, command: &str) -> crate::harness::Running {
    thermos.open_to_all();
    let arguments = ["simplerun", "--task-id", "id", "--user", user, "--sandbox", "box"];
    let running = thermos.command(arguments).arg(command).spawn();
    thermos.wait_for_file("box/up");
    running
}

/// Returns the last known record of the only run.
fn coordinator(thermos: &Thermos) -> Pid {
    let stream = thermos.root().join("checkpoints/id/coordinator.simple.0");
    let text = fs::read_to_string(stream).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    Pid::from_raw(first["process_status"]["coordinator_pid"].as_i64().unwrap() as i32)
}

fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().uid()
}

#[test]
fn a_command_has_the_user_the_groups_and_the_environment_of_its_user() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    thermos.open_to_all();
    let name = name_of(NOBODY);
    let command = "grep -E '^(Uid|Gid|Groups|SigBlk|SigIgn|CapEff)' /proc/self/status; echo $USER $LOGNAME $HOME $PWD {{thermos.user}}; id -un > mine";
    let arguments = ["simplerun", "--task-id", "id", "--user", "65534", "--sandbox", "new/box", command];
    thermos.run(arguments).expect_code(0);
    let gid = User::from_uid(NOBODY.into()).unwrap().unwrap().gid;
    let sandbox = thermos.home().join("new/box");
    let place = sandbox.display();
    let said = thermos.run(["tail", "-n", "50", "id"]).text.replace('\t', " ");
    let groups = format!("Groups: {gid} ");
    for expected in [
        "Uid: 65534 65534 65534 65534",
        &format!("Gid: {gid} {gid} {gid} {gid}"),
        &groups,
        "SigBlk: 0000000000000000",
        "SigIgn: 0000000000000000",
        "CapEff: 0000000000000000",
        &format!("{name} {name} {place} {place} {name}"),
    ] {
        assert!(said.lines().any(|line| line == expected), "{expected} is not in\n{said}");
    }
    let logs = thermos.root().join("logs/id/simple/0");
    for path in [&logs, &logs.join("stdout"), &logs.join("stderr"), &sandbox, &sandbox.join("mine")] {
        assert_eq!(owner(path), NOBODY, "{}", path.display());
    }
    for path in thermos.root_files() {
        let is_logs = path.starts_with("logs/id/simple/0");
        assert_eq!(owner(&thermos.root().join(&path)) == NOBODY, is_logs, "{path}");
    }
    let status = thermos.run(["status", "--format", "json", "id"]).json();
    assert_eq!(status[0]["user"], name.as_str());
}

#[test]
fn the_flag_wins_over_the_task_and_a_sandbox_keeps_its_owner() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    thermos.open_to_all();
    let process = json!({"name": "p", "cmdline": "id -un; echo {{thermos.user}}"});
    thermos.write("task.json", json!({"name": "t", "user": "daemon", "processes": [process]}).to_string());
    thermos.run(["run", "--task-id", "a", "task.json"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "a"]).text, "daemon\ndaemon\n");
    thermos.run(["run", "--task-id", "b", "--user", "games", "task.json"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "b"]).text, "games\ngames\n");
    assert_eq!(owner(&thermos.home()), 0);
}

#[test]
fn a_sandbox_that_its_user_may_not_enter_fails_the_process_with_the_reason() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    fs::set_permissions(thermos.home(), fs::Permissions::from_mode(0o700)).unwrap();
    let output = thermos.run(["simplerun", "--user", "games", "true"]).expect_code(1);
    output.expect_stderr(&format!("user games cannot enter {}: Permission denied", thermos.home().display()));
}

#[test]
fn links_that_a_user_laid_out_do_not_lead_root_astray() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    thermos.open_to_all();
    let (logs, secret) = (thermos.home().join("logs"), thermos.home().join("secret"));
    for folder in [&logs, &secret] {
        fs::create_dir(folder).unwrap();
    }
    chown(&logs, Some(NOBODY), None).unwrap();
    let run = |id: &str| {
        let arguments = ["simplerun", "--user", "65534", "--log-dir", "logs", "--task-id", id, "echo hello"];
        thermos.run(arguments).expect_code(1).expect_stderr("cannot use")
    };
    symlink(&secret, logs.join("simple")).unwrap();
    run("a");
    fs::remove_file(logs.join("simple")).unwrap();
    fs::create_dir(logs.join("simple")).unwrap();
    symlink(&secret, logs.join("simple/0")).unwrap();
    run("b");
    fs::remove_file(logs.join("simple/0")).unwrap();
    fs::create_dir(logs.join("simple/0")).unwrap();
    let mine = thermos.write("secret/mine", "root's");
    symlink(&mine, logs.join("simple/0/stdout")).unwrap();
    run("c");
    fs::remove_file(logs.join("simple/0/stdout")).unwrap();
    fs::hard_link(&mine, logs.join("simple/0/stdout")).unwrap();
    run("d");
    assert_eq!((fs::read_to_string(&mine).unwrap().as_str(), owner(&mine)), ("root's", 0));
    assert_eq!(fs::read_dir(&secret).unwrap().count(), 1);
}

#[test]
fn a_user_without_room_for_a_process_delays_the_start() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    // The limit is of processes that the user has already.
    let script = "setpriv --reuid games --regid games --clear-groups sleep 1000 & other=$!
        until [ \"$(stat -c %U /proc/$other)\" = games ]; do sleep 0.01; done
        ulimit -u 0; $THERMOS simplerun --task-id id --user games true
        code=$?; kill $other; exit $code";
    let running = thermos.shell(script).spawn();
    let stream = thermos.root().join("checkpoints/id/runner");
    wait_until(&stream, || fs::read_to_string(&stream).is_ok_and(|text| text.contains("WAITING")));
    thermos.run(["kill", "id"]).expect_code(0);
    running.wait().expect_code(4);
    let records = fs::read_to_string(&stream).unwrap();
    assert!(records.contains("never started") && !records.contains("return_code"), "{records}");
}

#[test]
fn without_root_commands_run_as_oneself_or_not_at_all() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::of_user(NOBODY);
    let name = name_of(NOBODY);
    let refused = thermos.run(["simplerun", "--user", "games", "true"]).expect_code(6);
    let text = format!("running as user 'games' takes root, and this is user '{name}'");
    refused.expect_diagnostic("needs_root", &text);
    thermos
        .run(["simplerun", "--user", "root", "true"])
        .expect_code(6)
        .expect_diagnostic("needs_root", "'root'");
    let refused = thermos.run(["simplerun", "--chroot", "true"]).expect_code(6);
    refused.expect_diagnostic("needs_root", "a chroot takes root");
    let process = json!({"name": "p", "cmdline": "true"});
    thermos.write("task.json", json!({"name": "t", "user": "games", "processes": [process]}).to_string());
    thermos.run(["run", "task.json"]).expect_code(6).expect_diagnostic("needs_root", "'games'");
    assert_eq!(thermos.root_files(), Vec::<String>::new());
    for own in [name.as_str(), "65534"] {
        thermos.run(["simplerun", "--task-id", own, "--user", own, "id -u"]).expect_code(0);
        assert_eq!(thermos.run(["tail", own]).text, "65534\n");
    }
}

#[test]
fn point_05_a_command_that_changed_its_user_is_killed_with_all_that_it_left() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let strays =
        "setsid bash -c 'trap \"\" TERM; sleep 1000; true' & ( ( sleep 1000 & ) & ) ; touch up; sleep 1000";
    let running = start_with_sandbox(&thermos, "games", strays);
    thermos.run(["kill", "--force", "id"]).expect_code(0);
    running.wait().expect_code(4);
    assert_eq!(thermos.processes(), Vec::<String>::new());
}

#[test]
fn point_05_a_child_that_takes_another_user_by_itself_is_killed() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let change = "setpriv --reuid games --regid games --clear-groups";
    let command = format!("{change} setsid sleep 1000 & touch up; {change} sleep 1000");
    let running = start_with_sandbox(&thermos, "root", &command);
    thermos.run(["kill", "id"]).expect_code(0);
    running.wait().expect_code(4);
    assert_eq!(thermos.processes(), Vec::<String>::new());
}

#[test]
fn point_05_a_command_of_another_user_dies_with_its_coordinator_although_no_runner_lives() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let life = thermos.home().join("life");
    mkfifo(&life, Mode::from_bits_truncate(0o600)).unwrap();
    chown(&life, Some(games().uid.as_raw()), None).unwrap();
    // Open in the command alone, for as long as it lives.
    let held = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&life).unwrap();
    let command = "exec 3> ../life; touch up; exec sleep 1000";
    let running = start_with_sandbox(&thermos, "games", command);
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    kill(coordinator(&thermos), Signal::SIGKILL).unwrap();
    let mut closed = [PollFd::new(held.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut closed, PollTimeout::from(30_000_u16)).unwrap(), 1);
    thermos.run(["kill", "--force", "id"]).expect_code(0);
}

#[test]
fn point_05_a_command_whose_coordinator_is_killed_is_gone_before_it_runs_again() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let command = "if [ -e up ]; then exit 0; fi; setsid sleep 1000 & touch up; sleep 1000";
    thermos.open_to_all();
    let process = json!({"name": "simple", "cmdline": command, "min_duration": 0});
    thermos.write("task.json", json!({"name": "t", "user": "games", "processes": [process]}).to_string());
    let running = thermos.command(["run", "--task-id", "id", "--sandbox", "box", "task.json"]).spawn();
    thermos.wait_for_file("box/up");
    kill(coordinator(&thermos), Signal::SIGKILL).unwrap();
    running.wait().expect_code(0);
    let runs = thermos.run(["status", "--format", "json", "id"]).json()[0]["processes"]["simple"].clone();
    assert_eq!((&runs[0]["state"], &runs[1]["state"]), (&json!("LOST"), &json!("SUCCESS")));
}

#[test]
fn point_05_what_may_not_be_killed_is_reported() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::of_user(NOBODY);
    // A program that makes root of anybody, as sudo is one.
    let program = thermos.home().join("become");
    let made = thermos.shell("cp \"$(command -v setpriv)\" become && chmod 4755 become").output();
    made.expect_code(0);
    if nix::sys::statvfs::statvfs(&program).unwrap().flags().contains(nix::sys::statvfs::FsFlags::ST_NOSUID) {
        return;
    }
    let command =
        "./become --reuid 0 --regid 0 --clear-groups bash -c 'echo $BASHPID > pid; exec sleep 1000' &
        until [ -s pid ]; do sleep 0.01; done";
    let output = thermos.run(["simplerun", command]).expect_code(0);
    let pid = fs::read_to_string(thermos.home().join("pid")).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    output.expect_stderr(&format!("Process {}, left by simple, cannot be killed", pid.trim()));
}

#[test]
fn point_13_an_unknown_user_is_refused_at_once() {
    let thermos = Thermos::new();
    for unknown in ["no-such-user", "no such user", "4294967294", "4294967295", "99999999999999999999", "+0"]
    {
        let refused = thermos.run(["simplerun", "--user", unknown, "true"]).expect_code(3);
        refused.expect_diagnostic("unknown_user", &format!("there is no user '{unknown}' on this host"));
    }
    for malformed in ["", "a:b", "a/b", "a\nb"] {
        let refused = thermos.run(["simplerun", "--user", malformed, "true"]).expect_code(2);
        refused.expect_diagnostic("usage", "malformed --user");
    }
    let process = json!({"name": "p", "cmdline": "true"});
    thermos.write("task.json", json!({"name": "t", "user": "no-such", "processes": [process]}).to_string());
    thermos.run(["run", "task.json"]).expect_code(3).expect_diagnostic("unknown_user", "'no-such'");
    assert_eq!(thermos.root_files(), Vec::<String>::new());
    assert!(!thermos.home().join("box").exists());
}

/// A user of this host, until it is dropped.
struct Passing(String);

impl Passing {
    /// Nothing where users cannot be made.
    #[allow(clippy::print_stderr)]
    fn make() -> Option<Passing> {
        let user = Passing(format!("thermos-t{}", std::process::id()));
        let made = Command::new("useradd").args(["-M", "-G", "games", &user.0]).output();
        if made.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(user);
        }
        eprintln!("skipped: useradd: {made:?}");
        None
    }

    /// Although processes of it run.
    fn delete(&self) {
        let _ = Command::new("userdel").args(["-f", &self.0]).output();
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.delete();
    }
}

#[test]
fn point_13_the_numbers_of_a_user_who_was_deleted_hold_for_what_runs_and_for_what_is_still_to_start() {
    if !is_root() {
        return;
    }
    let Some(user) = Passing::make() else { return };
    let uid = User::from_name(&user.0).unwrap().unwrap().uid.as_raw();
    let thermos = Thermos::new();
    thermos.open_to_all();
    let who = format!("echo $USER; id -u; grep Groups: /proc/self/status | grep -w {}", games().gid);
    let processes = json!([
        {"name": "simple", "cmdline": format!("{who}; touch up; until [ -e go ]; do sleep 0.05; done")},
        {"name": "last", "cmdline": &who},
    ]);
    let task = json!({"name": "t", "user": user.0, "processes": processes, "constraints": [{"order": ["simple", "last"]}]});
    thermos.write("task.json", task.to_string());
    let running = thermos.command(["run", "--task-id", "id", "--sandbox", "box", "task.json"]).spawn();
    thermos.wait_for_file("box/up");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    user.delete();
    assert_eq!(User::from_name(&user.0).unwrap(), None);
    thermos.write("box/go", "");
    thermos.run(["resume", "id"]).expect_code(0);
    for process in ["simple", "last"] {
        let said = thermos.run(["tail", "id", process]).text;
        assert!(said.starts_with(&format!("{}\n{uid}\nGroups:", user.0)), "{process}: {said}");
    }
}

#[test]
fn a_task_without_recorded_groups_gets_those_of_its_user_if_there_is_one() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let running =
        start_with_sandbox(&thermos, "games", "[ -e go ] || { touch up; sleep 1000; }; id -u; id -g");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    kill(coordinator(&thermos), Signal::SIGKILL).unwrap();
    let stream = thermos.root().join("checkpoints/id/runner");
    let text = fs::read_to_string(&stream).unwrap();
    let User { uid, gid, .. } = games();
    let without = text.replace(&format!(r#""gid":{gid},"groups":[{gid}],"#), "");
    assert_ne!(text, without);
    let unknown = without.replace(&format!(r#""uid":{uid},"#), r#""uid":4294967294,"#);
    fs::write(&stream, unknown).unwrap();
    thermos.run(["resume", "id"]).expect_code(3).expect_diagnostic("unknown_user", "'games'");
    fs::write(&stream, without).unwrap();
    thermos.write("box/go", "");
    thermos.run(["resume", "id"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "id"]).text, format!("{uid}\n{gid}\n"));
}

#[test]
fn a_task_of_root_is_resumed_and_killed_by_root_alone() {
    if !is_root() {
        return;
    }
    let thermos = Thermos::new();
    let running = start_with_sandbox(&thermos, "games", "touch up; sleep 1000");
    let as_nobody = |arguments: [&str; 2]| {
        let others = Thermos::of_user(NOBODY);
        let output = others.command(arguments).env("THERMOS_ROOT", thermos.root()).output().expect_code(6);
        output.expect_diagnostic("io", "permission denied").expect_stderr("it belongs to user 'root'");
    };
    as_nobody(["resume", "id"]);
    as_nobody(["kill", "id"]);
    as_nobody(["status", "id"]);
    thermos.run(["kill", "--force", "id"]).expect_code(0);
    running.wait().expect_code(4);
}

/// A task `id` of nobody whose runner is dead and whose command waits for `go` in the home.
fn orphan_of_nobody() -> Thermos {
    let thermos = Thermos::of_user(NOBODY);
    let command = "touch up; until [ -e go ]; do sleep 0.05; done; id -u";
    let finalizer = json!({"name": "f", "cmdline": "id -u; env", "final": true});
    let process = json!({"name": "simple", "cmdline": command});
    let task = json!({"name": "t", "processes": [process, finalizer]});
    thermos.write("task.json", task.to_string());
    let running = thermos.command(["run", "--preserve-env", "--task-id", "id", "task.json"]).spawn();
    thermos.wait_for_file("up");
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    thermos
}

/// Calls `thermos` as root on the root of another.
fn as_root(thermos: &Thermos, arguments: &str) -> crate::harness::Output {
    thermos.shell(&format!("$THERMOS {arguments}")).env("SECRET", "of root").output()
}

#[test]
fn root_goes_on_with_a_task_of_another_as_that_other() {
    if !is_root() {
        return;
    }
    let thermos = orphan_of_nobody();
    thermos.write("go", "");
    as_root(&thermos, "resume id").expect_code(0);
    let said = thermos.run(["tail", "-n", "50", "id", "f"]).text;
    assert!(
        said.starts_with("65534\n") && said.contains("THERMOS_RUN=0") && !said.contains("SECRET"),
        "{said}"
    );
    for path in thermos.root_files() {
        assert_eq!(owner(&thermos.root().join(&path)), NOBODY, "{path}");
    }
}

#[test]
fn root_kills_tasks_of_several_owners_at_once() {
    if !is_root() {
        return;
    }
    let thermos = orphan_of_nobody();
    let own = "$THERMOS simplerun --task-id own 'touch own; sleep 1000' & $THERMOS kill 'id|own'";
    let script = format!("{own}; echo \"kill: $?\"; wait");
    let script = script.replace("& $THERMOS kill", "& until [ -e own ]; do sleep 0.05; done; $THERMOS kill");
    let output = thermos.shell(&script).output();
    output.expect_stdout("kill: 0").expect_stderr("Task id has ended: KILLED");
    assert_eq!(thermos.run(["tail", "id", "f"]).text.lines().next(), Some("65534"));
}

#[test]
fn a_forged_checkpoint_gains_nothing_from_root() {
    if !is_root() {
        return;
    }
    let thermos = orphan_of_nobody();
    let stream = thermos.root().join("checkpoints/id/runner");
    let text = fs::read_to_string(&stream).unwrap();
    let forged = text.replace(r#""uid":65534"#, r#""uid":0"#);
    assert_ne!(text, forged);
    fs::write(&stream, forged).unwrap();
    for command in ["resume id", "kill id"] {
        let refused = as_root(&thermos, command).expect_code(6);
        refused.expect_diagnostic("other_user", "the commands of task id run as user 'nobody'");
    }
    fs::write(&stream, text.replace(r#""chroot":false"#, r#""chroot":true"#)).unwrap();
    let refused = thermos.run(["resume", "id"]).expect_code(6);
    refused.expect_diagnostic("other_user", "in a root of their own").expect_stderr("only root can");
    fs::write(&stream, &text).unwrap();
    // Root's own streams next to a document of somebody else are not trusted either.
    let folder = thermos.root().join("checkpoints/id");
    chown(&folder, Some(0), Some(0)).unwrap();
    let refused = as_root(&thermos, "resume id").expect_code(6);
    refused.expect_diagnostic("io", "belongs to another user than the checkpoint");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    as_root(&thermos, "resume id").expect_code(6).expect_diagnostic("io", "others than root can write it");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    as_root(&thermos, "kill --force id").expect_code(0);
}
