//! What happens in the contained child: evaluate, choose the tasks, bind the `-E` values, check.

use serde_json::Value as Json;

use super::document::Document;
use super::problems::{Wording, error_diagnostic};
use super::request::{Request, Source};
use super::{Loaded, schedule};
use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::schema::{self, Task, schema};
use crate::template::{Binding, Environment, Reference, Work};
use crate::types::{Binder, Object, Value};

type Diagnostics = Vec<Diagnostic>;

/// Checks the tasks that the request asks for.
pub(super) fn check(request: &Request) -> Result<Loaded<Task>, Diagnostics> {
    each_task(request, |evaluation, object, index, name| {
        let task = schema::check_task(object, &evaluation.work).map_err(|problems| {
            let names = object.reachable_names();
            let wording = evaluation.wording(name, index, &names);
            problems.iter().map(|problem| wording.diagnostic(problem)).collect::<Diagnostics>()
        })?;
        schedule::check(&evaluation.sources, object, &task).map_err(|diagnostic| vec![*diagnostic])?;
        Ok(task)
    })
}

/// Typechecks the tasks that the request asks for, and tells what they are.
pub(super) fn inspect(request: &Request) -> Result<Loaded<Document>, Diagnostics> {
    each_task(request, |evaluation, object, index, name| {
        let problems = object.typecheck(&evaluation.work);
        if !problems.is_empty() {
            let wording = evaluation.wording(name, index, &[]);
            return Err(problems.iter().map(|problem| wording.diagnostic(problem)).collect());
        }
        Document::of(object, name.to_owned(), &evaluation.work)
            .map_err(|error| vec![error_diagnostic(&evaluation.sources, &error, object.at())])
    })
}

/// A configuration after its evaluation.
struct Evaluation {
    sources: Sources,
    tasks: Vec<Object>,
    /// `-E` names that were parameters of the script.
    parameters: Vec<String>,
    work: Work,
    /// Whether the tasks come from JSON, whose values carry no places.
    is_json: bool,
}

impl Evaluation {
    fn wording<'a>(&'a self, task: &'a str, index: usize, names: &'a [String]) -> Wording<'a> {
        Wording { sources: &self.sources, task, names, json: self.is_json.then_some(index) }
    }
}

fn each_task<T>(
    request: &Request,
    examine: impl Fn(&Evaluation, &Object, usize, &str) -> Result<T, Diagnostics>,
) -> Result<Loaded<T>, Diagnostics> {
    let mut evaluation = evaluate(request)?;
    let flags = Flags::new(request, &mut evaluation.sources)?;
    let tasks: Vec<Object> = evaluation.tasks.iter().map(|task| flags.bind(task)).collect();
    let chosen = choose(&tasks, request.task.as_deref(), &evaluation)?;
    let mut examined = Vec::new();
    let mut diagnostics = Vec::new();
    for (index, name) in chosen {
        match examine(&evaluation, &tasks[index], index, &name) {
            Ok(task) => examined.push(task),
            Err(found) => diagnostics.extend(found),
        }
    }
    let (unknown, hidden) = flags.unused(&evaluation);
    diagnostics.extend(unknown);
    if diagnostics.is_empty() {
        return Ok(Loaded { tasks: examined, warnings: hidden });
    }
    diagnostics.extend(hidden);
    Err(diagnostics)
}

/// Chooses the named task, or all of them.
fn choose(
    tasks: &[Object],
    wanted: Option<&str>,
    evaluation: &Evaluation,
) -> Result<Vec<(usize, String)>, Diagnostics> {
    let names = tasks.iter().map(|task| task_name(task, &evaluation.work));
    let named: Vec<(usize, String)> = names.enumerate().collect();
    if named.is_empty() {
        let help = "end the file with `export(Task(name = \"...\", processes = [...]))`";
        return Err(vec![Diagnostic::error("no_task", "the configuration exports no task").with_help(help)]);
    }
    let Some(wanted) = wanted else { return Ok(named) };
    let names: Vec<String> = named.iter().map(|(_, name)| name.clone()).collect();
    let chosen: Vec<_> = named.into_iter().filter(|(_, name)| name == wanted).collect();
    if chosen.is_empty() {
        let help = match did_you_mean(wanted, names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it exports {}", names.join(", ")),
        };
        let message = format!("the configuration exports no task named `{wanted}`");
        return Err(vec![Diagnostic::error("no_task", message).with_help(help)]);
    }
    Ok(chosen)
}

