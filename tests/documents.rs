//! Task documents: `inspect --format json` writes what `run --json` reads and `schema` describes.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use thermos::diagnostics::Span;
use thermos::schema::{Task, check_task, schema};
use thermos::template::Work;
use thermos::types::Object;

use crate::harness::Thermos;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some()).collect()
}

fn inspect(thermos: &Thermos, file: &Path, bindings: &[&str]) -> Value {
    let call = thermos.command(["inspect", "--format", "json"]);
    let call = bindings.iter().fold(call, |call, binding| call.arg("-E").arg(binding));
    call.arg(file).output().expect_code(0).json()
}

fn validator(thermos: &Thermos) -> jsonschema::Validator {
    let schema = thermos.run(["schema"]).expect_code(0).json();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn every_example_fits_the_schema() {
    let thermos = Thermos::new();
    let validator = validator(&thermos);
    let examples = examples();
    assert!(examples.len() >= 7);
    for file in examples {
        let document = inspect(&thermos, &file, &[]);
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    }
}

#[test]
fn the_schema_refuses_what_the_checker_refuses() {
    let thermos = Thermos::new();
    let validator = validator(&thermos);
    let process = json!({"name": "a", "cmdline": "true"});
    let wrong = [
        json!("text"),
        json!({"processes": [{"name": "a"}]}),
        json!({"processes": [{"name": "a", "cmdline": "b", "max_failure": 1}]}),
        json!({"processes": [process], "max_failures": "three"}),
        json!({"processes": [process], "constraints": [["a"]]}),
        json!({"processes": process}),
    ];
    for document in wrong {
        assert!(!validator.is_valid(&document), "{document}");
        let check = thermos.command(["check", "--json", "-"]).stdin(document.to_string()).output();
        check.expect_code(3);
    }
    for document in [json!([{"name": "t"}]), json!({"processes": [process], "max_failures": "{{n}}"})] {
        assert!(validator.is_valid(&document), "{document}");
    }
}

/// The task as the runner wrote it down.
fn recorded_task(thermos: &Thermos, id: &str) -> String {
    fs::read_to_string(thermos.root().join("tasks/finished").join(id)).unwrap()
}

#[test]
fn a_document_runs_as_the_script_it_was_made_of() {
    let thermos = Thermos::new();
    let odd = r##"
        export(Task(name = "odd", processes = [Process(name = "a", cmdline = #"
            : '{{&x}}' '<<&y>>' '<<&&z>>' '{{&{{&w}}}}' "{{.a b}}" $((1<<2)) {{thermos.task_id}} {{&thermos.user}} <<name>>
        "#)]))
    "##;
    let odd = odd.replace("{{.a b}}", "{{&.a b}}");
    let script = thermos.write("odd.thermos", odd);
    let document = inspect(&thermos, &script, &[]);
    thermos.write("odd.json", document.to_string());
    thermos.run(["run", "--task-id", "script", "odd.thermos"]).expect_code(0);
    thermos.run(["run", "--task-id", "document", "odd.json"]).expect_code(0);
    assert_eq!(recorded_task(&thermos, "script"), recorded_task(&thermos, "document"));
    assert_eq!(inspect(&thermos, Path::new("odd.json"), &[]), document);
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let thermos = Thermos::new();
    for file in examples() {
        let print =
            || thermos.command(["inspect", "--format", "json"]).arg(&file).output().expect_code(0).text;
        assert_eq!(print(), print(), "{}", file.display());
    }
}

/// Text for a command line: references of every kind, bound, open and escaped, and what looks like them.
fn command_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{name}}",
        "<<min_duration>>",
        "{{super.name}}",
        "{{open}}",
        "<<open.a[<<name>>]>>",
        "{{thermos.ports[http]}}",
        "<<thermos.task_id>>",
        "{{&name}}",
        "<<&name>>",
        "<<&&name>>",
        "{{&a b}}",
        "{{&x&&}}",
        "{{",
        "}}",
        "<<",
        ">>",
        "{",
        "<",
        "&",
        "$((1<<2))",
        "é",
        "\n",
        " ",
        "\"",
        "\\",
        "\u{7f}",
        "text",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn process() -> impl Strategy<Value = Value> {
    let count = prop::sample::select(vec![
        json!(0),
        json!("3"),
        json!(" 7 "),
        json!(2.9),
        json!(true),
        json!("{{super.max_failures}}"),
    ]);
    let flag = prop::sample::select(vec![json!(true), json!("FALSE"), json!(1), json!(0.0)]);
    let resources = prop::sample::select(vec![
        Value::Null,
        json!({"cpu": "1e-1", "ram": 1, "disk": "2"}),
        json!({"cpu": 3, "ram": "{{disk}}0", "disk": 4, "gpu": 1}),
    ]);
    (command_text(), count, flag, resources).prop_map(|(cmdline, count, flag, resources)| {
        let mut process =
            json!({"cmdline": cmdline, "max_failures": count, "final": flag, "logger": {"mode": "rotate"}});
        if !resources.is_null() {
            process["resources"] = resources;
        }
        process
    })
}

/// Tasks whose members are of their types, however they are written.
fn task() -> impl Strategy<Value = Value> {
    let names = prop::sample::subsequence(vec!["a", "b-c", "é", "d {{&e}}"], 1..4);
    names
        .prop_flat_map(|names| (Just(names.clone()), prop::collection::vec(process(), names.len())))
        .prop_map(|(names, mut processes)| {
            for (process, name) in processes.iter_mut().zip(&names) {
                process["name"] = json!(name);
            }
            let order = json!(["{{processes[0].name}}"]);
            json!({"processes": processes, "constraints": [{"order": order}], "max_failures": "5"})
        })
        .prop_filter("text that is made of pieces may have braces around no reference", |task| {
            object(task).typecheck(&Work::default()).is_empty()
        })
}

fn object(document: &Value) -> Object {
    Object::new(&schema().task, &document.into(), Span::NONE).unwrap()
}

/// The task that would run; nothing if the check refuses it, as it does open references.
fn checked(document: &Value) -> Option<Task> {
    check_task(&object(document), &Work::default()).ok()
}

proptest! {
    // Each case is several processes; each holds many tasks.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn documents_are_read_as_they_are_written(tasks in prop::collection::vec(task(), 2..30)) {
        let tasks: Vec<Value> = tasks.into_iter().enumerate().map(|(index, mut task)| {
            task["name"] = json!(format!("t{index}"));
            task
        }).collect();
        let thermos = Thermos::new();
        let written = |document: String| {
            thermos.command(["inspect", "--format", "json", "--json", "-"]).stdin(document).output().expect_code(0)
        };
        let first = written(json!(tasks).to_string());
        prop_assert_eq!(&written(first.text.clone()).text, &first.text);
        for (task, document) in tasks.iter().zip(first.json().as_array().unwrap()) {
            prop_assert_eq!(checked(task), checked(document), "{} {}", task, document);
        }
    }
}
