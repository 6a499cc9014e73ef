//! Calls of values: an object makes a copy, a type makes an object, a maker a type, a closure runs.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::raise::{Mistake, Outcome};
use super::sites::{Origin, Site};
use super::state::Shared;
use super::values::{Entry, Keywords, Maker, TypeValue, keywords, kind, member, part, plain, typed};
use crate::diagnostics::Span;
use crate::types::{Field, Member, Object, StructType, Type, Value};

/// The arguments of a call, each with the place where it is written.
pub(crate) struct Arguments {
    /// What is called.
    pub(crate) callee: Span,
    /// Positional arguments.
    pub(crate) positional: Vec<(Dynamic, Origin)>,
    /// Keywords.
    pub(crate) keywords: Keywords,
}

impl Arguments {
    /// Puts together what a native function got and how its call was written.
    pub(crate) fn new(site: &Arc<Site>, positional: Array, keywords: Keywords) -> Arguments {
        let origin = |index: usize| site.positional.get(index).cloned().unwrap_or(Origin::of(site.callee));
        let positional = positional.into_iter().enumerate().map(|(index, value)| (value, origin(index)));
        Arguments { callee: site.callee, positional: positional.collect(), keywords }
    }

    /// Takes everything as fields: maps first, then keywords.
    ///
    /// # Errors
    /// A positional argument that is no map.
    pub(crate) fn fields(self, callee: &str) -> Outcome<Keywords> {
        if self.positional.is_empty() {
            return Ok(self.keywords);
        }
        let mut all = Vec::new();
        for (value, origin) in self.positional {
            match keywords(&value, &origin) {
                Some(keywords) => all.extend(keywords.0),
                None => {
                    return Mistake::new(
                        "arguments",
                        format!("{callee} takes its fields by name"),
                        origin.span,
                    )
                    .with_label(format!("this is {}", kind(&value)))
                    .with_help(format!("write `{callee}(field = value)`"))
                    .raise();
                }
            }
        }
        all.extend(self.keywords.0);
        Ok(Keywords(all))
    }

    /// Takes exactly one positional argument.
    fn single(mut self, callee: &str) -> Outcome<(Dynamic, Origin)> {
        match self.positional.pop() {
            Some(argument) if self.positional.is_empty() && self.keywords.0.is_empty() => Ok(argument),
            _ => Mistake::new("arguments", format!("{callee} takes one value"), self.callee)
                .with_help(format!("write `{callee}(value)`"))
                .raise(),
        }
    }
}

/// Calls a value.
///
/// # Errors
/// What cannot be called, arguments that do not fit, whatever a closure raises.
pub(crate) fn call(
    context: &NativeCallContext,
    shared: &Shared,
    callee: &Dynamic,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    if let Some(function) = callee.read_lock::<FnPtr>().map(|function| function.clone()) {
        return call_function(context, &function, None, arguments);
    }
    if let Some(ty) = callee.read_lock::<TypeValue>() {
        return call_type(context, shared, &ty, arguments);
    }
    if let Some(object) = callee.read_lock::<Object>() {
        return call_object(context, shared, &object, arguments);
    }
    not_callable(&kind(callee), arguments.callee)
}

/// Calls a type: it makes an object; a maker makes a type.
///
/// # Errors
/// As [`call`].
pub(crate) fn call_type(
    _: &NativeCallContext,
    shared: &Shared,
    ty: &TypeValue,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    match ty {
        TypeValue::Type(ty) => construct(shared, ty, arguments).map(Dynamic::from),
        TypeValue::Maker(maker) => make(*maker, arguments).map(Dynamic::from),
        other => not_callable(&other.name(), arguments.callee),
    }
}

/// Calls an object: it makes a copy.
///
/// # Errors
/// As [`call`].
pub(crate) fn call_object(
    _: &NativeCallContext,
    shared: &Shared,
    object: &Object,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    replace(shared, object, arguments).map(Dynamic::from)
}

