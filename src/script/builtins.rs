//! The functions that scripts have beside Rhai's own: calls of values, operators of objects, lists, text, export,
//! parameters.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use rhai::{
    Array, Dynamic, Engine, FnPtr, FuncRegistration, ImmutableString, Map, Module, NativeCallContext, Variant,
};

use super::callback::Callback;
use super::calls::{Arguments, call, call_object, call_type, exported};
use super::methods::{arguments, binder, element, field, method, object_method, to_map};
use super::raise::{Mistake, Outcome};
use super::sites::{Keyword, Origin, Site};
use super::state::{Export, Parameter, Shared};
use super::text::format;
use super::values::{Entry, Keywords, Maker, TypeValue, kind, part, plain, show};
use crate::diagnostics::Span;
use crate::schema::schema;
use crate::types::{Object, Type, Value};

/// The most elements that `range` makes.
const MAX_RANGE: i64 = 1_000_000;

/// Registers everything and returns the names of the constants.
pub(crate) fn register(engine: &mut Engine, shared: &Shared) -> Vec<String> {
    register_calls(engine, shared);
    register_objects(engine, shared);
    register_keywords(engine);
    register_lists(engine);
    register_text(engine);
    register_script(engine, shared);
    let constants = constants();
    let names = constants.keys().map(|name| (*name).to_owned()).collect();
    engine.register_fn("__constant", move |name: &str| constants.get(name).cloned().unwrap_or_default());
    let mut module = Module::new();
    module.set_iter(TypeId::of::<Object>(), |list| {
        let list = list.try_cast::<Object>().map(elements).unwrap_or_default();
        Box::new(list.into_iter())
    });
    engine.register_global_module(module.into());
    names
}

fn constants() -> HashMap<&'static str, Dynamic> {
    let maker = |maker: Maker| Dynamic::from(TypeValue::Maker(maker));
    let ty = |ty: &Type| Dynamic::from(TypeValue::Type(ty.clone()));
    let mut constants = HashMap::from([
        ("String", ty(&Type::String)),
        ("Integer", ty(&Type::Integer)),
        ("Float", ty(&Type::Float)),
        ("Boolean", ty(&Type::Boolean)),
        ("Enum", maker(Maker::Enum)),
        ("List", maker(Maker::List)),
        ("Map", maker(Maker::Map)),
        ("Choice", maker(Maker::Choice)),
        ("Struct", maker(Maker::Struct)),
        ("Required", maker(Maker::Required)),
        ("Default", maker(Maker::Default)),
        ("Empty", Dynamic::from(TypeValue::Empty)),
        ("BYTES", 1_i64.into()),
        ("KB", (1_i64 << 10).into()),
        ("MB", (1_i64 << 20).into()),
        ("GB", (1_i64 << 30).into()),
        ("TB", (1_i64 << 40).into()),
    ]);
    constants.extend(schema().named().map(|(name, named)| (name, ty(named))));
    constants
}

/// `__keywords`, `__call` and `__method`, which the rewriting pass writes.
fn register_calls(engine: &mut Engine, shared: &Shared) {
    let state = shared.clone();
    engine.register_fn("__keywords", move |number: i64, values: Array| {
        keywords_of(&state.site_of(number), values)
    });
    let state = shared.clone();
    engine.register_fn("__entering", move |number: i64, last: Dynamic| {
        state.enter_library(number);
        last
    });
    let state = shared.clone();
    engine.register_fn("__at", move |expression: i64, value: Dynamic| state.mark(expression, value));
    // Rhai finds a function for the exact types at once, but tries many signatures before one for any type.
    register_call::<TypeValue>(engine, shared, call_type);
    register_call::<Object>(engine, shared, call_object);
    register_call::<Dynamic>(engine, shared, call);
    register_method::<Object>(engine, shared, |_, shared, object, name, given| {
        object_method(shared, object, name, given)
    });
    register_method::<Dynamic>(engine, shared, method);
}

/// Calls of values of one of Rhai's types.
fn register_call<T: Variant + Clone>(
    engine: &mut Engine,
    shared: &Shared,
    call: fn(&NativeCallContext, &Shared, &T, Arguments) -> Outcome<Dynamic>,
) {
    let state = shared.clone();
    engine.register_fn("__call", move |context: NativeCallContext, callee: T, values: Array| {
        let given = arguments(&state, &context, values, Keywords::default());
        call(&context, &state, &callee, given)
    });
    let state = shared.clone();
    engine.register_fn(
        "__call",
        move |context: NativeCallContext, callee: T, values: Array, number: i64, named: Array| {
            let site = state.site_of(number);
            let given = Arguments::new(&site, values, keywords_of(&site, named));
            call(&context, &state, &callee, given)
        },
    );
}

