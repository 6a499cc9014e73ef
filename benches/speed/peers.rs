//! Other programs that do the same work.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::wait::wait;

use crate::Outcome;
use crate::case::Case;
use crate::report::Report;
use crate::work::{command, disk};

/// The argument that makes this program start `bash -c true` so many times, so many at a time.
pub(crate) const LOOP: &str = "--spawn-loop";

/// Where the loop leaves when it started each process, in seconds, a line each.
pub(crate) const STARTS: &str = "starts";

/// The limit: posix_spawn and wait, and nothing else. It is what the standard library does for a plain command.
pub(crate) fn spawn_loop(arguments: &[String]) -> Outcome<()> {
    let [count, at_a_time] = arguments else {
        return Err("needs a number of processes and of places".into());
    };
    let (count, at_a_time): (usize, usize) = (count.parse()?, at_a_time.parse()?);
    let (begin, mut starts) = (Instant::now(), Vec::with_capacity(count));
    for started in 0..count {
        if started >= at_a_time {
            wait()?;
        }
        starts.push(begin.elapsed().as_secs_f64());
        Command::new("/bin/bash").args(["-c", "true"]).spawn()?;
    }
    while wait().is_ok() {}
    Ok(std::fs::write(STARTS, starts.iter().map(|start| format!("{start}\n")).collect::<String>())?)
}

/// A case of the loop.
pub(crate) fn loop_case<'a>(count: usize, at_a_time: usize) -> Case<'a> {
    let name = format!("posix_spawn loop, {at_a_time} at a time");
    Case::new(name, move |folder| loop_call(folder, count, at_a_time))
}

/// A call of the loop.
pub(crate) fn loop_call(folder: &Path, count: usize, at_a_time: usize) -> Outcome<Command> {
    let mut call = Command::new(std::env::current_exe()?);
    call.args([LOOP, &count.to_string(), &at_a_time.to_string()]).current_dir(folder);
    Ok(call)
}

/// Finds a program; where root may install packages, installs it first. Says so if it cannot be had.
pub(crate) fn find(report: &mut Report, program: &str, package: &str) -> bool {
    let is_there = || {
        let found =
            Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    if is_there() {
        return true;
    }
    if nix::unistd::geteuid().is_root() {
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "-qq", package]).env("DEBIAN_FRONTEND", "noninteractive");
        let _ = install.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
    let found = is_there();
    if !found {
        report.note(&format!("left out: {program}, which is not installed (package {package})"));
    }
    found
}

/// Cases of everything that starts a list of shell commands, as far as it can be had.
pub(crate) fn starters<'a>(report: &mut Report, commands: &'a [String], at_a_time: usize) -> Vec<Case<'a>> {
    let places = format!("-P{at_a_time}");
    let jobs = format!("-j{at_a_time}");
    let mut cases = Vec::new();
    if commands.windows(2).all(|pair| pair[0] == pair[1]) && find(report, "xargs", "findutils") {
        let (count, line) = (commands.len(), commands.first().cloned().unwrap_or_default());
        cases.push(Case::new(format!("xargs {places}"), move |folder| {
            let pipe = format!("seq {count} | xargs {places} -I_ bash -c '{line}'");
            let mut call = command("bash", folder);
            call.args(["-c", &pipe]);
            Ok(call)
        }));
    }
    if find(report, "make", "make") {
        let jobs = jobs.clone();
        cases.push(Case::new(format!("make {jobs}"), move |folder| {
            let mut text = String::from("SHELL = /bin/bash\nall:");
            (0..commands.len()).for_each(|number| _ = write!(text, " t{number}"));
            for (number, line) in commands.iter().enumerate() {
                write!(text, "\nt{number}:\n\t@{line} ; :\n")?;
            }
            std::fs::write(folder.join("Makefile"), text)?;
            let mut call = command("make", folder);
            call.args(["-s", &jobs]);
            Ok(call)
        }));
    }
    if find(report, "ninja", "ninja-build") {
        let jobs = jobs.clone();
        cases.push(Case::new(format!("ninja {jobs}"), move |folder| {
            let mut text = String::from("rule r\n  command = bash -c \"$line\"\n");
            for (number, line) in commands.iter().enumerate() {
                write!(text, "build t{number}: r\n  line = {}\n", line.replace('$', "$$"))?;
            }
            std::fs::write(folder.join("build.ninja"), text)?;
            let mut call = command("ninja", folder);
            call.args(["--quiet", &jobs]);
            Ok(call)
        }));
    }
    if find(report, "parallel", "parallel") {
        cases.push(Case::new(format!("GNU parallel {jobs}"), move |folder| {
            std::fs::write(folder.join("commands"), commands.join("\n") + "\n")?;
            let mut call = command("parallel", folder);
            call.args([&jobs, "-a", "commands"]).env("SHELL", "/bin/bash");
            Ok(call)
        }));
    }
    cases
}

/// Python with a package of PyPI, in an environment below `target`, made when it is first asked for.
pub(crate) fn python(report: &mut Report, package: &str) -> Option<PathBuf> {
    let folder = disk().join("peers/python");
    let python = folder.join("bin/python");
    let imports = || succeeds(Command::new(&python).args(["-c", &format!("import {package}")]));
    if !imports() {
        let made = python.exists() || succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let install = ["-m", "pip", "install", "--quiet", package];
        let _ = made && succeeds(Command::new(&python).args(install));
    }
    let found = imports();
    if !found {
        report.note(&format!("left out: {package}, which cannot be installed from PyPI here"));
    }
    found.then_some(python)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
