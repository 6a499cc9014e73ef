//! Runs the cases whose answers came from the original's configuration library, schema and planner.
//!
//! Every `*.json` in the folder named by `THERMOS_CONFORMANCE`, else in `tests/conformance/`. FORMAT.md there says what
//! a case means. A case tagged `quirk` may fail if `deviations.txt` gives a reason; any other failure fails the test.

#![allow(clippy::print_stdout)]

mod answers;
mod helpers;
mod objects;
mod planner;
mod references;
mod templates;
mod thermos;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// What a case got wrong, for a reader of the test's output.
type Verdict = Result<(), String>;

#[test]
fn conformance() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let folder = std::env::var_os("THERMOS_CONFORMANCE").map_or_else(|| own.clone(), PathBuf::from);
    let deviations = deviations(&own.join("deviations.txt"));
    let mut broken = Vec::new();
    let mut count = 0;
    for file in case_files(&folder) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let cases = cases(&file).unwrap_or_else(|reason| {
            println!("FAILED {name}: {reason}");
            broken.push(name.to_string());
            Vec::new()
        });
        let (mut passed, mut failed) = (0, 0);
        for (index, case) in cases.iter().enumerate() {
            let id = case["id"].as_str().map_or_else(|| format!("{name}#{index}"), str::to_owned);
            match run_guarded(case) {
                Ok(()) => passed += 1,
                Err(reason) => {
                    failed += 1;
                    let listed = case["quirk"] == true && deviations.contains_key(&id);
                    println!("{} {id}: {reason}", if listed { "deviates" } else { "FAILED" });
                    if !listed {
                        broken.push(id);
                    }
                }
            }
        }
        count += passed + failed;
        println!("{name}: {passed} passed, {failed} failed");
    }
    assert!(broken.is_empty(), "{} cases fail: {}", broken.len(), broken.join(" "));
    assert!(count > 0, "no cases in {}", folder.display());
}

/// A case that is not written as FORMAT.md says fails by its own name; the others run on.
fn run_guarded(case: &Json) -> Verdict {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run_case(case)));
    outcome.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("cannot be run: {}", text.unwrap_or_default()))
    })
}

#[test]
fn a_case_that_is_written_wrong_fails_alone() {
    let kinds = [
        "parse",
        "scoped_to",
        "concat",
        "first_rest",
        "compare",
        "split",
        "join",
        "resolve",
        "coerce",
        "type_name",
        "equal",
        "object",
        "json_load",
        "type_fields",
        "enum_values",
        "extract_ports",
        "task_ports",
        "process_name",
        "validate_task",
        "helper",
        "schedule",
        "unheard_of",
    ];
    for kind in kinds {
        let wrong =
            serde_json::json!({"kind": kind, "type": 5, "build": {"$new": ["Set"]}, "expect": {"ok": 7}});
        assert!(run_guarded(&wrong).is_err(), "{kind}");
    }
    assert!(run_guarded(&Json::Null).is_err());
}

fn run_case(case: &Json) -> Verdict {
    match case["kind"].as_str().unwrap_or_default() {
        "parse" | "scoped_to" | "concat" | "first_rest" | "compare" => references::run(case),
        "split" | "resolve" | "join" => templates::run(case),
        "coerce" | "type_name" | "equal" | "object" | "json_load" => objects::run(case),
        "type_fields" | "enum_values" | "extract_ports" | "task_ports" | "process_name" | "validate_task" => {
            thermos::run(case)
        }
        "schedule" | "graph" => planner::run_case(case),
        "helper" => helpers::run(case),
        _ => Err(format!("unknown kind {}", case["kind"])),
    }
}

fn cases(file: &Path) -> Result<Vec<Json>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("no array of cases: {error}"))
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// Reads `id<TAB>reason` lines.
fn deviations(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| line.split_once('\t').map(|(id, reason)| (id.to_owned(), reason.to_owned()));
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|l| line(l).unwrap()).collect()
}

/// Says that two answers differ.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}
