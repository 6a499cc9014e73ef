//! The README tells the truth: its files are written, its commands are run in order, its outputs compared.
//!
//! A fence behind `<!-- file: NAME -->` is a file. In a `console` fence a line with `$ ` is a command; the lines below
//! are what it prints, standard error included. `...` stands for any lines, `[..]` for any text inside of a line, and
//! `[exit N]` for an exit code other than 0.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::Thermos;

#[test]
fn the_readme_tells_the_truth() {
    let thermos = Thermos::new();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (mut files, mut commands) = (0, 0);
    for fence in fences(&readme) {
        if let Some(name) = fence.file {
            thermos.write(name, &fence.text);
            files += 1;
        } else if fence.language == "console" {
            for (command, expected) in steps(&fence.text) {
                let found = run(&thermos, &command);
                assert!(matches(&expected, &found), "$ {command}\n--- README\n{expected}--- found\n{found}");
                commands += 1;
            }
        }
    }
    assert!(files >= 3 && commands >= 10, "{files} files and {commands} commands");
}

#[test]
fn code_from_the_examples_is_quoted_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for name in ["pi.thermos", "lib/math.thermos"] {
        let example = fs::read_to_string(root.join("examples").join(name)).unwrap();
        let code: Vec<&str> =
            example.lines().skip_while(|line| line.starts_with("//") || line.is_empty()).collect();
        assert!(readme.contains(&code.join("\n")), "{name}");
    }
}

struct Fence<'a> {
    language: &'a str,
    file: Option<&'a str>,
    text: String,
}

fn fences(markdown: &str) -> Vec<Fence<'_>> {
    let (mut fences, mut file) = (Vec::new(), None);
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            let text = inside.map(|line| format!("{line}\n")).collect();
            fences.push(Fence { language, file: file.take(), text });
        } else if let Some(name) = line.strip_prefix("<!-- file: ") {
            file = name.strip_suffix(" -->");
        }
    }
    fences
}

/// Cuts a console text into commands and what they print.
fn steps(text: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((_, expected))) => expected.push_str(&format!("{line}\n")),
            (None, None) => panic!("output before any command: {line}"),
        }
    }
    steps
}

fn run(thermos: &Thermos, command: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_thermos")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .env_clear()
        .envs([("PATH", path.as_str()), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")])
        .env("HOME", thermos.home())
        .env("THERMOS_ROOT", thermos.root())
        .current_dir(thermos.home())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => {}
        code => text.push_str(&format!("[exit {}]\n", code.unwrap_or(-1))),
    }
    text
}

fn matches(expected: &str, found: &str) -> bool {
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    matches_lines(&expected, &found)
}

fn matches_lines(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skipped| matches_lines(rest, &found[skipped..])),
        Some((first, rest)) => found
            .split_first()
            .is_some_and(|(line, found)| matches_line(first, line) && matches_lines(rest, found)),
    }
}

fn matches_line(expected: &str, found: &str) -> bool {
    let mut parts = expected.split("[..]");
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
