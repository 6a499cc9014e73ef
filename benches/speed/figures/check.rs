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
        // It needs a minute and a half and 19 GB for 100,000.
        if has_jsonnet && count <= 10_000 {
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

/// What the original Thermos asked of pystachio before it accepted a task: its schema, the task bound, checked and
/// interpolated when it is loaded, once more when it is validated, and read for the plan.
fn pystachio_file(count: usize) -> String {
    format!(
        "{PYSTACHIO_SCHEMA}\n\
         ps = [Process(name = 'x%d' % i, cmdline = 'echo {{{{n}}}} %d' % i) for i in range({count})]\n\
         cs = [Constraint(order = ['x%d' % (i - 1), 'x%d' % i]) for i in range(1, {count})]\n\
         task = Task(name = 'large', processes = ps, constraints = cs).bind(n = 'value')\n\
         for _ in ('load', 'validate'):\n\
         \x20 bound, missing = task.interpolate()\n\
         \x20 check = bound.check()\n\
         \x20 assert check.ok() and not missing, check.message()\n\
         names = set(p.name().get() for p in bound.processes() if not p.final().get())\n\
         after = dict((name, set()) for name in names)\n\
         for c in bound.constraints():\n\
         \x20 order = [name.get() for name in c.order()]\n\
         \x20 for before, behind in zip(order, order[1:]):\n\
         \x20\x20\x20 after[behind].add(before)\n"
    )
}

/// The fields of a task and their defaults, by the manual of Thermos.
const PYSTACHIO_SCHEMA: &str = "\
from pystachio import Boolean, Default, Float, Integer, List, Required, String, Struct

class Resources(Struct):
  cpu = Required(Float)
  ram = Required(Integer)
  disk = Required(Integer)

class Process(Struct):
  name = Required(String)
  cmdline = Required(String)
  resources = Resources
  max_failures = Default(Integer, 1)
  daemon = Default(Boolean, False)
  ephemeral = Default(Boolean, False)
  min_duration = Default(Integer, 5)
  final = Default(Boolean, False)

class Constraint(Struct):
  order = List(String)

class Task(Struct):
  name = Default(String, '{{processes[0].name}}')
  processes = List(Process)
  constraints = Default(List(Constraint), [])
  resources = Resources
  max_failures = Default(Integer, 1)
  max_concurrency = Default(Integer, 0)
  finalization_wait = Default(Integer, 30)
  user = String
";
