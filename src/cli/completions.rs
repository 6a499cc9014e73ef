//! `thermos completions`: what a shell needs to complete command lines, and what it is told while it does.
//!
//! The script that a shell loads asks this binary at every Tab, so that task ids and the processes of a task are
//! completed too, not only commands and flags.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{Bash, CompleteEnv, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::Thermos;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::{Color, Terminal};
use crate::checkpoint::{Status, TaskId, TaskPaths};

/// The variable by which a shell asks for completions instead of running a command.
const VARIABLE: &str = "THERMOS_COMPLETE";

/// Print the script that makes a shell complete commands, flags, task ids and processes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell that is to complete
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "Examples:
  echo 'source <(thermos completions bash)' >> ~/.bashrc
  echo 'source <(thermos completions zsh)' >> ~/.zshrc
  thermos completions fish > ~/.config/fish/completions/thermos.fish";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl CompletionsArguments {
    /// Prints the script.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let completer: &dyn EnvCompleter = match self.shell {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
            Shell::Elvish => &Elvish,
            Shell::Powershell => &Powershell,
        };
        let mut script = Vec::new();
        completer
            .write_registration(VARIABLE, "thermos", "thermos", "thermos", &mut script)
            .map_err(|error| Failure::file("cannot make", Path::new("the script"), &error))?;
        context.terminal.print(script)?;
        Ok(Exit::Success)
    }
}

/// Answers a shell that asks what a command line could go on with; says whether that was asked for.
pub(super) fn answer() -> bool {
    // A question without a shell's name, such as an empty variable, is none. One that cannot be answered is answered
    // by nothing: a shell that completes is no place for messages.
    let asked = std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty());
    let folder = std::env::current_dir().ok();
    let answer = || {
        let completions = CompleteEnv::with_factory(Thermos::command).var(VARIABLE);
        completions.try_complete(std::env::args_os(), folder.as_deref()).unwrap_or(true)
    };
    asked && answer()
}

/// Completes the id of a task: the newest first.
pub(super) fn task_ids() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let Some(context) = context() else { return Vec::new() };
        let tasks = context.root.tasks().unwrap_or_default().into_iter();
        let mut ids: Vec<String> = tasks.map(|task| task.id.to_string()).collect();
        ids.retain(|id| current.to_str().is_some_and(|current| id.starts_with(current)));
        ids.reverse();
        ids.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Completes a file, or the id of a task.
pub(super) fn files_and_task_ids() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut found = task_ids().complete(current);
        found.extend(PathCompleter::file().complete(current));
        found
    })
}

/// Completes the file of a configuration; where the id of a task may stand in its place, that too.
pub(super) fn sources() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let takes_ids = words().any(|word| word == "graph");
        if takes_ids { files_and_task_ids() } else { ArgValueCompleter::new(PathCompleter::file()) }
            .complete(current)
    })
}

/// Completes the name of a process of the task that the command line names.
pub(super) fn processes() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let status = context().and_then(|context| named_task(&context)).map(|paths| Status::read(&paths));
        let Some(Ok(Some(status))) = status else { return Vec::new() };
        let names = status.processes.keys();
        names
            .filter(|name| current.to_str().is_some_and(|current| name.starts_with(current)))
            .map(CompletionCandidate::new)
            .collect()
    })
}

/// Finds the task that a word of the command line is the id of.
fn named_task(context: &Context) -> Option<TaskPaths> {
    let ids = words().filter_map(|word| TaskId::new(word.to_str()?).ok()).skip(1);
    ids.filter_map(|id| context.root.find(&id).ok().flatten()).last()
}

/// Where tasks are looked for: below the root that the command line names, else the one of the environment.
fn context() -> Option<Context> {
    let words: Vec<OsString> = words().collect();
    let behind = |index: usize| match words[index].to_str()?.strip_prefix("--root")? {
        "" => words.get(index + 1).map(PathBuf::from),
        rest => rest.strip_prefix('=').map(PathBuf::from),
    };
    let root = (0..words.len()).rev().find_map(behind);
    Context::new(root.as_deref(), Terminal::new(Color::Never)).ok()
}

/// The words of the command line that is completed: a shell hands them over behind `--`.
fn words() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1)
}
