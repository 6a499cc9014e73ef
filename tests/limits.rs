//! No script makes `check` hang, eat memory, panic or abort: each of these ends with a diagnostic and exit code 3.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::Thermos;

/// What LANGUAGE section 7 promises for a release build.
const LONGEST: Duration = Duration::from_secs(10);

/// Checks a script; returns the code of its first diagnostic, without `thermos::`.
fn check(name: &str, script: &str) -> String {
    let thermos = Thermos::new();
    thermos.write("bad.thermos", script);
    let start = Instant::now();
    let call = thermos.command(["check", "--format", "json", "bad.thermos"]).limit(2 * LONGEST);
    let output = call.output().expect_code(3);
    assert!(start.elapsed() < LONGEST, "{name}: {:?}", start.elapsed());
    for word in ["panicked", "internal", "memory allocation of", "overflowed its stack"] {
        assert!(!output.stderr.contains(word) && !output.text.contains(word), "{name}: {output:?}");
    }
    let all = format!("{}{}", output.text, output.stderr);
    let code = all.split("thermos::").nth(1).unwrap_or_else(|| panic!("{name}: no diagnostic: {all}"));
    code.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Checks scripts two at a time; each must end with one of the codes.
fn hold(codes: &[&str], scripts: &[(&str, String)]) {
    let half = scripts.len().div_ceil(2);
    thread::scope(|scope| {
        for part in scripts.chunks(half) {
            scope.spawn(move || {
                for (name, script) in part {
                    let code = check(name, script);
                    assert!(codes.contains(&code.as_str()), "{name} ends with {code}, not one of {codes:?}");
                }
            });
        }
    });
}

fn scripts<'a>(list: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    list.iter().map(|(name, script)| (*name, (*script).to_owned())).collect()
}

#[test]
fn loops_without_an_end_are_stopped() {
    let list = [
        ("loop", "loop {}"),
        ("in a function", "fn f() { while true {} } f();"),
        ("a long range", "for i in 0..1000000000000 {}"),
        ("a sort", "let a = [3, 2, 1]; a.sort(|x, y| { loop {} });"),
        ("a map", "[1].map(|x| { loop {} });"),
        ("a filter", "[1].filter(|x| { loop {} });"),
    ];
    hold(&["too_many_operations", "out_of_time"], &scripts(&list));
}

#[test]
fn recursion_is_stopped() {
    let chain: String = (0..2500).map(|i| format!("fn f{i}(x) {{ f{}(x) }}\n", i + 1)).collect();
    let mut list = scripts(&[
        ("a function", "fn f(n) { f(n + 1) } f(0);"),
        ("two functions", "fn f(n) { g(n + 1) } fn g(n) { f(n + 1) } f(0);"),
        ("a closure", "let f = |f, n| f.call(f, n + 1); f.call(f, 0);"),
        ("through map", "fn f(n) { [n].map(|x| f(x)) } f(0);"),
    ]);
    list.push(("a long chain", chain + "f0(1);"));
    hold(&["call_depth", "too_deep"], &list);
}

#[test]
fn growth_is_stopped() {
    let list = [
        ("text", "let s = \"x\"; for i in 0..60 { s += s; }"),
        ("text by sums", "let s = \"x\"; for i in 0..60 { s = s + s; }"),
        ("text by backticks", "let s = \"x\"; for i in 0..60 { s = `${s}${s}`; }"),
        ("replace", "let s = \"aaaaaaaa\"; for i in 0..60 { s.replace(\"a\", s); }"),
        ("pad", "let s = \"a\"; s.pad(100000000000, \"x\");"),
        ("pad of a list", "let s = [1]; s.pad(100000000000, 1);"),
        ("lists", "let a = [1]; for i in 0..60 { a += a; }"),
        ("append", "let a = [1]; for i in 0..60 { a.append(a); }"),
        ("splice", "let a = [1]; loop { a.splice(0, 0, a); }"),
        ("join", "let a = range(100000).to_array(); let s = a.join(\"x\"); loop { s = [s, s, s].join(s); }"),
        (
            "split",
            "let s = \"x\"; for i in 0..22 { s += s; } let all = []; loop { all.push(s.split(\"\")); }",
        ),
        ("print", "let s = \"x\"; for i in 0..20 { s += s; } loop { print(s); }"),
        ("exports", "let s = \"x\"; for i in 0..20 { s += s; } loop { export(Task(name = s + \"y\")); }"),
        ("bindings", "let p = Process(name = \"a\"); loop { p = p.bind(a = p); }"),
        ("closures", "let f = |x| x; loop { f = f.curry(f); }"),
        ("lists in lists", "let a = []; for i in 0..100000000 { a = [a]; }"),
        ("maps in maps", "let a = #{}; for i in 0..100000000 { a = #{a: a}; }"),
        ("types in types", "let t = String; for i in 0..40 { t = Map(t, t); } t(#{});"),
        (
            "a map",
            "let m = #{}; let s = \"x\"; for i in 0..20 { s += s; } loop { m[\"k\" + m.len()] = s + \"y\"; }",
        ),
    ];
    hold(&["out_of_memory", "out_of_time", "too_long", "too_deep"], &scripts(&list));
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |open: &str, middle: &str, close: &str, times: usize| {
        format!("let a = {}{middle}{};", open.repeat(times), close.repeat(times))
    };
    let list = [
        ("brackets", nested("[", "", "]", 30_000)),
        ("parentheses", nested("(", "1", ")", 30_000)),
        ("maps", nested("#{a: ", "1", "}", 10_000)),
        ("calls", nested("f(", "1", ")", 15_000)),
        ("keywords", nested("f(k = ", "1", ")", 9_000)),
        ("blocks", format!("{}{}", "{".repeat(30_000), "}".repeat(30_000))),
        ("conditions", format!("{}{}", "if true {\n".repeat(5_000), "}\n".repeat(5_000))),
        ("closures", format!("let f = {} 1;", "|x| ".repeat(10_000))),
        ("backticks", nested("`${", "1", "}`", 9_000)),
        ("not", format!("let a = {}true;", "!".repeat(60_000))),
        ("minus", format!("let a = {}1;", "- ".repeat(30_000))),
        ("a sum", format!("let a = 1{};", "\n+ 1".repeat(15_000))),
        ("dots", format!("let a = 1; a{};", ".b".repeat(30_000))),
        ("indices", format!("let a = 1; a{};", "[0]".repeat(20_000))),
        ("else if", format!("if false {{}} {}", "else if false {} ".repeat(3_800))),
        ("never closed", format!("let a = {}", "[".repeat(60_000))),
        ("a comment", "/*".repeat(30_000)),
    ];
    hold(&["too_deep", "too_long", "syntax"], &list);
}

