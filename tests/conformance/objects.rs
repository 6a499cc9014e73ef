//! coerce.json and structs.json: what typed objects show of themselves.

use serde_json::{Value as Json, json};
use thermos::template::{Reference, Work};
use thermos::types::{Error, Interpolated, Object, Type, Value, json::without_unknown_keys};

use super::answers::{Types, outcome, same_value};
use super::{Verdict, same};
use thermos::diagnostics::Span;

pub(super) fn run(case: &Json) -> Verdict {
    let (types, expect) = (Types::of(case), &case["expect"]);
    let work = Work::default();
    match case["kind"].as_str().unwrap() {
        "type_name" => {
            same("name", types.parse(&case["type"]).name().as_str(), expect["name"].as_str().unwrap())
        }
        "equal" => {
            let built = types.build(&case["left"]).and_then(|left| Ok((left, types.build(&case["right"])?)));
            let equal = built.and_then(|(left, right)| left.equals(&right, &work));
            outcome("equal", equal, expect, |equal| same("equal", equal, expect["equal"] == true))
        }
        "coerce" => {
            let built = types.value(&case["value"]).and_then(|value| {
                let object = Object::new(&types.parse(&case["type"]), &value, Span::NONE)?;
                types.apply(object, case)
            });
            outcome("build", built, expect, |object| observe(&object, case, &types))
        }
        "object" => {
            outcome("build", types.build(&case["build"]), expect, |object| observe(&object, case, &types))
        }
        _ => {
            let ty = types.parse(&case["type"]);
            let document = Value::from(&case["document"]);
            let document =
                if case["strict"] == true { document } else { without_unknown_keys(&ty, document) };
            let built = Object::new(&ty, &document, Span::NONE);
            outcome("load", built, expect, |object| {
                observe(&object, case, &types)?;
                let dump = object.interpolate(&work).and_then(|interpolated| interpolated.object.get());
                // A document has text for keys.
                let dump = dump.map(|plain| Value::from(&Json::from(&plain)));
                compare_value("dump", dump, &expect["dump"])
            })
        }
    }
}

/// Compares everything that `expect` says of an object.
pub(super) fn observe(object: &Object, case: &Json, types: &Types) -> Verdict {
    let (expect, work) = (&case["expect"], Work::default());
    let text = |what: &str, found: Result<String, Error>, expected: &Json| {
        outcome(what, found, expected, |found| same(what, found.as_str(), expected.as_str().unwrap()))
    };
    let repr = &expect["repr"];
    if !repr.is_null() {
        text("repr", object.repr(&work), repr)?;
    }
    let str = if expect["str"].is_null() && object.ty().is_container() { repr } else { &expect["str"] };
    if !str.is_null() {
        text("str", object.text(&work), str)?;
    }
    check(object, &expect["check"], &work)?;
    interpolated(object.interpolate(&work), &expect["interpolated"])?;
    compare_value("get", object.get(), &expect["get"])?;
    let queries = case["queries"].as_array().into_iter().flatten();
    for (index, query) in queries.enumerate() {
        let expected = &expect["queries"][index];
        ask(object, query, expected, types, &work).map_err(|reason| format!("query {index}: {reason}"))?;
    }
    Ok(())
}

fn check(object: &Object, expected: &Json, work: &Work) -> Verdict {
    if expected.is_null() {
        return Ok(());
    }
    let message = object.typecheck(work).first().map(|problem| problem.message(work)).transpose();
    outcome("check", message, expected, |message| {
        same("check", message.is_none(), expected["ok"] == true)?;
        match expected["message"].as_str() {
            Some(text) => same("check", message.unwrap_or_default().as_str(), text),
            None => Ok(()),
        }
    })
}

fn interpolated(found: Result<Interpolated, Error>, expected: &Json) -> Verdict {
    if expected.is_null() {
        return Ok(());
    }
    let found = found.and_then(|found| Ok((found.object.get()?, found.unbound_addresses())));
    outcome("interpolated", found, expected, |(value, unbound)| {
        compare_value("interpolated", Ok(value), &expected["value"])?;
        match expected["unbound"].is_null() {
            true => Ok(()),
            false => same("interpolated", &json!(unbound), &expected["unbound"]),
        }
    })
}

fn compare_value(what: &str, found: Result<Value, Error>, expected: &Json) -> Verdict {
    if expected.is_null() && !matches!(found, Ok(Value::Null)) {
        return Ok(());
    }
    outcome(what, found, expected, |found| {
        let message = || format!("{what}: expected {expected}, found {found:?}");
        if same_value(&found, expected) { Ok(()) } else { Err(message()) }
    })
}

fn ask(object: &Object, query: &Json, expected: &Json, types: &Types, work: &Work) -> Verdict {
    let name = query["name"].as_str().unwrap_or_default();
    match query["q"].as_str().unwrap() {
        "has" => same("has", object.field(name).is_some(), *expected == true || expected["has"] == true),
        "equal" => {
            let equal = types.build(&query["other"]).and_then(|other| object.equals(&other, work));
            outcome("equal", equal, expected, |equal| {
                same("equal", equal, *expected == true || expected["equal"] == true)
            })
        }
        "find" => {
            let found = Reference::parse(query["ref"].as_str().unwrap())
                .map_err(Error::from)
                .and_then(|reference| object.find(&reference, work));
            leaf(found.map(Some), expected, work)
        }
        "field" => leaf(field(object, name, work), expected, work),
        "interpolated_field" => {
            let found = object.interpolate(work).and_then(|found| field(&found.object, name, work));
            leaf(found, expected, work)
        }
        other => Err(format!("unknown query {other}")),
    }
}

fn field(object: &Object, name: &str, work: &Work) -> Result<Option<Object>, Error> {
    Ok(object.interpolated_field(name, work)?.map(|found| found.object))
}

/// Compares what a query found: the first of its observations that fails is the outcome of the whole.
fn leaf(found: Result<Option<Object>, Error>, expected: &Json, work: &Work) -> Verdict {
    let observed = found.and_then(|found| {
        let observe = |found: Object| {
            let interpolated = found.interpolate(work);
            let parts = (found.text(work), found.repr(work), interpolated);
            match &expected["error"] {
                Json::Null => Ok(parts),
                _ => Ok((Ok(parts.0?), Ok(parts.1?), Ok(parts.2?))),
            }
        };
        found.map(observe).transpose()
    });
    outcome("leaf", observed, expected, |observed| {
        let Some((text, repr, found)) = observed else {
            return same("empty", true, expected["empty"] == true);
        };
        for (what, found) in [("str", text), ("repr", repr)] {
            let wanted = &expected[what];
            if !wanted.is_null() {
                outcome(what, found, wanted, |text| {
                    same(what, text.as_str(), wanted.as_str().unwrap_or_default())
                })?;
            }
        }
        if expected["value"].is_null() && expected["unbound"].is_null() {
            return Ok(());
        }
        interpolated(found, expected)
    })
}

/// Names a type as the cases do, for messages.
pub(super) fn type_text(ty: &Type) -> String {
    ty.name()
}
