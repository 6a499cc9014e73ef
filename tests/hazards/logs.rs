//! Hazards of output: rotation, full disks, truncation, odd bytes, consoles that nobody reads, folders that vanish.

use std::fs::{self, File};
use std::io::{PipeReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};

use crate::harness::{Invocation, Output, Running, SmallDisk, Thermos, wait_until};

/// All ways in which the coordinator itself takes the output.
const PIPED: [&str; 3] = [
    r#"{"destination": "file", "mode": "rotate", "rotate": {"log_size": 100000000, "backups": 2}}"#,
    r#"{"destination": "both", "mode": "standard"}"#,
    r#"{"destination": "both", "mode": "rotate"}"#,
];

const STANDARD: &str = r#"{"destination": "file", "mode": "standard"}"#;

/// A task `id` of one process `p`, which can wait at the fifo `gate` in its sandbox.
struct Case {
    thermos: Thermos,
}

impl Case {
    fn new(command: &str, logger: &str) -> Case {
        Case::of(json!([process("p", command, logger)]))
    }

    fn of(processes: Value) -> Case {
        let case = Case { thermos: Thermos::new() };
        mkfifo(&case.thermos.home().join("gate"), Mode::from_bits_truncate(0o600)).unwrap();
        // Nobody is killed for being late before the test itself is.
        let task = json!({"name": "t", "processes": processes, "finalization_wait": 1000});
        case.thermos.write("task.json", task.to_string());
        case
    }

    /// Prepares `thermos run`, with more arguments.
    fn prepare(&self, more: &[&str]) -> Invocation {
        self.thermos.command([&["run", "--json", "--task-id", "id"], more, &["task.json"]].concat())
    }

    fn run(&self) -> Output {
        self.prepare(&[]).output()
    }

    /// Lets one reader of the gate go on; waits until it is there.
    fn open_gate(&self) {
        fs::write(self.thermos.home().join("gate"), "go\n").unwrap();
    }

    fn log(&self, name: &str) -> PathBuf {
        self.thermos.root().join("logs/id/p/0").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.log(name)).unwrap()
    }

    /// Waits until the log says something.
    fn wait_for_log(&self, name: &str, text: &str) {
        let path = self.log(name);
        wait_until(&path, || fs::read_to_string(&path).is_ok_and(|log| log.contains(text)));
    }

    fn stream(&self) -> PathBuf {
        self.thermos.root().join("checkpoints/id/coordinator.p.0")
    }

    /// Waits until the coordinator has recorded something.
    fn wait_for_record(&self, text: &str) {
        let path = self.stream();
        wait_until(&path, || fs::read_to_string(&path).is_ok_and(|records| records.contains(text)));
    }

    fn coordinator(&self) -> i32 {
        let records = fs::read_to_string(self.stream()).unwrap();
        let first: Value = serde_json::from_str(records.lines().next().unwrap()).unwrap();
        first["process_status"]["coordinator_pid"].as_i64().unwrap() as i32
    }

    fn tail(&self, arguments: &[&str]) -> Vec<u8> {
        let all = [&["tail"], arguments, &["id", "p"]].concat();
        self.thermos.run(all).expect_code(0).stdout
    }
}

fn process(name: &str, command: &str, logger: &str) -> Value {
    let logger: Value = serde_json::from_str(logger).unwrap();
    json!({"name": name, "cmdline": command, "min_duration": 0, "logger": logger})
}

fn rotating(destination: &str, log_size: u64, backups: u32) -> String {
    json!({"destination": destination, "mode": "rotate", "rotate": {"log_size": log_size, "backups": backups}})
        .to_string()
}

/// Prints numbers, a line each.
fn numbers(to: u32) -> String {
    (1..=to).map(|number| format!("{number}\n")).collect()
}

