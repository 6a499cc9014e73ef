//! Point 15: corrupt, truncated and foreign content of files under the root. An error names file and line; nothing is
//! guessed; other tasks are not affected.

use std::fs;

use serde_json::Value;

use super::dead::{ACTIVE, Dead, REQUEST, RUN, RUNNER, lines};

/// Damages the lines of a file: what becomes of it, how, the line that is named, and what is said of it.
type Damage = (&'static str, fn(&mut Vec<String>), usize, &'static str);

fn insert(lines: &mut Vec<String>, line: &str) {
    lines.insert(1, format!("{line}\n"));
}

const DAMAGES: [Damage; 12] = [
    ("a line of garbage", |lines| insert(lines, "garbage"), 2, "damaged checkpoint"),
    ("an empty line", |lines| insert(lines, ""), 2, "damaged checkpoint"),
    ("zeroes within a line", |lines| lines[1] = lines[1].replace("\"s", "\0\0"), 2, "damaged checkpoint"),
    ("zeroes for a line", |lines| insert(lines, &"\0".repeat(4096)), 2, "damaged checkpoint"),
    ("half a line", |lines| lines[0].truncate(20), 1, "damaged checkpoint"),
    ("a list", |lines| insert(lines, "[1, 2]"), 2, "damaged checkpoint"),
    ("a number", |lines| insert(lines, "17"), 2, "damaged checkpoint"),
    ("a record without fields", |lines| insert(lines, r#"{"process_status":{}}"#), 2, "damaged checkpoint"),
    (
        "a record of a wrong shape",
        |lines| insert(lines, r#"{"process_status":[3]}"#),
        2,
        "damaged checkpoint",
    ),
    ("two records in a line", |lines| lines[1] = lines[1].replace('\n', " {}\n"), 2, "damaged checkpoint"),
    ("a binary file", |lines| *lines = vec!["\u{7f}ELF\0\0\n".to_owned()], 1, "damaged checkpoint"),
    ("a line without an end in sight", |lines| lines.push("x".repeat(17 << 20)), 4, "16777216 bytes"),
];

/// Tries commands while the lines of a file are damaged.
fn damaged_lines_of(file: &str, commands: &[&str], damages: &[Damage]) {
    let dead = Dead::new();
    for (_, damage, line, text) in damages {
        for command in commands {
            let copy = dead.copy();
            let mut lines = lines(&copy.path(file));
            damage(&mut lines);
            fs::write(copy.path(file), lines.concat()).unwrap();
            copy.expect_error(command, &[&format!("{file}:{line}: "), text]);
        }
    }
}

#[test]
fn point_15_damage_in_the_runners_stream() {
    damaged_lines_of(RUNNER, &["status", "tail", "kill", "resume", "run"], &DAMAGES);
}

#[test]
fn point_15_damage_in_the_stream_of_a_run() {
    damaged_lines_of(RUN, &["status", "tail", "kill", "resume", "run"], &DAMAGES);
}

#[test]
fn point_15_records_that_cannot_be_in_the_runners_stream() {
    let damages: [Damage; 6] = [
        (
            "a stream of another task",
            |lines| lines[0] = lines[0].replace(r#""id""#, r#""ie""#),
            1,
            "belongs to task ie",
        ),
        (
            "a second header",
            |lines| lines.push(lines[0].clone()),
            4,
            "impossible record: a header is the first",
        ),
        (
            "a record before the header",
            |lines| lines.swap(0, 1),
            1,
            "impossible record: a header is the first",
        ),
        (
            "an unknown kind before the header",
            |lines| lines.insert(0, "{\"new\":1}\n".into()),
            1,
            "impossible record",
        ),
        (
            "a gap",
            |lines| lines[2] = lines[2].replace("\"seq\":0", "\"seq\":7"),
            3,
            "those between are missing",
        ),
        (
            "a number too large",
            |lines| lines[2] = lines[2].replace("\"run\":0", "\"run\":18446744073709551615"),
            3,
            "too large",
        ),
    ];
    damaged_lines_of(RUNNER, &["status", "kill", "resume", "run"], &damages);
}

#[test]
fn point_15_records_that_cannot_be_in_the_stream_of_a_run() {
    let damages: [Damage; 4] = [
        (
            "another run",
            |lines| lines[0] = lines[0].replace("\"run\":0", "\"run\":1"),
            1,
            "a record of another stream",
        ),
        (
            "another process",
            |lines| lines[1] = lines[1].replace(r#""p""#, r#""q""#),
            2,
            "a record of another stream",
        ),
        ("a gap", |lines| drop(lines.remove(1)), 2, "those between are missing"),
        (
            "an impossible order",
            |lines| lines[1] = lines[1].replace("RUNNING", "WAITING"),
            2,
            "WAITING cannot follow FORKED",
        ),
    ];
    damaged_lines_of(RUN, &["status", "tail", "kill", "resume", "run"], &damages);
}

#[test]
fn point_15_a_task_that_is_none() {
    let dead = Dead::new();
    let whole = fs::read_to_string(dead.thermos.root().join(ACTIVE)).unwrap();
    let half = whole.split_at(whole.len() / 2).0;
    for content in ["", "garbage", "{}", "[]", "\0\0\0", half, &whole.replace("\"processes\"", "\"process\"")]
    {
        for command in ["kill", "resume", "run"] {
            let copy = dead.copy();
            fs::write(copy.path(ACTIVE), content).unwrap();
            copy.expect_error(command, &[&format!("{ACTIVE}:1: damaged checkpoint")]);
        }
    }
    let others = [
        (
            whole.replace(r#""name":"t""#, r#""name":"u""#),
            format!("{ACTIVE}:1: damaged checkpoint: it is task 'u'"),
        ),
        (
            whole.replace(r#""name":"p""#, r#""name":"q""#),
            format!("{RUNNER}:3: damaged checkpoint: the task has no process 'p'"),
        ),
    ];
    for (content, message) in others {
        for command in ["kill", "resume"] {
            let copy = dead.copy();
            assert_ne!(content, whole);
            fs::write(copy.path(ACTIVE), &content).unwrap();
            copy.expect_error(command, &[&message]);
        }
    }
}

#[test]
fn point_15_a_request_that_is_none() {
    let dead = Dead::new();
    for content in ["", "garbage", "{}", "[]", r#"{"outcome":"KILLED","for"#] {
        for command in ["resume", "run"] {
            let copy = dead.copy();
            fs::write(copy.path(REQUEST), content).unwrap();
            copy.expect_error(command, &[&format!("{REQUEST}:1: damaged checkpoint")]);
        }
        let copy = dead.copy();
        fs::write(copy.path(REQUEST), content).unwrap();
        copy.expect_fine("kill").expect_stderr("Task killed.");
    }
}

#[test]
fn point_15_a_run_of_a_process_that_the_task_does_not_have() {
    let dead = Dead::new();
    for command in ["kill", "resume", "run"] {
        let copy = dead.copy();
        let stranger = "checkpoints/id/coordinator.q.0";
        let record = lines(&copy.path(RUN))[0].replace(r#""p""#, r#""q""#);
        fs::write(copy.path(stranger), record).unwrap();
        copy.expect_error(
            command,
            &[&format!("{stranger}:1: damaged checkpoint: the task has no process 'q'")],
        );
    }
}

#[test]
fn point_15_what_a_newer_version_wrote_is_shown_and_a_state_of_its_own_is_not_guessed_at() {
    let dead = Dead::new();
    let change = |change: fn(&mut Vec<String>)| {
        let copy = dead.copy();
        let mut lines = lines(&copy.path(RUNNER));
        change(&mut lines);
        fs::write(copy.path(RUNNER), lines.concat()).unwrap();
        copy
    };
    let kind = change(|lines| insert(lines, r#"{"weather":{"rain":true}}"#));
    kind.expect_fine("status");
    kind.expect_fine("resume");
    assert!(fs::read_to_string(kind.path(RUNNER)).unwrap().contains("weather"));
    let field = change(|lines| lines[1] = lines[1].replace("{\"state", "{\"mood\":\"good\",\"state"));
    field.expect_fine("status");
    field.expect_fine("resume");
    let state = change(|lines| lines[1] = lines[1].replace("ACTIVE", "PAUSED"));
    state.expect_fine("status").expect_stdout("PAUSED");
    state.expect_error("resume", &["a task in state PAUSED is not supported by this version"]);
    state.expect_error("kill", &["a task in state PAUSED is not supported by this version"]);
}

#[test]
fn point_15_a_damaged_task_was_said_to_have_ended() {
    let dead = Dead::new();
    let copy = dead.copy();
    fs::rename(copy.path(ACTIVE), copy.path("tasks/finished/id")).unwrap();
    fs::write(copy.path(RUNNER), "garbage\n").unwrap();
    for command in ["kill", "lose"] {
        let output = copy.call(command).expect_code(6);
        assert!(!output.stderr.contains("ended before"), "{}", output.stderr);
        output.expect_diagnostic("damaged_checkpoint", &format!("{RUNNER}:1: damaged checkpoint"));
    }
}

#[test]
fn point_15_the_way_out_that_is_told_leads_out() {
    let dead = Dead::new();
    let copy = dead.copy();
    fs::write(copy.path(RUNNER), "garbage\n").unwrap();
    let told = copy.call("status").expect_code(6).stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let folder = copy.path("checkpoints/id");
    for part in ["`thermos read --simple id`", &format!("move {} away", folder.display()), "`thermos gc id`"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    fs::rename(&folder, copy.path("moved")).unwrap();
    copy.expect_fine("gc");
    copy.expect_fine("status");
    assert!(!copy.path(ACTIVE).exists() && !folder.exists());
}

/// Places at which a file may end: each byte near the end of a line, and the middle of each line.
fn cuts(content: &[u8]) -> Vec<usize> {
    let ends = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place);
    let near = |end: usize| [end - 1, end, end + 1, end / 2];
    ends.flat_map(near).filter(|cut| *cut < content.len()).collect()
}

#[test]
fn point_15_readers_take_a_file_that_ends_anywhere() {
    let dead = Dead::new();
    let header = lines(&dead.thermos.root().join(RUNNER))[0].len();
    for file in [RUNNER, RUN] {
        let copy = dead.copy();
        let whole = fs::read(copy.path(file)).unwrap();
        for cut in cuts(&whole) {
            fs::write(copy.path(file), &whole[..cut]).unwrap();
            // Runs without a header are damage: nothing starts before it.
            match file == RUNNER && cut < header {
                true => copy.expect_error("status", &["runner:1: damaged checkpoint: its header is missing"]),
                false => drop(copy.expect_fine("status")),
            }
            assert_eq!(fs::read(copy.path(file)).unwrap(), whole[..cut], "a reader writes nothing");
        }
    }
}

#[test]
fn point_15_a_torn_line_is_cut_off_the_runners_stream_alone_and_by_its_owner_alone() {
    for torn in [&b"{\"process_sta"[..], b"\0\0\0\0", b"garbage", b"{\"process_status\":{}}"] {
        let dead = Dead::new();
        let copy = dead.copy();
        let tear = |file: &str| {
            let whole = [&fs::read(copy.path(file)).unwrap(), torn].concat();
            fs::write(copy.path(file), &whole).unwrap();
            whole
        };
        let (runner, run) = (tear(RUNNER), tear(RUN));
        copy.expect_fine("status");
        copy.expect_fine("tail");
        assert_eq!(fs::read(copy.path(RUNNER)).unwrap(), runner);
        copy.expect_fine("resume");
        for line in lines(&copy.path(RUNNER)) {
            serde_json::from_str::<Value>(&line).unwrap();
        }
        assert_eq!(fs::read(copy.path(RUN)).unwrap(), run);
    }
}
