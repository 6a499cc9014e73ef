//! The shell: what a person types and sees on a terminal, and what a pipe gives.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Output, Screen, Thermos};

const PROMPT: &str = ">>> ";

fn shell(thermos: &Thermos, rows: u16, columns: u16) -> Screen {
    let mut screen = thermos.command(["repl"]).on_screen(rows, columns);
    screen.wait_for_text(PROMPT);
    screen
}

/// Types a line and returns what stands between it and the next prompt.
#[track_caller]
fn answer(screen: &mut Screen, line: &str) -> String {
    screen.type_keys("\x0c");
    screen.wait_for("an empty screen", |text| text.trim_end() == PROMPT.trim_end());
    screen.type_keys(&format!("{line}\r"));
    screen.wait_for("the next prompt", |text| {
        text.lines().count() > 1
            && text.lines().last().is_some_and(|last| last.trim_end() == PROMPT.trim_end())
    });
    let text = screen.text();
    let lines: Vec<&str> = text.lines().collect();
    lines[1..lines.len() - 1].join("\n")
}

fn printed(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Leaves by Ctrl-D, once the shell asks for something: what a terminal hears before belongs to nobody.
#[track_caller]
fn leave(mut screen: Screen) {
    screen.wait_for("a prompt", |text| text.lines().last().is_some_and(|last| last.trim_end() == ">>>"));
    screen.type_keys("\x04");
    assert_eq!(screen.wait(), 0, "{}", screen.text());
}

/// The manual's sessions, sections REPL and templating, in this language's notation of maps.
const MANUAL: [(&str, &str); 9] = [
    ("boilerplate = Process(cmdline = \"echo hello world\")", ""),
    (
        "boilerplate",
        "Process(cmdline=echo hello world,\n        max_failures=1,\n        daemon=False,\n        ephemeral=False,\n        min_duration=5,\n        final=False)",
    ),
    ("boilerplate.check()", "TypeCheck(FAILED): Process[name] is required."),
    ("boilerplate(name = \"hello world\").check()", "TypeCheck(OK)"),
    ("process = Process(name = \"hello\", cmdline = \"echo hello {{first}}\")", ""),
    (
        "process",
        "Process(cmdline=echo hello {{first}},\n        name=hello,\n        max_failures=1,\n        daemon=False,\n        ephemeral=False,\n        min_duration=5,\n        final=False)",
    ),
    ("process.check()", "TypeCheck(FAILED): Process[cmdline] failed: Uninterpolated variables: {{first}}"),
    (
        "process % #{first: 'brian'}",
        "Process(cmdline=echo hello brian,\n        name=hello,\n        max_failures=1,\n        daemon=False,\n        ephemeral=False,\n        min_duration=5,\n        final=False)",
    ),
    (
        "process.bind(first = 'brian')",
        "Process(cmdline=echo hello brian,\n        name=hello,\n        max_failures=1,\n        daemon=False,\n        ephemeral=False,\n        min_duration=5,\n        final=False)",
    ),
];

#[test]
fn the_manuals_session_gives_the_manuals_answers() {
    let thermos = Thermos::new();
    for (rows, columns) in [(24, 80), (50, 200)] {
        let mut screen = shell(&thermos, rows, columns);
        for (line, value) in MANUAL {
            let found = answer(&mut screen, line);
            // A long answer may be wrapped by the terminal.
            assert_eq!(found.replace('\n', ""), value.replace('\n', ""), "{line}");
        }
        leave(screen);
    }
}

#[test]
fn a_pipe_gives_values_and_ends_at_the_first_mistake() {
    let thermos = Thermos::new();
    let input: String = MANUAL.iter().map(|(line, _)| format!("{line}\n")).collect();
    let output = thermos.command(["repl"]).stdin(input).output().expect_code(0);
    let values: Vec<&str> =
        MANUAL.iter().map(|(_, value)| *value).filter(|value| !value.is_empty()).collect();
    assert_eq!((printed(&output).trim_end(), output.stderr.as_str()), (values.join("\n").as_str(), ""));
    let output = thermos.command(["repl"]).stdin("1\nprint(2); nothere\n3\n").output().expect_code(3);
    assert_eq!(printed(&output), "1\n2\n");
    assert!(output.stderr.contains("there is no variable `nothere`"), "{}", output.stderr);
    let output =
        thermos.command(["repl"]).stdin("let a = [1,\n2]; a.len()\n:set x\n1\n").output().expect_code(3);
    assert_eq!(printed(&output), "2\n");
    let output = thermos.command(["repl"]).stdin("f(1").output().expect_code(3);
    assert!(output.stderr.contains("never closed"), "{}", output.stderr);
    let output = thermos.command(["repl"]).stdin("1\nexit\nnothere").output().expect_code(0);
    assert_eq!((printed(&output), output.stderr.as_str()), ("1\n", ""));
}

#[test]
fn a_chunk_that_is_wrong_changes_nothing() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    answer(&mut screen, "x = [1]");
    assert!(answer(&mut screen, "x.push(2); y = 5; nothere").contains("there is no variable `nothere`"));
    assert_eq!(answer(&mut screen, "x"), "[1]");
    assert!(answer(&mut screen, "y").contains("there is no variable `y`"));
    assert!(
        answer(&mut screen, "a = []; a.pad(100000000000, 0)").contains("needs more than 1024 MiB of memory")
    );
    assert!(answer(&mut screen, "fn f(x) { f(x) } f(1)").contains("too deeply"));
    assert_eq!(answer(&mut screen, "x"), "[1]");
    leave(screen);
}

