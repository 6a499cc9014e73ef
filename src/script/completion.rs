//! What could stand at a place of a text that is being written, and how what is called there is called.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::Dynamic;

use super::lexer::{Fault, Kind, Token, lex_start};
use super::manual;
use super::methods::OBJECT_METHODS;
use super::rewrite::is_keyword;
use super::session::Session;
use super::stdlib;
use super::values::TypeValue;
use crate::template::Work;
use crate::types::{Object, StructType, Type};

/// What a place asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The path of a file, of which this is written.
    File(String),
    /// Words of the language.
    Words(Candidates),
    /// Nothing: inside of a text or a comment.
    Nothing,
}

/// Words that could stand at the end of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The byte at which what they replace begins.
    pub start: usize,
    /// In order.
    pub words: Vec<String>,
}

/// What a name or a chain of names stands for, as far as that is known without evaluating it.
enum Meaning {
    /// An object of a type, perhaps this one.
    Object(Type, Option<Object>),
    /// A type.
    Type(Type),
    /// A value of a variable.
    Value(Dynamic),
}

impl Session {
    /// Returns what could stand at the end of `text`.
    pub fn complete(&self, text: &str) -> Place {
        let (tokens, rest) = lex_start(text);
        if let Some((start, error)) = rest {
            let is_string = error.fault == Fault::UnclosedString;
            return match is_string && is_include(text, &tokens) {
                true => Place::File(text[start + 1..].to_owned()),
                false => Place::Nothing,
            };
        }
        let tail = tokens.last().filter(|token| token.kind == Kind::Word && token.end == text.len());
        if tail.is_none() && is_in_comment(text, &tokens) {
            return Place::Nothing;
        }
        let start = tail.map_or(text.len(), |token| token.start);
        let before = &tokens[..tokens.len() - usize::from(tail.is_some())];
        let mut words = self.words(text, before);
        words.retain(|word| word.starts_with(&text[start..]));
        Place::Words(Candidates { start, words })
    }

    /// Returns how what is being called at the end of `text` is called: the arguments that are not given yet.
    pub fn signature(&self, text: &str) -> Option<String> {
        let (tokens, rest) = lex_start(text);
        if rest.is_some_and(|(_, error)| error.fault == Fault::UnclosedComment) {
            return None;
        }
        let open = open_call(text, &tokens)?;
        let callee = &tokens[..open];
        if let Some(structure) = self.fields_of_call(text, callee) {
            let given = given(text, &tokens[open + 1..]);
            let fields =
                structure.fields().iter().enumerate().filter(|(_, field)| !given.contains(&field.name));
            let fields: Vec<String> = fields.map(|(at, _)| manual::field(&structure, at)).collect();
            return (!fields.is_empty()).then(|| fields.join(", "));
        }
        let name = path(text, callee);
        let own =
            self.functions().into_iter().find(|function| function.split('(').next() == Some(name.as_str()));
        own.or_else(|| manual::signature(&name))
    }

    /// Says whether a name is that of a type or a constant.
    pub fn is_type(&self, name: &str) -> bool {
        let in_scope = || self.scope.get(name).is_some_and(|value| value.read_lock::<TypeValue>().is_some());
        self.setup.constants.iter().any(|constant| constant == name) || in_scope()
    }

    fn words(&self, text: &str, before: &[Token]) -> Vec<String> {
        let last = before.last().map_or("", |token| &text[token.start..token.end]);
        match last {
            "." | "?." => self.members(text, &before[..before.len() - 1]),
            "::" => {
                let module =
                    before.len().checked_sub(2).map_or("", |at| &text[before[at].start..before[at].end]);
                stdlib::functions(module).into_iter().map(|name| format!("{name}(")).collect()
            }
            _ => {
                let mut words = match last {
                    "(" | "," => self.keywords(text, before),
                    _ => Vec::new(),
                };
                words.extend(self.names(last.is_empty() || matches!(last, ";" | "{" | "}")));
                words
            }
        }
    }

    /// What follows a dot: fields, then methods.
    fn members(&self, text: &str, receiver: &[Token]) -> Vec<String> {
        let methods =
            || manual::METHODS.iter().map(|(call, _)| call.split_inclusive('(').next().unwrap_or(call));
        let with_end = |call: &str| match call {
            "bind(" | "in_scope(" => call.to_owned(),
            call => format!("{call})"),
        };
        match self.meaning(text, receiver) {
            Some(Meaning::Object(Type::Struct(structure), _)) => {
                let fields = structure.fields().iter().map(|field| field.name.clone());
                fields.chain(methods().map(with_end)).collect()
            }
            Some(Meaning::Object(..)) => methods().map(with_end).collect(),
            Some(Meaning::Value(value)) if value.as_map_ref().is_ok() => {
                let keys: Vec<String> = value
                    .as_map_ref()
                    .map(|map| map.keys().map(ToString::to_string).collect())
                    .unwrap_or_default();
                keys.into_iter()
                    .chain(["contains(", "keys()", "len()", "values()"].map(str::to_owned))
                    .collect()
            }
            Some(Meaning::Value(value)) => {
                manual::methods_of(&value).iter().map(|name| (*name).to_owned()).collect()
            }
            Some(Meaning::Type(_)) => Vec::new(),
            None => {
                let texts = &self.shared.lock().texts;
                let names: BTreeSet<&String> = texts.fields.iter().chain(&texts.functions).collect();
                let known = |name: &&&String| name.starts_with(|c: char| c.is_ascii_alphabetic());
                names.iter().filter(known).map(|name| (**name).clone()).collect()
            }
        }
    }

