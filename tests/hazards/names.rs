//! Names of processes, which become names of files (point 19).

use std::fs;

use serde_json::json;

use crate::harness::Thermos;

const STRANGE: [&str; 13] = [
    "with blanks in it",
    " at the edges ",
    "dots.in.it.0",
    "a..b",
    "-rf",
    "~",
    "$HOME `id` $(id)",
    "'quoted' \"twice\"",
    "back\\slash",
    "*?[a]",
    "größe",
    "名前 \u{1f600}",
    "e\u{301}",
];

#[test]
fn point_19_names_with_blanks_dots_and_unicode_run_and_are_found_again() {
    let thermos = Thermos::new();
    let processes: Vec<_> = STRANGE
        .iter()
        .map(|name| json!({"name": name, "cmdline": "printf %s \"$THERMOS_PROCESS\""}))
        .collect();
    thermos.write("task.json", json!({"name": "t", "processes": processes}).to_string());
    thermos.run(["run", "--task-id", "id", "task.json"]).expect_code(0);
    let runs = thermos.run(["status", "--format", "json", "id"]).json()[0]["processes"].clone();
    for name in STRANGE {
        assert_eq!(runs[name][0]["state"], "SUCCESS", "{name}");
        assert_eq!(thermos.run(["tail", "id", "--", name]).expect_code(0).text, name);
        let log = thermos.root().join("logs/id").join(name).join("0/stdout");
        assert_eq!(fs::read_to_string(log).unwrap(), name);
    }
    thermos.run(["resume", "id"]).expect_code(0);
}

#[test]
fn point_19_names_are_as_long_as_file_names_allow_and_no_longer() {
    let thermos = Thermos::new();
    let task = |name: &str| json!({"name": "t", "processes": [{"name": name, "cmdline": "echo here"}]});
    // 12 bytes of `coordinator.`, 11 of `.` and the greatest number of a run.
    for longest in ["n".repeat(232), "é".repeat(116)] {
        thermos.write("task.json", task(&longest).to_string());
        thermos.run(["check", "task.json"]).expect_code(0);
        thermos
            .run(["run", "--task-id", &longest[longest.len() - 4..].replace('é', "e"), "task.json"])
            .expect_code(0);
    }
    for too_long in ["n".repeat(233), "é".repeat(117)] {
        thermos.write("task.json", task(&too_long).to_string());
        for command in ["check", "run"] {
            let refused = thermos.run([command, "task.json"]).expect_code(3);
            refused.expect_stderr("must have at most 232 bytes to fit a file name");
        }
    }
}

#[test]
fn point_19_names_that_no_file_can_have_are_refused() {
    let thermos = Thermos::new();
    for name in ["", ".", "..", ".hidden", "a/b", "/", "a\0b", "a\nb"] {
        let task = json!({"name": "t", "processes": [{"name": name, "cmdline": "true"}]});
        thermos.write("task.json", task.to_string());
        let refused = thermos.run(["run", "task.json"]).expect_code(3);
        assert!(refused.stderr.contains("name"), "{name:?}: {}", refused.stderr);
    }
    assert_eq!(thermos.root_files(), Vec::<String>::new());
}
