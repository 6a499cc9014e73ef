//! Point 15: what stands in the place of files under the root, and files that are missing or may not be read. An error
//! names the file; other tasks are not affected; nothing hangs, nothing is guessed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use super::dead::{ACTIVE, Copy, Dead, LOCK, REQUEST, RUN, RUNNER};
use crate::harness::skip;

/// Each file, and the commands that need it.
const READERS: [(&str, &[&str]); 5] = [
    (RUNNER, &["status", "tail", "kill", "resume", "run"]),
    (RUN, &["status", "tail", "kill", "resume", "run"]),
    (LOCK, &["kill", "resume", "run"]),
    (REQUEST, &["resume", "run"]),
    (ACTIVE, &["kill", "resume", "run"]),
];

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
        copy.call(command).expect_code(code).expect_stderr("has ended").expect_stderr(": SUCCESS");
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
