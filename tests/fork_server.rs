//! The small process that forks coordinators of a larger task: it may be killed, may not answer, and leaves nothing.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use thermos::process::pidfd::PidFd;

use crate::harness::{Running, Thermos, skip};

/// Processes that end at once before and after one that waits at a gate, one at a time: more than a runner forks by
/// itself, twice.
fn start(thermos: &Thermos) -> Running {
    thermos.make_gate("gate");
    let quick = |phase: &str, number: u64| json!({"name": format!("{phase}{number}"), "cmdline": "true"});
    let mut processes: Vec<Value> = (0..30).map(|number| quick("before", number)).collect();
    processes.push(json!({"name": "hold", "cmdline": "echo > held; read -r x < gate"}));
    processes.extend((0..40).map(|number| quick("later", number)));
    let order: Vec<Value> = processes.iter().map(|process| process["name"].clone()).collect();
    thermos.write_task(json!(processes), json!({"constraints": [{"order": order}]}));
    let running = thermos.command(["run", "--json", "--task-id", "id", "task.json"]).spawn();
    thermos.wait_for_file("held");
    running
}

/// A process that a fork server is or has forked.
struct Child {
    pid: Pid,
    parent: i32,
    session: i32,
}

fn forked() -> Vec<Child> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let forked = processes.filter_map(|name| name.parse::<i32>().ok()).filter_map(|pid| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let stat = read("stat")?;
        let fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1).take(3);
        let fields: Vec<i32> = fields.map(|word| word.parse().unwrap()).collect();
        let is_meant = read("cmdline")?.contains("__fork-server");
        is_meant.then_some(Child { pid: Pid::from_raw(pid), parent: fields[0], session: fields[2] })
    });
    forked.collect()
}

/// Finds the fork server among the children of a runner: coordinators have sessions of their own.
fn server(runner: i32) -> Option<Pid> {
    let found =
        forked().into_iter().find(|child| child.parent == runner && child.session != child.pid.as_raw());
    found.map(|child| child.pid)
}

/// Finds the coordinator that waits for a run: the one without a command.
fn waiting(runner: i32) -> Option<Pid> {
    let idle = |pid: Pid| {
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).is_ok_and(|list| list.is_empty())
    };
    let found = forked()
        .into_iter()
        .find(|child| child.parent == runner && child.session == child.pid.as_raw() && idle(child.pid));
    found.map(|child| child.pid)
}

/// Asks until there is an answer: nothing tells of what another process forks.
fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "asked in vain for a minute");
        std::thread::yield_now();
    }
}

fn all_succeeded(thermos: &Thermos) {
    let status = thermos.run(["status", "--format", "json", "id"]).expect_code(0).json();
    let processes = status[0]["processes"].as_object().unwrap();
    assert_eq!(processes.len(), 71);
    for (name, runs) in processes {
        assert_eq!((runs.as_array().unwrap().len(), &runs[0]["state"]), (1, &json!("SUCCESS")), "{name}");
    }
}

#[test]
fn it_may_be_killed_or_not_answer() {
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let thermos = Thermos::new();
        let running = start(&thermos);
        let server = server(running.pid()).unwrap();
        kill(server, signal).unwrap();
        let _gate = thermos.open_gate("gate");
        running.wait().expect_code(0);
        all_succeeded(&thermos);
        assert!(
            !fs::exists(format!("/proc/{server}/stat")).unwrap(),
            "it goes with its runner, stopped or not"
        );
    }
}

#[test]
fn a_coordinator_that_waits_for_a_run_may_be_killed_and_then_the_server() {
    let thermos = Thermos::new();
    let running = start(&thermos);
    let server = server(running.pid()).unwrap();
    for dying in [wait_for(|| waiting(running.pid())), server] {
        let held = PidFd::open(dying).unwrap();
        kill(dying, Signal::SIGKILL).unwrap();
        assert!(held.wait_ended(Some(Instant::now() + Duration::from_secs(60))).unwrap());
    }
    let _gate = thermos.open_gate("gate");
    running.wait().expect_code(0);
    all_succeeded(&thermos);
}

#[test]
fn a_runner_that_is_stopped_and_goes_on_starts_nothing_twice() {
    let thermos = Thermos::new();
    let running = start(&thermos);
    let _gate = thermos.open_gate("gate");
    for _ in 0..40 {
        running.signal(Signal::SIGSTOP);
        running.signal(Signal::SIGCONT);
    }
    running.wait().expect_code(0);
    all_succeeded(&thermos);
}

