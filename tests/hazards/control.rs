//! Stopping, waiting, clocks.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Uid, chown};
use serde_json::{Value, json};

use crate::harness::{Running, THERMOS, Thermos, skip, wait_until};

fn process(name: &str, command: &str) -> Value {
    json!({"name": name, "cmdline": command, "min_duration": 0})
}

fn finalizer() -> Value {
    json!({"name": "f", "cmdline": "touch finalized", "final": true})
}

/// Starts `task.json` as `id`.
fn start(thermos: &Thermos, id: &str) -> Running {
    thermos.command(["run", "--json", "--task-id", id, "task.json"]).spawn()
}

fn die(runner: Running) {
    runner.signal(Signal::SIGKILL);
    runner.wait().expect_code(-9);
}

/// Ignores TERM until the gate is opened.
const DEAF: &str = "trap '' TERM; echo > deaf; read -r x < gate; true";

/// Starts a deaf process, asks for its end, and returns when that is decided.
fn start_cleaning(thermos: &Thermos, wait: u64) -> Running {
    thermos.make_gate("gate");
    thermos.write_task(json!([process("p", DEAF), finalizer()]), json!({"finalization_wait": wait}));
    let runner = start(thermos, "id");
    thermos.wait_for_file("deaf");
    thermos.coordinator("id", "p", 0);
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_state("id", "CLEANING", 1);
    runner
}

#[test]
fn point_06_what_obeys_is_given_its_time() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let command = "trap 'echo > obeying; read -r x < gate; touch tidied; exit 7' TERM; echo > ready
        while :; do sleep 1000 & wait; done";
    thermos.write_task(json!([process("p", command)]), json!({"max_failures": 0}));
    let runner = start(&thermos, "id");
    thermos.wait_for_file("ready");
    thermos.coordinator("id", "p", 0);
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_file("obeying");
    let _gate = thermos.open_gate("gate");
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["FAILED"], "it ended as it wanted");
    assert!(thermos.home().join("tidied").exists());
}

#[test]
fn point_07_finalizers_run_though_an_ephemeral_daemon_exists() {
    let thermos = Thermos::new();
    let daemon = json!({"name": "d", "cmdline": "sleep 1000", "daemon": true, "ephemeral": true});
    thermos.write_task(json!([process("p", "true"), daemon, finalizer()]), json!({}));
    start(&thermos, "id").wait().expect_code(0);
    assert_eq!((thermos.run_ends("id", "d"), thermos.run_ends("id", "f")), (one("KILLED"), one("SUCCESS")));
    assert!(thermos.entered("id", "CLEANING") <= thermos.entered("id", "FINALIZING"));
}

fn one(state: &str) -> Vec<String> {
    vec![state.to_owned()]
}

/// Returns what a process has cost the scheduler so far.
fn switches(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of_switches = status.lines().filter(|line| line.contains("ctxt_switches"));
    of_switches.map(|line| format!("{pid} {line}\n")).collect()
}

/// Says whether none of the processes gets the processor for a while. On a busy machine they may be late to fall asleep.
fn fall_asleep(pids: &[i32], window: Duration) -> bool {
    let look = || pids.iter().map(|pid| switches(*pid)).collect::<String>();
    (0..20).any(|_| {
        let before = look();
        std::thread::sleep(window);
        look() == before
    })
}

#[test]
fn point_08_who_has_nothing_to_do_sleeps() {
    let thermos = Thermos::new();
    let deaf = start_cleaning(&thermos, 1000);
    thermos.write_task(json!([process("p", DEAF), process("q", "true")]), json!({"max_concurrency": 1}));
    let full = start(&thermos, "full");
    thermos.coordinator("full", "p", 0);
    let throttled = json!({"name": "p", "cmdline": "false", "min_duration": 1000, "max_failures": 2});
    thermos.write_task(json!([throttled]), json!({}));
    let throttled = start(&thermos, "throttled");
    thermos
        .wait_for_records("throttled", "runner", 1, |record| record["process_status"]["state"] == "FAILED");
    assert!(fall_asleep(&[deaf.pid(), full.pid(), throttled.pid()], Duration::from_millis(400)));
    thermos.run(["kill", "--force", "id|full|throttled"]).expect_code(0);
    for runner in [deaf, full, throttled] {
        runner.wait().expect_code(4);
    }
}