/// Methods of values of one of Rhai's types.
fn register_method<T: Variant + Clone>(
    engine: &mut Engine,
    shared: &Shared,
    method: fn(&NativeCallContext, &Shared, &mut T, &str, Arguments) -> Outcome<Dynamic>,
) {
    let state = shared.clone();
    FuncRegistration::new("__method").with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, this: &mut T, name: &str, values: Array| {
            let given = arguments(&state, &context, values, Keywords::default());
            method(&context, &state, this, name, given)
        },
    );
    let state = shared.clone();
    FuncRegistration::new("__method").with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext,
              this: &mut T,
              name: &str,
              values: Array,
              number: i64,
              named: Array| {
            let site = state.site_of(number);
            let given = Arguments::new(&site, values, keywords_of(&site, named));
            method(&context, &state, this, name, given)
        },
    );
}

/// Puts the values of keywords together with their names.
fn keywords_of(site: &Site, values: Array) -> Keywords {
    let entry = |(keyword, value): (&Arc<Keyword>, Dynamic)| Entry { keyword: keyword.clone(), value };
    Keywords(site.keywords.iter().zip(values).map(entry).collect())
}

fn register_objects(engine: &mut Engine, shared: &Shared) {
    engine.register_type_with_name::<Object>("object").register_type_with_name::<TypeValue>("type");
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |object: Object| object.to_string());
        engine.register_fn(name, |ty: TypeValue| ty.name());
    }
    FuncRegistration::new("type_name")
        .with_purity(true)
        .register_into_engine(engine, |object: &mut Object| object.ty().name());
    let state = shared.clone();
    FuncRegistration::new_index_getter().with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, object: &mut Object, name: ImmutableString| {
            property(&state, object, &name, state.at(&context))
        },
    );
    // Without a getter Rhai first words an error, each time that a field is read.
    for name in schema().field_names() {
        let state = shared.clone();
        FuncRegistration::new_getter(&name).with_purity(true).register_into_engine(
            engine,
            move |context: NativeCallContext, object: &mut Object| {
                property(&state, object, &name, state.at(&context))
            },
        );
    }
    let state = shared.clone();
    FuncRegistration::new_index_getter().with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, object: &mut Object, index: Dynamic| -> Outcome<Dynamic> {
            element(object, &index, state.at(&context))
        },
    );
    let state = shared.clone();
    engine.register_fn(
        "%",
        move |context: NativeCallContext, object: Object, map: Dynamic| -> Outcome<Object> {
            let at = state.at(&context);
            let binder = binder(&map, &Origin::of(at))?;
            object.modulo(binder, &state.work()).map_err(|error| Mistake::from(error.at(at)).into())
        },
    );
    let equal = |left: &Object, right: &Dynamic| match plain(right) {
        Ok(Value::Object(right)) => *left == *right,
        Ok(Value::Empty) => false,
        Ok(right) => Object::new(left.ty(), &right, left.at()).is_ok_and(|right| *left == right),
        Err(_) => false,
    };
    engine.register_fn("==", move |left: Object, right: Dynamic| equal(&left, &right));
    engine.register_fn("!=", move |left: Object, right: Dynamic| !equal(&left, &right));
    for (name, same) in [("==", true), ("!=", false)] {
        engine.register_fn(name, move |left: TypeValue, right: TypeValue| {
            (left.name() == right.name()) == same
        });
        engine.register_fn(name, move |left: ImmutableString, right: Object| {
            equal(&right, &Dynamic::from(left)) == same
        });
    }
    engine.register_fn("+", |left: ImmutableString, right: Object| format!("{left}{right}"));
    engine.register_fn("+", |left: Object, right: ImmutableString| format!("{left}{right}"));
}

/// Reads what a name stands for in an object: a value of a map, a field of anything else.
fn property(shared: &Shared, object: &Object, name: &str, at: Span) -> Outcome<Dynamic> {
    match object.ty() {
        Type::Map(_) => element(object, &name.to_owned().into(), at),
        _ => field(shared, object, name, at),
    }
}