#[test]
fn every_destination_in_every_mode_goes_where_it_says() {
    for destination in ["file", "console", "both", "none"] {
        for mode in ["standard", "rotate"] {
            let logger = json!({"destination": destination, "mode": mode}).to_string();
            let case = Case::new("echo out; echo err >&2", &logger);
            let output = case.run().expect_code(0);
            let on_console = matches!(destination, "console" | "both");
            assert_eq!(output.text, if on_console { "out\n" } else { "" }, "{logger}");
            assert_eq!(output.stderr.contains("err\n"), on_console, "{logger}");
            if matches!(destination, "file" | "both") {
                assert_eq!(
                    (case.read("stdout"), case.read("stderr")),
                    ("out\n".into(), "err\n".into()),
                    "{logger}"
                );
            } else {
                assert!(!case.log("stdout").exists(), "{logger}");
            }
        }
    }
}

#[test]
fn logs_of_another_task_in_the_same_folder_go_before_anything_is_written() {
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new("echo new", logger);
        for (name, kept) in
            [("stdout", false), ("stdout.1", false), ("stderr.12", false), ("stdout.gz", true)]
        {
            let path = case.thermos.write(&format!("logs/p/0/{name}"), "old\n");
            if !kept {
                continue;
            }
            case.prepare(&["--log-dir", "logs"]).output().expect_code(0);
            let left = fs::read_dir(path.parent().unwrap()).unwrap();
            let mut left: Vec<_> =
                left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            left.sort();
            assert_eq!(left, ["stderr", "stdout", "stdout.gz"], "{logger}");
            assert_eq!(fs::read_to_string(path.with_file_name("stdout")).unwrap(), "new\n");
        }
    }
}

#[test]
fn point_09_rotation_loses_nothing_that_is_to_be_kept() {
    let case = Case::new("seq 20000", &rotating("both", 1000, 100_000));
    assert_eq!(case.run().expect_code(0).text, numbers(20_000));
    assert_eq!(String::from_utf8(case.tail(&[])).unwrap(), numbers(20_000));
    let newest = case.read("stdout").lines().count();
    assert!(newest < 500);
    let last = String::from_utf8(case.tail(&["-n", "500"])).unwrap();
    assert_eq!(last, numbers(20_000)[numbers(19_500).len()..]);
}

#[test]
fn point_09_rotation_keeps_what_the_policy_says() {
    for backups in [0, 1, 3] {
        let case = Case::new("seq 20000", &rotating("file", 1000, backups));
        case.run().expect_code(0);
        let files = fs::read_dir(case.log("")).unwrap().map(|entry| entry.unwrap().path());
        let mut logs: Vec<PathBuf> = files.filter(|path| !path.ends_with("stderr")).collect();
        logs.sort();
        assert_eq!(logs.len(), 1 + backups as usize);
        for path in &logs {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.len() <= 1006 && text.ends_with('\n'), "{}", path.display());
        }
        assert!(numbers(20_000).ends_with(&String::from_utf8(case.tail(&[])).unwrap()));
    }
}

