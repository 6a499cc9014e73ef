//! How long nothing takes.

use std::path::Path;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::report::Report;
use crate::work::{MEMORY, command, thermos};

const SMALL: &str =
    r#"export(Task(name = "one", processes = [Process(name = "one", cmdline = "echo hello")]));"#;

/// The smallest calls beside the smallest programs.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let cases = [
        Case::new("/bin/true", |folder| Ok(command("/bin/true", folder))),
        Case::new("bash -c true", |folder| {
            let mut call = command("/bin/bash", folder);
            call.args(["-c", "true"]);
            Ok(call)
        }),
        Case::new("thermos --version", |folder| Ok(call(folder, &["--version"]))),
        Case::new("thermos check, one process", |folder| {
            std::fs::write(folder.join("one.thermos"), SMALL)?;
            Ok(call(folder, &["check", "one.thermos"]))
        }),
        Case::new("thermos simplerun true", |folder| Ok(call(folder, &["simplerun", "true"]))),
    ];
    compare(report, Path::new(MEMORY), scale.of(31, 11), &cases)
}

fn call(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut call = thermos(folder);
    call.args(arguments);
    call
}
