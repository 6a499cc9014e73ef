//! Whatever surrounds a runner: descriptors, terminals, environments (point 21), and what of it a command sees.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::is_root;
use crate::harness::{Thermos, wait_until};

#[test]
fn point_21_a_closed_standard_input_is_an_empty_one() {
    let thermos = Thermos::new();
    let command = "'read -r x; echo $?; readlink /proc/self/fd/0'";
    thermos.shell(&format!("$THERMOS simplerun --task-id id {command} <&-")).output().expect_code(0);
    assert_eq!(thermos.run(["tail", "id"]).text, "1\n/dev/null\n");
}

#[test]
fn point_21_closed_outputs_do_not_end_a_task() {
    let thermos = Thermos::new();
    let run = |id: &str| thermos.command(["simplerun", "--task-id", id, "echo out; echo error >&2"]);
    run("pipe").without_stdout_reader().output().expect_code(0);
    run("full").stdout_to("/dev/full").output().expect_code(0);
    for (id, closing) in [("one", ">&-"), ("two", "2>&-"), ("all", "<&- >&- 2>&-")] {
        let command = "'echo out; echo error >&2; readlink /proc/self/fd/[012]'";
        thermos
            .shell(&format!("$THERMOS simplerun --task-id {id} {command} {closing}"))
            .output()
            .expect_code(0);
        let log =
            |name| fs::read_to_string(thermos.root().join(format!("logs/{id}/simple/0/{name}"))).unwrap();
        assert_eq!((log("stderr").as_str(), log("stdout").lines().next()), ("error\n", Some("out")), "{id}");
        assert!(log("stdout").contains(&format!("/logs/{id}/simple/0/stdout")), "{id}");
    }
}

#[test]
fn point_21_no_terminal_is_needed() {
    let thermos = Thermos::new();
    let command = "'(: < /dev/tty) 2>/dev/null || echo none'";
    thermos.shell(&format!("setsid -w $THERMOS simplerun --task-id id {command}")).output().expect_code(0);
    assert_eq!(thermos.run(["tail", "id"]).text, "none\n");
}

#[test]
fn point_21_a_command_never_has_the_terminal_of_its_runner() {
    let thermos = Thermos::new();
    let command = "(: < /dev/tty) 2>/dev/null || echo none";
    let output = thermos.command(["simplerun", "--task-id", "id", command]).output_on_terminal(80);
    output.expect_code(0);
    assert_eq!(thermos.run(["tail", "id"]).text, "none\n");
}

#[test]
fn point_21_a_home_is_not_needed_but_some_root_is() {
    let thermos = Thermos::new();
    let run = |id: &str| thermos.command(["simplerun", "--task-id", id, "echo $HOME $USER"]);
    for call in [run("a").without_env("HOME"), run("b").env("HOME", ""), run("c").env("HOME", "relative")] {
        call.output().expect_code(0);
    }
    let said = thermos.run(["tail", "a"]).text;
    assert!(said.starts_with(&format!("{} ", thermos.home().display())), "{said}");
    if is_root() {
        // Who is not in the user database either has no place to keep tasks in.
        let stranger = Thermos::of_user(3_000_000_000);
        let call = stranger.command(["simplerun", "true"]).without_env("HOME").without_env("THERMOS_ROOT");
        call.output().expect_code(6).expect_diagnostic("no_home", "no home directory");
        stranger.run(["simplerun", "--task-id", "id", "echo $USER"]).expect_code(0);
        assert_eq!(stranger.run(["tail", "id"]).text, "3000000000\n");
    }
}

#[test]
fn point_21_a_reader_of_the_output_ends_when_the_runner_does() {
    let thermos = Thermos::new();
    let command = "'setsid sleep 1000 & (sleep 1000 &) ; echo here'";
    let script =
        format!("$THERMOS simplerun --task-id id {command} 2>&1 | cat; echo over ${{PIPESTATUS[0]}}");
    thermos.shell(&script).output().expect_code(0).expect_stdout("Task succeeded.\nover 0\n");
}

