//! What begins with a colon.

use std::path::Path;

use thermos_repl::Outcome;

use super::super::arguments::{Assignment, assignment};
use super::super::failure::Failure;
use super::shell::Shell;
use super::{help, paint, run};
use crate::config;
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::runner::RunnerError;
use crate::schema::Task;
use crate::script::Held;
use crate::types::Object;
use crate::view::graph;

/// The commands, what they take, and what they do.
pub(super) const COMMANDS: [(&str, &str, &str); 11] = [
    ("help", "[TOPIC]", "tells what there is, or about a topic"),
    ("load", "FILE", "evaluates a file, as if it were typed"),
    ("vars", "", "lists variables and functions"),
    ("type", "X", "says what X is"),
    ("check", "[X]", "says all that is wrong with X, as thermos check does"),
    ("json", "[X]", "writes X as JSON; of a task, what thermos run --json reads"),
    ("graph", "[X]", "draws who waits for whom in a task"),
    ("run", "[X]", "runs a task; Ctrl-C ends it"),
    ("set", "[NAME=VALUE]", "binds a name, as -E does; without one lists what is bound"),
    ("reset", "", "forgets variables, functions and what was bound"),
    ("quit", "", "leaves; so do Ctrl-D and exit"),
];

/// What a chunk asks for.
pub(super) enum Request<'a> {
    /// To be evaluated.
    Code,
    /// The overview.
    Help,
    /// The end.
    Leave,
    /// A command.
    Command {
        /// Its name, without the colon.
        name: &'a str,
        /// What follows it.
        argument: &'a str,
    },
}

/// Reads what a chunk asks for.
pub(super) fn request(chunk: &str) -> Request<'_> {
    let text = chunk.trim();
    if let Some(command) = text.strip_prefix(':') {
        let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        return Request::Command { name, argument: argument.trim().trim_end_matches(';') };
    }
    match text.trim_end_matches(';').trim_end_matches("()") {
        "exit" | "quit" => Request::Leave,
        "help" | "?" => Request::Help,
        _ => Request::Code,
    }
}

/// Runs a command.
pub(super) fn run(shell: &mut Shell, name: &str, argument: &str) -> Outcome {
    let done = match known(name) {
        None => Err(unknown(name)),
        Some("quit") => return Outcome::Left,
        Some(command) => perform(shell, command, argument),
    };
    done.map_or_else(|failure| shell.failed(Vec::new(), &failure.diagnostics), Outcome::Shown)
}

fn perform(shell: &mut Shell, command: &str, argument: &str) -> Result<Vec<String>, Failure> {
    match command {
        "help" => help::topic(argument),
        "load" if argument.is_empty() => Err(missing("load", "FILE")),
        "load" => shell.load(Path::new(argument.trim_matches(['"', '\'']))),
        "vars" => Ok(paint::variables(&shell.session, shell.context.terminal.stdout)),
        "type" if argument.is_empty() => Err(missing("type", "X")),
        "type" => {
            let kind = shell.try_out(|session| session.kind_of(argument).map_err(|wrong| vec![*wrong]))?;
            Ok(vec![kind])
        }
        "check" => check(shell, argument),
        "json" => json(shell, argument),
        "graph" => {
            let task = task(shell, argument)?;
            let picture = graph::of_task(&task).map_err(RunnerError::from)?;
            Ok(lines(&graph::text(&picture, &shell.context.terminal.stdout.into())))
        }
        "run" => {
            let task = task(shell, argument)?;
            run::run(&task, &shell.context).map(|()| Vec::new())
        }
        "set" if argument.is_empty() => {
            Ok(shell.bindings.iter().map(|binding| format!("{}={}", binding.name, binding.value)).collect())
        }
        "set" => set(shell, argument).map(|()| Vec::new()),
        _ => {
            shell.reset();
            Ok(Vec::new())
        }
    }
}

/// Finds a command by its name, or by a beginning that no other has.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let mut found = COMMANDS.iter().map(|(command, ..)| *command).filter(|command| command.starts_with(name));
    match (found.next(), found.next()) {
        (Some(command), None) if !name.is_empty() => Some(command),
        (first, second) => [first, second].into_iter().flatten().find(|command| *command == name),
    }
}