/// Calls a function value, with the keywords as its last argument.
pub(crate) fn call_function(
    context: &NativeCallContext,
    function: &FnPtr,
    this: Option<&mut Dynamic>,
    arguments: Arguments,
) -> Outcome<Dynamic> {
    let mut values: Vec<Dynamic> = arguments.positional.into_iter().map(|(value, _)| value).collect();
    if !arguments.keywords.0.is_empty() {
        values.push(Dynamic::from(arguments.keywords));
    }
    function.call_raw(context, this, values)
}

fn not_callable<T>(what: &str, at: Span) -> Outcome<T> {
    Mistake::new("not_callable", format!("{what} cannot be called"), at)
        .with_help("functions, types and objects can be called")
        .raise()
}

/// Makes an object of a type.
fn construct(shared: &Shared, ty: &Type, arguments: Arguments) -> Outcome<Object> {
    let at = arguments.callee;
    if let Type::Struct(structure) = ty {
        let given = arguments.fields(structure.name())?;
        let made = Object::of_members(ty, structure, sound_members(shared, structure, &given, at)?, at);
        return pass_trap(shared, made, at);
    }
    let (value, origin) = arguments.single(&ty.name())?;
    let made = part(ty, &value, &origin);
    made.map_err(|error| Mistake::from(error.at(origin.span)).into())
}

/// Makes a copy of an object with some fields replaced.
fn replace(shared: &Shared, object: &Object, arguments: Arguments) -> Outcome<Object> {
    let Type::Struct(structure) = object.ty() else {
        return not_callable(&format!("a {}", object.ty()), arguments.callee);
    };
    let at = arguments.callee;
    let given = arguments.fields(object.struct_name())?;
    let made = object.with_members(sound_members(shared, structure, &given, object.at())?);
    pass_trap(shared, made, at)
}

/// Ends the evaluation if this is the object whose makers are asked for.
fn pass_trap(shared: &Shared, made: Object, at: Span) -> Outcome<Object> {
    let state = shared.lock();
    let Some((wanted, name)) = &state.trap else { return Ok(made) };
    if *wanted != made.at() || *name != raw_name(&made) {
        return Ok(made);
    }
    Mistake::new("trap", "the object is made here", at).raise()
}

/// The name of an object as it was given.
pub(crate) fn raw_name(object: &Object) -> Option<String> {
    object.field("name").and_then(Object::raw).map(ToString::to_string)
}

/// Converts fields; those that do not fit are noted and left out, so that others are looked at too.
fn sound_members(
    shared: &Shared,
    structure: &StructType,
    given: &Keywords,
    at: Span,
) -> Outcome<Vec<Member>> {
    let mut members = Vec::with_capacity(given.0.len());
    for entry in &given.0 {
        match member(structure, entry) {
            Ok(member) => members.push(member),
            Err(error) => {
                let mistake = Mistake::from(error.at(entry.origin().span));
                shared.note(mistake.with_path(path(structure, given, entry)))?;
                shared.flaw(at, entry.name());
            }
        }
    }
    Ok(members)
}

/// Names a field of an object in the making: `Process "web".max_failures`.
fn path(structure: &StructType, given: &Keywords, entry: &Entry) -> String {
    let name = given.get("name").and_then(|name| name.value.clone().into_immutable_string().ok());
    match name {
        Some(name) if entry.name() != "name" => format!("{} \"{name}\".{}", structure.name(), entry.name()),
        _ => format!("{}.{}", structure.name(), entry.name()),
    }
}

