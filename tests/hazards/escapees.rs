//! What tries to escape is found and ended, and nobody else is touched.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::json;

use crate::harness::{Running, THERMOS, Thermos, skip};

/// Each ends only if it is made to; each makes a file once it is there.
const ZOO: &str = r#"
    nohup sleep 1000 > /dev/null 2>&1 & echo > nohup
    setsid bash -c 'echo > setsid; sleep 1000; true' &
    (setsid bash -c 'setsid bash -c "echo > double; sleep 1000; true" & exit' &)
    ( ( echo > nested; sleep 1000 & ) & )
    bash -c 'trap "" TERM; echo > deaf; while :; do sleep 1000; done' &
    bash -c 'trap "" TERM HUP; while :; do sleep 1000 & echo > forking; sleep 0.05; done' &
    export HOP='trap "" TERM; echo > hopping; sleep 0.01; setsid bash -c "$HOP" & exit'
    bash -c "$HOP" &
"#;

const PYTHON: &str = r#"
    python3 -c '
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.closerange(0, 1024)
        open("python", "w").close()
        while True: time.sleep(1000)
    os._exit(0)' &
"#;

const OTHER_USER: &str = "touch other; chmod 666 other; setpriv --reuid=65534 --clear-groups bash -c 'echo > other; sleep 1000; true' &\n";

/// Returns a command that opens the zoo, waits until all animals are there, and then does `then`.
fn zoo(then: &str) -> String {
    let mut script = ZOO.to_owned();
    let mut animals = vec!["nohup", "setsid", "double", "nested", "deaf", "forking", "hopping"];
    if Command::new("python3").arg("--version").output().is_ok() {
        script += PYTHON;
        animals.push("python");
    } else {
        skip("there is no python3 for a daemon");
    }
    if Uid::effective().is_root() {
        script += OTHER_USER;
        animals.push("other");
    } else {
        skip("another user takes root");
    }
    // A file of another user's is there before that user is: it has to be filled.
    format!(
        "{script}for animal in {}; do until [ -e $animal ]; do sleep 0.01; done; done
        until [ ! -e other ] || [ -s other ]; do sleep 0.01; done
        {then}",
        animals.join(" ")
    )
}

/// A process that somebody else started: same name, same user.
struct Bystander(Child);

