//! Methods of objects, and of maps that hold something callable.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};

use super::calls::{Arguments, call, call_function};
use super::raise::{Mistake, Outcome};
use super::sites::Origin;
use super::state::Shared;
use super::unknown::python_help;
use super::values::{Keywords, TypeValue, dynamic, keywords, kind, plain};
use crate::diagnostics::{Span, did_you_mean_help, with_article};
use crate::plan;
use crate::schema::{check_object, check_task, schema};
use crate::template::{Binding, Bound, Environment, Reference};
use crate::types::{Binder, Error, Object, Type, bindings};

/// The methods that every object has.
pub(crate) const OBJECT_METHODS: [&str; 7] =
    ["bind", "in_scope", "check", "interpolate", "get", "to_json", "scopes"];

/// Calls a method that is no function of Rhai's or the program's, or a field's name with brackets.
///
/// # Errors
/// No such method; whatever the method raises.
pub(crate) fn method(
    context: &NativeCallContext,
    shared: &Shared,
    this: &mut Dynamic,
    name: &str,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    if let Some(object) = this.read_lock::<Object>() {
        return object_method(shared, &object, name, arguments);
    }
    let at = arguments.callee;
    if let Some(member) = this.as_map_ref().ok().and_then(|map| map.get(name).cloned()) {
        return match member.read_lock::<FnPtr>().map(|function| function.clone()) {
            Some(function) => call_function(context, &function, Some(this), arguments),
            None => call(context, shared, &member, arguments),
        };
    }
    if let Some(entry) = this.read_lock::<Keywords>().and_then(|keywords| keywords.get(name).cloned()) {
        return call(context, shared, &entry.value, arguments);
    }
    let functions: Vec<String> = shared.lock().texts.functions.iter().cloned().collect();
    if !functions.iter().any(|function| function == name) {
        let help = python_help(name)
            .or_else(|| did_you_mean_help(name, functions.iter().map(String::as_str)))
            .unwrap_or_else(|| format!("check its spelling, or define `fn {name}(...)` and call that"));
        return Mistake::new("unknown_method", format!("{} has no method `{name}`", kind(this)), at)
            .with_label("unknown method")
            .with_help(help)
            .raise();
    }
    let mut values: Vec<Dynamic> = arguments.positional.into_iter().map(|(value, _)| value).collect();
    if !arguments.keywords.0.is_empty() {
        values.push(Dynamic::from(arguments.keywords));
    }
    let mut all = vec![this];
    all.extend(values.iter_mut());
    context.call_fn_raw(name, true, true, &mut all)
}

/// Calls a method of an object, or reads a field that is called.
///
/// # Errors
/// As [`method`].
pub(crate) fn object_method(
    shared: &Shared,
    object: &Object,
    name: &str,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    let at = arguments.callee;
    let failed = |error: Error| Mistake::from(error.at(at));
    let bare = arguments.positional.is_empty() && arguments.keywords.0.is_empty();
    let work = shared.work();
    Ok(match name {
        "bind" => Dynamic::from(object.bind(binders(arguments)?)),
        "in_scope" => Dynamic::from(object.in_scope(binders(arguments)?)),
        _ if object.field(name).is_some() && bare => return field(shared, object, name, at),
        "check" if bare => check(shared, object).into(),
        "interpolate" if bare => {
            let interpolated = object.interpolate(&work).map_err(failed)?;
            let open: Array = interpolated.unbound_addresses().into_iter().map(Dynamic::from).collect();
            vec![Dynamic::from(interpolated.object), open.into()].into()
        }
        "get" if bare => dynamic(object.get().map_err(failed)?),
        "to_json" if bare => {
            let object = object.interpolate(&work).map_err(failed)?.object;
            serde_json::Value::from(&object.get().map_err(failed)?).to_string().into()
        }
        "scopes" if bare => object.scopes().environments().map(bindings_map).collect::<Array>().into(),
        _ if bare => return field(shared, object, name, at),
        _ => {
            let help = did_you_mean_help(name, OBJECT_METHODS)
                .unwrap_or_else(|| format!("an object has {}", OBJECT_METHODS.join(", ")));
            return Mistake::new("unknown_method", format!("{} has no method `{name}`", object.ty()), at)
                .with_label("unknown method")
                .with_help(help)
                .raise();
        }
    })
}

/// Shows an environment as a map from addresses to what they stand for.
fn bindings_map(environment: &Environment<Object>) -> Dynamic {
    let entry = |(reference, bound): (&Reference, &Bound<Object>)| {
        let value = match &bound.binding {
            Binding::Text(text) => text.clone().into(),
            Binding::Object(object) => Dynamic::from(object.clone()),
        };
        (reference.to_string().into(), value)
    };
    environment.entries().map(entry).collect::<Map>().into()
}