/// Makes a type.
fn make(maker: Maker, arguments: Arguments) -> Outcome<TypeValue> {
    let at = arguments.callee;
    let positional: Vec<_> = arguments.positional.iter().map(|(value, _)| value).collect();
    let wrong = |help: &str| {
        Mistake::new("arguments", format!("{maker:?} is not made like this"), at).with_help(help).raise()
    };
    match (maker, positional.as_slice()) {
        (Maker::Struct, [name]) => {
            let Ok(name) = name.as_immutable_string_ref().map(|name| name.to_string()) else {
                return wrong(STRUCT_HELP);
            };
            let fields = arguments.keywords.0.into_iter().map(struct_field).collect::<Outcome<_>>()?;
            Ok(TypeValue::Type(Type::structure(name, fields)))
        }
        (Maker::Struct, _) => wrong(STRUCT_HELP),
        (Maker::List, [element]) => Ok(TypeValue::Type(Type::list(&as_type(element, at)?))),
        (Maker::List, _) => wrong("write `List(String)`"),
        (Maker::Map, [key, value]) => {
            Ok(TypeValue::Type(Type::map(&as_type(key, at)?, &as_type(value, at)?)))
        }
        (Maker::Map, _) => wrong("write `Map(String, Integer)`"),
        (Maker::Required, [ty]) => Ok(TypeValue::Required(as_type(ty, at)?)),
        (Maker::Required, _) => wrong("write `Required(String)`"),
        (Maker::Default, [ty, _]) => {
            let ty = as_type(ty, at)?;
            let (value, origin) = &arguments.positional[1];
            let made = typed(&ty, value, origin).map_err(|error| Mistake::from(error.at(origin.span)))?;
            Ok(TypeValue::Default(ty, made.map_or(Value::Empty, Value::from)))
        }
        (Maker::Default, _) => wrong("write `Default(Integer, 1)`"),
        (Maker::Enum, values) => match names(values) {
            Some((name, values)) => Ok(TypeValue::Type(Type::enumeration(name.as_deref(), values))),
            None => wrong("write `Enum(\"red\", \"green\")` or `Enum(\"Colour\", [\"red\", \"green\"])`"),
        },
        (Maker::Choice, values) => {
            let (name, rest) = match values {
                [name, list] if name.is_string() => (Some(name.to_string()), vec![*list]),
                rest => (None, rest.to_vec()),
            };
            let mut alternatives = Vec::new();
            for value in rest {
                match value.as_array_ref() {
                    Ok(array) => alternatives
                        .extend(array.iter().map(|ty| as_type(ty, at)).collect::<Outcome<Vec<_>>>()?),
                    Err(_) => alternatives.push(as_type(value, at)?),
                }
            }
            if alternatives.is_empty() {
                return wrong("write `Choice([Integer, String])`");
            }
            Ok(TypeValue::Type(Type::choice(name.as_deref(), alternatives)))
        }
    }
}

const STRUCT_HELP: &str = "write `Struct(\"Employee\", first = Required(String), age = Integer)`";

const TYPE_HELP: &str =
    "types are String, Integer, Float, Boolean, List(...), Map(...) and what Struct, Enum and Choice make";

/// The name and values of an enumeration.
fn names(values: &[&Dynamic]) -> Option<(Option<String>, Vec<String>)> {
    let text = |value: &Dynamic| Some(plain(value).ok()?.as_text()?.to_owned());
    if let [name, list] = values
        && let Ok(list) = list.as_array_ref()
    {
        return Some((Some(text(name)?), list.iter().map(text).collect::<Option<_>>()?));
    }
    let values: Vec<String> = values.iter().map(|value| text(value)).collect::<Option<_>>()?;
    (!values.is_empty()).then_some((None, values))
}

fn struct_field(entry: Entry) -> Outcome<Field> {
    let at = entry.origin().span;
    let name = entry.name().to_owned();
    let ty = entry.value.read_lock::<TypeValue>().map(|ty| ty.clone());
    match ty {
        Some(TypeValue::Type(ty)) => Ok(Field::new(name, ty)),
        Some(TypeValue::Required(ty)) => Ok(Field::new(name, ty).required()),
        Some(TypeValue::Default(ty, value)) => {
            Field::new(name, ty).default(&value).map_err(|error| Mistake::from(error.at(at)).into())
        }
        _ => Mistake::new("wrong_type", format!("the field `{name}` needs a type"), at)
            .with_label(format!("this is {}", kind(&entry.value)))
            .with_help("write a type: `String`, `Required(Integer)`, `Default(String, \"x\")`")
            .raise(),
    }
}

fn as_type(value: &Dynamic, at: Span) -> Outcome<Type> {
    match value.read_lock::<TypeValue>().as_deref() {
        Some(TypeValue::Type(ty)) => Ok(ty.clone()),
        Some(other) => Mistake::new("wrong_type", format!("expected a type, found {}", other.name()), at)
            .with_help(TYPE_HELP)
            .raise(),
        None => Mistake::new("wrong_type", format!("expected a type, found {}", kind(value)), at)
            .with_help(TYPE_HELP)
            .raise(),
    }
}