#[test]
fn ctrl_c_ends_what_is_evaluated_and_drops_what_is_typed() {
    let thermos = Thermos::new();
    let mut screen =
        thermos.command(["repl", "--max-time", "600", "--max-operations", "1000000000000"]).on_screen(24, 80);
    screen.wait_for_text(PROMPT);
    screen.type_keys("x = 1; loop {}\r");
    screen.wait_for_cells("the chunk to be taken", |cells| cells.cursor_position().1 == 0);
    screen.type_keys("\x03");
    screen.wait_for_text("was interrupted");
    screen.type_keys("let y = [\r");
    screen.type_keys("1,");
    screen.wait_for_text("    1,");
    screen.type_keys("\x03");
    screen.wait_for("a new prompt", |text| text.lines().last().is_some_and(|last| last.trim_end() == ">>>"));
    screen.type_keys("x = 7\rx + 1\r");
    screen.wait_for("8", |text| text.lines().any(|line| line.trim() == "8"));
    leave(screen);
}

#[test]
fn ctrl_d_leaves_only_where_nothing_is_lost() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    screen.type_keys("40 + [\r\x04\x04");
    screen.type_keys("2][0]\r");
    screen
        .wait_for("an answer", |text| text.lines().any(|line| line.contains("42") || line.contains("error")));
    leave(screen);
}

#[test]
fn chunks_of_several_lines_are_indented_and_come_back_whole() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    screen.type_keys("p = Process(\rcmdline = #\"a\r\"b\"\"#,\r)\rp.cmdline\r");
    screen.wait_for("the command line", |text| text.contains("\na\n\"b\"\n"));
    assert!(screen.text().contains("\n    cmdline = #\"a\n\"b\"\"#,\n    )\n"), "{}", screen.text());
    leave(screen);
    // In the next session: up twice, then the name is changed in the chunk's first line.
    let mut screen = shell(&thermos, 24, 80);
    screen.type_keys("\x1b[A\x1b[A");
    screen.wait_for_text("\"b\"\"#,");
    screen.type_keys("\x1b[1;5A\x1b[A\x1b[A\x1b[A\x01");
    screen.type_keys("other = \x1b[3~\x1b[3~\x1b[3~\x1b[3~\r");
    screen.type_keys("other.cmdline\r");
    screen.wait_for("the command line", |text| text.contains("\na\n\"b\"\n"));
    leave(screen);
}

#[test]
fn the_history_is_the_owners_and_has_no_chunk_twice() {
    let thermos = Thermos::new();
    for _ in 0..2 {
        let mut screen = shell(&thermos, 24, 80);
        for line in ["1 + 1", "2 + 2", "1 + 1", " 'secret'"] {
            answer(&mut screen, line);
        }
        leave(screen);
    }
    let path = thermos.root().join("repl_history");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&path).unwrap().contains("secret"));
    let mut screen = shell(&thermos, 24, 80);
    // The third one back would be there if one were kept twice.
    screen.type_keys("\x1b[A\x1b[A\x1b[A");
    screen.wait_for("the oldest chunk", |text| {
        text.lines().last().is_some_and(|line| line.starts_with(">>> 2 + 2"))
    });
    screen.type_keys("\x03");
    leave(screen);
}

