//! Wrong configurations: what `thermos check` says about each file of `script/errors/`, to people and to programs.
//!
//! Beside `NAME.thermos` or `NAME.json` stand `NAME.stderr`, the text, and `NAME.stdout`, the output of
//! `--format json`. After a change, `UPDATE=1 cargo test wrong_configurations` writes them anew: read the difference.
//! Flags for a file stand in its first line: `// flags: -E a=b`. Files that are only included are in `lib/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value as Json;

use crate::harness::Thermos;

#[test]
fn wrong_configurations_are_told_as_recorded() {
    let cases = cases();
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    let names: Vec<_> = cases.iter().map(|case| case.with_extension("")).collect();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "two cases share their snapshots");
    let (first, second) = cases.split_at(cases.len() / 2);
    let wrong = thread::scope(|scope| {
        let second = scope.spawn(|| differences(second));
        [differences(first), second.join().unwrap()].concat()
    });
    assert!(wrong.is_empty(), "{wrong}\nUPDATE=1 records what is said now");
}

#[test]
fn each_snapshot_belongs_to_a_case() {
    let names: Vec<_> = cases().iter().map(|case| case.with_extension("")).collect();
    let snapshots = files().into_iter().filter(|path| !is_case(path));
    let orphans: Vec<_> = snapshots.filter(|path| !names.contains(&path.with_extension(""))).collect();
    assert!(orphans.is_empty(), "no case for {orphans:?}");
}

#[test]
fn flags_move_the_limits_of_the_evaluation() {
    let thermos = Thermos::new();
    let text = "let n = 0;\nfor i in range(1000) { n += i; }\nexport(SimpleTask(\"a\", `echo ${n}`));";
    thermos.write("loop.thermos", text);
    thermos.run(["check", "--max-operations", "100000", "loop.thermos"]).expect_code(0);
    let output = thermos.run(["check", "--max-operations", "1000", "loop.thermos"]).expect_code(3);
    output.expect_diagnostic("too_many_operations", "--max-operations allows more");
    for flag in ["--max-operations", "--max-time", "--max-memory"] {
        let output = thermos.run(["check", flag, "0", "loop.thermos"]).expect_code(2);
        output.expect_diagnostic("usage", flag);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script/errors")
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn cases() -> Vec<PathBuf> {
    files().into_iter().filter(|path| is_case(path)).collect()
}

fn is_case(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "thermos" || extension == "json")
}

/// Runs the cases and returns what is not as recorded, as text.
fn differences(cases: &[PathBuf]) -> String {
    let thermos = Thermos::new();
    cases.iter().map(|case| difference(&thermos, case)).collect()
}

fn difference(thermos: &Thermos, case: &Path) -> String {
    let text = check(thermos, case, &[]);
    let json = check(thermos, case, &["--format", "json"]);
    assert_eq!((text.text.as_str(), json.stderr.as_str()), ("", ""), "{case:?}");
    assert_sound(case, &text.stderr, &json.json());
    let recorded = [("stderr", text.stderr), ("stdout", json.text)];
    recorded.into_iter().map(|(extension, said)| compare(&case.with_extension(extension), &said)).collect()
}

fn check(thermos: &Thermos, case: &Path, more: &[&str]) -> crate::harness::Output {
    let source = fs::read(case).unwrap();
    let source = String::from_utf8_lossy(&source);
    let flags = source.lines().next().and_then(|line| line.strip_prefix("// flags: ")).unwrap_or("");
    let name = case.file_name().unwrap().to_str().unwrap();
    // Where time is short, less is found out about a mistake: a loaded machine shall say the same. A case's own flags win.
    let patience = if flags.contains("--max-time") { "" } else { "--max-time=80" };
    let arguments = ["check", patience]
        .into_iter()
        .filter(|argument| !argument.is_empty())
        .chain(more.iter().copied())
        .chain(flags.split_whitespace());
    thermos.command(arguments.chain([name])).current_dir(&folder()).output().expect_code(3)
}

/// What holds of every diagnostic: code, message, help, the same data in both forms, no words of the machinery.
fn assert_sound(case: &Path, text: &str, json: &Json) {
    let diagnostics = json.as_array().unwrap();
    assert!(diagnostics.iter().any(|one| one["severity"] == "error"), "{case:?}");
    for diagnostic in diagnostics {
        let said = |field: &str| diagnostic[field].as_str().unwrap_or_default();
        assert!(said("code").starts_with("thermos::"), "{case:?}: {diagnostic}");
        assert!(!said("message").is_empty() && !said("help").is_empty(), "{case:?}: {diagnostic}");
        assert!(text.contains(said("code")), "{case:?}: {} is not in the text", said("code"));
    }
    assert_eq!(text.matches("\n  help: ").count(), diagnostics.len(), "{case:?}:\n{text}");
    for word in ["i64", "f64", "Dynamic", "ImmutableString", "FnPtr", "rhai", "__", "panicked"] {
        assert!(!text.contains(word), "{case:?} speaks of {word}:\n{text}");
    }
}

/// Compares with a snapshot, or writes it if that is asked for.
fn compare(snapshot: &Path, said: &str) -> String {
    if env::var_os("UPDATE").is_some() {
        fs::write(snapshot, said).unwrap();
        return String::new();
    }
    let recorded = fs::read_to_string(snapshot).unwrap_or_default();
    if recorded == said {
        return String::new();
    }
    format!("{} is recorded:\n{recorded}\nit is now:\n{said}\n", snapshot.display())
}