    /// The keywords of the call in which an argument begins here.
    fn keywords(&self, text: &str, before: &[Token]) -> Vec<String> {
        let Some(open) = open_call(text, before) else { return Vec::new() };
        let given = given(text, &before[open + 1..]);
        let callee = &before[..open];
        let names: Vec<String> = match self.fields_of_call(text, callee) {
            Some(structure) => structure.fields().iter().map(|field| field.name.clone()).collect(),
            None => match self.binding_call(text, callee) {
                Some(object) => open_names(&object),
                None => manual::keywords(&path(text, callee)),
            },
        };
        names.into_iter().filter(|name| !given.contains(name)).map(|name| format!("{name} = ")).collect()
    }

    /// Every name that is known: variables first, what begins a statement last.
    fn names(&self, starts_statement: bool) -> Vec<String> {
        let mut variables: Vec<String> = self.scope.iter_raw().map(|(name, ..)| name.to_owned()).collect();
        variables.sort();
        let mut others: BTreeSet<String> = self.setup.constants.iter().cloned().collect();
        let called = |name: &String| format!("{name}(");
        let texts = &self.shared.lock().texts;
        others.extend(texts.functions_of_files.iter().map(called));
        others.extend(manual::functions().into_iter().map(|name| format!("{name}(")));
        others.extend(stdlib::modules().map(|name| format!("{name}::")));
        for word in ["if ", "switch ", "true", "false"] {
            others.insert(word.to_owned());
        }
        if starts_statement {
            let words = ["let ", "const ", "fn ", "for ", "while ", "return", "throw "];
            others.extend(words.map(str::to_owned));
        }
        variables.dedup();
        others.retain(|name| !variables.contains(name));
        variables.into_iter().chain(others).collect()
    }

    /// The struct whose fields a call sets, if it is the call of a type or of an object.
    fn fields_of_call(&self, text: &str, callee: &[Token]) -> Option<Arc<StructType>> {
        let (Meaning::Type(ty) | Meaning::Object(ty, _)) = self.meaning(text, callee)? else { return None };
        match ty {
            Type::Struct(structure) => Some(structure),
            _ => None,
        }
    }

    /// The object to which a call binds something.
    fn binding_call(&self, text: &str, callee: &[Token]) -> Option<Object> {
        let (dot, method) = (callee.len().checked_sub(2)?, callee.last()?);
        if !matches!(&text[method.start..method.end], "bind" | "in_scope") {
            return None;
        }
        match self.meaning(text, &callee[..dot])? {
            Meaning::Object(_, object) => object,
            _ => None,
        }
    }

    /// Follows the chain of names, fields, indices and calls that some tokens end with.
    fn meaning(&self, text: &str, tokens: &[Token]) -> Option<Meaning> {
        let last = tokens.len().checked_sub(1)?;
        let word = |at: usize| tokens.get(at).map_or("", |token| &text[token.start..token.end]);
        match word(last) {
            ")" => {
                let callee = &tokens[..opening(text, tokens)?];
                let is_word = callee.last().is_some_and(|token| token.kind == Kind::Word);
                let name = callee.last().map_or("", |token| &text[token.start..token.end]);
                if is_word
                    && callee.len() > 1
                    && word(callee.len() - 2) == "."
                    && OBJECT_METHODS.contains(&name)
                {
                    let copies = matches!(name, "bind" | "in_scope");
                    return self.meaning(text, &callee[..callee.len() - 2]).filter(|_| copies);
                }
                match self.meaning(text, callee)? {
                    Meaning::Type(ty) => Some(Meaning::Object(ty, None)),
                    Meaning::Object(ty, object) => Some(Meaning::Object(ty, object)),
                    Meaning::Value(_) => None,
                }
            }
            "]" => match self.meaning(text, &tokens[..opening(text, tokens)?])? {
                Meaning::Object(Type::List(element), _) => {
                    Some(Meaning::Object(element.as_ref().clone(), None))
                }
                Meaning::Object(Type::Map(entry), _) => Some(Meaning::Object(entry.1.clone(), None)),
                Meaning::Value(value) => {
                    let first = value.as_array_ref().ok().and_then(|list| list.first().cloned());
                    first.map(meaning_of)
                }
                _ => None,
            },
            name if tokens[last].kind == Kind::Word && !is_keyword(name) => {
                match last.checked_sub(1).map(word) {
                    Some(".") => self.field(text, &tokens[..last - 1], name),
                    Some("::") => None,
                    _ => self.variable(name),
                }
            }
            _ => None,
        }
    }

