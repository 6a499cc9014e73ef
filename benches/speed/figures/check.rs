//! Checking large configurations, against other languages with a file that says the same.

use std::path::Path;
use std::process::Command;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::peers::{find, python};
use crate::report::Report;
use crate::work::{MEMORY, command, thermos};

/// jrsonnet by its binding to Python: crates.io has no release of the program.
const JRSONNET: &str = "import rjsonnet, sys\nrjsonnet.evaluate_file(sys.argv[1])\n";

/// Tasks of 1 to 100,000 processes.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let has_jsonnet = find(report, "jsonnet", "jsonnet");
    let [pystachio, jrsonnet] = ["pystachio", "rjsonnet"].map(|package| python(report, package));
    let counts: &[usize] = scale.of(&[1, 1000, 10_000, 100_000], &[1, 1000]);
    for &count in counts {
        let name = format!("thermos check, {count} processes");
        let mut cases = vec![Case::new(name, move |folder| {
            evaluate(&["task.thermos"], "task.thermos", &script(count), thermos(folder).arg("check"))
        })];
        if has_jsonnet {
            cases.push(Case::new("jsonnet", move |folder| {
                evaluate(&["task.jsonnet"], "task.jsonnet", &jsonnet(count), &mut command("jsonnet", folder))
            }));
        }
        if let Some(python) = &jrsonnet {
            cases.push(Case::new("jrsonnet, in Python", move |folder| {
                let arguments = ["-c", JRSONNET, "task.jsonnet"];
                evaluate(&arguments, "task.jsonnet", &jsonnet(count), &mut interpreter(python, folder))
            }));
        }
        // Half a minute each at 10,000, and more than in proportion beyond.
        if let Some(python) = pystachio.as_ref().filter(|_| count <= 10_000) {
            let own = Case::new("pystachio", move |folder| {
                evaluate(&["task.py"], "task.py", &pystachio_file(count), &mut interpreter(python, folder))
            });
            cases.push(own.limit("at least 300 on the clock at 10,000"));
        }
        compare(report, Path::new(MEMORY), 5, &cases)?;
    }
    Ok(())
}

fn interpreter(python: &Path, folder: &Path) -> Command {
    command(&python.to_string_lossy(), folder)
}

/// Writes a configuration into the folder of a call, which gets the arguments.
fn evaluate(arguments: &[&str], name: &str, text: &str, call: &mut Command) -> Outcome<Command> {
    let folder = call.get_current_dir().ok_or("a call without a folder")?.to_owned();
    std::fs::write(folder.join(name), text)?;
    let mut evaluating = command(&call.get_program().to_string_lossy(), &folder);
    evaluating.args(call.get_args()).args(arguments);
    Ok(evaluating)
}

fn script(count: usize) -> String {
    format!(
        "let ps = range({count}).map(|i| Process(name = \"x%d\" % i, cmdline = \"echo {{{{n}}}} %d\" % i));\n\
         let cs = range(1, {count}).map(|i| Constraint(order = [\"x%d\" % (i - 1), \"x%d\" % i]));\n\
         export(Task(name = \"large\", processes = ps, constraints = cs).bind(n = \"value\"));\n"
    )
}

fn jsonnet(count: usize) -> String {
    format!(
        "local n = \"value\";\n{{\n  name: \"large\",\n\
         \x20 processes: [{{name: \"x\" + i, cmdline: \"echo \" + n + \" \" + i}} for i in std.range(0, {count} - 1)],\n\
         \x20 constraints: [{{order: [\"x\" + (i - 1), \"x\" + i]}} for i in std.range(1, {count} - 1)],\n}}\n"
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
         ps = [Process(name = 'x%d' % i, cmdline = 'echo {{{{n}}}} %d' % i) for i in range({count})]\n\
         cs = [Constraint(order = ['x%d' % (i - 1), 'x%d' % i]) for i in range(1, {count})]\n\
         task = Task(name = 'large', processes = ps, constraints = cs).bind(n = 'value')\n\
         check = task.check()\nassert check.ok(), check.message()\ntask.interpolate()\n"
    )
}
