//! Each file of `examples/` is run as its comment says, and what it makes is looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Output, Thermos};

/// The examples that have a test here.
const RUN: [&str; 7] = ["fail_and_succeed", "finalizers", "mapreduce", "pi", "release", "simple", "unbound"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("thermos")
}

fn run(thermos: &Thermos, name: &str, arguments: &[&str]) -> Output {
    let call = thermos.command(["run", "--task-id", name]);
    let call = arguments.iter().fold(call, |call, argument| call.arg(argument));
    call.arg(example(name)).output()
}

/// The runs of a process, as `status` tells them.
fn runs(thermos: &Thermos, id: &str, process: &str) -> Vec<serde_json::Value> {
    let status = thermos.run(["status", "--format", "json", id]).expect_code(0).json();
    status[0]["processes"][process].as_array().cloned().unwrap_or_default()
}

#[test]
fn every_example_is_run() {
    let entries = fs::read_dir(example("x").parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let found: BTreeSet<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(found, RUN.map(str::to_owned).into());
}

#[test]
fn simple_says_hello() {
    let thermos = Thermos::new();
    run(&thermos, "simple", &[]).expect_code(0).expect_stderr(" INFO] Task succeeded.");
    assert_eq!(thermos.run(["tail", "simple"]).expect_code(0).text, "hello world\n");
}

#[test]
fn pi_has_its_digits() {
    let thermos = Thermos::new();
    run(&thermos, "pi", &["-E", "precision=500"]).expect_code(0);
    let digits = thermos.run(["tail", "pi"]).expect_code(0).text;
    let known = "3.14159265358979323846264338327950288419716939937510\
                 58209749445923078164062862089986280348253421170679";
    assert!(digits.starts_with(known), "{digits}");
    assert_eq!(digits.trim_end().len(), "3.".len() + 500);
}

#[test]
fn pi_without_its_precision_is_refused_at_the_place_in_the_library() {
    let thermos = Thermos::new();
    run(&thermos, "pi", &[])
        .expect_code(3)
        .expect_diagnostic(
            "unbound_reference",
            "Process[cmdline] failed: Uninterpolated variables: {{precision}}",
        )
        .expect_stderr("lib/math.thermos:3:41]")
        .expect_stderr("-E precision=VALUE");
    assert_eq!(thermos.root_files(), Vec::<String>::new());
}

#[test]
fn unbound_is_run_with_a_name() {
    let thermos = Thermos::new();
    run(&thermos, "unbound", &[]).expect_code(3).expect_stderr("Uninterpolated variables: <<first>>");
    run(&thermos, "unbound", &["-E", "first=brian"]).expect_code(0);
    assert_eq!(thermos.run(["tail", "unbound"]).text, "hello brian\n");
}

#[test]
fn fail_and_succeed_fails_ten_times_and_succeeds() {
    let thermos = Thermos::new();
    run(&thermos, "fail_and_succeed", &[])
        .expect_code(0)
        .expect_stderr("reached maximum failures, marking process run failed.");
    let failing = runs(&thermos, "fail_and_succeed", "failing");
    assert_eq!(failing.len(), 10);
    assert!(failing.iter().all(|run| run["state"] == "FAILED" && run["return_code"] == 1));
    let times = |run: &serde_json::Value, field: &str| run[field].as_f64().unwrap();
    let throttled =
        failing.windows(2).all(|pair| times(&pair[1], "fork_time") - times(&pair[0], "stop_time") > 0.9);
    assert!(throttled, "{failing:#?}");
    assert_eq!(runs(&thermos, "fail_and_succeed", "succeeding").len(), 1);
}

#[test]
fn mapreduce_makes_a_table_of_sines() {
    let thermos = Thermos::new();
    run(&thermos, "mapreduce", &["--sandbox", "sines"]).expect_code(0);
    let folder = thermos.home().join("sines");
    let table = fs::read_to_string(folder.join("sine_table.txt")).unwrap();
    let lines: Vec<(usize, f64)> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|words| (words[0].parse().unwrap(), words[1].parse().unwrap()))
        .collect();
    assert_eq!(lines.len(), 180);
    for (number, sine) in lines {
        let expected = (number as f64 - 1.0).to_radians().sin();
        assert!((sine - expected).abs() < 1e-12, "line {number}: {sine} is not {expected}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "the parts are removed");
}

#[test]
fn finalizers_clean_up_after_a_failure() {
    let thermos = Thermos::new();
    run(&thermos, "finalizers", &["--sandbox", "scratch"])
        .expect_code(1)
        .expect_stderr(" INFO] Task failed.");
    let folder = thermos.home().join("scratch");
    assert_eq!(fs::read_to_string(folder.join("saved.txt")).unwrap(), "half done\n");
    assert!(!folder.join("scratch.txt").exists());
}

#[test]
fn release_builds_tests_packages_and_cleans_up() {
    let thermos = Thermos::new();
    run(&thermos, "release", &["-E", "version=1.2.0", "--sandbox", "release"]).expect_code(0);
    let folder = thermos.home().join("release");
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["greeter-1.2.0.tar.gz"]);
    let logs = thermos.run(["tail", "release", "package"]).expect_code(0).text;
    assert_eq!(logs, "network passed\nstorage passed\nunit passed\n");
}
