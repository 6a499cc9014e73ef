//! What the fuzz targets do with their input; `tests/fuzz.rs` does the same with random input.
//!
//! Each body must return for any bytes: no panic, no hang, and what it asserts must hold.

use indexmap::IndexMap;
use serde_json::Value as Json;
use thermos::diagnostics::{Sources, Span};
use thermos::schema::{check_task, schema};
use thermos::script::{Limits, NoFiles, Session};
use thermos::template::{Escapes, Fragment, Reference, Work, escape, resolve_nothing, split};
use thermos::types::{Object, Value};

/// Splits text, and escapes it: escaped text must come back as it was.
pub(crate) fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for escapes in [Escapes::Keep, Escapes::Remove] {
        let _ = split(text, escapes);
    }
    if let Ok(reference) = Reference::parse(text) {
        // A canonical address has no leading dot, though a name that begins with `é` cannot be read without it.
        let address = reference.to_string();
        assert!(Reference::parse(&address).or(Reference::parse(&format!(".{address}"))) == Ok(reference));
    }
    let back = resolve_nothing(&escape(text)).unwrap_or_default();
    let literal = |fragment: &Fragment| match fragment {
        Fragment::Literal(literal) => Some(literal.clone()),
        Fragment::Tag(_) => None,
    };
    assert_eq!(back.iter().map(literal).collect::<Option<String>>().as_deref(), Some(text));
}

/// Reads, rewrites and evaluates a script.
pub(crate) fn script(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits { operations: 20_000, call_depth: 16, string_size: 1 << 16, ..Limits::default() };
    let mut session = Session::new(&limits, Box::new(NoFiles), IndexMap::new(), Sources::default());
    match session.run("fuzz.thermos", text) {
        Ok(exports) => exports.tasks.iter().for_each(|export| {
            let _ = check_task(&export.task, &Work::new(1 << 22));
        }),
        Err(diagnostics) => assert!(!diagnostics.is_empty(), "a failure says why"),
    }
}

/// Loads a task document and checks it.
pub(crate) fn document(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Json>(data) else { return };
    if let Ok(object) = Object::new(&schema().task, &Value::from(&json), Span::NONE) {
        let work = Work::new(1 << 22);
        if let Ok(task) = check_task(&object, &work) {
            let text = serde_json::to_string(&task).unwrap_or_default();
            assert_eq!(serde_json::from_str(&text).ok(), Some(task));
        }
    }
}
