//! Point 15: corrupt, truncated, unreadable, empty and foreign files under the root. An error names the file, and the
//! line if it has lines; other tasks are not affected; nothing hangs, nothing is guessed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use serde_json::{Value, json};

use crate::harness::{Invocation, Output, Recorded, Thermos, skip};

const RUNNER: &str = "checkpoints/id/runner";
const RUN: &str = "checkpoints/id/coordinator.p.0";
const LOCK: &str = "checkpoints/id/lock";
const REQUEST: &str = "checkpoints/id/request";
const ACTIVE: &str = "tasks/active/id";

/// Each file, and the commands that need it.
const READERS: [(&str, &[&str]); 5] = [
    (RUNNER, &["status", "tail", "kill", "resume", "run"]),
    (RUN, &["status", "tail", "kill", "resume", "run"]),
    (LOCK, &["kill", "resume", "run"]),
    (REQUEST, &["resume", "run"]),
    (ACTIVE, &["kill", "resume", "run"]),
];

/// A task `id` whose runner died while its process ran, which has ended since; beside it a task `other`.
struct Dead {
    thermos: Thermos,
}

impl Dead {
    fn new() -> Dead {
        let dead = Dead { thermos: Thermos::new() };
        let thermos = &dead.thermos;
        let task =
            json!({"name": "t", "processes": [{"name": "p", "cmdline": "echo hello", "min_duration": 0}]});
        thermos.write("task.json", task.to_string());
        thermos.run(["run", "--json", "--task-id", "id", "task.json"]).expect_code(0);
        Recorded::new(thermos, "other").state("SUCCESS").write();
        fs::rename(thermos.root().join("tasks/finished/id"), thermos.root().join(ACTIVE)).unwrap();
        let lines = lines(&thermos.root().join(RUNNER));
        fs::write(thermos.root().join(RUNNER), lines[..3].concat()).unwrap();
        dead
    }

    /// Copies its root, to be damaged and used once.
    fn copy(&self) -> Copy<'_> {
        let folder = tempfile::Builder::new().prefix("thermos-test-").tempdir().unwrap();
        copy_folder(&self.thermos.root(), &folder.path().join("root"));
        Copy { thermos: &self.thermos, folder }
    }
}

struct Copy<'a> {
    thermos: &'a Thermos,
    folder: tempfile::TempDir,
}

