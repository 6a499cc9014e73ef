//! `:run`: a task that is run as `thermos run` does, while the shell waits.

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use crate::config;
use crate::diagnostics::Diagnostic;
use crate::process::again::{self, Ended};
use crate::process::stack;
use crate::schema::Task;

/// Runs a task to its end. It says how it goes by itself.
pub(super) fn run(task: &Task, context: &Context) -> Result<(), Failure> {
    let color = if context.terminal.stderr.color { "always" } else { "never" };
    let mut arguments = vec!["--root".into(), context.root.path().into()];
    arguments.extend(["--color", color, "run", "--json", "-"].map(Into::into));
    // Plain records of text and numbers always serialize.
    let document = serde_json::to_vec(task).unwrap_or_default();
    // Commands have the stack that the shell was started with.
    let own = stack::limit(usual_stack()).unwrap_or(config::STACK);
    let ended = again::run(arguments, &document);
    let _ = stack::limit(own);
    match ended {
        Ok(Ended::Exited(0)) => Ok(()),
        Ok(ended) => Err(failure(ended)),
        Err(error) => Err(Failure::file("cannot start", std::path::Path::new("thermos"), &error)),
    }
}

/// Bytes of stack that programs have unless somebody says otherwise.
fn usual_stack() -> u64 {
    8 << 20
}

fn failure(ended: Ended) -> Failure {
    let how = match ended {
        Ended::Exited(code) => match Exit::from_code(code) {
            Some(Exit::Failed) => "failed".to_owned(),
            Some(Exit::Killed) => "was killed".to_owned(),
            Some(Exit::Lost) => "was lost".to_owned(),
            _ => format!("could not be run: exit code {code}"),
        },
        Ended::Killed(signal) => format!("lost its runner to signal {signal}"),
    };
    let diagnostic = Diagnostic::error("task_ended", format!("the task {how}"));
    Failure::invalid(vec![diagnostic.with_help("`thermos status` and `thermos tail` tell more")])
}
