//! The task of `simplerun`: one process made of a command line, checked as any other configuration.

use serde_json::json;

use super::arguments::Assignment;
use super::exit::Exit;
use super::failure::Failure;
use crate::config::{self, Binding, ConfigError, Limits, Request, Source};
use crate::diagnostics::Diagnostic;
use crate::schema::Task;
use crate::template::escape;

/// The name of the process, and of the task unless it is given another.
pub(crate) const NAME: &str = "simple";

/// What diagnostics call the document that is made of the arguments.
const DOCUMENT: &str = "COMMAND";

/// Makes the task `name` whose only process runs `command`.
///
/// # Errors
/// What a check of the same task in a file would find.
pub(crate) fn make(name: &str, command: &str, bindings: &[Assignment]) -> Result<Task, Failure> {
    let document = json!({"name": escape(name), "processes": [{"name": NAME, "cmdline": command}]});
    let binding =
        |Assignment { name, value }: &Assignment| Binding { name: name.clone(), value: value.clone() };
    let request = Request {
        source: Source::Json { name: DOCUMENT.to_owned(), text: document.to_string() },
        bindings: bindings.iter().map(binding).collect(),
        task: None,
        include_root: None,
        limits: Limits::default(),
    };
    let loaded = config::check(&request).map_err(failure)?;
    loaded.tasks.into_iter().next().ok_or_else(|| Failure::quiet(Exit::Invalid))
}

fn failure(error: ConfigError) -> Failure {
    let Failure { diagnostics, exit } = Failure::from(error);
    Failure { diagnostics: diagnostics.into_iter().map(without_document).collect(), exit }
}

/// Leaves out places in a document that the user never saw; those in flags stay.
fn without_document(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.labels.retain(|label| label.place.file != DOCUMENT);
    diagnostic.path = None;
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::super::arguments::assignment;
    use super::*;
    use crate::process::testing::alone;

    fn bindings(flags: &[&str]) -> Vec<Assignment> {
        flags.iter().map(|flag| assignment(flag).unwrap()).collect()
    }

    fn first_error(command: &str, flags: &[&str]) -> (Exit, String, String) {
        let failure = make(NAME, command, &bindings(flags)).unwrap_err();
        let first = &failure.diagnostics[0];
        assert!(
            first.labels.iter().all(|label| label.place.file == "-E") && first.help.is_some(),
            "{first:?}"
        );
        (failure.exit, first.code.clone(), first.message.clone())
    }

    #[test]
    fn the_command_is_the_only_process() {
        alone(|| {
            let command = "echo <<what>> {{thermos.ports[http]}} '\"'";
            let task = make("na{{me", command, &bindings(&["what=hello"])).unwrap();
            assert_eq!((task.name.as_str(), task.processes.len(), task.ports()), ("na{{me", 1, vec!["http"]));
            assert_eq!(task.processes[0].cmdline.to_string(), "echo hello {{thermos.ports[http]}} '\"'");
        });
    }

    #[test]
    fn an_open_reference_and_an_unused_binding_are_errors() {
        alone(|| {
            let (exit, code, message) = first_error("echo {{first}}", &[]);
            assert_eq!((exit, code.as_str()), (Exit::Invalid, "thermos::unbound_reference"));
            assert_eq!(message, "Process[cmdline] failed: Uninterpolated variables: {{first}}");
            assert_eq!(first_error("echo", &["first=x"]).1, "thermos::unknown_binding");
        });
    }
}