#[test]
fn point_21_a_reader_of_the_output_ends_when_the_runner_is_killed_although_the_command_goes_on() {
    let thermos = Thermos::new();
    let script = "{ $THERMOS simplerun --task-id id 'touch up; sleep 1000' 2>&1 & echo $! > runner; wait; } | cat; echo over";
    let running = thermos.shell(script).spawn();
    thermos.wait_for_file("up");
    let runner = fs::read_to_string(thermos.home().join("runner")).unwrap();
    kill(Pid::from_raw(runner.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    running.wait().expect_code(0).expect_stdout("over\n");
    let state = thermos.run(["status", "--format", "json", "id"]).json()[0]["processes"]["simple"][0].clone();
    assert_eq!(state["state"], "RUNNING");
    thermos.run(["kill", "--force", "id"]).expect_code(0);
}

#[test]
fn a_command_has_a_small_environment_or_all_of_the_callers() {
    let thermos = Thermos::new();
    let run = |id: &str| {
        thermos.command(["simplerun", "--task-id", id, "env"]).env("BASH_ENV", "/x").env("OTHER", "y")
    };
    run("small").output().expect_code(0);
    let small = thermos.run(["tail", "-n", "100", "small"]).text;
    let mut names: Vec<&str> = small.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    let own = [
        "HOME",
        "LOGNAME",
        "PATH",
        "THERMOS_LAUNCH",
        "THERMOS_PROCESS",
        "THERMOS_RUN",
        "THERMOS_TASK_ID",
        "USER",
    ];
    // Bash adds some.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    assert_eq!(names, own);
    let all = thermos.command(["simplerun", "--preserve-env", "--task-id", "all", "env"]).env("OTHER", "y");
    all.env("USER", "somebody").env("BASH_ENV", "/x").output().expect_code(0);
    let all = thermos.run(["tail", "-n", "100", "all"]).text;
    assert!(all.contains("OTHER=y\n") && !all.contains("somebody") && !all.contains("BASH_ENV"), "{all}");
}

#[test]
fn a_profile_is_read_by_each_run_that_starts_while_it_is_there() {
    let thermos = Thermos::new();
    let step = |name: &str, command: &str| serde_json::json!({"name": name, "cmdline": command});
    let look = "echo ${greeting-none} $BASH_ENV";
    let processes = [
        step("before", &format!("{look}; echo greeting=hello > .thermos_profile")),
        step("while", &format!("{look}; rm .thermos_profile")),
        step("after", look),
    ];
    let order = serde_json::json!([{"order": ["before", "while", "after"]}]);
    let task = serde_json::json!({"name": "t", "processes": processes, "constraints": order});
    thermos.write("task.json", task.to_string());
    thermos.run(["run", "--task-id", "id", "task.json"]).expect_code(0);
    let profile = thermos.home().join(".thermos_profile");
    for (process, expected) in [
        ("before", "none\n".to_owned()),
        ("while", format!("hello {}\n", profile.display())),
        ("after", "none\n".to_owned()),
    ] {
        assert_eq!(thermos.run(["tail", "id", process]).text, expected, "{process}");
    }
}

#[test]
fn a_command_has_every_signal_as_if_nobody_had_touched_it() {
    let thermos = Thermos::new();
    let command = "'grep -E ^Sig[BI] /proc/self/status'";
    let script =
        format!("trap '' HUP INT PIPE USR1 RTMIN RTMAX; exec $THERMOS simplerun --task-id id {command}");
    thermos.shell(&script).output().expect_code(0);
    let said = thermos.run(["tail", "id"]).text.replace('\t', " ");
    let none = "0".repeat(16);
    assert_eq!(said, format!("SigBlk: {none}\nSigIgn: {none}\n"));
}

#[test]
fn a_sandbox_is_made_with_its_parents_and_is_where_commands_run() {
    let thermos = Thermos::new();
    thermos
        .run(["simplerun", "--task-id", "id", "--sandbox", "a/b/../c", "pwd -P; echo $HOME"])
        .expect_code(0);
    let sandbox = thermos.home().join("a/c");
    assert!(thermos.run(["tail", "id"]).text.starts_with(&format!("{}\n", sandbox.display())));
    wait_until(&sandbox, || sandbox.is_dir());
    thermos.write("file", "");
    let refused = thermos.run(["simplerun", "--sandbox", "file/box", "true"]).expect_code(6);
    refused.expect_diagnostic("io", "cannot create");
}