#[test]
fn tab_completes_what_is_meant() {
    let thermos = Thermos::new();
    thermos.write("lib/math.thermos", "let three = 3;");
    let mut screen = shell(&thermos, 24, 80);
    answer(&mut screen, "proc = Process(name = 'n', cmdline = 'echo {{who}}')");
    for (typed, shown) in [
        ("Process(cm\t'x').cmd\t", "Process(cmdline = 'x').cmdline"),
        ("proc.na\t", "proc.name"),
        ("proc.bind(w\t1", "proc.bind(who = 1"),
        ("Seq\t", "SequentialTask("),
        ("Tasks::com\t", "Tasks::combine("),
        ("include(\"l\tma\t", "include(\"lib/math.thermos"),
        (":lo\tl\tm\t", ":load lib/math.thermos"),
        (":help Reso\t", ":help Resources"),
        (":type pro\t", ":type proc"),
    ] {
        screen.type_keys(typed);
        screen.wait_for(shown, |text| text.lines().last().is_some_and(|line| line.contains(shown)));
        screen.type_keys("\x03");
        screen.wait_for("a new prompt", |text| {
            text.lines().last().is_some_and(|line| line.trim_end() == ">>>")
        });
    }
    // Where several fit, they are listed.
    screen.type_keys("proc.m\t\t");
    screen.wait_for("both", |text| text.contains("max_failures") && text.contains("min_duration"));
    screen.type_keys("\x03");
    leave(screen);
}

#[test]
fn hints_are_dim_and_colours_tell_what_is_what() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    screen.type_keys("Constraint(");
    screen.wait_for_text("order: StringList");
    let row =
        |screen: &Screen| screen.text().lines().position(|line| line.starts_with(">>> Con")).unwrap() as u16;
    let cell = |screen: &Screen, text: &str| {
        let row = row(screen);
        let line = screen.text().lines().nth(row.into()).unwrap().to_owned();
        let column = line.find(text).unwrap() as u16;
        screen.cells().cell(row, column).unwrap().clone()
    };
    assert!(cell(&screen, "order:").dim());
    assert_eq!(cell(&screen, "Constraint").fgcolor(), vt100::Color::Idx(4));
    screen.type_keys("order = ['a {{b}}', 1");
    screen.wait_for_text("{{b}}', 1");
    assert_eq!(cell(&screen, "'a ").fgcolor(), vt100::Color::Idx(2));
    assert_eq!(cell(&screen, "{{b}}").fgcolor(), vt100::Color::Idx(3));
    assert_eq!(cell(&screen, "1").fgcolor(), vt100::Color::Idx(6));
    screen.type_keys("])");
    screen.wait_for_text("1])");
    assert!(cell(&screen, "(").bold() && !cell(&screen, "[").bold());
    screen.type_keys("\x03");
    leave(screen);
}

#[test]
fn a_hint_goes_with_what_it_was_for() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    let inputs = [
        ("Process(", "\n>>> Process(\n>>>"),
        ("Task(\rname = Process(", "\n>>> Task(\n    name = Process(\n>>>"),
    ];
    for (place, (typed, left)) in inputs.into_iter().enumerate() {
        screen.type_keys(typed);
        screen.wait_for_text("cmdline: String");
        screen.type_keys("\x03");
        screen.wait_for("the hint to go", |text| {
            !text.contains("cmdline: String") && text.matches(">>>").count() == place + 2
        });
        assert!(screen.text().contains(left), "{}", screen.text());
    }
    leave(screen);
}

#[test]
fn what_is_no_text_is_told_and_ends_no_session() {
    let thermos = Thermos::new();
    let output = thermos.command(["repl"]).stdin(b"1 + 1\n\xff\n3\n").output().expect_code(3);
    assert_eq!(printed(&output), "2\n");
    output.expect_diagnostic("not_utf8", "line 2 of standard input is no UTF-8 text");
    let mut screen = shell(&thermos, 24, 80);
    screen.type_bytes(b"'\xff");
    screen.wait_for("the mistake and a prompt", |text| {
        text.contains("what was typed is no UTF-8 text, and is dropped")
            && text.lines().last().is_some_and(|last| last.trim_end() == ">>>")
    });
    assert_eq!(answer(&mut screen, "40 + 2"), "42");
    leave(screen);
}