#[test]
fn a_fork_ahead_that_fails_delays_starts_and_doubles_none() {
    let thermos = Thermos::new();
    let group = Path::new("/sys/fs/cgroup/pids").join(format!("thermos-test-{}", std::process::id()));
    if fs::create_dir(&group).is_err() {
        return skip("no cgroup that limits processes can be made here");
    }
    let write = |name: &str, text: String| fs::write(group.join(name), text).unwrap();
    let running = start(&thermos);
    let (waiting, server) = (wait_for(|| waiting(running.pid())), server(running.pid()).unwrap());
    // Whatever the fork server forks from now on is one too many.
    write("pids.max", "1".to_owned());
    write("cgroup.procs", server.to_string());
    kill(waiting, Signal::SIGKILL).unwrap();
    let _gate = thermos.open_gate("gate");
    // It is asked again and again: the runner has understood its answers.
    let refused = || {
        let events = fs::read_to_string(group.join("pids.events")).unwrap();
        events.trim().strip_prefix("max ").unwrap().parse::<u32>().unwrap()
    };
    wait_for(|| (refused() >= 4).then_some(()));
    write("pids.max", "max".to_owned());
    running.wait().expect_code(0);
    all_succeeded(&thermos);
    fs::remove_dir(group).unwrap();
}

#[test]
fn a_coordinator_that_is_slow_to_start_delays_no_other() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let mut processes: Vec<Value> =
        (0..30).map(|number| json!({"name": format!("p{number}"), "cmdline": "true"})).collect();
    processes.push(json!({"name": "hold", "cmdline": "echo > held; read -r x < gate"}));
    let mut chain: Vec<Value> = processes.iter().map(|process| process["name"].clone()).collect();
    let constraints: Vec<Value> = ["slow", "quick", "quicker"]
        .map(|name| {
            processes.push(json!({"name": name, "cmdline": format!("echo > {name}")}));
            json!({"order": ["hold", name]})
        })
        .to_vec();
    let constraints = [vec![json!({"order": std::mem::take(&mut chain)})], constraints].concat();
    thermos.write_task(json!(processes), json!({"constraints": constraints}));
    let running = thermos.command(["run", "--json", "--task-id", "id", "task.json"]).spawn();
    thermos.wait_for_file("held");
    let waiting = wait_for(|| waiting(running.pid()));
    kill(waiting, Signal::SIGSTOP).unwrap();
    let _gate = thermos.open_gate("gate");
    // The first of them is given to the one that does not go on.
    for name in ["quick", "quicker"] {
        thermos.wait_for_file(name);
    }
    assert!(!fs::exists(thermos.home().join("slow")).unwrap());
    kill(waiting, Signal::SIGCONT).unwrap();
    running.wait().expect_code(0);
}

#[test]
fn a_coordinator_that_waited_has_the_console_of_its_runner() {
    let thermos = Thermos::new();
    let mut processes: Vec<Value> =
        (0..40).map(|number| json!({"name": format!("p{number}"), "cmdline": "true"})).collect();
    let console = json!({"destination": "console"});
    processes.push(json!({"name": "last", "cmdline": "echo to the console", "logger": console}));
    let order: Vec<Value> = processes.iter().map(|process| process["name"].clone()).collect();
    thermos.write_task(json!(processes), json!({"constraints": [{"order": order}]}));
    let output = thermos.run(["run", "--json", "task.json"]).expect_code(0);
    assert_eq!(output.stdout, b"to the console\n");
}

#[test]
fn it_ends_with_a_runner_that_is_killed_and_the_task_goes_on() {
    let thermos = Thermos::new();
    let running = start(&thermos);
    let server = server(running.pid()).unwrap();
    let held = PidFd::open(server).unwrap();
    running.signal(Signal::SIGKILL);
    running.wait().expect_code(-9);
    assert!(held.wait_ended(Some(Instant::now() + Duration::from_secs(60))).unwrap());
    let _gate = thermos.open_gate("gate");
    thermos.run(["resume", "id"]).expect_code(0);
    all_succeeded(&thermos);
}

#[test]
fn it_is_no_command() {
    let thermos = Thermos::new();
    thermos
        .run(["__fork-server"])
        .expect_code(2)
        .expect_diagnostic("usage", "what a runner starts, no command");
}
