//! A session behind the line editor.
//!
//! Every chunk is evaluated twice: first in a contained child, which may die of it; then, if nothing was wrong, for good.
//! So a chunk that is wrong, does not end, eats memory or is interrupted changes nothing. Evaluation is a pure function:
//! the second time is like the first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use nix::sys::signal::{SigSet, Signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thermos_repl::{Completion, Language, Outcome};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::report;
use super::commands::{self, Request};
use super::{complete, folder, help, paint};
use crate::config::{self, Binding, ConfigError, Limits};
use crate::diagnostics::{Diagnostic, Sources};
use crate::process::signals;
use crate::script::{self, Answer, FileLoader, IncludeError, Session, read_text};

/// What the input is called in messages.
pub(super) const INPUT: &str = "the input";

/// A session and what is bound in it.
pub(super) struct Shell {
    /// The variables and functions.
    pub(super) session: Session,
    /// What `:set` bound.
    pub(super) bindings: Vec<Binding>,
    /// What an evaluation may use.
    pub(super) limits: Limits,
    /// The root folder and the terminal.
    pub(super) context: Context,
    /// Where includes may come from.
    roots: Vec<PathBuf>,
}

impl Shell {
    /// Starts an empty session.
    pub(super) fn new(context: &Context, roots: Vec<PathBuf>, limits: Limits) -> Shell {
        let session = session(&limits, &roots);
        Shell { session, bindings: Vec::new(), limits, context: context.clone(), roots }
    }

    /// Binds a name, as `-E` does.
    pub(super) fn bind(&mut self, name: &str, value: &str) {
        self.bindings.retain(|binding| binding.name != name);
        self.bindings.push(Binding { name: name.to_owned(), value: value.to_owned() });
        self.session.give(name, value);
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.bindings.clear();
        let fresh = session(&self.limits, &self.roots);
        let mut old = Some(std::mem::replace(&mut self.session, fresh));
        let taken_apart = config::within(&self.limits, INPUT, || {
            drop(old.take());
            Ok(())
        });
        // What is nested too deep would take the shell with it.
        if taken_apart.is_err() {
            std::mem::forget(old);
        }
    }

    /// Evaluates a file, and returns what it printed.
    pub(super) fn load(&mut self, file: &Path) -> Result<Vec<String>, Failure> {
        let name = file.display().to_string();
        let text = read_text(file, &name).map_err(|error| unreadable(&error))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if !self.roots.iter().any(|root| root == folder(file)) {
            self.roots.push(folder(file).to_owned());
            self.session.load_by(Box::new(FileLoader::new(self.roots.clone())));
        }
        let answer = self.twice(|session| session.load(&name, text))?;
        match answer.wrong {
            None => Ok(answer.shown),
            Some(wrong) => Err(Failure::invalid(vec![wrong])),
        }
    }

    /// Tries something with the session in a child; if nothing is wrong there, does it.
    pub(super) fn twice(&mut self, work: impl Fn(&mut Session) -> Answer) -> Result<Answer, ConfigError> {
        let tried = self.try_out(|session| Ok(work(session)))?;
        Ok(if tried.wrong.is_some() { tried } else { work(&mut self.session) })
    }

    /// Does something with the session in a child: nothing of it stays.
    pub(super) fn try_out<T: Serialize + DeserializeOwned>(
        &mut self,
        work: impl FnOnce(&mut Session) -> Result<T, Vec<Diagnostic>>,
    ) -> Result<T, ConfigError> {
        let session = &mut self.session;
        config::within(&self.limits, INPUT, || {
            let _ = signals::unblock(&SigSet::from(Signal::SIGINT));
            work(session)
        })
    }

    /// Says what is wrong.
    pub(super) fn failed(&self, shown: Vec<String>, diagnostics: &[Diagnostic]) -> Outcome {
        Outcome::Failed { shown, why: report::draw(diagnostics, self.context.terminal.stderr) }
    }
}

fn session(limits: &Limits, roots: &[PathBuf]) -> Session {
    // One operation may need what there is several times over, as in the evaluation of a file.
    let memory = usize::try_from(limits.memory / 4).unwrap_or(usize::MAX);
    let limits = script::Limits { operations: limits.operations, memory, ..script::Limits::default() };
    let loader = Box::new(FileLoader::new(roots.to_vec()));
    Session::new(&limits, loader, IndexMap::new(), Sources::default()).declaring()
}

fn unreadable(error: &IncludeError) -> Failure {
    let exit = if matches!(error, IncludeError::NoText { .. }) { Exit::Invalid } else { Exit::Other };
    let diagnostic = Diagnostic::error("unreadable", error.to_string());
    let help = match error {
        IncludeError::Missing { help: None, .. } => {
            Some("check the path; it starts at the current directory".into())
        }
        error => error.help(),
    };
    Failure::new(exit, diagnostic.with_optional_help(help))
}

impl Language for Shell {
    fn evaluate(&mut self, chunk: &str) -> Outcome {
        // Ctrl-C since Enter: in vain if it were forgotten.
        match take_interrupt() {
            true => self.failed(vec![String::new()], &[interrupted()]),
            false => self.outcome(chunk),
        }
    }

    fn is_complete(&self, chunk: &str) -> bool {
        // While somebody types, Ctrl-C is a key: what waits here was meant for what has ended since.
        take_interrupt();
        !matches!(commands::request(chunk), Request::Code) || self.session.is_complete(chunk)
    }

    fn complete(&self, text: &str, at: usize) -> Completion {
        complete::complete(&self.session, text.get(..at).unwrap_or(text))
    }

    fn no_text(&self, line: Option<u64>) -> String {
        let (message, help) = match line {
            None => (
                "what was typed is no UTF-8 text, and is dropped".to_owned(),
                "set the terminal to UTF-8, and type it again",
            ),
            Some(line) => (
                format!("line {line} of standard input is no UTF-8 text"),
                "save the input as UTF-8; what stands before this line has been evaluated",
            ),
        };
        report::draw(&[Diagnostic::error("not_utf8", message).with_help(help)], self.context.terminal.stderr)
    }

    fn hint(&self, text: &str) -> Option<String> {
        paint::hint(&self.session, text)
    }

    fn highlight(&self, text: &str, at: usize) -> String {
        paint::paint(&self.session, text, at)
    }
}

/// Takes an interrupt that waits, and says whether there was one: never at a pipe, where they are not blocked.
fn take_interrupt() -> bool {
    matches!(signals::wait(&SigSet::from(Signal::SIGINT), Some(Duration::ZERO)), Ok(Some(_)))
}

fn interrupted() -> Diagnostic {
    Diagnostic::error("interrupted", "the input was interrupted").with_help("nothing of it has happened")
}

impl Shell {
    fn outcome(&mut self, chunk: &str) -> Outcome {
        match commands::request(chunk) {
            Request::Leave => Outcome::Left,
            Request::Help => Outcome::Shown(help::overview()),
            Request::Command { name, argument } => commands::run(self, name, argument),
            Request::Code => match self.twice(|session| session.answer(chunk)) {
                Ok(Answer { shown, wrong: None }) => Outcome::Shown(shown),
                Ok(Answer { shown, wrong: Some(wrong) }) => self.failed(shown, &[wrong]),
                Err(error) => {
                    let diagnostics = Failure::from(error).diagnostics;
                    // The terminal has written ^C.
                    let is_interrupted =
                        diagnostics.first().is_some_and(|one| one.code == interrupted().code);
                    self.failed(vec![String::new(); usize::from(is_interrupted)], &diagnostics)
                }
            },
        }
    }
}