impl Bystander {
    fn start() -> Bystander {
        Bystander(Command::new("sleep").arg("1000").env_clear().stdin(Stdio::null()).spawn().unwrap())
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Opens a zoo, lets `end` end its task, and sees that nothing is left but the bystander. Returns the fixture.
fn close_the_zoo(then: &str, end: impl FnOnce(&Thermos, Running)) -> Thermos {
    let thermos = Thermos::new();
    let mut bystander = Bystander::start();
    let process = json!({"name": "p", "cmdline": zoo(then)});
    thermos.write_task(json!([process]), json!({"finalization_wait": 1}));
    let running = thermos.command(["run", "--json", "--task-id", "id", "task.json"]).spawn();
    if then != "true" {
        thermos.wait_for_file("open");
        thermos.coordinator("id", "p", 0);
    }
    end(&thermos, running);
    assert_eq!(thermos.processes(), Vec::<String>::new());
    assert!(bystander.lives());
    thermos
}

const STAY: &str = "echo > open; trap '' TERM; while :; do sleep 1000; done";

#[test]
fn point_03_escapees_end_with_their_process() {
    let thermos = close_the_zoo("true", |_, running| drop(running.wait().expect_code(0)));
    assert_eq!(thermos.run_ends("id", "p"), ["SUCCESS"]);
}

#[test]
fn point_03_escapees_end_with_a_kill() {
    let thermos = close_the_zoo(STAY, |thermos, running| {
        thermos.run(["kill", "id"]).expect_code(0);
        running.wait().expect_code(4);
    });
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
}

#[test]
fn point_03_escapees_end_by_force() {
    for command in [&["kill", "--force", "id"][..], &["lose", "id"]] {
        close_the_zoo(STAY, |thermos, running| {
            thermos.run(command).expect_code(0);
            running.wait();
        });
    }
}

#[test]
fn point_03_escapees_end_though_their_coordinator_is_dead() {
    close_the_zoo(STAY, |thermos, running| {
        kill(thermos.coordinator("id", "p", 0), Signal::SIGKILL).unwrap();
        thermos.wait_for_records("id", "runner", 1, |record| record["process_status"]["state"] == "LOST");
        thermos.run(["kill", "--force", "id"]).expect_code(0);
        running.wait().expect_code(4);
    });
}

#[test]
fn point_03_escapees_end_though_runner_and_coordinator_are_dead() {
    close_the_zoo(STAY, |thermos, running| {
        running.signal(Signal::SIGSTOP);
        kill(thermos.coordinator("id", "p", 0), Signal::SIGKILL).unwrap();
        running.signal(Signal::SIGKILL);
        running.wait_for_exit();
        thermos.run(["lose", "id"]).expect_code(0);
        assert_eq!(thermos.run_ends("id", "p"), ["LOST"]);
    });
}

#[test]
fn point_03_a_kill_of_its_own_group_reaches_neither_coordinator_nor_runner() {
    let thermos = Thermos::new();
    let process = json!({"name": "p", "cmdline": "[ -e again ] || { echo > again; kill 0; sleep 1000; }",
        "min_duration": 0});
    thermos.write_task(json!([process]), json!({}));
    thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED", "SUCCESS"]);
}

/// Runs a program as the first process of a pid namespace; asks first whether that is permitted here.
const NAMESPACE: [&str; 4] = ["unshare", "-Urpf", "--mount-proc", "--kill-child"];

fn has_namespaces() -> bool {
    let tried = Command::new(NAMESPACE[0]).args(&NAMESPACE[1..]).arg("true").output();
    let permitted = tried.is_ok_and(|output| output.status.success());
    if !permitted {
        skip("pid namespaces are not permitted here");
    }
    permitted
}

#[test]
fn point_16_a_recycled_number_is_left_alone() {
    if !has_namespaces() {
        return;
    }
    let thermos = Thermos::new();
    // Runner, coordinator and command die; strangers get their numbers; the task is killed.
    let script = r#"
        record() { until grep -q "$1" "$2" 2> /dev/null; do sleep 0.01; done; }
        "$0" simplerun --task-id id 'echo $$ > command; exec sleep 1000' & runner=$!
        record RUNNING "$THERMOS_ROOT/checkpoints/id/coordinator.simple.0"
        until [ -s command ]; do sleep 0.01; done
        read -r coordinator < /proc/$runner/task/$runner/children
        coordinator=${coordinator%% *}
        read -r command < command
        kill -STOP $runner; kill -KILL $coordinator $runner; wait $runner
        for pid in $coordinator $command; do while [ -e /proc/$pid ]; do sleep 0.01; done; done
        recycle() {
            for try in {1..100}; do
                echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid
                sleep 1000 &
                [ $! = $1 ] && return
                kill -KILL $!
            done
            exit 99
        }
        for pid in $runner $coordinator $command; do recycle $pid; done
        "$0" status --format json > status.json
        "$0" kill --force id || exit 98
        for pid in $runner $coordinator $command; do
            read -r name < /proc/$pid/comm
            [ "$name" = sleep ] || exit 97
        done
        exit 0
    "#;
    let shell = [&NAMESPACE[..], &["bash", "-c", script]].concat();
    thermos.command_under(&shell, [""; 0]).output().expect_code(0);
    assert_eq!(
        (thermos.state("id").as_str(), thermos.run_ends("id", "simple")),
        ("KILLED", vec!["LOST".to_owned()])
    );
    let status = fs::read_to_string(thermos.home().join("status.json")).unwrap();
    assert!(
        status.contains(r#""runner_alive":false"#) || status.contains(r#""runner_alive": false"#),
        "{status}"
    );
}

#[test]
fn point_22_the_first_process_of_a_container_gives_the_code_of_its_task() {
    if !has_namespaces() {
        return;
    }
    for (command, code) in
        [("true", 0), ("exit 37", 1), ("kill -TERM 1; sleep 1000", 4), ("kill -INT 1; sleep 1000", 4)]
    {
        let thermos = Thermos::new();
        let call = thermos.command_under(&NAMESPACE, ["simplerun", "--task-id", "id", command]);
        call.output().expect_code(code);
    }
}

#[test]
fn point_22_the_first_process_of_a_container_reaps_everything() {
    if !has_namespaces() {
        return;
    }
    let thermos = Thermos::new();
    // The orphans of a dead coordinator come to the runner. One ends by itself, one is killed; then there is no zombie.
    let orphans = "[ -e again ] || { echo > again; setsid sleep 0.1 & setsid sleep 1000 & kill -KILL $PPID; sleep 1000; }";
    let look = "! grep -l '^State:[[:space:]]Z' /proc/[0-9]*/status";
    let process = |name: &str, command: &str| json!({"name": name, "cmdline": command, "min_duration": 0});
    thermos.write_task(
        json!([process("orphans", orphans), process("look", look)]),
        json!({"constraints": [{"order": ["orphans", "look"]}]}),
    );
    let call = thermos.command_under(&NAMESPACE, ["run", "--json", "--task-id", "id", "task.json"]);
    call.output().expect_code(0);
    assert_eq!(thermos.run_ends("id", "orphans"), ["LOST", "SUCCESS"]);
}

#[test]
fn point_22_a_wish_that_comes_before_the_task_is_kept() {
    if !has_namespaces() {
        return;
    }
    let thermos = Thermos::new();
    thermos.make_gate("document");
    let shell = [&NAMESPACE[..], &["bash", "-c", r#"exec "$0" "$@" < document"#]].concat();
    let running = thermos.command_under(&shell, ["run", "--json", "--task-id", "id", "-"]).spawn();
    // It reads the document, and its end, from here.
    let document = fs::File::options().write(true).open(thermos.home().join("document")).unwrap();
    let first = first_process(running.pid());
    kill(first, Signal::SIGTERM).unwrap();
    let task = json!({"name": "t", "processes": [{"name": "p", "cmdline": "touch ran"}]});
    serde_json::to_writer(document, &task).unwrap();
    running.wait().expect_code(4);
    assert!(!thermos.home().join("ran").exists());
}

/// Waits until the child of `unshare` is `thermos` and has blocked TERM. Nothing tells when.
fn first_process(unshare: i32) -> Pid {
    loop {
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
        if let Some(child) = children.split_whitespace().next() {
            let name = fs::read_link(format!("/proc/{child}/exe")).unwrap_or_default();
            let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap_or("0");
            let blocked = u64::from_str_radix(blocked, 16).unwrap();
            if name.to_str() == Some(THERMOS) && blocked & (1 << (Signal::SIGTERM as u64 - 1)) != 0 {
                return Pid::from_raw(child.parse().unwrap());
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