#[test]
fn point_09_a_coordinator_that_dies_while_it_rotates_leaves_a_log() {
    let command = "if [ -e again ]; then echo over; exit 0; fi; touch again; seq 1000000000";
    let case = Case::new(command, &rotating("file", 1000, 5));
    let running = case.prepare(&[]).spawn();
    wait_until(&case.log("stdout.5"), || case.log("stdout.5").exists());
    kill(Pid::from_raw(case.coordinator()), Signal::SIGKILL).unwrap();
    running.wait().expect_code(0).expect_stderr("Process(p) was lost");
    let text = String::from_utf8(case.tail(&["--run", "0"])).unwrap();
    let lines: Vec<u64> =
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect();
    assert!(lines.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{text}");
    assert!(text.len() >= 4 * 950, "{} bytes", text.len());
    assert_eq!(case.tail(&[]), b"over\n");
}

#[test]
fn point_09_a_failed_rotation_is_told_and_ends_nothing() {
    let command = "seq 200; rm -rf ../root/logs/id; read -r x < gate; seq 200";
    let case = Case::new(command, &rotating("file", 100_000, 2));
    let running = case.prepare(&[]).spawn();
    case.open_gate();
    running
        .wait()
        .expect_code(0)
        .expect_stderr("1384 bytes of output of process p, run 0, were lost: its log was removed");
    let case = Case::new(command, &rotating("file", 800, 2));
    let running = case.prepare(&[]).spawn();
    case.open_gate();
    running.wait().expect_code(0).expect_stderr("of output of process p, run 0, were lost: ");
}

#[test]
fn point_09_who_waits_for_output_that_does_not_come_sleeps() {
    // Of what has closed its output an event would come for ever if it were still waited for.
    let silent = "seq 1000; exec >&- 2>&-; read -r x < gate";
    for (command, logger) in
        [("seq 1000; read -r x < gate", rotating("both", 500, 2)), (silent, rotating("both", 500, 2))]
    {
        let case = Case::new(command, &logger);
        let running = case.prepare(&[]).spawn();
        case.wait_for_log("stdout", "1000\n");
        let status = || fs::read_to_string(format!("/proc/{}/status", case.coordinator())).unwrap();
        let switches = || {
            let status = status();
            let lines =
                status.lines().filter(|line| line.contains("ctxt_switches") || line.starts_with("State"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        // On a busy machine it may be late to fall asleep; who spins is never found asleep for so long.
        let is_quiet = |_| {
            let before = switches();
            std::thread::sleep(Duration::from_millis(400));
            switches() == before
        };
        assert!((0..20).any(is_quiet), "{command}");
        case.open_gate();
        running.wait().expect_code(0);
    }
}

#[test]
fn point_09_the_last_words_are_kept_though_others_hold_the_pipe() {
    let sleeper = "sleep 1000 & seq 30000; echo last";
    let talker = "while :; do echo more; done & seq 30000; echo last";
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new(sleeper, logger);
        case.run().expect_code(0);
        assert_eq!(case.read("stdout"), numbers(30_000) + "last\n", "{logger}");
        let case = Case::new(talker, logger);
        case.run().expect_code(0);
        assert!(case.read("stdout").contains("last\n"), "{logger}");
    }
}

#[test]
fn point_09_what_leftovers_say_while_they_are_ended_is_kept() {
    // Says so much that it could not end if nobody read.
    let leftover = r#"bash -c 'trap "seq 30000; echo bye; exit" TERM; echo ready > gate; while :; do sleep 0.1; done' & read -r x < gate; echo last"#;
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new(leftover, logger);
        case.run().expect_code(0);
        assert_eq!(case.read("stdout"), format!("last\n{}bye\n", numbers(30_000)), "{logger}");
    }
}

#[test]
fn point_10_a_full_disk_below_a_log_is_the_commands_error_or_a_loss_that_is_told() {
    let command =
        "head -c 6M /dev/zero | tr '\\0' x; code=$?; rm -f ../disk/filler; echo; echo after; exit $code";
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new(command, logger);
        let folder = case.thermos.home().join("../disk");
        fs::create_dir(&folder).unwrap();
        let Some(disk) = SmallDisk::mount(&folder, 3 << 20) else { return };
        let script = r#"head -c 1536K /dev/zero > ../disk/filler
            "$0" run --json --task-id id --log-dir ../disk task.json > out; code=$?
            grep -ao '.thermos: [0-9]* bytes of output are missing here: No space left on device.$' ../disk/p/0/stdout
            tail -n 1 ../disk/p/0/stdout; exit $code"#;
        let output = case.thermos.shell(script).inside(&disk).output();
        if *logger == STANDARD {
            // The pipeline is as tr is, who could not write.
            let output = output.expect_code(1);
            assert!(
                output.text.ends_with("after\n") && !output.text.contains("[thermos:"),
                "{}",
                output.text
            );
            continue;
        }
        let output = output
            .expect_code(0)
            .expect_stderr("bytes of output of process p, run 0, were lost: No space left on device");
        let mut lines = output.text.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("[thermos: ")), "{}", output.text);
        assert_eq!(lines.next_back(), Some("after"));
    }
}

