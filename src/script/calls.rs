//! Calls of values: an object makes a copy, a type makes an object, a maker a type, a closure runs.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::faults::{self, Fault};
use super::raise::{Mistake, Outcome};
use super::sites::{Origin, Site};
use super::state::Shared;
use super::values::{Entry, Keywords, Maker, TypeValue, keywords, kind, member, part, plain, show, typed};
use crate::diagnostics::{Span, did_you_mean};
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
    pub(crate) fn fields(self, shared: &Shared, callee: &str) -> Outcome<Keywords> {
        if self.positional.is_empty() {
            return Ok(Keywords(shared.traced(self.keywords.0)));
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
        Ok(Keywords(shared.traced(all)))
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
        TypeValue::Type(ty) => {
            closed(ty, arguments.callee)?;
            construct(shared, ty, arguments).map(Dynamic::from)
        }
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
        let given = arguments.fields(shared, structure.name())?;
        let made = Object::of_members(ty, structure, sound_members(shared, structure, &given, at)?, at);
        return pass_trap(shared, made, at);
    }
    let (value, origin) = arguments.single(&ty.name())?;
    let origin = shared.origin(&value, &origin).unwrap_or(origin);
    part(ty, &value, &origin).or_else(|error| {
        let mut faults = faults::in_value(ty, &value, &origin, ty.name());
        // The last one ends the evaluation: there is no object to go on with.
        let last = faults.pop().unwrap_or(Fault { error: error.at(origin.span), path: ty.name() });
        for Fault { error, path } in faults {
            shared.note(Mistake::from(shared.at_key(error)).with_path(path))?;
        }
        Mistake::from(shared.at_key(last.error)).with_path(last.path).raise()
    })
}

/// Makes a task of a plain map that is exported.
pub(crate) fn exported(
    shared: &Shared,
    ty: &Type,
    map: &Dynamic,
    origin: &Origin,
) -> Outcome<Option<Object>> {
    let (Type::Struct(structure), Some(given)) = (ty, keywords(map, origin)) else { return Ok(None) };
    let given = Keywords(shared.traced(given.0));
    let members = sound_members(shared, structure, &given, origin.span)?;
    Ok(Some(Object::of_members(ty, structure, members, origin.span)))
}

/// Makes a copy of an object with some fields replaced.
fn replace(shared: &Shared, object: &Object, arguments: Arguments) -> Outcome<Object> {
    let Type::Struct(structure) = object.ty() else {
        return not_callable(&kind(&Dynamic::from(object.clone())), arguments.callee);
    };
    let at = arguments.callee;
    let given = arguments.fields(shared, object.struct_name())?;
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
            Err(_) => {
                let root = faults::root(structure, given);
                for Fault { error, path } in faults::in_field(structure, entry, &root) {
                    shared.note(Mistake::from(shared.at_key(error)).with_path(path))?;
                }
                shared.flaw(at, entry.name());
            }
        }
    }
    Ok(members)
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
            let field = |entry: Entry| struct_field(&name, entry);
            let fields = arguments.keywords.0.into_iter().map(field).collect::<Outcome<_>>()?;
            Ok(TypeValue::Type(Type::structure(name.as_str(), fields)))
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

/// Takes a field of the struct that is called `own`.
fn struct_field(own: &str, entry: Entry) -> Outcome<Field> {
    let at = entry.origin().span;
    let name = entry.name().to_owned();
    let ty = match entry.value.read_lock::<TypeValue>().map(|ty| ty.clone()) {
        None if show(&entry.value) == own => Some(TypeValue::Type(as_type(&entry.value, at)?)),
        ty => ty,
    };
    if let Some(TypeValue::Type(ty) | TypeValue::Required(ty) | TypeValue::Default(ty, _)) = &ty
        && let Some(other) = ty.own_name().filter(|other| *other != own)
    {
        return unknown_type(other, Some(own), at);
    }
    match ty {
        Some(TypeValue::Required(Type::Own(_))) => {
            Mistake::new("wrong_type", format!("each {own} would need another, without end"), at)
                .with_label("never comes to an end")
                .with_help(format!("make it optional: `{name} = \"{own}\"`, or a list: `List(\"{own}\")`"))
                .raise()
        }
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

/// Refuses a type with the name of a struct that is not made here.
fn closed(ty: &Type, at: Span) -> Outcome<()> {
    match ty.own_name() {
        Some(name) => unknown_type(name, None, at),
        None => Ok(()),
    }
}

/// A text stands for a type, but not for the struct `own` that is being made.
fn unknown_type<T>(name: &str, own: Option<&str>, at: Span) -> Outcome<T> {
    let help = match own {
        Some(own) if did_you_mean(name, [own]).is_some() => format!("did you mean \"{own}\"?"),
        Some(own) => format!(
            "a type is written without quotes: `{name}`; only \"{own}\" is, since it is being made here"
        ),
        None => {
            format!("write it without quotes: `{name}`; quotes are for the fields of Struct(\"{name}\", ...)")
        }
    };
    Mistake::new("unknown_type", format!("there is no type \"{name}\" here"), at)
        .with_label("unknown type")
        .with_help(help)
        .raise()
}

fn as_type(value: &Dynamic, at: Span) -> Outcome<Type> {
    if let Ok(name) = value.as_immutable_string_ref() {
        return Ok(Type::Own(name.as_str().into()));
    }
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
