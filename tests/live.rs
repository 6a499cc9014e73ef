//! The live view of `run` on a terminal, and `--follow`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Screen, Thermos, wait_until};

/// A task of processes that wait for a file of their name, say something before, and fail if it has a text.
fn gated(names: &[&str]) -> String {
    let processes: Vec<String> = names
        .iter()
        .map(|name| {
            let wait = "mkfifo gate-$THERMOS_PROCESS; echo waiting for $THERMOS_PROCESS; read -r x < gate-$THERMOS_PROCESS; exit $x";
            format!("Process(name = \"{name}\", cmdline = #\"{wait}\"#)")
        })
        .collect();
    format!("export(Task(name = \"gated\", processes = [{}]));", processes.join(", "))
}

fn open_gate(thermos: &Thermos, name: &str, code: i32) {
    let gate = thermos.wait_for_file(&format!("gate-{name}"));
    fs::write(gate, format!("{code}\n")).unwrap();
}

fn run(thermos: &Thermos, arguments: &[&str], rows: u16, columns: u16) -> Screen {
    thermos
        .command([&["run", "--task-id", "t"], arguments, &["task.thermos"]].concat())
        .on_screen(rows, columns)
}

#[test]
fn what_runs_is_shown_above_a_bar_and_summed_up_in_the_end() {
    for (rows, columns) in [(24, 80), (50, 200)] {
        let thermos = Thermos::new();
        thermos.write("task.thermos", gated(&["one", "two"]));
        let mut screen = run(&thermos, &[], rows, columns);
        screen.wait_for_text("waiting for one");
        screen.wait_for_text("0/2 done · 2 running");
        assert!(screen.text().contains(" ● one "), "{}", screen.text());
        open_gate(&thermos, "one", 0);
        screen.wait_for_text("1/2 done · 1 running");
        assert!(!screen.text().contains("waiting for one"), "{}", screen.text());
        open_gate(&thermos, "two", 3);
        assert_eq!(screen.wait(), 1);
        let text = screen.text();
        for part in [
            "✘ Process(two) failed [rc=3]",
            "✘ t failed after",
            "2 processes, 2 runs, 1 of them failed",
            "two rc=3  ",
            "thermos tail t two\n             thermos timeline t",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("done ·") && !text.contains("INFO]"), "the view is gone:\n{text}");
    }
}

#[test]
fn the_command_that_is_suggested_is_one_that_works() {
    let thermos = Thermos::new();
    let task = |processes: &str| format!("export(SequentialTask(name = 't', processes = [{processes}]))");
    for (processes, code, command) in [
        ("Process(name = 'a', cmdline = 'echo here')", 0, "thermos tail t\n"),
        (
            "Process(name = 'a', cmdline = 'true'), Process(name = 'b', cmdline = 'echo here')",
            0,
            "thermos tail t b\n",
        ),
        (
            "Process(name = 'a', cmdline = 'true'), Process(name = \"it's\", cmdline = 'echo here; exit 1')",
            1,
            r"thermos tail t 'it'\''s'",
        ),
        (
            "Process(name = 'a', cmdline = 'true'), Process(name = '-f', cmdline = 'echo here; exit 1')",
            1,
            "thermos tail t -- -f\n",
        ),
    ] {
        let _ = fs::remove_dir_all(thermos.root());
        thermos.write("task.thermos", task(processes));
        let mut screen = run(&thermos, &[], 24, 100);
        assert_eq!(screen.wait(), code, "{}", screen.text());
        assert!(screen.text().contains(command), "{command}: {}", screen.text());
        let script = command.replacen("thermos", "$THERMOS", 1);
        thermos.shell(&script).output().expect_code(0).expect_stdout("here\n");
    }
}