#[test]
fn each_command_does_what_it_says() {
    let thermos = Thermos::new();
    thermos.write("lib.thermos", "let base = Process(cmdline = 'echo {{who}}'); print('loaded');");
    let mut screen = shell(&thermos, 50, 100);
    assert_eq!(answer(&mut screen, ":load lib.thermos"), "loaded");
    answer(
        &mut screen,
        "t = Task(name = 't', processes = [base(name = 'a'), base(name = 'b')], constraints = order('a', 'b'))",
    );
    assert_eq!(answer(&mut screen, ":type t"), "a Task");
    let vars = answer(&mut screen, ":vars");
    assert!(
        vars.starts_with("base  a Process  Process(cmdline=echo {{who}},") && vars.contains("\nt     a Task"),
        "{vars}"
    );
    let checked = answer(&mut screen, ":check t");
    assert!(
        checked.contains("Uninterpolated variables: {{who}}") && checked.contains("lib.thermos:1"),
        "{checked}"
    );
    assert_eq!(answer(&mut screen, ":set who=me"), "");
    assert_eq!(answer(&mut screen, ":set"), "who=me");
    assert_eq!(answer(&mut screen, ":check t"), "ok: 2 processes, 1 constraint");
    assert!(answer(&mut screen, ":json t").contains("\"cmdline\": \"echo me\","));
    let graph = answer(&mut screen, ":graph t");
    assert!(graph.contains("t  2 processes") && graph.contains('b'), "{graph}");
    let run = answer(&mut screen, ":run t");
    assert!(
        run.contains(" succeeded after ") && run.contains("2 processes") && !run.contains("error"),
        "{run}"
    );
    assert!(answer(&mut screen, ":help Process").contains("seconds from the end of a run to the next"));
    assert!(answer(&mut screen, ":help").contains("lists variables and functions"));
    assert!(answer(&mut screen, ":hlep").contains("did you mean `:help`?"));
    assert_eq!(answer(&mut screen, ":reset"), "");
    assert_eq!(answer(&mut screen, ":vars"), "");
    screen.type_keys(":quit\r");
    assert_eq!(screen.wait(), 0);
}

#[test]
fn what_json_shows_is_what_run_reads() {
    let thermos = Thermos::new();
    let input =
        "t = Task(processes = [Process(name = 'a', cmdline = 'echo {{&x}} {{thermos.task_id}}')])\n:json t\n";
    let document = thermos.command(["repl"]).stdin(input).output().expect_code(0).stdout;
    thermos.write("t.json", document);
    thermos.run(["run", "--task-id", "one", "t.json"]).expect_code(0);
    assert_eq!(printed(&thermos.run(["tail", "one"]).expect_code(0)), "{{x}} one\n");
}

#[test]
fn ctrl_c_ends_the_task_and_not_the_shell() {
    let thermos = Thermos::new();
    let mut screen = shell(&thermos, 24, 80);
    screen.type_keys(
        "t = Task(processes = [Process(name = 'a', cmdline = 'echo up > up; sleep 1000')])\r:run t\r",
    );
    thermos.wait_for_file("up");
    screen.type_keys("\x03");
    screen.wait_for_text("the task was killed");
    screen.type_keys("20 + 3\r");
    screen.wait_for("23", |text| text.lines().any(|line| line.trim() == "23"));
    leave(screen);
}

#[test]
fn a_tiny_and_a_dumb_terminal_will_do() {
    let thermos = Thermos::new();
    let mut screen = thermos.command(["repl"]).on_screen(3, 10);
    screen.wait_for_text(">>>");
    screen.type_keys("Process(name = 'a', cmdline = 'b').check()\r");
    screen.wait_for_text("k(OK)");
    screen.type_keys("nothere\r");
    screen.wait_for("help", |text| !text.contains("k(OK)"));
    leave(screen);
    let mut screen = thermos.command(["repl"]).env("TERM", "dumb").on_screen(24, 80);
    screen.wait_for_text(PROMPT);
    screen.type_keys("a = [1,\r");
    screen.type_keys("2]; a.len() + 40\r");
    screen.wait_for_text("42");
    assert!(!screen.raw().contains('\x1b'), "{:?}", screen.raw());
    leave(screen);
}

#[test]
fn a_file_to_start_with_is_evaluated_first() {
    let thermos = Thermos::new();
    thermos.write("dir/a.thermos", "include(\"b.thermos\"); let x = y + 1;");
    thermos.write("dir/b.thermos", "let y = 41;");
    let output = thermos.command(["repl", "dir/a.thermos"]).stdin("x\n").output().expect_code(0);
    assert_eq!(printed(&output), "42\n");
    let output = thermos.command(["repl", "nothere.thermos"]).stdin("x\n").output().expect_code(6);
    assert!(output.stderr.contains("there is no file `nothere.thermos`"), "{}", output.stderr);
    thermos.write("bad.thermos", "let x = ;");
    thermos.command(["repl", "bad.thermos"]).stdin("1\n").output().expect_code(3);
    let mut screen = thermos.command(["repl", "bad.thermos"]).on_screen(24, 80);
    screen.wait_for("the mistake and a prompt", |text| {
        text.contains("bad.thermos:1:9") && text.contains(PROMPT.trim_end())
    });
    leave(screen);
}
