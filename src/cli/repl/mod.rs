//! `thermos repl`: the shell of the configuration language.
//!
//! - `shell`: the language behind the line editor. Each chunk is tried in a contained child before it happens.
//! - `commands`: what begins with a colon; `help`: what `:help` says; `run`: what `:run` does.
//! - `complete`: what Tab offers; `paint`: colours and hints.

mod commands;
mod complete;
mod help;
mod paint;
mod run;
mod shell;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use thermos_repl::{Settings, edit, feed};

use self::shell::Shell;
use super::arguments::{Assignment, LimitArguments, assignment};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, reason};
use crate::config::{self, Limits};
use crate::diagnostics::Diagnostic;
use crate::process::{signals, stack};
use crate::script::indent;

/// Try out the configuration language
///
/// On a terminal: Tab completes, :help tells what there is, Ctrl-C drops what is typed or ends what runs, Ctrl-D leaves.
/// From a pipe: evaluates line by line, prints values and nothing else, and stops at the first mistake with exit code 3.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplArguments {
    /// Bind a parameter or reference, as :set does; may be repeated
    #[arg(short = 'E', value_name = "NAME=VALUE", value_parser = assignment)]
    bindings: Vec<Assignment>,
    /// Allow includes from this folder besides that of FILE and the current one
    #[arg(long, value_name = "DIR")]
    include_root: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    /// A script to start with
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  thermos repl                    an empty session
  thermos repl pi.thermos         with everything that the file defines
  echo '1 + 1' | thermos repl     prints 2";

impl ReplArguments {
    /// Talks with a terminal, or evaluates what standard input holds.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        // Deep calls of a script need more stack than the main thread may have. Where the limit cannot be raised,
        // less deep ones are refused.
        let _ = stack::limit(config::STACK);
        let is_terminal = io::stdin().is_terminal();
        let mut shell = Shell::new(context, self.roots(), Limits::from(&self.limits));
        for Assignment { name, value } in &self.bindings {
            shell.bind(name, value);
        }
        if is_terminal {
            // What is evaluated is ended by Ctrl-C, the shell is not.
            let interrupts = SigSet::from(Signal::SIGINT);
            signals::block(&interrupts).map_err(|error| unusable(&error))?;
        }
        let outcome = self.talk(&mut shell, context, is_terminal);
        // Values may be nested too deep to be taken apart, and the process ends here.
        std::mem::forget(shell);
        outcome
    }

    fn talk(&self, shell: &mut Shell, context: &Context, is_terminal: bool) -> Result<Exit, Failure> {
        if let Some(file) = &self.file {
            match shell.load(file) {
                Err(failure) if is_terminal => {
                    context.terminal.say(super::report::draw(&failure.diagnostics, context.terminal.stderr));
                }
                outcome => context
                    .terminal
                    .print(outcome?.iter().map(|line| format!("{line}\n")).collect::<String>())?,
            }
        }
        let (mut output, mut mistakes) = (io::stdout(), io::stderr());
        let outcome = match is_terminal {
            true => edit(shell, &settings(context), &mut output, &mut mistakes).map(|()| Exit::Success),
            false => {
                let right = feed(shell, io::stdin().lock(), &mut output, &mut mistakes);
                right.map(|right| if right { Exit::Success } else { Exit::Invalid })
            }
        };
        outcome.or_else(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Ok(Exit::Success),
            _ => Err(unusable(&error)),
        })
    }

    /// Where includes may come from: the current folder, that of the file, and the one that was named.
    fn roots(&self) -> Vec<PathBuf> {
        let of_file = self.file.as_deref().map(folder);
        [Path::new(".")]
            .into_iter()
            .chain(of_file)
            .chain(self.include_root.as_deref())
            .map(Path::to_owned)
            .collect()
    }
}

/// Returns the folder of a file.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unusable(error: &io::Error) -> Failure {
    let message = format!("cannot talk over standard input and output: {}", reason(error));
    let help = "check the terminal, or where input and output are redirected to";
    Failure::new(Exit::Other, Diagnostic::error("io", message).with_help(help))
}

fn settings(context: &Context) -> Settings {
    let folder = context.root.path();
    let history = fs::create_dir_all(folder).is_ok().then(|| folder.join("repl_history"));
    Settings {
        greeting: format!("thermos {}: Tab completes, :help helps, Ctrl-D leaves", env!("CARGO_PKG_VERSION")),
        prompt: ">>> ".to_owned(),
        history,
        color: context.terminal.stdout.color,
        indent,
    }
}