    fn field(&self, text: &str, receiver: &[Token], name: &str) -> Option<Meaning> {
        match self.meaning(text, receiver)? {
            Meaning::Object(Type::Struct(structure), object) => {
                let ty = structure.field_type(structure.position(name)?).into_owned();
                Some(Meaning::Object(ty, object.and_then(|object| object.field_in_scope(name))))
            }
            Meaning::Value(value) => {
                value.as_map_ref().ok().and_then(|map| map.get(name).cloned()).map(meaning_of)
            }
            _ => None,
        }
    }

    fn variable(&self, name: &str) -> Option<Meaning> {
        if let Some(value) = self.scope.get(name) {
            return Some(meaning_of(value.flatten_clone()));
        }
        let (_, ty) = manual::types().into_iter().find(|(known, _)| *known == name)?;
        Some(Meaning::Type(ty))
    }
}

fn meaning_of(value: Dynamic) -> Meaning {
    if let Some(object) = value.read_lock::<Object>() {
        return Meaning::Object(object.ty().clone(), Some(object.clone()));
    }
    if let Some(TypeValue::Type(ty)) = value.read_lock::<TypeValue>().as_deref() {
        return Meaning::Type(ty.clone());
    }
    Meaning::Value(value)
}

/// Returns the names that an object leaves open and that a keyword can bind.
fn open_names(object: &Object) -> Vec<String> {
    // What takes long is not worth waiting for while somebody types.
    let interpolated = object.interpolate(&Work::new(1 << 20));
    let open = interpolated.map(|found| found.unbound_addresses()).unwrap_or_default();
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    open.into_iter().filter(is_name).collect()
}

/// Says whether `include(` stands at the end of some tokens.
fn is_include(text: &str, tokens: &[Token]) -> bool {
    let [.., word, bracket] = tokens else { return false };
    &text[word.start..word.end] == "include" && &text[bracket.start..bracket.end] == "("
}

fn is_in_comment(text: &str, tokens: &[Token]) -> bool {
    let rest = text.get(tokens.last().map_or(0, |token| token.end)..).unwrap_or("");
    rest.rsplit('\n').next().is_some_and(|line| line.contains("//"))
}

/// Returns the place of the bracket of the innermost call that is open at the end of some tokens.
fn open_call(text: &str, tokens: &[Token]) -> Option<usize> {
    let mut closed = 0_usize;
    for (at, token) in tokens.iter().enumerate().rev().filter(|(_, token)| token.kind == Kind::Symbol) {
        match &text[token.start..token.end] {
            ")" | "]" | "}" => closed += 1,
            "(" if closed == 0 => return Some(at),
            "[" | "?[" | "{" | "#{" if closed == 0 => return None,
            "(" | "[" | "?[" | "{" | "#{" => closed -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the place of the bracket that the last token closes.
fn opening(text: &str, tokens: &[Token]) -> Option<usize> {
    open_call_or_index(text, &tokens[..tokens.len() - 1])
}

fn open_call_or_index(text: &str, tokens: &[Token]) -> Option<usize> {
    let mut closed = 0_usize;
    for (at, token) in tokens.iter().enumerate().rev().filter(|(_, token)| token.kind == Kind::Symbol) {
        match &text[token.start..token.end] {
            ")" | "]" | "}" => closed += 1,
            "(" | "[" | "?[" | "{" | "#{" if closed == 0 => return Some(at),
            "(" | "[" | "?[" | "{" | "#{" => closed -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the keywords that are given in the arguments of an open call.
fn given(text: &str, arguments: &[Token]) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names = Vec::new();
    let word = |at: usize| arguments.get(at).map_or("", |token: &Token| &text[token.start..token.end]);
    for (at, token) in arguments.iter().enumerate() {
        match (token.kind, word(at)) {
            (Kind::Symbol, "(" | "[" | "?[" | "{" | "#{") => depth += 1,
            (Kind::Symbol, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (Kind::Word, name) if depth == 0 && word(at + 1) == "=" => names.push(name.to_owned()),
            _ => {}
        }
    }
    names
}

/// Returns the name that some tokens end with, with its module.
fn path(text: &str, tokens: &[Token]) -> String {
    let word =
        |back: usize| tokens.len().checked_sub(back).map_or("", |at| &text[tokens[at].start..tokens[at].end]);
    match word(2) {
        "::" => format!("{}::{}", word(3), word(1)),
        "." => format!(".{}", word(1)),
        _ => word(1).to_owned(),
    }
}
