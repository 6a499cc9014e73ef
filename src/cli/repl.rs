//! `thermos repl`: the shell of the configuration language.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use indexmap::IndexMap;
use thermos_repl::{Language, Outcome, Settings, edit, feed};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::report;
use super::terminal::Look;
use crate::diagnostics::{Diagnostic, Sources};
use crate::script::{Answer, Class, FileLoader, IncludeError, Limits, Session, classes, read_text};

/// Bytes of stack for scripts: as much as a configuration has.
const STACK: usize = 64 << 20;

/// Try out the configuration language
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplArguments {
    /// A script to start with
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  thermos repl
  thermos repl pi.thermos
  echo 'order(\"a\", \"b\")' | thermos repl";

impl ReplArguments {
    /// Talks with a terminal, or evaluates what standard input holds.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let talk = || self.talk(context);
        // Deep calls of a script need more stack than the main thread may have.
        let outcome = thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, talk);
            thread.map(|thread| thread.join())
        });
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::file("cannot start a thread for", Path::new("the shell"), &error)),
        }
    }

    fn talk(&self, context: &Context) -> Result<Exit, Failure> {
        let root = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let loader = Box::new(FileLoader::new([root.to_owned()]));
        let session = Session::new(&Limits::default(), loader, IndexMap::new(), Sources::default());
        let mut shell = Shell { session, look: context.terminal.stderr };
        if let Some(file) = &self.file {
            shell.start_with(file)?;
        }
        let (mut output, mut mistakes) = (io::stdout(), io::stderr());
        let outcome = if io::stdin().is_terminal() {
            let settings = settings(context);
            edit(&mut shell, &settings, &mut output, &mut mistakes).map(|()| Exit::Success)
        } else {
            let right = feed(&mut shell, io::stdin().lock(), &mut output, &mut mistakes);
            right.map(|right| if right { Exit::Success } else { Exit::Invalid })
        };
        outcome.or_else(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Ok(Exit::Success),
            _ => Err(Failure::file("cannot talk over", Path::new("standard input and output"), &error)),
        })
    }
}

fn settings(context: &Context) -> Settings {
    let folder = context.root.path();
    let history = fs::create_dir_all(folder).is_ok().then(|| folder.join("repl_history"));
    Settings {
        greeting: format!("thermos {}: Tab completes, Ctrl-D or exit leaves", env!("CARGO_PKG_VERSION")),
        prompt: ">>> ".to_owned(),
        more_prompt: "... ".to_owned(),
        history,
        color: context.terminal.stderr.color,
    }
}

/// A session behind the line editor.
struct Shell {
    session: Session,
    look: Look,
}

impl Shell {
    fn start_with(&mut self, file: &Path) -> Result<(), Failure> {
        let name = file.display().to_string();
        let text = read_text(file, &name).map_err(|error| {
            let exit = if matches!(error, IncludeError::NoText { .. }) { Exit::Invalid } else { Exit::Other };
            let diagnostic = Diagnostic::error("unreadable", error.to_string());
            Failure::new(exit, diagnostic.with_optional_help(error.help()))
        })?;
        self.session.run(&name, &text).map(|_| ()).map_err(Failure::invalid)
    }
}

impl Language for Shell {
    fn evaluate(&mut self, chunk: &str) -> Outcome {
        match self.session.answer(chunk) {
            Answer::Value(lines) => Outcome::Shown(lines),
            Answer::Wrong(diagnostics) => Outcome::Failed(report::draw(&diagnostics, self.look)),
        }
    }

    fn is_complete(&self, chunk: &str) -> bool {
        self.session.is_complete(chunk)
    }

    fn complete(&self, line: &str) -> Vec<String> {
        self.session.complete(line)
    }

    fn highlight(&self, line: &str) -> String {
        let mut colored = String::new();
        let mut end = 0;
        for (range, class) in classes(line) {
            colored.push_str(&line[end..range.start]);
            let color = match class {
                Class::Keyword => "35",
                Class::Number => "36",
                Class::Text => "32",
            };
            colored.push_str(&format!("\x1b[{color}m{}\x1b[0m", &line[range.clone()]));
            end = range.end;
        }
        colored + &line[end..]
    }
}
