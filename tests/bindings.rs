//! `-E`: what it binds, what it beats, and what is said when it changes nothing.

use crate::harness::{Output, Thermos};

/// Writes `text` as `task.thermos` and inspects it with some `-E` values.
fn inspect(thermos: &Thermos, text: &str, bindings: &[&str]) -> Output {
    thermos.write("task.thermos", text);
    let call = thermos.command(["inspect", "--format", "json"]);
    bindings.iter().fold(call, |call, binding| call.arg("-E").arg(binding)).arg("task.thermos").output()
}

fn cmdline(output: Output) -> String {
    output.expect_code(0).json()["processes"][0]["cmdline"].as_str().unwrap().to_owned()
}

const OPEN: &str =
    "export(Task(name = \"t\", processes = [Process(name = \"p\", cmdline = \"<<a>> {{b.c}}\")]))";

#[test]
fn a_value_fills_what_the_file_leaves_open() {
    let thermos = Thermos::new();
    assert_eq!(cmdline(inspect(&thermos, OPEN, &["a=1=2", "b.c="])), "1=2 ");
    assert_eq!(cmdline(inspect(&thermos, OPEN, &["a={{b.c}}", "b.c=x"])), "x x");
    assert_eq!(cmdline(inspect(&thermos, OPEN, &["a=first", "a=last"])), "last {{b.c}}");
}

#[test]
fn it_beats_what_is_bound_on_the_task_but_not_what_is_bound_on_a_process() {
    let thermos = Thermos::new();
    let on_task = OPEN.replace("]))", "]).bind(a = 1))");
    assert_eq!(cmdline(inspect(&thermos, &on_task, &["a=2"])), "2 {{b.c}}");
    let on_process = OPEN.replace(")]", ").bind(a = 1)]");
    let output = inspect(&thermos, &on_process, &["a=2"]).expect_stderr("warning[thermos::hidden_binding]");
    assert_eq!(cmdline(output.expect_stderr("-E a changes nothing")), "1 {{b.c}}");
}

#[test]
fn a_name_that_nothing_refers_to_is_an_error_with_a_guess() {
    let thermos = Thermos::new();
    inspect(&thermos, OPEN, &["b.d=1"])
        .expect_code(3)
        .expect_diagnostic("unknown_binding", "nothing in the configuration refers to `b.d`")
        .expect_stderr("did you mean `b.c`?");
    let script = "let n = param(\"workers\", 2); export(Task(name = \"t\"))";
    inspect(&thermos, script, &["worker=1"]).expect_code(3).expect_stderr("did you mean `workers`?");
}

#[test]
fn a_value_of_the_wrong_type_is_shown_where_it_was_given() {
    let thermos = Thermos::new();
    let script = "export(Task(name = \"t\", max_failures = \"<<limit>>\", processes = []))";
    inspect(&thermos, script, &["limit=many"])
        .expect_code(3)
        .expect_stderr("Task[max_failures] failed: Cannot coerce 'many' to Integer")
        .expect_stderr("task.thermos:1:40]")
        .expect_stderr("-E:1:7]")
        .expect_stderr("limit=many");
}

#[test]
fn parameters_have_types_and_are_listed() {
    let thermos = Thermos::new();
    let script = "let n = param(\"workers\", 2);
        let mapped = range(n).map(|i| Process(name = \"w\" + i, cmdline = \"true\")).to_array();
        export(Task(name = \"t\", processes = mapped))";
    let workers = |bindings: &[&str]| {
        inspect(&thermos, script, bindings).expect_code(0).json()["processes"].as_array().unwrap().len()
    };
    assert_eq!((workers(&[]), workers(&["workers=5"])), (2, 5));
    inspect(&thermos, script, &["workers=many"]).expect_code(3).expect_stderr("takes an integer");
    let listed = thermos.run(["inspect", "--params", "-E", "workers=3", "task.thermos"]).expect_code(0);
    assert_eq!(listed.text, "workers: an integer, 2 by default, here 3 (task.thermos:1:9)\n");
}
