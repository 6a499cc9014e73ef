//! What `:help` says.

use super::super::failure::Failure;
use super::commands::{COMMANDS, known};
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::script;

const LANGUAGE: &str = r##"x = 1                                  a variable (in a file: let x = 1;)
p = Process(name = "a", cmdline = "true")
p(name = "b")                          a copy with another name
p.cmdline   p.check()                  a field; what is wrong
"echo {{who}}"  "echo <<who>>"         references in texts
p.bind(who = "you")                    a copy in which they are filled in
{{&who}}                               the text itself, no reference
t = Task(name = "t", processes = [p, q], constraints = order(p, q))
export(t)                              what a file hands over; here for :check, :run

"a" 'a' #"a "b" c"#                    texts; the last one as it stands
`step ${i}`                            a text with an expression of the script
[1, 2]   #{name: "a", n: 1}            a list, a map
fn twice(x) { x * 2 }   |x| x * 2      a function, a closure
range(3).map(|i| p(name = `p${i}`))    three processes
for i in range(3) { ... }   if a { ... } else { ... }
Step = Struct("Step", name = Required(String), n = Default(Integer, 1))
include("lib/math.thermos")            the statements of another file"##;

/// Tells what there is.
pub(super) fn overview() -> Vec<String> {
    let mut lines =
        vec!["Type an expression to see its value, x = ... to keep it.".to_owned(), String::new()];
    lines.extend(COMMANDS.iter().map(|(name, takes, about)| entry(&format!(":{name} {takes}"), about)));
    lines.push(String::new());
    lines.push("Tab completes, Up brings back what was typed, Ctrl-R searches it.".to_owned());
    lines.push("Ctrl-C drops what is typed or ends what runs, Ctrl-D leaves.".to_owned());
    lines.push(String::new());
    lines.push("Topics of :help: language, each command, and".to_owned());
    for (group, names) in script::topics() {
        lines.extend(wrapped(&format!("  {group}: {}", names.join(", "))));
    }
    lines
}

/// Columns of a line of help.
const COLUMNS: usize = 78;

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.trim_start().split(' ') {
        if line.chars().count() + word.chars().count() + 3 > COLUMNS {
            lines.push(std::mem::replace(&mut line, "   ".to_owned()));
        }
        line.push_str(if line.is_empty() { "  " } else { " " });
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn entry(usage: &str, about: &str) -> String {
    format!("  {usage:18} {about}")
}

/// Returns what there is help on.
pub(super) fn names() -> Vec<String> {
    let commands = COMMANDS.iter().map(|(name, ..)| (*name).to_owned());
    let topics = script::topics().into_iter().flat_map(|(_, names)| names);
    let mut names: Vec<String> = commands.chain(topics).chain(["language".to_owned()]).collect();
    names.sort();
    names.dedup();
    names
}

/// Tells about something, or what there is.
///
/// # Errors
/// There is no such topic.
pub(super) fn topic(name: &str) -> Result<Vec<String>, Failure> {
    let name = name.trim().trim_end_matches("()");
    if name.is_empty() {
        return Ok(overview());
    }
    if name == "language" {
        return Ok(LANGUAGE.lines().map(str::to_owned).collect());
    }
    let command = known(name.trim_start_matches(':')).filter(|known| name.trim_start_matches(':') == *known);
    let command = COMMANDS.iter().find(|(known, ..)| Some(*known) == command);
    let command =
        command.map(|(name, takes, about)| format!(":{name} {takes}  {about}").replace("   ", "  "));
    let found = script::topic(name).filter(|_| !name.starts_with(':')).map(told);
    match (command, found) {
        (None, None) => Err(unknown(name)),
        (command, found) => Ok(command.into_iter().chain(found.into_iter().flatten()).collect()),
    }
}

fn told(topic: script::Topic) -> Vec<String> {
    let width = topic.fields.iter().map(|(field, _)| field.chars().count()).max().unwrap_or(0);
    let mut lines = wrapped(&format!("{}: {}", topic.usage, topic.about));
    if let Some(first) = lines.first_mut() {
        *first = first.trim_start().to_owned();
    }
    lines.extend(topic.fields.iter().map(|(field, about)| format!("  {field:width$}  {about}")));
    lines
}

fn unknown(name: &str) -> Failure {
    let names = names();
    let help = did_you_mean_help(name, names.iter().map(String::as_str));
    let help = help.unwrap_or_else(|| "`:help` lists the topics".to_owned());
    let diagnostic = Diagnostic::error("unknown_topic", format!("there is no help on `{name}`"));
    Failure::invalid(vec![diagnostic.with_help(help)])
}
