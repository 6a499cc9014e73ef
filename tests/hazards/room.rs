//! Room for processes: what the user grants, and what the system has.

use std::fs;

use nix::unistd::{Uid, chown};
use serde_json::{Value, json};

use super::control::{die, one, process};
use crate::harness::{THERMOS, Thermos, skip, wait_until};

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
