//! What happens in the contained child: evaluate, choose the tasks, bind the `-E` values, check.

use std::path::Path;

use serde_json::Value as Json;

use super::document::Document;
use super::flags::Flags;
use super::problems::{Wording, error_diagnostic};
use super::request::{Request, Source};
use super::{Loaded, Parameter, schedule};
use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::schema::{self, Task, schema};
use crate::script::{self, FileLoader, Given, Session};
use crate::template::Work;
use crate::types::{Object, Value};

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
    /// What the script asked for.
    parameters: Vec<Parameter>,
    printed: Vec<String>,
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
    let mut sources = Sources::default();
    let flags = Flags::new(request, &mut sources)?;
    let evaluation = evaluate(request, &flags, sources)?;
    let tasks: Vec<Object> = evaluation.tasks.iter().map(|task| flags.bind(task)).collect();
    let chosen = choose(&tasks, request.task.as_deref(), &evaluation)?;
    let mut examined = Vec::new();
    let mut diagnostics: Diagnostics = Vec::new();
    for (index, name) in chosen {
        match examine(&evaluation, &tasks[index], index, &name) {
            Ok(task) => examined.push(task),
            // A mistake in what several objects are copied from is one mistake.
            Err(found) => found.into_iter().for_each(|one| {
                if !diagnostics.iter().any(|known| is_same_mistake(known, &one)) {
                    diagnostics.push(one);
                }
            }),
        }
    }
    let (unknown, hidden) = flags.unused(&evaluation.work, &evaluation.parameters, &evaluation.sources);
    diagnostics.extend(unknown);
    if diagnostics.is_empty() {
        let Evaluation { printed, parameters, .. } = evaluation;
        return Ok(Loaded { tasks: examined, warnings: hidden, printed, parameters });
    }
    diagnostics.extend(hidden);
    Err(diagnostics)
}

fn is_same_mistake(left: &Diagnostic, right: &Diagnostic) -> bool {
    !left.labels.is_empty() && left.labels == right.labels && left.message == right.message
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
    let twice =
        named.iter().enumerate().find(|(index, (_, name))| named[..*index].iter().any(|(_, n)| n == name));
    if let Some((_, (_, name))) = twice {
        let message = format!("the configuration exports two tasks named `{name}`");
        let help = "give each a name of its own, or `--task` cannot tell them apart";
        return Err(vec![Diagnostic::error("duplicate_task", message).with_help(help)]);
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

fn evaluate(request: &Request, flags: &Flags, sources: Sources) -> Result<Evaluation, Diagnostics> {
    match &request.source {
        Source::Json { name, text } => evaluate_json(name, text, sources),
        Source::Script { path, text } => evaluate_script(request, path, text, flags, sources),
    }
}

fn evaluate_script(
    request: &Request,
    path: &Path,
    text: &str,
    flags: &Flags,
    sources: Sources,
) -> Result<Evaluation, Diagnostics> {
    let limits = script::Limits { operations: request.limits.operations, ..script::Limits::default() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let roots = [folder.to_owned()].into_iter().chain(request.include_root.clone());
    let given = flags
        .bound
        .iter()
        .map(|flag| (flag.binding.name.clone(), Given { value: flag.binding.value.clone(), at: flag.at }));
    let mut session = Session::new(&limits, Box::new(FileLoader::new(roots)), given.collect(), sources);
    let exports = session.run(&path.to_string_lossy(), text)?;
    let parameters = exports.parameters.into_values().map(|parameter| Parameter {
        place: exports.sources.place(parameter.at),
        name: parameter.name,
        kind: parameter.kind,
        default: parameter.default,
        value: parameter.value,
    });
    Ok(Evaluation {
        parameters: parameters.collect(),
        sources: exports.sources,
        tasks: exports.tasks.into_iter().map(|export| export.task.or_at(export.at)).collect(),
        printed: exports.printed,
        work: Work::default().watching(),
        is_json: false,
    })
}

fn evaluate_json(name: &str, text: &str, mut sources: Sources) -> Result<Evaluation, Diagnostics> {
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
    let work = Work::default().watching();
    Ok(Evaluation { sources, tasks, parameters: Vec::new(), printed: Vec::new(), work, is_json: true })
}