impl Copy<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    fn call(&self, command: &str) -> Output {
        self.command(command).output()
    }

    fn command(&self, command: &str) -> Invocation {
        let arguments: &[&str] = match command {
            "status" => &["status"],
            "run" => &["run", "--json", "--task-id", "id", "task.json"],
            command => &[command, "id"],
        };
        self.thermos.command(arguments).env("THERMOS_ROOT", self.path(""))
    }

    /// Expects that a command names what is wrong, and that the other task is shown all the same.
    #[track_caller]
    fn expect_error(&self, command: &str, parts: &[&str]) {
        let output = self.call(command).expect_code(6);
        assert!(command != "status" || output.text.contains("other"), "{}", output.text);
        parts.iter().fold(output, |output, part| output.expect_stderr(part)).expect_stderr("\n  help: ");
    }

    /// Expects that a command does as if nothing were wrong.
    #[track_caller]
    fn expect_fine(&self, command: &str) -> Output {
        self.call(command).expect_code(0).expect_stderr("")
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

/// Puts something into the place of a file; says what it is called.
fn put(thing: &str, path: &Path) {
    let _ = fs::remove_file(path);
    match thing {
        "a folder" => fs::create_dir(path).unwrap(),
        "a named pipe" => mkfifo(path, Mode::from_bits_truncate(0o600)).unwrap(),
        "a link" => symlink("nowhere", path).unwrap(),
        _ => drop(UnixListener::bind(path).unwrap()),
    }
}

const THINGS: [&str; 4] = ["a folder", "a named pipe", "a link", "a socket"];

/// Tries all commands while something stands in the place of a file.
fn things_in_place_of(file: &str) {
    let dead = Dead::new();
    let readers = READERS.iter().find(|(name, _)| *name == file).unwrap().1;
    for thing in THINGS {
        for command in ["status", "tail", "kill", "resume", "run"] {
            let copy = dead.copy();
            put(thing, &copy.path(file));
            if readers.contains(&command) {
                copy.expect_error(command, &[file, thing]);
            } else if (file, thing, command) == (REQUEST, "a folder", "kill") {
                // What it wants of others it cannot leave there.
                copy.expect_error(command, &[file]);
            } else {
                copy.expect_fine(command);
            }
        }
    }
}

#[test]
fn point_15_things_in_place_of_the_runners_stream() {
    things_in_place_of(RUNNER);
}

#[test]
fn point_15_things_in_place_of_the_stream_of_a_run() {
    things_in_place_of(RUN);
}

#[test]
fn point_15_things_in_place_of_the_lock() {
    things_in_place_of(LOCK);
}

#[test]
fn point_15_things_in_place_of_a_request() {
    things_in_place_of(REQUEST);
}

#[test]
fn point_15_things_in_place_of_the_task() {
    things_in_place_of(ACTIVE);
}

#[test]
fn point_15_things_in_place_of_a_log() {
    let dead = Dead::new();
    let copy = dead.copy();
    // The header names the logs where they were first.
    let log = dead.thermos.root().join("logs/id/p/0/stdout");
    for thing in ["a folder", "a named pipe", "a socket"] {
        let _ = fs::remove_file(&log).or_else(|_| fs::remove_dir(&log));
        put(thing, &log);
        copy.expect_error("tail", &[log.to_str().unwrap()]);
        copy.expect_fine("status");
    }
    fs::remove_file(&log).unwrap();
    put("a link", &log);
    copy.call("tail").expect_code(1).expect_diagnostic("nothing_found", log.to_str().unwrap());
}

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

#[test]
fn point_15_a_task_that_has_ended_is_moved_by_whoever_writes_next() {
    let dead = Dead::new();
    dead.copy().expect_fine("resume");
    for (command, code) in [("resume", 0), ("kill", 0), ("run", 6)] {
        let copy = dead.copy();
        copy.expect_fine("resume");
        fs::rename(copy.path("tasks/finished/id"), copy.path(ACTIVE)).unwrap();
        copy.expect_fine("status");
        assert!(copy.path(ACTIVE).exists(), "a reader writes nothing");
        copy.call(command).expect_code(code).expect_stderr("ended already: SUCCESS");
        assert!(copy.path("tasks/finished/id").exists() && !copy.path(ACTIVE).exists(), "{command}");
    }
}

#[test]
fn point_15_without_a_header_nothing_has_started() {
    let dead = Dead::new();
    for content in [None, Some(""), Some("{\"runner_header\":{\"task_id\":\"id\"")] {
        let fresh = || {
            let copy = dead.copy();
            fs::remove_file(copy.path(RUN)).unwrap();
            match content {
                Some(content) => fs::write(copy.path(RUNNER), content).unwrap(),
                None => fs::remove_file(copy.path(RUNNER)).unwrap(),
            }
            copy
        };
        fresh().call("resume").expect_code(6).expect_diagnostic("never_started", "task id never started");
        fresh()
            .call("tail")
            .expect_code(1)
            .expect_diagnostic("nothing_found", "no process of task id has run");
        let copy = fresh();
        copy.expect_fine("kill");
        assert!(!copy.path("checkpoints/id").exists() && !copy.path(ACTIVE).exists());
        let copy = fresh();
        copy.expect_fine("run");
        assert!(copy.path("tasks/finished/id").exists());
    }
}

#[test]
fn point_15_foreign_names_under_the_root_are_left_alone() {
    let dead = Dead::new();
    let copy = dead.copy();
    for name in [
        "tasks/active/.hidden",
        "tasks/active/two words",
        "checkpoints/id/coordinator.p.x",
        "checkpoints/id/claim.p.0",
    ] {
        fs::write(copy.path(name), "foreign").unwrap();
    }
    fs::create_dir(copy.path("checkpoints/id/coordinator.p.00")).unwrap();
    copy.expect_fine("status");
    copy.expect_fine("resume");
    assert_eq!(fs::read(copy.path("tasks/active/two words")).unwrap(), b"foreign");
}

#[test]
fn point_15_what_may_not_be_read() {
    if geteuid().is_root() && !nobody_can_run() {
        return skip("no other user can run the binary");
    }
    let dead = Dead::new();
    for (file, readers) in READERS.into_iter().chain([("checkpoints/id", READERS[0].1)]) {
        for command in readers {
            let copy = dead.copy();
            if file == REQUEST {
                fs::write(copy.path(file), r#"{"outcome":"KILLED","force":false}"#).unwrap();
            }
            let mut call = copy.command(command);
            if geteuid().is_root() {
                copy.give_to_nobody();
                call = call.user(NOBODY);
            }
            let path = copy.path(file);
            let mode = fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
            let output = call.output();
            fs::set_permissions(&path, mode).unwrap();
            output.expect_code(6).expect_diagnostic("io", "permission denied").expect_stderr(file);
        }
    }
}

/// Whoever is not root.
const NOBODY: u32 = 65534;

/// Says whether the binary can be run by somebody else than its owner.
fn nobody_can_run() -> bool {
    let mut call = Command::new(env!("CARGO_BIN_EXE_thermos"));
    call.arg("--version").stdout(Stdio::null()).uid(NOBODY).gid(NOBODY);
    call.status().is_ok_and(|status| status.success())
}

impl Copy<'_> {
    /// Lets anybody in, and gives the task to nobody, as if nobody had launched it.
    fn give_to_nobody(&self) {
        for path in [self.folder.path(), self.thermos.home().parent().unwrap(), &self.thermos.home()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let text = fs::read_to_string(self.path(RUNNER)).unwrap();
        fs::write(self.path(RUNNER), text.replacen("\"uid\":0", &format!("\"uid\":{NOBODY}"), 1)).unwrap();
        own(&self.path(""), NOBODY);
    }
}

fn own(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => own(&entry.path(), user),
            false => chown(entry.path(), Some(user), Some(user)).unwrap(),
        }
    }
}
