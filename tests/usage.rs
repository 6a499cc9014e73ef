//! The command line as such: help, version, wrong arguments, streams that nobody reads.

use std::path::Path;
use std::process::Command;

use crate::harness::{Invocation, Recorded, Thermos};

#[test]
fn help_and_version_are_answers() {
    let thermos = Thermos::new();
    thermos.run(["--help"]).expect_code(0).expect_stdout("Usage: thermos");
    let version = thermos.run(["--version"]).expect_code(0).text;
    let commit = git(&["log", "-1", "--format=%h %cs"]).map(|commit| format!(" ({commit})"));
    assert_eq!(version, format!("thermos {}{}\n", env!("CARGO_PKG_VERSION"), commit.unwrap_or_default()));
}

#[test]
fn a_missing_command_shows_the_help_as_an_error() {
    let thermos = Thermos::new();
    let output = thermos.run([""; 0]).expect_code(2).expect_stderr("Usage: thermos");
    assert_eq!(output.text, "");
}

#[test]
fn a_wrong_argument_is_a_diagnostic_with_help() {
    let thermos = Thermos::new();
    let output = thermos.run(["--colour", "never"]).expect_code(2);
    output
        .expect_diagnostic("usage", "there is no flag '--colour' here")
        .expect_stderr("did you mean `--color`?");
    let output = thermos.run(["statsu"]).expect_code(2);
    output.expect_diagnostic("usage", "there is no command 'statsu'").expect_stderr("did you mean `status`?");
    let output = thermos.run(["check", "one", "two"]).expect_code(2);
    output
        .expect_diagnostic("usage", "'two' is one argument too many")
        .expect_stderr("`thermos check --help`");
    for jobs in ["-1", "0"] {
        let output = thermos.run(["run", "-j", jobs, "file"]).expect_code(2);
        output.expect_diagnostic("usage", &format!("'{jobs}' for '--jobs <N>': it has to be at least 1"));
    }
    thermos.run(["--color", "sometimes"]).expect_code(2).expect_diagnostic("usage", "'sometimes'");
}

#[test]
fn output_that_cannot_be_written_is_exit_code_6() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "task").run("work", 0, 0, b"text", b"").state("SUCCESS").write();
    for arguments in [&["status"][..], &["tail", "task"], &["--help"]] {
        let output = thermos.command(arguments).stdout_to("/dev/full").output().expect_code(6);
        output.expect_diagnostic("output", "cannot write to standard output: no space left on device");
    }
}

#[test]
fn the_root_comes_from_the_flag_then_the_environment_then_the_home() {
    let thermos = Thermos::new();
    let root = |call: Invocation| call.output().expect_code(1).stderr;
    let call = || thermos.command(["status"]);
    assert!(root(call().arg("--root").arg("named")).contains("/home/named\n"));
    assert!(root(call().env("THERMOS_ROOT", "variable")).contains("/home/variable\n"));
    assert!(root(call().env("THERMOS_ROOT", "")).contains("/home/.thermos\n"));
}

#[test]
fn a_terminal_gets_colour_and_unicode_unless_it_is_told_otherwise() {
    let thermos = Thermos::new();
    let shown = |arguments: &[&str], variable: (&str, &str)| {
        let call = thermos.command(["status", "nothing"]);
        let call = arguments.iter().fold(call, |call, argument| call.arg(argument));
        call.env(variable.0, variable.1).output_on_terminal(60).expect_code(1).text
    };
    let plain = shown(&[], ("TERM", "xterm"));
    assert!(plain.contains("×") && plain.contains("\u{1b}[31m"), "{plain}");
    assert!(plain.lines().all(|line| line.chars().count() < 75), "wrapped to the terminal:\n{plain}");
    for quiet in [shown(&["--color", "never"], ("TERM", "xterm")), shown(&[], ("TERM", "dumb"))] {
        assert!(quiet.contains("×") && !quiet.contains('\u{1b}'), "{quiet}");
    }
    let piped = thermos.run(["--color", "always", "status", "nothing"]).expect_code(1).stderr;
    assert!(piped.contains("\u{1b}[31m") && !piped.contains('×'), "{piped}");
}

#[test]
fn flags_that_suit_a_machine_have_a_variable() {
    let thermos = Thermos::new();
    let call = |name, value| thermos.command(["run", "missing.thermos"]).env(name, value).output();
    call("THERMOS_JOBS", "none").expect_code(2).expect_diagnostic("usage", "'none' for '--jobs <N>'");
    call("THERMOS_COLOR", "red").expect_code(2).expect_diagnostic("usage", "'red' for '--color <WHEN>'");
    assert!(call("THERMOS_COLOR", "always").expect_code(6).stderr.contains("\u{1b}[31m"));
}

/// What git says about the checkout that is tested; nothing where there is none.
fn git(arguments: &[&str]) -> Option<String> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let checkout = Path::new(folder).join(".git").exists();
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok();
    let output = output.filter(|output| checkout && output.status.success())?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}
