//! templates.json: splitting and resolving text.

use serde_json::{Value as Json, json};
use thermos::template::{self, Escapes, Fragment, Scope, Tag, Work};
use thermos::types::{Error, Object, Scopes, Type, Value};

use super::answers::{Types, outcome};
use super::{Verdict, same};
use thermos::diagnostics::Span;

pub(super) fn run(case: &Json) -> Verdict {
    let (template, expect) = (case["template"].as_str().unwrap(), &case["expect"]);
    if case["kind"] == "split" {
        let escapes = if case["keep_escapes"] == true { Escapes::Keep } else { Escapes::Remove };
        let fragments = template::split(template, escapes).map_err(Error::from);
        return outcome("split", fragments, expect, |found| {
            let found: Json = found.iter().map(fragment).collect();
            same("fragments", &found, &merged(&expect["fragments"]))
        });
    }
    outcome("resolve", resolve(case, template), expect, |(text, unbound)| {
        let unbound: Vec<String> = unbound.iter().map(|tag| tag.reference.to_string()).collect();
        same("resolved", &json!({"result": text, "unbound": unbound}), expect)
    })
}

fn resolve(case: &Json, template: &str) -> Result<(String, Vec<Tag>), Error> {
    let (types, work) = (Types::of(case), Work::default());
    let anchor = Object::new(&Type::String, &Value::text(""), Span::NONE)?;
    let anchor = anchor.in_scope(types.binders(case["scopes"].as_array().unwrap())?);
    let scopes: &Scopes = anchor.scopes();
    let scopes: [&dyn Scope<Error>; 1] = [scopes];
    if case["kind"] == "join" {
        return template::replace_once(template, &scopes, &work);
    }
    let resolved = template::resolve(template, &scopes, &work)?;
    Ok((resolved.text(), resolved.unbound().cloned().collect()))
}

fn fragment(fragment: &Fragment) -> Json {
    match fragment {
        Fragment::Literal(text) => json!(["lit", text]),
        Fragment::Tag(tag) => json!(["ref", tag.reference.to_string()]),
    }
}

/// Merges neighbouring literals, as the splitter does.
fn merged(fragments: &Json) -> Json {
    let mut merged: Vec<(String, String)> = Vec::new();
    for fragment in fragments.as_array().unwrap() {
        let (kind, text) = (fragment[0].as_str().unwrap(), fragment[1].as_str().unwrap());
        match merged.last_mut() {
            Some((last, joined)) if last == "lit" && kind == "lit" => joined.push_str(text),
            _ => merged.push((kind.to_owned(), text.to_owned())),
        }
    }
    json!(merged)
}