#[test]
fn everything_fits_a_terminal_that_changes_its_size() {
    let thermos = Thermos::new();
    let names: Vec<String> = (0..30).map(|number| format!("process-{number}")).collect();
    thermos.write("task.thermos", gated(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut screen = run(&thermos, &[], 24, 80);
    screen.wait_for_text("and 9 more running");
    screen.resize(10, 40);
    screen.wait_for_text("and 23 more running");
    screen.resize(3, 10);
    screen.wait_for("a line that fits", |text| text.contains("0/30 done") && !text.contains("more"));
    screen.resize(40, 120);
    screen.wait_for_text("waiting for process-29");
    names.iter().for_each(|name| open_gate(&thermos, name, 0));
    assert_eq!(screen.wait(), 0);
    assert!(screen.text().contains("✔ t succeeded after"), "{}", screen.text());
}

#[test]
fn ctrl_c_ends_the_task_and_the_view_says_so() {
    let thermos = Thermos::new();
    let cmdline = "trap 'mkfifo gate; read -r x < gate; exit 0' TERM; echo ready; sleep 1000 & wait";
    thermos.write(
        "task.thermos",
        format!("export(Task(processes = [Process(name = \"stubborn\", cmdline = #\"{cmdline}\"#)]));"),
    );
    let mut screen = run(&thermos, &[], 24, 80);
    screen.wait_for_text("ready");
    screen.type_keys("\x03");
    screen.wait_for_text("Ctrl-C again kills");
    fs::write(thermos.wait_for_file("gate"), "\n").unwrap();
    assert_eq!(screen.wait(), 4);
    assert!(screen.text().contains("■ t was killed after"), "{}", screen.text());
}

/// The viewer: the child of the runner that runs the same program and is no coordinator.
fn viewer(thermos: &Thermos, runner: i32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{runner}/task/{runner}/children")).unwrap();
    let first = children.split(' ').next().unwrap();
    assert!(!thermos.processes().is_empty());
    Pid::from_raw(first.parse().unwrap())
}

#[test]
fn the_task_minds_neither_the_death_of_the_viewer_nor_the_viewer_that_of_the_runner() {
    let thermos = Thermos::new();
    thermos.write("task.thermos", gated(&["one"]));
    let mut screen = run(&thermos, &[], 24, 80);
    screen.wait_for_text("waiting for one");
    kill(viewer(&thermos, screen.pid()), Signal::SIGKILL).unwrap();
    open_gate(&thermos, "one", 7);
    assert_eq!(screen.wait(), 1);
    for line in [" INFO] Process(one) failed [rc=7]", " INFO] Task failed."] {
        assert!(screen.text().contains(line), "lines take the place of the view:\n{}", screen.text());
    }

    let thermos = Thermos::new();
    thermos.write("task.thermos", gated(&["one"]));
    let mut screen = run(&thermos, &[], 24, 80);
    screen.wait_for_text("waiting for one");
    screen.signal(Signal::SIGKILL);
    screen.wait_for_text("The runner of task t is gone");
    assert_eq!(screen.wait(), -9);
    assert!(screen.text().contains("`thermos resume t`"), "{}", screen.text());
    let mut screen = thermos.command(["resume", "t"]).on_screen(24, 80);
    screen.wait_for_text("waiting for one");
    open_gate(&thermos, "one", 0);
    assert_eq!(screen.wait(), 0);
    assert!(screen.text().contains("Resuming task t"), "{}", screen.text());
}

#[test]
fn lines_are_told_where_a_view_cannot_be_or_is_not_wanted() {
    let thermos = Thermos::new();
    let hello = |destination: &str| {
        let logger = format!("logger = Logger(destination = \"{destination}\")");
        format!("export(Task(processes = [Process(name = \"p\", cmdline = \"echo hello\", {logger})]));")
    };
    thermos.write("file.thermos", hello("file"));
    thermos.write("console.thermos", hello("console"));
    let shown = |arguments: &[&str], term: &str| {
        let mut screen = thermos.command([&["run"], arguments].concat()).env("TERM", term).on_screen(24, 80);
        assert_eq!(screen.wait(), 0);
        screen.text()
    };
    assert!(shown(&["--progress", "lines", "file.thermos"], "xterm").contains(" INFO] Task succeeded."));
    assert!(shown(&["console.thermos"], "xterm").contains(" INFO] Task succeeded."));
    assert!(shown(&["file.thermos"], "xterm").contains("succeeded after"));
}

#[test]
fn what_processes_print_cannot_garble_the_view() {
    let thermos = Thermos::new();
    let noise = r"printf '\033[2J\033[H\033]0;title\007 10 %%\r 20 %% \000 \033[31mred\n'; mkfifo gate-n; read -r x < gate-n";
    thermos.write(
        "task.thermos",
        format!("export(Task(processes = [Process(name = \"n\", cmdline = #\"{noise}\"#)]));"),
    );
    for follow in [false, true] {
        let arguments: &[&str] = if follow { &["--follow"] } else { &[] };
        let id = format!("t{follow}");
        let command = [&["run", "--task-id", &id], arguments, &["task.thermos"]].concat();
        let mut screen = thermos.command(command).on_screen(24, 80);
        screen.wait_for("the noise", |text| text.contains("20 %") && text.contains("red"));
        assert!(
            screen.text().contains(&format!("Running task {id}")),
            "nothing was cleared:\n{}",
            screen.text()
        );
        assert!(!screen.raw().contains("\x1b]0;"), "the title was not touched");
        open_gate(&thermos, "n", 0);
        assert_eq!(screen.wait(), 0);
        fs::remove_file(thermos.home().join("gate-n")).unwrap();
    }
}

#[test]
fn followed_outputs_are_whole_lines_behind_names() {
    let thermos = Thermos::new();
    let script = r##"
        let talk = Process(cmdline = #"for i in $(seq 2000); do echo "$THERMOS_PROCESS $i"; done; printf 'no end'; echo oops >&2"#);
        let again = Process(name = "again", min_duration = 0, max_failures = 2,
            cmdline = #"echo run $THERMOS_RUN; exit $((1 - THERMOS_RUN))"#);
        export(Task(name = "talk", processes = ["a", "b", "long name"].map(|n| talk(name = n)) + [again]));
    "##;
    thermos.write("task.thermos", script);
    let output = thermos.run(["run", "--follow", "task.thermos"]).expect_code(0);
    for name in ["a", "b", "long name"] {
        let prefix = format!("{name:<9} | ");
        let lines: Vec<&str> = output.text.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
        let mut expected: Vec<String> = (1..=2000).map(|number| format!("{name} {number}")).collect();
        expected.push("no end".to_owned());
        assert_eq!(lines, expected, "{name}");
        assert!(output.stderr.contains(&format!("{prefix}oops\n")), "{}", output.stderr);
    }
    assert!(output.text.contains("again     | run 0\n") && output.text.contains("again     | run 1\n"));
    assert!(output.text.ends_with('\n') && output.stderr.contains(" INFO] Task succeeded.\n"));
}

#[test]
fn a_reader_that_goes_away_ends_following_and_not_the_task() {
    let thermos = Thermos::new();
    let cmdline = "seq 100000; touch done";
    thermos.write(
        "task.thermos",
        format!("export(Task(processes = [Process(name = \"p\", cmdline = \"{cmdline}\")]));"),
    );
    let call = thermos.command(["run", "--follow", "task.thermos"]).without_stdout_reader();
    call.output().expect_code(0).expect_stderr("Task succeeded.");
    wait_until(&thermos.home().join("done"), || thermos.home().join("done").exists());
    let head =
        thermos.shell("$THERMOS run --follow task.thermos 2>/dev/null | head -n 2").output().expect_code(0);
    assert_eq!(head.text, "p | 1\np | 2\n");
}

#[test]
fn a_rotated_log_is_followed_without_loss() {
    let thermos = Thermos::new();
    let script = r##"
        let logger = Logger(mode = "rotate", rotate = RotatePolicy(log_size = 100 * KB, backups = 100));
        export(Task(processes = [Process(name = "p", cmdline = "seq 200000", logger = logger)]));
    "##;
    thermos.write("task.thermos", script);
    let output = thermos.run(["run", "--follow", "task.thermos"]).expect_code(0);
    let expected: String = (1..=200_000).map(|number| format!("p | {number}\n")).collect();
    assert!(output.text == expected, "{} lines", output.text.lines().count());
}

#[test]
fn a_rotation_between_two_readings_loses_nothing() {
    let thermos = Thermos::new();
    let script = r##"
        let logger = Logger(mode = "rotate", rotate = RotatePolicy(log_size = 2 * KB, backups = 1000));
        let count = Process(cmdline = "for i in $(seq 5000); do echo $i; done", logger = logger);
        export(Task(name = "count", processes = ["a", "b", "c", "d"].map(|n| count(name = n))));
    "##;
    thermos.write("task.thermos", script);
    let output = thermos.run(["run", "--follow", "task.thermos"]).expect_code(0);
    for name in ["a", "b", "c", "d"] {
        let prefix = format!("{name} | ");
        let lines: Vec<&str> = output.text.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
        let expected: Vec<String> = (1..=5000).map(|number| number.to_string()).collect();
        assert!(lines == expected, "{name}: {} lines", lines.len());
    }
}

#[test]
fn what_an_earlier_task_left_in_the_log_folder_is_not_followed() {
    let thermos = Thermos::new();
    let cmdline = "echo <<what>> 1; echo <<what>> 2";
    thermos.write(
        "task.thermos",
        format!("export(Task(processes = [Process(name = \"p\", cmdline = \"{cmdline}\")]));"),
    );
    let folder = thermos.home().join("logs/p/0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("stdout"), "old 1\nold 2\nold 3\n").unwrap();
    let changed = fs::metadata(folder.join("stdout")).unwrap().modified().unwrap();
    // Files know times by steps; one that is as old as the task could be its own.
    while changed.elapsed().unwrap_or_default() < Duration::from_millis(50) {
        std::thread::yield_now();
    }
    let arguments = ["run", "--follow", "--log-dir", "logs", "-E", "what=new", "task.thermos"];
    assert_eq!(thermos.run(arguments).expect_code(0).text, "p | new 1\np | new 2\n");
}

#[test]
fn more_runs_than_descriptors_are_followed_to_their_ends() {
    let thermos = Thermos::new();
    // Each ends when all have begun.
    let cmdline = r##"echo begin $THERMOS_PROCESS; touch here-$THERMOS_PROCESS; read -r x < gate; echo end $THERMOS_PROCESS"##;
    let script = format!(
        "export(Task(name = \"many\", processes = range(60).map(|n| Process(name = `p${{n}}`, cmdline = #\"{cmdline}\"#))));"
    );
    thermos.write("task.thermos", script);
    let call = thermos.shell("mkfifo gate; ulimit -n 64; exec $THERMOS run --follow task.thermos").spawn();
    (0..60).for_each(|number| drop(thermos.wait_for_file(&format!("here-p{number}"))));
    // Held open, for those that come to it late.
    let mut gate = fs::File::options().read(true).write(true).open(thermos.home().join("gate")).unwrap();
    gate.write_all(&[b'\n'; 60]).unwrap();
    let output = call.wait().expect_code(0);
    let lines: BTreeSet<&str> = output.text.lines().collect();
    assert_eq!((output.text.lines().count(), lines.len()), (120, 120), "{}", output.text);
}

#[test]
fn a_view_is_not_drawn_between_what_another_program_prints() {
    let thermos = Thermos::new();
    thermos.write(
        "task.thermos",
        "export(Task(processes = [Process(name = \"p\", cmdline = \"echo hello\")]));",
    );
    let mut screen = thermos.shell("$THERMOS run --follow task.thermos | cat").on_screen(24, 80);
    assert_eq!(screen.wait(), 0);
    assert!(
        screen.text().contains("p | hello") && screen.text().contains(" INFO] Task succeeded."),
        "{}",
        screen.text()
    );
}

#[test]
fn a_reader_that_stalls_keeps_nobody_from_ending_the_runner() {
    let thermos = Thermos::new();
    thermos.write(
        "task.thermos",
        "export(Task(processes = [Process(name = \"p\", cmdline = \"seq 300000\")]));",
    );
    let (reader, writer) = std::io::pipe().unwrap();
    let call = thermos.command(["run", "--task-id", "t", "--follow", "task.thermos"]).stdout(writer);
    let running = call.spawn();
    let finished = thermos.root().join("tasks/finished/t");
    wait_until(&finished, || finished.exists());
    running.signal(Signal::SIGTERM);
    running.wait().expect_code(0);
    drop(reader);
}
