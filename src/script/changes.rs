//! Where a script changes what a name stands for: by assigning to it, or by a method that changes what it is called on.
//!
//! Functions see copies of top-level variables, so that a change there would be lost: it is refused before anything runs.

use std::collections::{HashMap, HashSet};

use super::outline::Outline;

/// Methods of Rhai that change what they are called on.
const MUTATORS: [&str; 26] = [
    "push",
    "append",
    "insert",
    "pad",
    "pop",
    "shift",
    "remove",
    "clear",
    "truncate",
    "chop",
    "reverse",
    "sort",
    "sort_by",
    "sort_desc",
    "splice",
    "drain",
    "retain",
    "dedup",
    "set",
    "mixin",
    "fill_with",
    "crop",
    "trim",
    "replace",
    "make_upper",
    "make_lower",
];

const ASSIGNMENTS: [&str; 12] = ["=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^="];

/// What happens to a name, or to something inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// It is read.
    None,
    /// It is assigned to, or a method of Rhai's changes it.
    Certain,
    /// A method is called that the program may define.
    Method(&'a str),
}

impl Change<'_> {
    /// Says whether something changes, if these functions change what they are called on.
    pub(crate) fn is_by(self, changers: &HashSet<String>) -> bool {
        match self {
            Change::None => false,
            Change::Certain => true,
            Change::Method(name) => changers.contains(name),
        }
    }
}

/// Tells what happens to the name at a token.
pub(crate) fn change_of(file: &Outline, name: usize) -> Change<'_> {
    let end = end_of_chain(file, name);
    if is_changed_argument(file, name) {
        return Change::Certain;
    }
    if ASSIGNMENTS.contains(&file.token_text(end)) {
        return Change::Certain;
    }
    match file.token_text(end - 1) {
        method if end == name + 1 || file.token_text(end) != "(" || method == "]" => Change::None,
        method if MUTATORS.contains(&method) => Change::Certain,
        method => Change::Method(method),
    }
}

/// Says whether the name at a token is what `push(list, x)` changes.
fn is_changed_argument(file: &Outline, name: usize) -> bool {
    let before = |by: usize| name.checked_sub(by).map_or("", |at| file.token_text(at));
    let alone = matches!(file.token_text(name + 1), "," | ")");
    alone
        && before(1) == "("
        && MUTATORS.contains(&before(2))
        && !matches!(before(3), "." | "?." | "::" | "fn")
}

/// What functions of a file do to what they are called on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changers {
    /// Those that change it.
    certain: HashSet<String>,
    /// The methods that others call on it.
    calls: HashMap<String, HashSet<String>>,
}

impl Changers {
    /// Notes what the function `name` does to the `this` at a token.
    pub(crate) fn note(&mut self, file: &Outline, name: &str, this: usize) {
        match change_of(file, this) {
            Change::None => {}
            Change::Certain => {
                self.certain.insert(name.to_owned());
            }
            Change::Method(method) => {
                self.calls.entry(name.to_owned()).or_default().insert(method.to_owned());
            }
        }
    }

    /// Adds those of another file.
    pub(crate) fn extend(&mut self, other: &Changers) {
        self.certain.extend(other.certain.iter().cloned());
        for (name, methods) in &other.calls {
            self.calls.entry(name.clone()).or_default().extend(methods.iter().cloned());
        }
    }

    /// Returns the functions that change what they are called on, by themselves or through others.
    pub(crate) fn all(&self) -> HashSet<String> {
        let mut all = self.certain.clone();
        loop {
            let through = |(name, methods): (&String, &HashSet<String>)| {
                (!all.contains(name) && !methods.is_disjoint(&all)).then(|| name.clone())
            };
            let more: Vec<String> = self.calls.iter().filter_map(through).collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }
}

/// Returns the token after `name.field[index].field`.
fn end_of_chain(file: &Outline, name: usize) -> usize {
    let mut at = name + 1;
    loop {
        match file.token_text(at) {
            "." | "?." if file.is_word(at + 1) => at += 2,
            "[" | "?[" => at = end_of_index(file, at),
            _ => return at,
        }
    }
}

fn end_of_index(file: &Outline, open: usize) -> usize {
    let mut depth = 0_usize;
    for at in open..file.tokens.len() {
        match file.token_text(at) {
            "[" | "?[" => depth += 1,
            "]" => depth -= 1,
            ";" => return at,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    file.tokens.len()
}
