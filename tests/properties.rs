//! Properties that hold of any input: templates against a slow model, documents both ways, nothing panics.

mod model;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use thermos::diagnostics::Span;
use thermos::schema::{self, CommandLine, Task, schema};
use thermos::template::{self, Escapes, Fragment, Reference, ResolveError, Scope, Work};
use thermos::types::{Error, ErrorKind, Object, Type, Value, bindings};

use model::Trouble;

/// Text in which tags of every kind, whole and broken, are likely.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "{{a}}", "{{b}}", "<<a>>", "<<c>>", "{{&a}}", "<<&b>>", "{{a[<<b>>]}}", "<<d[{{c}}]>>", "{{d[k]}}", "{{d[0]}}",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["{", "}", "<", ">", "&", "{{", "}}", "<<", ">>", "[", "]", ".", " "])
            .prop_map(str::to_owned),
        2 => "[a-dk0 ]{0,4}",
        1 => prop::sample::select(vec!["é", "👍", "\n", "\u{a0}", "{{&é&}}", "{{&&}}", "{{a&}}", "<<&&a>>", "<<a>b>>", "{{<<a>>}}"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Values that refer to letters behind their own, so that no cycle arises.
fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = |options: Vec<&'static str>| prop::option::of(prop::sample::select(options));
    (
        value(vec!["1", "{{b}}", "x{{c}}y", "<<d[k]>>", "{{&b}}"]),
        value(vec!["k", "0", "{{c}}", "<<c>>"]),
        value(vec!["k", "0", "plain"]),
        value(vec!["deep", "{{&a}}"]),
        value(vec!["first"]),
    )
        .prop_map(|(a, b, c, k, zero)| {
            let entries = [("a", a), ("b", b), ("c", c), ("d[k]", k), ("d[0]", zero)];
            entries
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect()
        })
}

fn anchored(environment: &BTreeMap<String, String>) -> Object {
    let entries = environment.iter().map(|(name, value)| (name.as_str(), Value::text(value.as_str())));
    let bound = bindings::environment(&Value::map(entries), Span::NONE).unwrap();
    Object::new(&Type::String, &Value::text(""), Span::NONE).unwrap().bind([bound.into()])
}

fn resolve(text: &str, environment: &BTreeMap<String, String>) -> Result<String, Error> {
    let anchor = anchored(environment);
    let scope: &dyn Scope<Error> = anchor.scopes();
    Ok(template::resolve(text, &[scope], &Work::default())?.text())
}

fn trouble(error: &Error) -> Trouble {
    match &error.kind {
        ErrorKind::Resolve(ResolveError::InvalidReference(_)) => Trouble::Invalid,
        ErrorKind::Resolve(ResolveError::Cycle(_)) => Trouble::Endless,
        other => panic!("{other:?}"),
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 _äé-][a-zA-Z0-9 ._äé-]{0,12}"
}

prop_compose! {
    fn process()(
        cmdline in template(),
        max_failures in 0u32..5,
        flags in any::<[bool; 2]>(),
        min_duration in any::<u32>(),
        cpu in prop::option::of(0.0f64..100.0),
    ) -> Json {
        let mut process = json!({
            "cmdline": template::escape(&cmdline), "max_failures": max_failures, "ephemeral": flags[0],
            "final": flags[1], "min_duration": min_duration,
        });
        if let Some(cpu) = cpu {
            process["resources"] = json!({"cpu": cpu, "ram": 1, "disk": "2"});
        }
        process
    }
}

prop_compose! {
    /// A task without constraints: any such task is well planned.
    fn document()(
        title in name(),
        processes in prop::collection::btree_map(name(), process(), 0..6),
        concurrency in any::<u32>(),
    ) -> Json {
        let named = |(name, mut process): (String, Json)| { process["name"] = Json::from(name); process };
        let processes: Vec<Json> = processes.into_iter().map(named).collect();
        json!({"name": title, "processes": processes, "max_concurrency": concurrency})
    }
}

fn check(document: &Json) -> Task {
    let object = Object::new(&schema().task, &Value::from(document), Span::NONE).unwrap();
    schema::check_task(&object, &Work::default())
        .unwrap_or_else(|problems| panic!("{document:#}: {problems:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn resolving_does_what_the_slow_model_does(text in template(), environment in environment()) {
        let found = resolve(&text, &environment).map_err(|error| trouble(&error));
        prop_assert_eq!(found, model::resolve(&text, &environment));
    }

    #[test]
    fn chains_and_cycles_end_where_the_slow_model_ends(length in 90usize..110, last in "[a-z]{0,2}|\\{\\{a[0-9]{1,3}\\}\\}") {
        let mut chain: BTreeMap<String, String> =
            (0..length).map(|index| (format!("a{index}"), format!("{{{{a{}}}}}", index + 1))).collect();
        chain.insert(format!("a{length}"), last);
        let found = resolve("<<a0>>", &chain).map_err(|error| trouble(&error));
        prop_assert_eq!(found, model::resolve("<<a0>>", &chain));
    }

    #[test]
    fn escaped_text_comes_back(text in template()) {
        let fragments = template::resolve_nothing(&template::escape(&text)).unwrap();
        let literal = |fragment: &Fragment| match fragment {
            Fragment::Literal(literal) => Some(literal.clone()),
            Fragment::Tag(_) => None,
        };
        prop_assert_eq!(fragments.iter().map(literal).collect::<Option<String>>(), Some(text));
    }

    #[test]
    fn pieces_print_as_they_were_split(text in template()) {
        // A trailing `&` of an escape, and a leading dot of a reference, are lost on purpose.
        prop_assume!(!text.contains("&}}") && !text.contains("{{.") && !text.contains("<<."));
        if let Ok(fragments) = template::split(&text, Escapes::Keep) {
            let print = |fragment: &Fragment| match fragment {
                Fragment::Literal(literal) => literal.clone(),
                Fragment::Tag(tag) => tag.to_string(),
            };
            prop_assert_eq!(fragments.iter().map(print).collect::<String>(), text);
        }
    }

    #[test]
    fn references_print_what_they_read(text in "[a-c_.\\[\\]0-9/-]{0,12}") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }
    }

    #[test]
    fn command_lines_print_what_they_read(text in template(), port in "[a-z]{1,5}") {
        let line = format!("{} {{{{thermos.ports[{port}]}}}} <<thermos.task_id>>", template::escape(&text));
        let line = CommandLine::parse(&line).unwrap();
        prop_assert_eq!(CommandLine::parse(&line.to_string()), Ok(line));
    }

    #[test]
    fn tasks_survive_json_both_ways(document in document()) {
        let task = check(&document);
        let json = serde_json::to_value(&task).unwrap();
        prop_assert_eq!(&check(&json), &task);
        prop_assert_eq!(serde_json::from_value::<Task>(json).unwrap(), task);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_documents_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(json) = serde_json::from_slice::<Json>(&bytes) {
            let _ = Object::new(&schema().task, &Value::from(&json), Span::NONE);
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ = template::split(&text, Escapes::Remove);
        let _ = Reference::parse(&text);
    }
}
