//! Task documents: `inspect --format json` writes what `run --json` reads and `schema` describes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

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
