//! The task of `simplerun`: one process made of a command line, with bindings like those of a script.

use std::sync::Arc;

use super::arguments::Assignment;
use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostics::{Diagnostic, Place, Sources, Span, did_you_mean_help};
use crate::schema::{Task, check_task, schema};
use crate::template::{Binding, Environment, Reference, Work, escape};
use crate::types::{Binder, Error, Object, Problem, ProblemKind, Value};

/// The name of the process, and of the task unless it is given another.
pub(crate) const NAME: &str = "simple";

/// Makes the task `name` whose only process runs `command`.
///
/// # Errors
/// What a check of the same task in a file would find, and bindings that nothing refers to.
pub(crate) fn make(name: &str, command: &str, bindings: &[Assignment]) -> Result<Task, Failure> {
    let mut sources = Sources::default();
    let length = command.lines().next().unwrap_or_default().chars().count();
    let at = Span::new(sources.add("COMMAND", command), 1, 1, length as u32);
    let work = Work::default().watching();
    let task =
        object(name, command, at).map_err(|error| unexpected(&error.to_string(), sources.place(at)))?;
    let task = task.bind([Binder::Environment(Arc::new(environment(bindings)))]);
    let checked = check_task(&task, &work);
    refuse_unused(bindings, &work)?;
    checked.map_err(|problems| {
        Failure::invalid(problems.iter().map(|problem| diagnostic(problem, &sources, &work)).collect())
    })
}

fn object(name: &str, command: &str, at: Span) -> Result<Object, Error> {
    let text = |text: &str| Value::text(text);
    let process = Value::map([("name", text(NAME)), ("cmdline", text(command))]);
    let fields = [("name", text(&escape(name))), ("processes", Value::List(vec![process]))];
    Object::new(&schema().task, &Value::map(fields), at)
}

fn environment(bindings: &[Assignment]) -> Environment<Object> {
    let mut environment = Environment::default();
    for Assignment { name, value } in bindings {
        // The flag's parser has made sure that it is a reference.
        if let Ok(reference) = Reference::parse(name) {
            environment.insert(reference, Binding::Text(value.clone()), Span::NONE);
        }
    }
    environment
}

fn refuse_unused(bindings: &[Assignment], work: &Work) -> Result<(), Failure> {
    let asked: Vec<String> = work.all_looked_up().iter().map(ToString::to_string).collect();
    let is_unused = |name: &str| Reference::parse(name).is_ok_and(|reference| !work.looked_up(&reference));
    let unused = bindings.iter().filter(|binding| is_unused(&binding.name));
    let unused: Vec<Diagnostic> = unused
        .map(|Assignment { name, .. }| {
            Diagnostic::error("unknown_binding", format!("nothing in the command refers to `{name}` of -E"))
                .with_help(format!("write {{{{{name}}}}} where the value belongs, or leave the -E out"))
                .with_optional_help(did_you_mean_help(name, asked.iter().map(String::as_str)))
        })
        .collect();
    if unused.is_empty() { Ok(()) } else { Err(Failure::invalid(unused)) }
}

fn diagnostic(problem: &Problem, sources: &Sources, work: &Work) -> Diagnostic {
    let message = problem.message(work).unwrap_or_else(|error| error.to_string());
    // The outer steps are a task that nobody wrote.
    let message =
        message.rsplit_once("Element in ProcessList failed check: ").map_or(&*message, |(_, own)| own);
    let (code, help) = match &problem.kind {
        ProblemKind::Unbound(tags) => {
            let names: Vec<String> = tags.iter().map(|tag| format!("-E {}=VALUE", tag.reference)).collect();
            ("unbound_reference", format!("bind it with {}", names.join(" ")))
        }
        ProblemKind::Invalid { help: Some(help), .. } => ("invalid_value", help.clone()),
        _ => ("invalid_value", "write {{&name}} for braces that are no reference".to_owned()),
    };
    Diagnostic::error(code, message).with_label(sources.place(problem.at), "").with_help(help)
}

fn unexpected(message: &str, place: Option<Place>) -> Failure {
    let diagnostic = Diagnostic::error("invalid_value", message).with_label(place, "");
    Failure::new(Exit::Invalid, diagnostic.with_help("quote the command as one argument"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::CommandLine;

    fn bindings(flags: &[&str]) -> Vec<Assignment> {
        flags.iter().map(|flag| super::super::arguments::assignment(flag).unwrap()).collect()
    }

    fn codes(command: &str, flags: &[&str]) -> Vec<(String, String)> {
        let failure = make(NAME, command, &bindings(flags)).unwrap_err();
        assert_eq!(failure.exit, Exit::Invalid);
        failure.diagnostics.into_iter().map(|diagnostic| (diagnostic.code, diagnostic.message)).collect()
    }

    #[test]
    fn the_command_is_the_only_process() {
        let task =
            make("na{{me", "echo <<what>> {{thermos.ports[http]}}", &bindings(&["what=hello"])).unwrap();
        assert_eq!((task.name.as_str(), task.processes.len(), task.ports()), ("na{{me", 1, vec!["http"]));
        let expected = CommandLine::parse("echo hello {{thermos.ports[http]}}").unwrap();
        assert_eq!(task.processes[0].cmdline.to_string(), expected.to_string());
    }

    #[test]
    fn an_open_reference_and_an_unused_binding_are_errors() {
        let message = "Process[cmdline] failed: Uninterpolated variables: {{first}}".to_owned();
        assert_eq!(codes("echo {{first}}", &[]), [("thermos::unbound_reference".to_owned(), message)]);
        assert_eq!(codes("echo {{first}}", &["frist=x"])[0].0, "thermos::unknown_binding");
        assert_eq!(codes("echo {{ x }}", &[])[0].0, "thermos::invalid_value");
    }
}