fn task_name(task: &Object, work: &Work) -> String {
    let name = task.interpolated_field("name", work).ok().flatten();
    name.and_then(|name| name.object.text(work).ok()).unwrap_or_default()
}

/// The `-E` values, as an environment and as places.
struct Flags {
    environment: Environment<Object>,
    bound: Vec<(String, Reference, Span)>,
}

impl Flags {
    fn new(request: &Request, sources: &mut Sources) -> Result<Flags, Diagnostics> {
        let mut flags = Flags { environment: Environment::default(), bound: Vec::new() };
        for binding in &request.bindings {
            let source = sources.add("-E", format!("{}={}", binding.name, binding.value));
            let column = binding.name.chars().count() as u32 + 2;
            let at = Span::new(source, 1, column, binding.value.chars().count() as u32);
            let reference = Reference::parse(&binding.name).map_err(|error| {
                let help = "a name is letters, digits and `_`, with `.name` and `[key]` behind it";
                let place = sources.place(Span::new(source, 1, 1, column.saturating_sub(2)));
                let diagnostic = Diagnostic::error("invalid_reference", format!("-E: {error}"));
                vec![diagnostic.with_label(place, "no reference").with_help(help)]
            })?;
            flags.environment.insert(reference.clone(), Binding::Text(binding.value.clone()), at);
            flags.bound.push((binding.name.clone(), reference, at));
        }
        Ok(flags)
    }

    fn bind(&self, task: &Object) -> Object {
        if self.environment.is_empty() {
            return task.clone();
        }
        task.bind([Binder::from(self.environment.clone())])
    }

    /// Tells which values nothing refers to (an error), and which are hidden wherever they are referred to.
    fn unused(&self, evaluation: &Evaluation) -> (Diagnostics, Diagnostics) {
        let work = &evaluation.work;
        let (mut unknown, mut hidden) = (Vec::new(), Vec::new());
        for (name, reference, at) in &self.bound {
            if work.used(*at) || evaluation.parameters.contains(name) {
                continue;
            }
            let place = evaluation.sources.place(*at);
            if work.looked_up(reference) {
                let message = format!(
                    "-E {name} changes nothing: wherever {{{{{name}}}}} stands, another binding hides it"
                );
                let help = "a field or binding nearer to the reference wins; rename one of the two";
                let warning = Diagnostic::warning("hidden_binding", message);
                hidden.push(warning.with_label(place, "has no effect").with_help(help));
                continue;
            }
            let others: Vec<String> = work.all_looked_up().iter().map(Reference::to_string).collect();
            let mut others: Vec<&str> = others.iter().map(String::as_str).collect();
            others.sort_unstable();
            let help = match did_you_mean(name, others.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if others.is_empty() => "the configuration has no references at all".to_owned(),
                None => format!("it refers to {}", others.join(", ")),
            };
            let message = format!("-E {name}: nothing in the configuration refers to `{name}`");
            let error = Diagnostic::error("unknown_binding", message);
            unknown.push(error.with_label(place, "is used nowhere").with_help(help));
        }
        (unknown, hidden)
    }
}

fn evaluate(request: &Request) -> Result<Evaluation, Diagnostics> {
    match &request.source {
        Source::Json { name, text } => evaluate_json(name, text),
        Source::Script { path, text } => {
            let _ = (path, text);
            Err(vec![Diagnostic::error("x", "script")])
        }
    }
}

fn evaluate_json(name: &str, text: &str) -> Result<Evaluation, Diagnostics> {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let at = Span::new(source, error.line() as u32, error.column().max(1) as u32, 0);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        let diagnostic = Diagnostic::error("invalid_json", format!("the file is no JSON: {message}"));
        let help = "a task document is one JSON object, or a list of them; a script must not end in .json";
        vec![diagnostic.with_label(sources.place(at), "here").with_help(help)]
    })?;
    let documents = match Value::from(&json) {
        Value::List(documents) => documents,
        document => vec![document],
    };
    let start = Span::new(source, 1, 1, 0);
    let tasks = documents
        .iter()
        .map(|document| Object::new(&schema().task, document, start))
        .collect::<Result<_, _>>();
    let tasks = tasks.map_err(|error| vec![error_diagnostic(&sources, &error, start)])?;
    Ok(Evaluation { sources, tasks, parameters: Vec::new(), work: Work::default().watching(), is_json: true })
}