/// Keywords behave as a map does, but keep their order.
fn register_keywords(engine: &mut Engine) {
    engine.register_type_with_name::<Keywords>("map");
    FuncRegistration::new_index_getter().with_purity(true).register_into_engine(
        engine,
        |keywords: &mut Keywords, name: &str| {
            keywords.get(name).map_or(Dynamic::UNIT, |entry| entry.value.clone())
        },
    );
    engine.register_fn("keys", |keywords: Keywords| {
        keywords.0.into_iter().map(|entry| Dynamic::from(entry.name().to_owned())).collect::<Array>()
    });
    engine.register_fn("values", |keywords: Keywords| {
        keywords.0.into_iter().map(|entry| entry.value).collect::<Array>()
    });
    engine.register_fn("len", |keywords: Keywords| keywords.0.len() as i64);
    engine.register_fn("contains", |keywords: Keywords, name: &str| keywords.get(name).is_some());
    engine.register_fn("remove", |keywords: &mut Keywords, name: &str| {
        let at = keywords.0.iter().position(|entry| entry.name() == name);
        at.map_or(Dynamic::UNIT, |at| keywords.0.remove(at).value)
    });
    engine.register_fn("to_map", |keywords: Keywords| to_map(&keywords));
    engine.register_fn("to_map", |map: Map| map);
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |keywords: Keywords| {
            let entry = |entry: &Entry| format!("{}: {}", entry.name(), show(&entry.value));
            format!("#{{{}}}", keywords.0.iter().map(entry).collect::<Vec<_>>().join(", "))
        });
    }
}

fn register_lists(engine: &mut Engine) {
    engine.register_fn("range", |end: i64| range(0, end));
    engine.register_fn("range", range);
    engine.register_fn("to_array", |array: Array| array);
    engine.register_fn("to_array", elements);
    engine.register_fn("len", |object: Object| elements(object).len() as i64);
    FuncRegistration::new("map").with_purity(true).register_into_engine(engine, map_elements);
    FuncRegistration::new("filter").with_purity(true).register_into_engine(engine, filter_elements);
    engine.register_fn("map", |context: NativeCallContext, list: Object, function: FnPtr| {
        map_elements(context, &mut elements(list), function)
    });
    engine.register_fn("filter", |context: NativeCallContext, list: Object, function: FnPtr| {
        filter_elements(context, &mut elements(list), function)
    });
    engine.register_fn("+", |left: Object, right: Array| [elements(left), right].concat());
    engine.register_fn("+", |left: Array, right: Object| [left, elements(right)].concat());
    engine.register_fn("+", |left: Object, right: Object| match (left.elements(), right.elements()) {
        (None, None) => Dynamic::from(format!("{left}{right}")),
        _ => [elements(left), elements(right)].concat().into(),
    });
}

fn map_elements(context: NativeCallContext, list: &mut Array, function: FnPtr) -> Outcome<Array> {
    let callback = Callback::new(&function);
    let call = |(index, element): (usize, &Dynamic)| callback.call(&context, element, index);
    list.iter().enumerate().map(call).collect()
}

fn filter_elements(context: NativeCallContext, list: &mut Array, function: FnPtr) -> Outcome<Array> {
    let callback = Callback::new(&function);
    let mut kept = Array::new();
    for (index, element) in list.iter().enumerate() {
        if callback.call(&context, element, index)?.as_bool().unwrap_or(false) {
            kept.push(element.clone());
        }
    }
    Ok(kept)
}

fn elements(object: Object) -> Array {
    object.elements_in_scope().into_iter().map(Dynamic::from).collect()
}

fn range(start: i64, end: i64) -> Outcome<Array> {
    if end.saturating_sub(start) > MAX_RANGE {
        let message = format!("a range of more than {MAX_RANGE} numbers is too long");
        return Err(Mistake::new("too_long", message, Span::NONE)
            .with_help("make fewer; a task of that many processes is no task for one machine")
            .into());
    }
    Ok((start..end).map(Dynamic::from).collect())
}