#[test]
fn huge_literals_and_lines_are_no_trouble() {
    let list = [
        ("a list", format!("let a = [{}]; a.foo();", "1,".repeat(32_000))),
        ("an integer", format!("let a = {}; export(a);", "9".repeat(60_000))),
        ("a text", format!("let a = \"{}\"; a.foo();", "x".repeat(65_000))),
        ("a name", format!("export({});", "a".repeat(64_000))),
        ("a call", format!("{}();", "a".repeat(64_000))),
        ("lines", format!("{}x", "\n".repeat(66_000))),
        ("blanks", format!("let a = 1; {}b;", " ".repeat(60_000))),
    ];
    let codes = ["unknown_method", "wrong_type", "unknown_variable", "unknown_function", "too_long"];
    hold(&codes, &list);
}

#[test]
fn numbers_out_of_range_are_refused() {
    let list = [
        ("range", "range(1000000000000).to_array();"),
        ("the whole range", "range(-9223372036854775807, 9223372036854775807);"),
        ("width", "\"%999999999d\" % 1;"),
        ("precision", "\"%.999999999f\" % 1.0;"),
        ("sum", "9223372036854775807 + 1;"),
        ("power", "10 ** 400;"),
        ("division", "let x = -9223372036854775807 - 1; x / -1;"),
        ("absolute", "let x = -9223372036854775807 - 1; abs(x);"),
        ("zero", "1 / 0;"),
        ("index", "[1][99999999999];"),
        ("radix", "parse_int(\"zz\", 99);"),
    ];
    hold(&["too_long", "format", "arithmetic", "not_found"], &scripts(&list));
}

#[test]
fn template_bombs_are_refused() {
    let process = |cmdline: &str| format!("Process(name = \"p\", cmdline = \"{cmdline}\")");
    let chain: Vec<String> = (0..60).map(|i| format!("a{i} = \"{{{{a{0}}}}}{{{{a{0}}}}}\"", i + 1)).collect();
    let list = [
        (
            "doubling",
            format!("export(Task(processes = [{}]).bind(a = \"{{{{a}}}}{{{{a}}}}\"));", process("{{a}}")),
        ),
        ("a chain", format!("export(Task(processes = [{}]).bind({}));", process("{{a0}}"), chain.join(", "))),
        (
            "much text in many processes",
            "let s = \"x\"; for i in 0..20 { s += s; } \
             let ps = range(10000).map(|i| Process(name = \"p%d\" % i, cmdline = \"{{a}}\")); \
             export(Task(name = \"t\", processes = ps).bind(a = s));"
                .to_owned(),
        ),
    ];
    hold(&["reference_growth", "reference_cycle", "out_of_time"], &list);
}

#[test]
fn a_mistake_in_a_loop_is_told_once() {
    let thermos = Thermos::new();
    thermos.write("bad.thermos", "for i in 0..1000 { Process(nam = 1); }");
    let output = thermos.run(["check", "bad.thermos"]).expect_code(3);
    assert_eq!(output.stderr.matches("thermos::unknown_field").count(), 1, "{output:?}");
}
