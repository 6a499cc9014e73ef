//! `thermos convert`: each file of `convert/` is a configuration of old; beside it stands what becomes of it.
//!
//! A `.json` beside it is what pystachio 0.8.10 made of the same file: the script has to give the same tasks.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Output, Thermos};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert").join(name)
}

/// Puts a file of `convert/` into the home and converts it there.
fn converted(thermos: &Thermos, name: &str) -> Output {
    let old = format!("old/{name}.py");
    thermos.write(&old, fs::read(fixture(&format!("{name}.py"))).unwrap());
    thermos.run(["convert", &old])
}

/// Converts a text.
fn of(text: impl AsRef<[u8]>) -> Output {
    let thermos = Thermos::new();
    thermos.write("old.py", text);
    thermos.run(["convert", "old.py"])
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("convert");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Lists the tasks of a script, with escaped references as the text that they stand for.
fn tasks(thermos: &Thermos, file: &str) -> Value {
    let shown = thermos.run(["inspect", "--format", "json", file]).expect_code(0).text.replace("<<&", "<<");
    match serde_json::from_str(&shown).unwrap() {
        Value::Array(tasks) => Value::Array(tasks),
        task => Value::Array(vec![task]),
    }
}

#[test]
fn files_of_old_become_scripts_that_give_the_same_tasks() {
    let thermos = Thermos::new();
    let library = converted(&thermos, "lib/math").expect_code(0).text;
    thermos.write("lib/math.thermos", library);
    for name in
        ["manual", "included", "structs", "strings", "control", "tasks", "expressions", "profiles", "loops"]
    {
        let script = converted(&thermos, name).expect_code(0).text;
        snapshot(name, &script);
        let file = format!("{name}.thermos");
        thermos.write(&file, script);
        thermos.run(["check", &file]).expect_code(0);
        if let Ok(expected) = fs::read_to_string(fixture(&format!("{name}.json"))) {
            let expected: Value = serde_json::from_str(&expected).unwrap();
            assert_eq!(tasks(&thermos, &file), expected, "{name}");
        }
    }
}

#[test]
fn what_has_no_counterpart_is_told_and_left_as_a_comment() {
    let thermos = Thermos::new();
    for name in ["unconvertible", "functions"] {
        let output = converted(&thermos, name).expect_code(3);
        snapshot(name, &output.text);
        snapshot(&format!("{name}.messages"), &output.stderr);
    }
    let rest = converted(&thermos, "unconvertible").text;
    thermos.write("rest.thermos", rest);
    thermos.run(["check", "rest.thermos"]).expect_code(0).expect_stdout("ok: 1 task, 1 process");
}

#[test]
fn what_may_mean_something_else_is_a_warning() {
    let output = of("half = n / 2\n").expect_code(0).expect_stderr("warning[thermos::convert]");
    output.expect_stderr("`/` of integers is an integer here").expect_stderr("old.py:1:8");
    of("a = []\nb = a\nb.append(1)\n").expect_code(0).expect_stderr("`b` is a copy here");
    let sorted = of("for k, v in sorted({'a': 1}.items()):\n  print(k)\n").expect_code(0);
    assert_eq!(sorted.stderr, "");
}

#[test]
fn a_file_that_is_included_is_named() {
    let thermos = Thermos::new();
    converted(&thermos, "included")
        .expect_code(0)
        .expect_stderr("includes lib/math.thermos: convert that too");
    of("include(path)\n").expect_code(3).expect_stderr("a path that is computed cannot be included");
    of("def f():\n  include('a')\n").expect_code(3).expect_stderr("included at the top level only");
}

#[test]
fn the_script_is_written_into_a_file_that_is_not_there_yet() {
    let thermos = Thermos::new();
    thermos.write("old.py", "a = 1\n");
    let read = || fs::read_to_string(thermos.home().join("new.thermos")).unwrap();
    let output = thermos.run(["convert", "old.py", "-o", "new.thermos"]).expect_code(0);
    assert_eq!((output.text.as_str(), read().as_str()), ("", "let a = 1;\n"));
    thermos.write("old.py", "a = 2\n");
    let again = ["convert", "old.py", "-o", "new.thermos"];
    thermos.run(again).expect_code(6).expect_diagnostic("io", "new.thermos already");
    assert_eq!(read(), "let a = 1;\n");
    thermos.run([&again[..], &["--force"]].concat()).expect_code(0);
    assert_eq!(read(), "let a = 2;\n");
    thermos
        .run(["convert", "old.py", "-o", "nowhere/new.thermos"])
        .expect_code(6)
        .expect_diagnostic("io", "nowhere");
    thermos.run(["convert", "old.py", "--force"]).expect_code(2);
    let names: Vec<_> =
        fs::read_dir(thermos.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn files_that_are_no_configuration_of_old_are_told() {
    let thermos = Thermos::new();
    thermos.run(["convert", "missing.py"]).expect_code(6).expect_diagnostic("io", "missing.py");
    of([b'a', b'=', 0xff]).expect_code(6).expect_diagnostic("io", "UTF-8");
    of("a = (1,\nb = 2\n").expect_code(3).expect_diagnostic("syntax", "old.py");
    of("let a = 1;\n").expect_code(3).expect_stderr("others are scripts already");
    assert_eq!(of("").expect_code(0).text, "");
    assert_eq!(of("\u{feff}a = 1\r\n# end").expect_code(0).text, "let a = 1;\n// end\n");
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let thermos = Thermos::new();
    let output = thermos.command(["convert", "-"]).stdin("a = 1\n").output().expect_code(0).expect_silence();
    assert_eq!(output.text, "let a = 1;\n");
    let output = thermos.command(["convert", "-"]).stdin("a = (\n").output().expect_code(3);
    output.expect_diagnostic("syntax", "standard input:1:");
    let output = thermos.command(["convert", "-"]).stdin([0xff]).output().expect_code(6);
    output.expect_diagnostic("io", "`standard input` is no UTF-8 text");
    let missing = thermos.run(["convert", "missing.py"]).expect_code(6);
    missing
        .expect_stderr("help: check the path: it starts at the current directory; `-` reads standard input");
}

#[test]
fn a_line_may_end_as_on_any_system() {
    for end in ["\n", "\r\n", "\r"] {
        let old = ["# one", "a = 1  # two", "t = '''x", "y'''", "break", ""].join(end);
        let output = of(old).expect_code(3).expect_stderr("old.py:5:1");
        assert_eq!(
            output.text,
            "// one\nlet a = 1;  // two\nlet t = #\"x\ny\"#;\n// not converted: `break` outside of a loop\n// break\n"
        );
    }
}

#[test]
fn what_leaves_nothing_is_told_with_its_line() {
    for (text, place, message) in [
        ("a = 1\nbreak\n", "2:1", "`break` outside of a loop"),
        ("if a:\n  continue\n", "2:3", "`continue` outside of a loop"),
        ("def f():\n  break\n", "2:3", "`break` outside of a loop"),
        ("for i in a:\n  def f():\n    continue\n", "3:5", "`continue` outside of a loop"),
        ("a = 1\nreturn a\n", "2:1", "`return` outside of a function"),
    ] {
        let thermos = Thermos::new();
        thermos.write("old.py", text);
        let output = thermos.run(["convert", "old.py", "-o", "new.thermos"]).expect_code(3);
        output.expect_diagnostic("convert", message).expect_stderr(&format!("old.py:{place}]"));
        let check = thermos.run(["check", "new.thermos"]);
        assert!(!check.stderr.contains("thermos::syntax"), "{}", check.stderr);
    }
    assert_eq!(of("while a:\n  if b:\n    break\n").expect_code(0).stderr, "");
}

#[test]
fn names_in_other_alphabets_are_told_with_their_lines() {
    for (text, places) in [
        ("größe = 1\nb = größe\n", &["1:1", "2:5"][..]),
        ("def f(ä):\n  return ä\n", &["1:7"]),
        ("class Größe(Struct):\n  a = String\n", &["1:7"]),
        ("for ü in a:\n  b = ü\n", &["1:5"]),
        ("x = [ä for ä in b]\n", &["1:12"]),
        ("x = f'{ä}'\n", &["1:8"]),
        ("from ö import ñ\n", &["1:1"]),
    ] {
        let output = of(text).expect_code(3);
        for place in places {
            assert!(output.stderr.contains(&format!("old.py:{place}]")), "{place}: {}", output.stderr);
        }
        assert!(!output.stderr.contains("is no script"), "{}", output.stderr);
    }
}

#[test]
fn hostile_texts_come_to_an_end() {
    let nested = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("a = {}{middle}{}\n", open.repeat(depth), close.repeat(depth))
    };
    let blocks = |head: &str, depth: usize| {
        let line = |level: usize| format!("{}{head}\n", " ".repeat(level));
        format!("{}{}pass\n", (0..depth).map(line).collect::<String>(), " ".repeat(depth))
    };
    let texts = [
        nested("(", "1", ")", 20_000),
        nested("[", "1", "]", 120),
        nested("{'a': ", "1", "}", 80),
        nested("f(", "1", ")", 110),
        nested("lambda: ", "1", "", 200),
        nested("-", "1", "", 240),
        nested("(", "x", " or b)()", 60),
        nested("", "x", ".get(1)", 100),
        nested("", "x", "[:-1]", 100),
        nested("'%(a)s%(a)s' % {'a': ", "x", "}", 60),
        nested("'{0}{0}'.format(", "x", ")", 60),
        nested("(a < ", "x", " < b)", 60),
        nested("[i for i in ", "x", " for j in b if i]", 50),
        nested("", "b", "+ b", 5_000),
        blocks("if a:", 300),
        blocks("def f(a = 1):", 100),
        "((((".repeat(20_000),
        "'".repeat(20_000),
        format!("{}\n{}", "f(".repeat(5_000), "x = [1,".repeat(5_000)),
        "a = 1\n".repeat(100_000),
    ];
    for text in texts {
        let output = of(&text);
        assert!(matches!(output.code, 0 | 3), "{}: {text:.60}\n{}", output.code, output.stderr);
    }
}