fn register_text(engine: &mut Engine) {
    let fill = |pattern: &str, values: &[Dynamic]| -> Outcome<String> {
        format(pattern, values).map_err(|message| {
            let mistake = Mistake::new("format", message, Span::NONE);
            mistake.with_help("write \"%s-%03d\" % [name, number], a value for each %").into()
        })
    };
    engine.register_fn("%", move |pattern: ImmutableString, values: Array| fill(&pattern, &values));
    engine.register_fn("%", move |pattern: ImmutableString, value: i64| fill(&pattern, &[value.into()]));
    engine.register_fn("%", move |pattern: ImmutableString, value: ImmutableString| {
        fill(&pattern, &[value.into()])
    });
    engine.register_fn("%", move |pattern: ImmutableString, value: Dynamic| fill(&pattern, &[value]));
    // Rhai's own looks up how to write the number, each time.
    engine.register_fn("+", |text: ImmutableString, number: i64| format!("{text}{number}"));
    // What the standard library says that it has found.
    engine.register_fn("__kind", |value: Dynamic| kind(&value));
    let join = |list: &[Dynamic], separator: &str| list.iter().map(show).collect::<Vec<_>>().join(separator);
    engine.register_fn("join", move |list: Array, separator: ImmutableString| join(&list, &separator));
    engine.register_fn("join", move |separator: ImmutableString, list: Array| join(&list, &separator));
    engine.register_fn("join", move |list: Array| join(&list, ""));
}

/// `export`, `param` and `print`.
fn register_script(engine: &mut Engine, shared: &Shared) {
    let state = shared.clone();
    engine.register_fn("export", move |context: NativeCallContext, task: Dynamic| -> Outcome<()> {
        let site = state.site(&context);
        let origin = site.positional.first().cloned().unwrap_or(Origin::of(site.callee));
        export(&state, &task, &origin)
    });
    let state = shared.clone();
    engine.register_fn("export", move |context: NativeCallContext, task: Keywords| -> Outcome<()> {
        let origin = Origin::of(state.site(&context).callee);
        export(&state, &Dynamic::from(task), &origin)
    });
    let state = shared.clone();
    engine.register_fn(
        "param",
        move |context: NativeCallContext, name: ImmutableString, default: Dynamic| -> Outcome<Dynamic> {
            parameter(&state, &name, default, &context)
        },
    );
    let state = shared.clone();
    engine.on_print(move |text| state.lock().printed.push(text.to_owned()));
    let state = shared.clone();
    engine.on_debug(move |text, _, _| state.lock().printed.push(text.to_owned()));
}

fn export(shared: &Shared, task: &Dynamic, origin: &Origin) -> Outcome<()> {
    let ty = &schema().task;
    let is_task = task.read_lock::<Object>().is_some_and(|object| object.ty() == ty);
    let made = if is_task { part(ty, task, origin).ok() } else { exported(shared, ty, task, origin)? };
    let Some(task) = made else {
        let message = format!("expected a Task, found {}", kind(task));
        return Mistake::new("wrong_type", message, origin.span)
            .with_label("not a Task")
            .with_help(match task.as_array_ref().is_ok() {
                true => "export each of them: `for task in tasks { export(task); }`",
                false => "write `export(Task(name = \"...\", processes = [...]));`",
            })
            .raise();
    };
    shared.lock().exports.push(Export { task, at: origin.span });
    Ok(())
}

fn parameter(shared: &Shared, name: &str, default: Dynamic, context: &NativeCallContext) -> Outcome<Dynamic> {
    let at = shared.at(context);
    let given = shared.lock().given.get(name).cloned();
    let value = match &given {
        Some(given) => parse(&given.value, &default).ok_or_else(|| {
            let message = format!("the parameter `{name}` takes {}, not {:?}", kind(&default), given.value);
            Mistake::new("parameter", message, given.at)
                .with_label(format!("not {}", kind(&default)))
                .with_help(format!("give {}, such as `-E {name}={}`", kind(&default), show(&default)))
        })?,
        None => default.clone(),
    };
    let parameter = Parameter {
        name: name.to_owned(),
        default: show(&default),
        kind: kind(&default),
        value: show(&value),
        given: given.is_some(),
        at,
    };
    shared.lock().parameters.insert(name.to_owned(), parameter);
    Ok(value)
}

/// Reads the text of a flag as a value of the default's type.
fn parse(text: &str, default: &Dynamic) -> Option<Dynamic> {
    if default.is_bool() {
        return match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true.into()),
            "false" | "0" => Some(false.into()),
            _ => None,
        };
    }
    if default.is_int() {
        return text.trim().parse::<i64>().ok().map(Dynamic::from);
    }
    if default.is_float() {
        return text.trim().parse::<f64>().ok().map(Dynamic::from);
    }
    Some(text.to_owned().into())
}
