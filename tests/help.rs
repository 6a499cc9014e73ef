//! What `thermos` says about itself: help texts, manual pages, completions, and that README leaves nothing out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::{Recorded, THERMOS, Thermos};

/// The commands that `thermos --help` lists.
fn commands(thermos: &Thermos) -> Vec<String> {
    let help = thermos.run(["--help"]).expect_code(0).text;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // Longer descriptions go on below, further to the right.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

/// The flags that a help text explains: `-j`, `--jobs`.
fn flags(help: &str) -> BTreeSet<String> {
    let flag = Regex::new(r"(?m)^ {2,6}(?:(-[a-zA-Z]), )?(-[a-zA-Z]|--[a-z-]+)").unwrap();
    let found = flag.captures_iter(help).flat_map(|found| [found.get(1), found.get(2)]);
    found.flatten().map(|flag| flag.as_str().to_owned()).collect()
}

#[test]
fn help_texts_are_as_they_were_agreed() {
    let thermos = Thermos::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("thermos", thermos.run(["--help"]).expect_code(0).text);
        for command in commands(&thermos) {
            let help = thermos.run([&command, "--help"]).expect_code(0).text;
            assert!(help.contains("\nExamples:\n"), "`thermos {command} --help` has no examples");
            insta::assert_snapshot!(command, help);
        }
    });
}

#[test]
fn readme_and_manual_pages_mention_every_command_and_flag() {
    let thermos = Thermos::new();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let page = |arguments: &[&str]| plain(&thermos.run([&["man"], arguments].concat()).expect_code(0).text);
    let whole = page(&[]);
    let mut missing = Vec::new();
    let mut known = 0;
    for command in commands(&thermos) {
        assert!(whole.contains(&format!("thermos-{command}(1)")), "thermos(1) does not mention {command}");
        if !readme.contains(&format!("`{command}`")) && !readme.contains(&format!("`{command} ")) {
            missing.push(format!("README: `{command}`"));
        }
        let (help, page) = (thermos.run([&command, "--help"]).expect_code(0).text, page(&[&command]));
        for flag in flags(&help).difference(&["-h".to_owned(), "--help".to_owned()].into()) {
            known += 1;
            let word = Regex::new(&format!("(?m)(^|[^a-z-]){flag}($|[^a-z-])")).unwrap();
            missing.extend((!word.is_match(&readme)).then(|| format!("README: {flag} of `{command}`")));
            missing.extend((!word.is_match(&page)).then(|| format!("thermos-{command}(1): {flag}")));
        }
    }
    assert!(known > 50, "only {known} flags were found in the help texts");
    assert!(missing.is_empty(), "nothing is said of:\n{}", missing.join("\n"));
}

/// A manual page without its changes of font and its escapes.
fn plain(roff: &str) -> String {
    Regex::new(r"\\f[BIR]|\\").unwrap().replace_all(roff, "").into_owned()
}

#[test]
fn manual_pages_have_the_sections_that_manual_pages_have() {
    let thermos = Thermos::new();
    let variable = Regex::new(r"\[env: ([A-Z_]+)=?\]").unwrap();
    let page = |arguments: &[&str]| plain(&thermos.run([&["man"], arguments].concat()).expect_code(0).text);
    let whole = page(&[]);
    assert!(whole.contains("\nthermos [OPTIONS] COMMAND\n"), "{whole}");
    assert!(whole.contains("\n.SH COMMANDS\n") && whole.contains("\n.SH FILES\n"), "{whole}");
    for command in commands(&thermos) {
        let (help, page) = (thermos.run([&command, "--help"]).expect_code(0).text, page(&[&command]));
        let usage =
            help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap().replace(['<', '>'], "");
        let synopsis = format!(".SH SYNOPSIS\n{usage}\n.SH DESCRIPTION\n");
        assert!(page.contains(&synopsis), "{synopsis}: {page}");
        for section in ["NAME", "OPTIONS", "ENVIRONMENT", "\"EXIT STATUS\"", "EXAMPLES", "\"SEE ALSO\""] {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{section}: {page}");
        }
        assert!(!page.contains("EXTRA") && page.matches(".ds Aq").count() == 2, "{page}");
        let environment = page.split("\n.SH ENVIRONMENT\n").nth(1).unwrap();
        let mut variables: Vec<&str> =
            variable.captures_iter(&help).map(|found| found.get(1).unwrap().as_str()).collect();
        variables.extend(["THERMOS_ROOT", "THERMOS_COLOR", "NO_COLOR"]);
        for name in variables {
            assert!(environment.contains(&format!(".TP\n{name}\n")), "{command}: {name}: {environment}");
            assert!(whole.contains(&format!(".TP\n{name}\n")), "{name}: {whole}");
        }
    }
}

