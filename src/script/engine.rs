//! Rhai, set up: packages, limits, words given back, holes closed, globals readable in functions.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, OptimizationLevel, Position, Token};

use super::builtins;
use super::limits::Limits;
use super::raise::{Mistake, Outcome};
use super::state::Shared;
use crate::diagnostics::Span;

/// The top-level variables that functions read, as copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Globals(Arc<RwLock<HashMap<String, Dynamic>>>);

impl Globals {
    /// Lets functions read a copy of `value` under `name`.
    pub(crate) fn set(&self, name: &str, value: Dynamic) {
        // Shared and read-only: reading it costs nothing, and changing it is refused.
        let copy = value.flatten().into_read_only().into_shared();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), copy);
    }

    fn get(&self, name: &str) -> Option<Dynamic> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Rhai with everything that scripts know.
pub(crate) struct Setup {
    /// The engine.
    pub(crate) engine: Engine,
    /// What functions read.
    pub(crate) globals: Globals,
    /// Names of constants: types and units.
    pub(crate) constants: Vec<String>,
}

/// Words that stay Rhai's own although they are reserved.
const RESERVED: [&str; 11] = [
    "this",
    "print",
    "debug",
    "call",
    "curry",
    "type_of",
    "eval",
    "Fn",
    "is_def_var",
    "is_def_fn",
    "is_shared",
];

/// Sets up an engine.
pub(crate) fn set_up(limits: &Limits, shared: &Shared) -> Setup {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    engine.set_optimization_level(OptimizationLevel::None);
    set_limits(&mut engine, limits, shared);
    close_holes(&mut engine, limits.string_size);
    give_words_back(&mut engine);
    let globals = Globals::default();
    let constants = builtins::register(&mut engine, shared);
    read_globals(&mut engine, &globals);
    Setup { engine, globals, constants }
}

/// Returns the names of all functions that Rhai knows by itself and that need no module.
pub(crate) fn native_names(engine: &Engine) -> HashSet<String> {
    let name = |function: rhai::FuncInfo| {
        let name = function.metadata.name.to_string();
        (function.namespace.is_empty() && is_word(&name) && !name.starts_with("__") && !name.contains('$'))
            .then_some(name)
    };
    engine.collect_fn_metadata(None, name, true).into_iter().collect()
}

fn set_limits(engine: &mut Engine, limits: &Limits, shared: &Shared) {
    engine.set_max_call_levels(limits.call_depth);
    engine.set_max_expr_depths(limits.expression_depth, limits.expression_depth);
    // With any limit on sizes, Rhai measures all of a list at each `push`: memory is watched instead.
    let shared = shared.clone();
    engine.on_progress(move |_| shared.count_operation().map(Dynamic::from));
}

/// Replaces what would block, end the process, or take memory without bound.
fn close_holes(engine: &mut Engine, string_size: usize) {
    engine.disable_symbol("eval");
    for name in ["sleep", "exit"] {
        let refuse = move || -> Outcome<()> {
            Mistake::new("not_allowed", format!("`{name}` is not allowed in a configuration"), Span::NONE)
                .with_help(
                    "a configuration says what to run; to stop it with a message, write `throw \"...\";`",
                )
                .raise()
        };
        engine.register_fn(name, refuse);
        engine.register_fn(name, move |_: i64| refuse());
        engine.register_fn(name, move |_: f64| refuse());
        engine.register_fn(name, move |_: ImmutableString| refuse());
    }
    engine.register_fn("replace", move |text: &mut ImmutableString, from: &str, to: &str| -> Outcome<()> {
        let found = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
        let size = text.len().saturating_add(found.saturating_mul(to.len()));
        if size > string_size {
            return Mistake::new("too_long", "the text grows too long", Span::NONE)
                .with_help("look for a loop that makes it longer each time")
                .raise();
        }
        *text = text.replace(from, to).into();
        Ok(())
    });
    engine.register_fn("replace", move |text: &mut ImmutableString, from: char, to: &str| -> Outcome<()> {
        let size = text.len().saturating_add(text.matches(from).count().saturating_mul(to.len()));
        if size > string_size {
            return Mistake::new("too_long", "the text grows too long", Span::NONE)
                .with_help("look for a loop that makes it longer each time")
                .raise();
        }
        *text = text.replace(from, to).into();
        Ok(())
    });
}

/// Makes reserved words ordinary names.
#[allow(deprecated)] // Rhai calls the hook volatile; its version is pinned.
fn give_words_back(engine: &mut Engine) {
    engine.on_parse_token(|token: Token, _: Position, _| match token {
        Token::Export => Token::Identifier(Box::new("export".into())),
        Token::Import => Token::Identifier(Box::new("import".into())),
        Token::As => Token::Identifier(Box::new("as".into())),
        Token::Reserved(word) if is_word(&word) && !RESERVED.contains(&word.as_str()) => {
            Token::Identifier(word)
        }
        other => other,
    });
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Lets functions read top-level variables.
fn read_globals(engine: &mut Engine, globals: &Globals) {
    let globals = globals.clone();
    engine.register_fn("__global", move |name: ImmutableString| {
        let missing = || EvalAltResult::ErrorVariableNotFound(name.to_string(), Position::NONE);
        globals.get(&name).ok_or_else(|| -> Box<EvalAltResult> { missing().into() })
    });
}