fn unknown(name: &str) -> Failure {
    let names = COMMANDS.map(|(command, ..)| command);
    let help = did_you_mean_help(name, names).map(|help| help.replace('`', "`:").replace("`:?", "`?"));
    let help = help.unwrap_or_else(|| "`:help` lists the commands".to_owned());
    invalid(Diagnostic::error("unknown_command", format!("there is no command `:{name}`")).with_help(help))
}

fn missing(command: &str, what: &str) -> Failure {
    let message = format!("`:{command}` needs {what}");
    let help = format!("write `:{command} {what}`; `:help {command}` says more");
    invalid(Diagnostic::error("usage", message).with_help(help))
}

fn invalid(diagnostic: Diagnostic) -> Failure {
    Failure::invalid(vec![diagnostic])
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn set(shell: &mut Shell, argument: &str) -> Result<(), Failure> {
    let Assignment { name, value } = assignment(argument).map_err(|malformed| {
        let in_shell = |text: String| text.replace("-E ", ":set ");
        invalid(Diagnostic::error("usage", in_shell(malformed.message)).with_help(in_shell(malformed.help)))
    })?;
    shell.bind(&name, &value);
    Ok(())
}

/// Evaluates an expression, first where it can do no harm.
fn hold(shell: &mut Shell, text: &str) -> Result<Held, Failure> {
    shell.try_out(|session| session.hold(text).map(|_| ()).map_err(|wrong| vec![*wrong]))?;
    shell.session.hold(text).map_err(|wrong| invalid(*wrong))
}

fn hold_object(shell: &mut Shell, text: &str, wanted: &str) -> Result<Object, Failure> {
    let found = match hold(shell, text)? {
        Held::Object(object) => return Ok(object),
        Held::Plain(_) => "a plain value".to_owned(),
        Held::Other(kind) => kind,
    };
    let message = format!("expected {wanted}, found {found}");
    Err(invalid(
        Diagnostic::error("wrong_type", message).with_help(format!("`:type {text}` says what it is")),
    ))
}

fn task(shell: &mut Shell, text: &str) -> Result<Task, Failure> {
    let object = hold_object(shell, text, "a Task")?;
    if object.ty().name() != "Task" {
        let message =
            format!("expected a Task, found {}", crate::diagnostics::with_article(&object.ty().name()));
        let help = format!("make a task of it: `Task(processes = [{text}])`");
        return Err(invalid(Diagnostic::error("wrong_type", message).with_help(help)));
    }
    Ok(config::check_held(&object, &shell.session.sources(), &shell.bindings, &shell.limits)?)
}

fn check(shell: &mut Shell, text: &str) -> Result<Vec<String>, Failure> {
    let object = hold_object(shell, text, "an object")?;
    if object.ty().name() == "Task" {
        let task = config::check_held(&object, &shell.session.sources(), &shell.bindings, &shell.limits)?;
        let count =
            |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let processes = count(task.processes.len(), "process", "processes");
        return Ok(vec![format!(
            "ok: {processes}, {}",
            count(task.constraints.len(), "constraint", "constraints")
        )]);
    }
    let found = shell.try_out(|session| Ok(session.check(&object)))?;
    match found.strip_prefix("TypeCheck(FAILED): ") {
        None => Ok(vec![found]),
        Some(message) => {
            let place = shell.session.sources().place(object.at());
            let help = format!("`:help {}` tells what its fields take", object.ty().name());
            Err(invalid(Diagnostic::error("check", message).with_label(place, "this one").with_help(help)))
        }
    }
}

fn json(shell: &mut Shell, text: &str) -> Result<Vec<String>, Failure> {
    let json = match hold(shell, text)? {
        Held::Plain(json) => json,
        Held::Object(object) => {
            config::inspect_held(&object, &shell.session.sources(), &shell.bindings, &shell.limits)?.json
        }
        Held::Other(kind) => {
            let diagnostic = Diagnostic::error("wrong_type", format!("{kind} cannot be written as JSON"));
            return Err(invalid(diagnostic.with_help("objects, text, numbers, lists and maps can")));
        }
    };
    Ok(lines(&format!("{json:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_by_a_beginning_of_their_own() {
        assert_eq!(
            ["quit", "q", "r", "re", "run", "", "x"].map(known),
            [Some("quit"), Some("quit"), None, Some("reset"), Some("run"), None, None]
        );
    }
}