#[test]
fn all_manual_pages_are_written_into_a_folder() {
    let thermos = Thermos::new();
    assert_eq!(thermos.run(["man", "--dir", "pages"]).expect_code(0).text, "");
    let mut pages: Vec<String> = fs::read_dir(thermos.home().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut expected: Vec<String> = commands(&thermos)
        .iter()
        .map(|command| format!("thermos-{command}.1"))
        .chain(["thermos.1".into()])
        .collect();
    expected.sort();
    assert_eq!(pages, expected);
    let run = fs::read_to_string(thermos.home().join("pages/thermos-run.1")).unwrap();
    assert!(run.contains(".TH thermos-run 1") && run.contains("\\fBthermos run\\fR"), "{run}");
    thermos.write("file", "");
    thermos.run(["man", "--dir", "file/pages"]).expect_code(6).expect_diagnostic("io", "file/pages");
    thermos
        .run(["man", "rnu"])
        .expect_code(2)
        .expect_diagnostic("usage", "'rnu'")
        .expect_stderr("did you mean `run`?");
}

/// Lets a real bash complete a line; returns what it offers.
fn completed(thermos: &Thermos, words: &[&str]) -> Vec<String> {
    let script = r#"
        PATH="$(dirname "$0"):$PATH"
        source <("$THERMOS" completions bash)
        COMP_WORDS=(thermos $WORDS "$LAST"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        _clap_complete_thermos thermos "$LAST" "" && printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let (last, first) = words.split_last().unwrap();
    let output =
        thermos.shell(script).env("WORDS", first.join(" ")).env("LAST", *last).output().expect_code(0);
    assert_eq!(output.stderr, "", "{THERMOS}");
    output.text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn bash_completes_commands_flags_tasks_and_processes() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "build-1").run("compile", 0, 0, b"", b"").state("SUCCESS").write();
    Recorded::new(&thermos, "build-2").run("test all", 0, 0, b"", b"").run("tag", 0, 0, b"", b"").write();
    assert_eq!(completed(&thermos, &["sta"]), ["status"]);
    assert_eq!(completed(&thermos, &["run", "--dur"]), ["--durable"]);
    assert_eq!(completed(&thermos, &["tail", "b"]), ["build-2", "build-1"]);
    assert_eq!(completed(&thermos, &["tail", "build-1", ""])[..2], ["compile", "--stderr"]);
    assert_eq!(completed(&thermos, &["tail", "build-2", "ta"]), ["tag"]);
    assert_eq!(completed(&thermos, &["kill", "build-1"]), ["build-1"]);
    thermos.write("elsewhere/build.thermos", "");
    assert_eq!(completed(&thermos, &["run", "elsewhere/b"]), ["elsewhere/build.thermos"]);
    assert_eq!(completed(&thermos, &["graph", "build-1"]), ["build-1"]);
    assert_eq!(completed(&thermos, &["read", "build-2"]), ["build-2"]);
    assert_eq!(completed(&thermos, &["run", "build-1"]), [""; 0], "a file alone");
    assert_eq!(completed(&thermos, &["rerun", "build-2", "--from", "ta"]), ["tag"]);
    assert_eq!(completed(&thermos, &["--root=elsewhere", "tail", "b"]), [""; 0]);
    let other_root = completed(&thermos, &["--root", "elsewhere", "tail", "b"]);
    assert_eq!(other_root, [""; 0], "another root");
}

#[test]
fn every_shell_has_a_script() {
    let thermos = Thermos::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        thermos.run(["completions", shell]).expect_code(0).expect_stdout("THERMOS_COMPLETE");
    }
    thermos.run(["completions", "tcsh"]).expect_code(2).expect_diagnostic("usage", "'tcsh'");
}