#[test]
fn point_10_a_full_disk_below_the_sandbox_is_the_commands_error() {
    let case = Case::new("head -c 4M /dev/zero > big", STANDARD);
    let folder = case.thermos.home().join("disk");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(&folder, 1 << 20) else { return };
    let run = case.prepare(&["--sandbox", "disk"]).inside(&disk).output();
    run.expect_code(1).expect_stderr("No space left on device");
}

#[test]
fn point_10_a_full_disk_below_the_checkpoint_stops_the_runner_and_loses_nothing() {
    let fill = "echo >> ready; until [ $(wc -l < ready) = 6 ]; do sleep 0.05; done
        head -c 4M /dev/zero > ../root/filler; exit 37";
    let mut processes: Vec<Value> =
        (0..6).map(|number| process(&format!("p{number}"), fill, STANDARD)).collect();
    processes.push(process("late", "read -r x < gate; exit 38", STANDARD));
    let case = Case::of(json!(processes));
    let mut task: Value =
        serde_json::from_slice(&fs::read(case.thermos.home().join("task.json")).unwrap()).unwrap();
    task["max_failures"] = json!(7);
    case.thermos.write("task.json", task.to_string());
    let root = case.thermos.root();
    fs::create_dir(&root).unwrap();
    let Some(disk) = SmallDisk::mount(&root, 1 << 20) else { return };
    let stopped = case.prepare(&["--log-dir", "logs"]).inside(&disk).output();
    stopped
        .expect_code(6)
        .expect_diagnostic("disk_full", "gave up after 20 s")
        .expect_stderr("No space left on device");
    case.open_gate();
    let late = disk.seen_from_outside(&root).join("checkpoints/id/coordinator.late.0");
    wait_until(&late, || fs::read_to_string(&late).unwrap().contains(r#""return_code":38"#));
    fs::remove_file(disk.seen_from_outside(&root).join("filler")).unwrap();
    case.thermos.command(["resume", "id"]).inside(&disk).output().expect_code(1);
    let status = case.thermos.command(["status", "--format", "json", "id"]).inside(&disk).output().json();
    let codes = |name: &str| {
        let runs = status[0]["processes"][name].as_array().unwrap().clone();
        runs.iter().map(|run| run["return_code"].as_i64()).collect::<Vec<_>>()
    };
    assert_eq!(codes("late"), [Some(38)]);
    (0..6).for_each(|number| assert_eq!(codes(&format!("p{number}")), [Some(37)]));
}

#[test]
fn point_11_a_log_that_is_truncated_goes_on_from_its_new_end() {
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new("echo one; read -r x < gate; echo two", logger);
        let running = case.prepare(&[]).spawn();
        case.wait_for_log("stdout", "one\n");
        File::options().write(true).open(case.log("stdout")).unwrap().set_len(0).unwrap();
        case.open_gate();
        running.wait().expect_code(0);
        assert_eq!(case.read("stdout"), "two\n", "{logger}");
    }
}

#[test]
fn point_12_odd_bytes_pass_as_they_are() {
    let command = "printf '%s\n' \"it's\" 'two\nlines'\nprintf '\\377\\376\\000\\033[31m'; printf 'no\\377 end' >&2; exit 3";
    let expected = b"it's\ntwo\nlines\n\xff\xfe\0\x1b[31m";
    for logger in PIPED.iter().chain([&STANDARD]) {
        let case = Case::new(command, logger);
        let output = case.run().expect_code(1).expect_stderr("no\u{fffd} end");
        assert_eq!(fs::read(case.log("stdout")).unwrap(), expected, "{logger}");
        assert_eq!(fs::read(case.log("stderr")).unwrap(), b"no\xff end", "{logger}");
        assert_eq!(case.tail(&[]), expected, "{logger}");
        assert_eq!(case.tail(&["--stderr"]), b"no\xff end", "{logger}");
        assert_eq!(output.stdout == expected, logger.contains("both"), "{logger}");
    }
}

#[test]
fn point_20_a_sandbox_that_is_removed_takes_no_log_along() {
    for logger in PIPED.iter().chain([&STANDARD]) {
        let mut processes = json!([process("p", "echo one; rm -rf \"$HOME\"; echo two; exit 9", logger)]);
        processes[0]["max_failures"] = json!(2);
        let case = Case::of(processes);
        let output = case.prepare(&["--sandbox", "box"]).output();
        output
            .expect_code(1)
            .expect_stderr("failed [rc=9]")
            .expect_stderr("home/box: No such file or directory");
        assert_eq!(case.read("stdout"), "one\ntwo\n", "{logger}");
    }
}

/// Starts the task with a pipe as its console, whose reader is the test.
fn with_reader(case: &Case) -> (Running, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    (case.prepare(&[]).stdout(writer).spawn(), reader)
}

#[test]
fn a_console_that_goes_away_leaves_the_file() {
    for logger in &PIPED[1..] {
        let case = Case::new("read -r x < gate; seq 30000", logger);
        let (running, reader) = with_reader(&case);
        case.wait_for_record("RUNNING");
        running.signal(Signal::SIGKILL);
        drop(reader);
        case.open_gate();
        // Its standard error is open until the coordinator has ended too.
        running.wait().expect_code(-9);
        case.thermos.run(["resume", "id"]).expect_code(0);
        assert_eq!(case.read("stdout"), numbers(30_000), "{logger}");
        let case = Case::new("seq 30000", logger);
        let output = case.prepare(&[]).without_stdout_reader().output().expect_code(0);
        assert!(!output.stderr.contains("lost"), "{}", output.stderr);
        assert_eq!(case.read("stdout"), numbers(30_000), "{logger}");
    }
}

#[test]
fn a_console_without_room_is_a_loss_that_is_told() {
    let case = Case::new("echo text", PIPED[1]);
    let output = case.prepare(&[]).stdout_to("/dev/full").output();
    let text = "5 bytes of output of process p, run 0, were lost: No space left on device on the console";
    output.expect_code(0).expect_stderr(text);
    assert_eq!(case.read("stdout"), "text\n");
}

#[test]
fn a_terminal_shows_what_goes_to_both() {
    let case = Case::new("echo out; echo err >&2; tty; true", PIPED[1]);
    let output = case.prepare(&[]).output_on_terminal(80).expect_code(0);
    for part in ["out\r\n", "err\r\n", "not a tty\r\n"] {
        assert!(output.text.contains(part), "{}", output.text);
    }
    assert_eq!(case.read("stdout"), "out\nnot a tty\n");
}

#[test]
fn a_console_that_is_read_late_misses_nothing() {
    // More than the console takes, and no more than that and a pipe of the smallest size take together.
    let case = Case::new("seq 15000", PIPED[1]);
    let (running, mut reader) = with_reader(&case);
    case.wait_for_record("SUCCESS");
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, numbers(15_000));
    running.wait().expect_code(0);
}

#[test]
fn a_console_that_nobody_reads_stops_the_command_and_no_signal() {
    for logger in &PIPED[1..] {
        let case = Case::new("seq 100000000", logger);
        let (running, reader) = with_reader(&case);
        case.wait_for_log("stdout", "1000\n");
        running.signal(Signal::SIGTERM);
        running.wait().expect_code(4);
        assert!(fs::metadata(case.log("stdout")).unwrap().len() < 4 << 20);
        drop(reader);
    }
    let case = Case::new("trap '' TERM; seq 100000000", PIPED[1]);
    let (running, _reader) = with_reader(&case);
    case.wait_for_log("stdout", "1000\n");
    case.thermos.run(["kill", "--force", "id"]).expect_code(0);
    running.wait().expect_code(4);
}
