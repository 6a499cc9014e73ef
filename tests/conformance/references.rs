//! refs.json: addresses.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};
use thermos::template::{Component, Reference, compare};

use super::{Verdict, same};

pub(super) fn run(case: &Json) -> Verdict {
    let expect = &case["expect"];
    let input = |name: &str| Reference::parse(case[name].as_str().unwrap());
    match case["kind"].as_str().unwrap() {
        "parse" => match input("input") {
            Err(_) => same("error", "invalid_ref", expect["error"]["class"].as_str().unwrap_or("none")),
            Ok(_) if !expect["error"].is_null() => Err("parses".to_owned()),
            Ok(reference) => {
                let text = format!("{{{{{reference}}}}}");
                let components = components(reference.components());
                let found = json!({"components": components, "address": reference.to_string(), "text": text});
                same("reference", &found, expect)
            }
        },
        "scoped_to" => {
            let rest = input("ref").unwrap().scoped_to(&input("prefix").unwrap());
            let rest = rest.map(
                |rest| json!({"components": components(rest.components()), "address": rest.to_string()}),
            );
            same("rest", &rest.unwrap_or_default(), &expect["rest"])
        }
        "concat" => {
            let joined = input("left").unwrap().concat(&input("right").unwrap());
            let found = json!({"components": components(joined.components()), "address": joined.to_string()});
            same("joined", &found, expect)
        }
        "first_rest" => {
            let reference = input("input").unwrap();
            let (first, rest) = (reference.first(), reference.rest());
            let found = json!({
                "first": component(first),
                "is_index": matches!(first, Component::Index(_)),
                "rest": rest.as_ref().map_or(json!([]), |rest| components(rest.components())),
                "rest_address": rest.map(|rest| rest.to_string()).unwrap_or_default(),
            });
            same("parts", &found, expect)
        }
        _ => {
            let (left, right) = (input("left").unwrap(), input("right").unwrap());
            let order = match compare(&left, &right) {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            };
            same("order", &json!({"order": order, "equal": left == right}), expect)
        }
    }
}

fn component(component: &Component) -> Json {
    match component {
        Component::Dereference(name) => json!(["deref", name]),
        Component::Index(key) => json!(["index", key]),
    }
}

fn components(all: &[Component]) -> Json {
    all.iter().map(component).collect()
}