#[test]
fn fifty_sleeping_processes_wake_nobody() {
    // The window is short here; `make idle` opens it for half a minute.
    let seconds = std::env::var("THERMOS_IDLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let thermos = Thermos::new();
    let processes: Vec<Value> =
        (0..50).map(|number| process(&format!("p{number}"), "exec sleep 1000")).collect();
    thermos.write_task(processes.into(), json!({}));
    let runner = start(&thermos, "id");
    let coordinators = (0..50).map(|number| thermos.coordinator("id", &format!("p{number}"), 0).as_raw());
    let pids: Vec<i32> = coordinators.chain([runner.pid()]).collect();
    assert!(fall_asleep(&pids, Duration::from_secs(seconds)));
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
}

/// Changes the records of a task, one by one.
fn edit(thermos: &Thermos, change: impl Fn(&mut Value)) {
    let mut records = thermos.records("id", "runner");
    records.iter_mut().for_each(change);
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(thermos.stream("id", "runner"), text).unwrap();
}

/// Milliseconds by which the clock jumps: eleven days.
const JUMP: i64 = 1_000_000_000;

/// Moves the times of a decision to end: as if the clock had been put back or forward since.
fn move_decision(thermos: &Thermos, by: i64) {
    edit(thermos, |record| {
        for name in ["timestamp_ms", "deadline_ms"] {
            if let Some(time) = record["task_status"][name].as_i64() {
                record["task_status"][name] = (time + by).into();
            }
        }
    });
}

#[test]
fn point_17_a_clock_that_is_put_back_grants_no_more_time() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1));
    move_decision(&thermos, JUMP);
    thermos.run(["resume", "id"]).expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
}

#[test]
fn point_17_a_clock_that_is_put_forward_ends_what_is_late() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1000));
    move_decision(&thermos, -JUMP);
    thermos.run(["resume", "id"]).expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
    assert!(!thermos.home().join("finalized").exists());
}

#[test]
fn point_17_a_retry_is_due_though_the_clock_has_jumped() {
    for (min_duration, by) in [(1, JUMP), (1000, -JUMP)] {
        let thermos = Thermos::new();
        let mut flaky = process("p", "[ -e again ] || { touch again; false; }");
        flaky["max_failures"] = json!(2);
        flaky["min_duration"] = json!(min_duration);
        thermos.write_task(json!([flaky]), json!({}));
        let runner = start(&thermos, "id");
        thermos.wait_for_records("id", "runner", 1, |record| record["process_status"]["state"] == "FAILED");
        die(runner);
        edit(&thermos, |record| {
            if let Some(time) = record["process_status"]["stop_time"].as_f64() {
                record["process_status"]["stop_time"] = (time + by as f64 / 1000.0).into();
            }
        });
        thermos.run(["resume", "id"]).expect_code(0);
        assert_eq!(thermos.run_ends("id", "p").last().map(String::as_str), Some("SUCCESS"));
    }
}

#[test]
fn point_23_a_task_that_is_killed_while_it_cleans_up_stays_killed() {
    let thermos = Thermos::new();
    die(start_cleaning(&thermos, 1000));
    let resumed = thermos.command(["resume", "id"]).spawn();
    thermos.wait_for_state("id", "CLEANING", 2);
    let _gate = thermos.open_gate("gate");
    resumed.wait().expect_code(4);
    assert!(thermos.home().join("finalized").exists());
}

#[test]
fn point_23_a_failed_task_that_is_killed_while_it_cleans_up_stays_killed() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let failing = process("bad", "until [ -e deaf ]; do sleep 0.01; done; false");
    thermos.write_task(json!([process("p", DEAF), failing]), json!({"finalization_wait": 1000}));
    let runner = start(&thermos, "id");
    thermos.wait_for_state("id", "CLEANING", 1);
    let decided = |outcome: &'static str| move |record: &Value| record["task_status"]["outcome"] == outcome;
    thermos.wait_for_records("id", "runner", 1, decided("FAILED"));
    runner.signal(Signal::SIGTERM);
    thermos.wait_for_records("id", "runner", 1, decided("KILLED"));
    die(runner);
    let resumed = thermos.command(["resume", "id"]).spawn();
    thermos.wait_for_records("id", "runner", 2, decided("KILLED"));
    let _gate = thermos.open_gate("gate");
    resumed.wait().expect_code(4);
}

#[test]
fn the_time_to_finalize_bounds_what_is_deaf_and_not_what_obeys() {
    let thermos = Thermos::new();
    start_cleaning(&thermos, 3).wait().expect_code(4);
    let took = thermos.entered("id", "KILLED") - thermos.entered("id", "CLEANING");
    // It takes 3.0 s on an idle machine, where 3.5 are granted.
    assert!((2900..20_000).contains(&took), "{took} ms");
    // One that obeys, with all the time of the world, would never come to its end if it had to wait for that.
    thermos.write_task(
        json!([process("p", "exec sleep 1000")]),
        json!({"finalization_wait": 4_000_000_000_u64}),
    );
    let runner = start(&thermos, "obeys");
    thermos.coordinator("obeys", "p", 0);
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("obeys", "p"), ["KILLED"]);
}

