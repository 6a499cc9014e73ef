//! Checking large configurations, against other languages with a file that says the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::peers::{find, jrsonnet, pystachio};
use crate::report::Report;
use crate::work::{MEMORY, command, thermos};

/// Tasks of 1 to 100,000 processes.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let python = pystachio(report);
    let mut jsonnets: Vec<(&str, PathBuf)> = Vec::new();
    if find(report, "jsonnet", "jsonnet") {
        jsonnets.push(("jsonnet", "jsonnet".into()));
    }
    jsonnets.extend(jrsonnet(report).map(|program| ("jrsonnet", program)));
    let counts: &[usize] = scale.of(&[1, 1000, 10_000, 100_000], &[1, 1000]);
    for &count in counts {
        let own = || {
            Case::new(format!("thermos check, {count} processes"), move |folder| evaluate_own(folder, count))
        };
        let mut cases = vec![own()];
        for (name, program) in &jsonnets {
            cases.push(Case::new(*name, move |folder| {
                evaluate(program, folder, "task.jsonnet", &jsonnet(count))
            }));
        }
        compare(report, Path::new(MEMORY), 5, &cases)?;
        if let Some(python) = python.as_ref().filter(|_| count <= 10_000) {
            // Half a minute each at 10,000.
            let other = Case::new("pystachio", move |folder| {
                evaluate(python, folder, "task.py", &pystachio_file(count))
            });
            compare(
                report,
                Path::new(MEMORY),
                5,
                &[own(), other.limit("at least 300 on the clock at 10,000")],
            )?;
        }
    }
    Ok(())
}

fn evaluate_own(folder: &Path, count: usize) -> Outcome<Command> {
    std::fs::write(folder.join("task.thermos"), script(count))?;
    let mut call = thermos(folder);
    call.args(["check", "task.thermos"]);
    Ok(call)
}

fn evaluate(program: &Path, folder: &Path, name: &str, text: &str) -> Outcome<Command> {
    std::fs::write(folder.join(name), text)?;
    let mut call = command(&program.to_string_lossy(), folder);
    call.arg(name);
    Ok(call)
}

fn script(count: usize) -> String {
    format!(
        "let ps = range({count}).map(|i| Process(name = \"x%06d\" % i, cmdline = \"echo {{{{n}}}} %d\" % i));\n\
         let cs = range(1, {count}).map(|i| Constraint(order = [\"x%06d\" % (i - 1), \"x%06d\" % i]));\n\
         export(Task(name = \"large\", processes = ps, constraints = cs).bind(n = \"value\"));\n"
    )
}

fn jsonnet(count: usize) -> String {
    format!(
        "local n = \"value\";\n{{\n  name: \"large\",\n\
         \x20 processes: [{{name: \"x%06d\" % i, cmdline: \"echo %s %d\" % [n, i]}} for i in std.range(0, {count} - 1)],\n\
         \x20 constraints: [{{order: [\"x%06d\" % (i - 1), \"x%06d\" % i]}} for i in std.range(1, {count} - 1)],\n}}\n"
    )
}

/// The same schema as the original Thermos had, checked as it checked a task.
fn pystachio_file(count: usize) -> String {
    format!(
        "from pystachio import Default, List, Required, String, Struct\n\n\
         class Process(Struct):\n  name = Required(String)\n  cmdline = Required(String)\n\n\
         class Constraint(Struct):\n  order = List(String)\n\n\
         class Task(Struct):\n  name = Required(String)\n  processes = List(Process)\n\
         \x20 constraints = Default(List(Constraint), [])\n\n\
         ps = [Process(name = 'x%06d' % i, cmdline = 'echo {{{{n}}}} %d' % i) for i in range({count})]\n\
         cs = [Constraint(order = ['x%06d' % (i - 1), 'x%06d' % i]) for i in range(1, {count})]\n\
         task = Task(name = 'large', processes = ps, constraints = cs).bind(n = 'value')\n\
         check = task.check()\nassert check.ok(), check.message()\ntask.interpolate()\n"
    )
}