/// Reads a field, interpolated; `Empty` if it is unset.
///
/// # Errors
/// An unknown field.
pub(crate) fn field(shared: &Shared, object: &Object, name: &str, at: Span) -> Outcome<Dynamic> {
    let Type::Struct(structure) = object.ty() else {
        let message = format!("{} has no field `{name}`", with_article(&object.ty().name()));
        return Mistake::new("unknown_field", message, at)
            .with_label("unknown field")
            .with_help("only structs have fields; elements are written `list[0]` and `map[\"key\"]`")
            .raise();
    };
    if structure.position(name).is_none() {
        let names: Vec<&str> = structure.fields().iter().map(|field| field.name.as_str()).collect();
        let known = names.iter().chain(&OBJECT_METHODS).copied();
        let help = did_you_mean_help(name, known).unwrap_or_else(|| format!("it has {}", names.join(", ")));
        let message = format!("{} has no field `{name}`", structure.name());
        return Mistake::new("unknown_field", message, at)
            .with_label("unknown field")
            .with_help(help)
            .raise();
    }
    let found =
        object.interpolated_field(name, &shared.work()).map_err(|error| Mistake::from(error.at(at)))?;
    Ok(found.map_or(Dynamic::from(TypeValue::Empty), |found| Dynamic::from(found.object)))
}

/// The manual's answer to `x.check()`.
pub(super) fn check(shared: &Shared, object: &Object) -> String {
    let problems = check_object(object, &shared.work());
    let failed = match problems.first() {
        None => plan_problem(shared, object),
        Some(problem) => Some(problem.message(&shared.work()).unwrap_or_else(|error| error.to_string())),
    };
    failed.map_or_else(|| "TypeCheck(OK)".to_owned(), |message| format!("TypeCheck(FAILED): {message}"))
}

/// Says why no plan can be made of a task that is right else.
fn plan_problem(shared: &Shared, object: &Object) -> Option<String> {
    if *object.ty() != schema().task {
        return None;
    }
    let task = check_task(object, &shared.work()).ok()?;
    let error = plan::check(&task).err()?;
    Some(plan::explain(&task, &error).0)
}

/// What `bind` is given: maps, objects, keywords.
fn binders(arguments: Arguments) -> Outcome<Vec<Binder>> {
    let mut binders = Vec::new();
    for (value, origin) in arguments.positional {
        binders.push(binder(&value, &origin)?);
    }
    if !arguments.keywords.0.is_empty() {
        binders.push(environment(arguments.keywords)?);
    }
    Ok(binders)
}

/// Takes a map or an object as something to bind.
///
/// # Errors
/// Anything else; names that are no references.
pub(crate) fn binder(value: &Dynamic, origin: &Origin) -> Outcome<Binder> {
    if let Some(keywords) = keywords(value, origin) {
        return environment(keywords);
    }
    match value.read_lock::<Object>() {
        Some(object) if object.ty().is_container() => Ok(Binder::Object(object.clone())),
        _ => Mistake::new("bad_binding", format!("cannot bind {}", kind(value)), origin.span)
            .with_help("bind by name: `x.bind(first = \"brian\")`, or give a map")
            .raise(),
    }
}

fn environment(keywords: Keywords) -> Outcome<Binder> {
    let mut environment = Environment::default();
    for entry in keywords.0 {
        let at = entry.origin().span;
        if let Err(error) = Reference::parse(entry.name()) {
            return Mistake::new("invalid_reference", error.to_string(), entry.name_span())
                .with_help("a name is letters, digits and `_`, with `.name` and `[key]` behind it")
                .raise();
        }
        let value = match plain(&entry.value) {
            Ok(value) => value,
            Err(kind) => {
                return Mistake::new("bad_binding", format!("cannot bind {kind}"), at)
                    .with_help("bind text, numbers, lists, maps or objects")
                    .raise();
            }
        };
        bindings::bind(&mut environment, entry.name(), &value, at).map_err(Mistake::from)?;
    }
    Ok(environment.into())
}

/// Reads an element of a list by its number, negative from the end, or a value of a map by its key.
///
/// # Errors
/// No such element.
pub(crate) fn element(object: &Object, index: &Dynamic, at: Span) -> Outcome<Dynamic> {
    let missing = |message: String| Mistake::new("not_found", message, at);
    if let (Type::List(_), Ok(number)) = (object.ty(), index.as_int()) {
        let elements = object.elements_in_scope();
        let from_end = if number < 0 { number + elements.len() as i64 } else { number };
        let found = usize::try_from(from_end).ok().and_then(|index| elements.get(index));
        return found.map(|element| Dynamic::from(element.clone())).ok_or_else(|| {
            missing(format!("there is no element {number} in a list of {}", elements.len())).into()
        });
    }
    let key = index.to_string();
    let entries = object.entries().unwrap_or_default();
    let found = entries.iter().find(|(known, _)| known.to_string() == key);
    found
        .map(|(_, value)| Dynamic::from(value.clone()))
        .ok_or_else(|| missing(format!("{} has nothing at {key}", with_article(&object.ty().name()))).into())
}

/// Returns the keywords of a map's copy as Rhai's map, which forgets their order.
pub(crate) fn to_map(keywords: &Keywords) -> Map {
    keywords.0.iter().map(|entry| (entry.name().into(), entry.value.clone())).collect()
}

/// Makes the arguments of a call that comes from a native function.
pub(crate) fn arguments(
    shared: &Shared,
    context: &NativeCallContext,
    positional: Array,
    keywords: Keywords,
) -> Arguments {
    let site: Arc<_> = shared.site(context);
    Arguments::new(&site, positional, keywords)
}