#[test]
fn a_process_that_waits_for_its_retry_holds_no_slot() {
    let thermos = Thermos::new();
    let flaky = json!({"name": "a", "cmdline": "[ -e b ]", "min_duration": 1, "max_failures": 100});
    thermos.write_task(json!([flaky, process("b", "touch b")]), json!({}));
    thermos.run(["run", "--json", "-j", "1", "--task-id", "id", "task.json"]).expect_code(0);
    assert_eq!(
        (thermos.run_ends("id", "a"), thermos.run_ends("id", "b")),
        (["FAILED", "SUCCESS"].map(String::from).to_vec(), one("SUCCESS"))
    );
}

#[test]
fn a_lower_limit_is_kept_after_a_takeover() {
    let thermos = Thermos::new();
    thermos.make_gate("gate");
    let count = "set -- running-*; [ $# = 1 ]; code=$?; rm running-$THERMOS_PROCESS; exit $code";
    let processes: Vec<Value> = (0..4)
        .map(|number| {
            process(&format!("p{number}"), &format!("touch running-p{number}; read -r x < gate; {count}"))
        })
        .collect();
    thermos.write_task(processes.into(), json!({}));
    let runner = thermos.command(["run", "--json", "-j", "1", "--task-id", "id", "task.json"]).spawn();
    thermos.coordinator("id", "p0", 0);
    die(runner);
    let resumed = thermos.command(["resume", "id"]).spawn();
    let _gates: Vec<fs::File> = (0..4)
        .map(|number| {
            thermos.coordinator("id", &format!("p{number}"), 0);
            thermos.open_gate("gate")
        })
        .collect();
    resumed.wait().expect_code(0);
}

#[test]
fn a_start_for_which_the_system_has_no_room_is_put_off() {
    if !Uid::effective().is_root() {
        skip("a user of its own, whose processes can be counted, takes root");
        return;
    }
    // Two runs need a runner, two coordinators and two commands. With room for three or four, the second coordinator or
    // the second command cannot be forked at first.
    for limit in [3, 4] {
        let thermos = Thermos::new();
        thermos.make_gate("gate");
        let command = "echo > started-$THERMOS_PROCESS; read -r x < gate";
        thermos.write_task(json!([process("a", command), process("b", command)]), json!({}));
        // Nobody else is this user.
        let user = 1_000_000_000 + std::process::id() * 2 + u32::from(limit == 4);
        let binary = own_copy(&thermos, user);
        let (reuid, regid, nproc) =
            (format!("--reuid={user}"), format!("--regid={user}"), format!("--nproc={limit}:{limit}"));
        let limited = ["setpriv", &reuid, &regid, "--clear-groups", "prlimit", &nproc, "bash", "-c"];
        let limited = [&limited[..], &[r#"shift; exec ./thermos "$@""#, "limited"]].concat();
        let call = thermos.command_under(&limited, ["run", "--json", "--task-id", "id", "task.json"]);
        let runner = call.spawn();
        // Whichever finds room first has it until the gate is opened.
        let started = || ["a", "b"].map(|name| thermos.home().join(format!("started-{name}")).exists());
        let wait = |count: usize| {
            let path = thermos.home().join("started");
            wait_until(&path, || started().into_iter().filter(|started| *started).count() >= count);
        };
        wait(1);
        let waiting = |record: &Value| record["process_status"]["state"] == "WAITING";
        thermos.wait_for_records("id", "runner", 2, waiting);
        assert_ne!(started(), [true, true], "there is room for one");
        let _first = thermos.open_gate("gate");
        wait(2);
        let _second = thermos.open_gate("gate");
        runner.wait().expect_code(0);
        assert_eq!(
            (thermos.run_ends("id", "a"), thermos.run_ends("id", "b")),
            (one("SUCCESS"), one("SUCCESS"))
        );
        fs::remove_file(binary).unwrap();
    }
}

/// Gives the fixture to a user, with a copy of the binary, which that user may not reach where it is.
fn own_copy(thermos: &Thermos, user: u32) -> std::path::PathBuf {
    let binary = thermos.home().join("thermos");
    fs::copy(THERMOS, &binary).unwrap();
    for path in [thermos.home().parent().unwrap(), &thermos.home(), &thermos.home().join("gate"), &binary] {
        chown(path, Some(user.into()), Some(user.into())).unwrap();
    }
    binary
}

#[test]
fn a_stopped_command_hears_that_it_is_to_end() {
    let thermos = Thermos::new();
    thermos.write_task(
        json!([process("p", "echo $$ > pid; exec sleep 1000")]),
        json!({"finalization_wait": 100_000}),
    );
    let runner = start(&thermos, "id");
    thermos.coordinator("id", "p", 0);
    let status = &thermos.records("id", "coordinator.p.0")[1]["process_status"];
    let command = nix::unistd::Pid::from_raw(status["pid"].as_i64().unwrap() as i32);
    kill(command, Signal::SIGSTOP).unwrap();
    runner.signal(Signal::SIGTERM);
    runner.wait().expect_code(4);
    assert_eq!(thermos.run_ends("id", "p"), ["KILLED"]);
}
