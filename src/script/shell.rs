//! What a session is to a shell: chunks are evaluated one after the other, and values can be taken out.

use rhai::{Dynamic, FnPtr, ParseErrorType};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::highlight::indent;
use super::include::NoFiles;
use super::methods::check;
use super::program::Texts;
use super::session::Session;
use super::state::Given;
use super::values::{TypeValue, kind, plain, show};
use crate::diagnostics::{Diagnostic, Span};
use crate::types::{Object, Type};

/// What a chunk of a shell came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it printed, then its value, unless that is nothing.
    pub shown: Vec<String>,
    /// What is wrong with it.
    pub wrong: Option<Diagnostic>,
}

/// A value that was taken out of a session.
#[derive(Clone, Debug)]
pub enum Held {
    /// An object of a type.
    Object(Object),
    /// Text, a number, a list, a map.
    Plain(Json),
    /// What cannot leave a script, in words: `a function`.
    Other(String),
}

/// A variable of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is, in words: `a Process`.
    pub kind: String,
    /// Its value, on one line.
    pub value: String,
}

impl Session {
    /// Makes assignments at the top level declare what is no variable yet.
    pub fn declaring(self) -> Session {
        self.shared.lock().texts.declares = true;
        self
    }

    /// Evaluates what was typed in a shell.
    pub fn answer(&mut self, text: &str) -> Answer {
        let outcome = self.chunk("input", text);
        let mut shown = std::mem::take(&mut self.shared.lock().printed);
        let wrong = match outcome {
            Ok(value) if value.is_unit() => None,
            Ok(value) => {
                shown.push(shown_value(&value));
                None
            }
            Err(diagnostic) => Some(*diagnostic),
        };
        Answer { shown, wrong }
    }

    /// Evaluates the text of a file as if it were typed.
    pub fn load(&mut self, name: &str, text: &str) -> Answer {
        let wrong = self.chunk(name, text).err().map(|diagnostic| *diagnostic);
        Answer { shown: std::mem::take(&mut self.shared.lock().printed), wrong }
    }

    /// Evaluates an expression, or takes what was exported last if there is none.
    ///
    /// # Errors
    /// A mistake in it; nothing was exported.
    pub fn hold(&mut self, text: &str) -> Result<Held, Box<Diagnostic>> {
        if text.trim().is_empty() {
            let state = self.shared.lock();
            return state
                .exports
                .last()
                .map(|export| Held::Object(export.task.clone().or_at(export.at)))
                .ok_or_else(|| {
                    let help =
                        "name a value, such as a variable, or export a task first: `export(Task(...))`";
                    Box::new(Diagnostic::error("no_task", "no task was exported").with_help(help))
                });
        }
        let value = self.chunk("input", text)?;
        self.shared.lock().printed.clear();
        if let Some(object) = value.read_lock::<Object>() {
            return Ok(Held::Object(object.clone()));
        }
        Ok(plain(&value).map_or_else(Held::Other, |value| Held::Plain(Json::from(&value))))
    }

    /// Evaluates an expression and says what its value is, in words.
    ///
    /// # Errors
    /// A mistake in it.
    pub fn kind_of(&mut self, text: &str) -> Result<String, Box<Diagnostic>> {
        self.chunk("input", text).map(|value| described(&value))
    }

    /// Says what is wrong with an object, as its method `check` does.
    pub fn check(&self, object: &Object) -> String {
        check(&self.shared, object)
    }

    /// Says whether `text` can be evaluated as it is, be it right or wrong, rather than needing more lines.
    pub fn is_complete(&self, text: &str) -> bool {
        if indent(text).is_some() {
            return false;
        }
        match Texts::default().read(&NoFiles, "input", text) {
            Ok(program) => match self.setup.engine.compile(&program.text) {
                Ok(_) => true,
                Err(error) => !matches!(*error.0, ParseErrorType::UnexpectedEOF),
            },
            Err(unreadable) => !unreadable.incomplete,
        }
    }

    /// Gives a parameter a value; it counts for what is evaluated from now on.
    pub fn give(&mut self, name: &str, value: &str) {
        let mut state = self.shared.lock();
        let source = state.texts.sources.add("-E", format!("{name}={value}"));
        let at = Span::new(source, 1, name.chars().count() as u32 + 2, value.chars().count() as u32);
        state.given.insert(name.to_owned(), Given { value: value.to_owned(), at });
    }

    /// Returns the variables, in the order in which they were declared; of one name the latest.
    pub fn variables(&self) -> Vec<Variable> {
        let mut variables: Vec<Variable> = Vec::new();
        for (name, _, value) in self.scope.iter_raw() {
            if !variables.iter().any(|known| known.name == name) {
                let value = value.flatten_clone();
                variables.push(Variable {
                    name: name.to_owned(),
                    kind: described(&value),
                    value: one_line(&value),
                });
            }
        }
        variables.reverse();
        variables
    }

    /// Returns the functions that were defined, as they are called, in alphabetical order.
    pub fn functions(&self) -> Vec<String> {
        let mut functions: Vec<String> =
            self.functions.iter_functions().map(|function| function.to_string()).collect();
        functions.retain(|function| !function.starts_with("anon$"));
        functions.sort();
        functions
    }

    fn chunk(&mut self, name: &str, text: &str) -> Result<Dynamic, Box<Diagnostic>> {
        self.shared.reset_operations();
        let mut state = self.shared.lock();
        state.gather = false;
        state.printed.clear();
        drop(state);
        self.evaluate(name, text)
    }
}

/// Writes a value as the shell shows it.
fn shown_value(value: &Dynamic) -> String {
    match value.read_lock::<FnPtr>() {
        Some(_) => described(value),
        None => show(value),
    }
}

/// The most characters of a value on one line.
const ONE_LINE: usize = 200;

fn one_line(value: &Dynamic) -> String {
    let text = shown_value(value);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(ONE_LINE).collect()
}

/// Says what a value is: as [`kind`], with the size of a list and the name of a function.
fn described(value: &Dynamic) -> String {
    if let Some(function) = value.read_lock::<FnPtr>() {
        return match function.is_anonymous() {
            true => "a closure".to_owned(),
            false => format!("the function {}", function.fn_name()),
        };
    }
    if let Some(TypeValue::Type(Type::Struct(structure))) = value.read_lock::<TypeValue>().as_deref() {
        let fields: Vec<&str> = structure.fields().iter().map(|field| field.name.as_str()).collect();
        return format!("the type {} with {}", structure.name(), fields.join(", "));
    }
    match value.as_array_ref() {
        Ok(list) => format!("a list of {}", list.len()),
        Err(_) => kind(value),
    }
}
