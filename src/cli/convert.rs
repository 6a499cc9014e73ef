//! `thermos convert`: a configuration in the Python syntax of the original becomes a script.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::report;
use crate::convert::{Converted, convert};
use crate::diagnostics::Diagnostic;
use crate::script::{IncludeError, Session, read_stream, read_text};

/// Turn a configuration in the original's Python syntax into a script
///
/// Comments stay in their places. What has no counterpart, such as an import, is left as a comment and told, with exit
/// code 3. Files that it includes are converted one by one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConvertArguments {
    /// Write the script into this file instead of printing it
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace the file of -o if there is one
    #[arg(long, requires = "output")]
    force: bool,
    /// The configuration of old; `-` reads standard input
    #[arg(value_name = "OLD", value_hint = ValueHint::FilePath)]
    old: PathBuf,
}

const EXAMPLES: &str = "Examples:
  thermos convert old/pi.thermos                  prints it
  thermos convert old/pi.thermos -o pi.thermos && thermos check pi.thermos
  git show v1:pi.thermos | thermos convert -      as it was in v1";

impl ConvertArguments {
    /// Prints or writes the script, and tells what is not in it.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let is_stream = self.old == Path::new("-");
        let name = if is_stream { "standard input".to_owned() } else { self.old.display().to_string() };
        if let Some(path) = self.output.as_ref().filter(|path| !self.force && path.symlink_metadata().is_ok())
        {
            return Err(exists(path));
        }
        let text =
            if is_stream { read_stream(io::stdin().lock(), &name) } else { read_text(&self.old, &name) };
        let text = text.map_err(|error| unreadable(&error))?;
        let converted =
            convert(&name, &text).map_err(|diagnostic| Failure::new(Exit::Invalid, *diagnostic))?;
        check(&name, &converted)?;
        match &self.output {
            None => context.terminal.print(&converted.text)?,
            Some(path) => write(path, &converted.text, self.force)?,
        }
        context.terminal.say(report::draw(&converted.problems, context.terminal.stderr));
        for include in &converted.includes {
            context.terminal.say(format!(" INFO] it includes {include}: convert that too\n"));
        }
        let failed = converted.problems.iter().any(Diagnostic::is_error);
        Ok(if failed { Exit::Invalid } else { Exit::Success })
    }
}

/// Lets the script layer read the text before anyone else does.
fn check(name: &str, converted: &Converted) -> Result<(), Failure> {
    match Session::syntax_problem("converted", &converted.text) {
        None => Ok(()),
        Some(problem) => {
            let message = format!("what became of {name} is no script");
            let help = "write the statement that is shown in simpler words, and try again";
            let told = Diagnostic::error("convert", message).with_help(help);
            let mut diagnostics = converted.problems.clone();
            diagnostics.extend([told, problem]);
            Err(Failure::invalid(diagnostics))
        }
    }
}

fn unreadable(error: &IncludeError) -> Failure {
    let help = match error {
        // No file has included it.
        IncludeError::Missing { help: None, .. } => {
            Some("check the path: it starts at the current directory; `-` reads standard input".to_owned())
        }
        _ => error.help(),
    };
    let diagnostic = Diagnostic::error("io", error.to_string()).with_optional_help(help);
    Failure::new(Exit::Other, diagnostic)
}

fn exists(path: &Path) -> Failure {
    let message = format!("there is a file {} already", path.display());
    Failure::new(
        Exit::Other,
        Diagnostic::error("io", message).with_help("name another, or replace it with --force"),
    )
}

/// Writes beside the place, then moves the file there, so that nobody sees a part of it.
fn write(path: &Path, text: &str, replace: bool) -> Result<(), Failure> {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{file}.{}", std::process::id()));
    let moved = fs::write(&beside, text)
        .and_then(|()| if replace { fs::rename(&beside, path) } else { fs::hard_link(&beside, path) });
    // After a link the file has two names; after a failure nobody needs it.
    let _ = fs::remove_file(&beside);
    moved.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::file("cannot write", path, &error),
    })
}
