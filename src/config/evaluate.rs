//! What happens in the contained child: evaluate, choose the tasks, bind the `-E` values, check.

use std::path::Path;
use std::time::Instant;

use serde_json::Value as Json;

use super::document::Document;
use super::flags::Flags;
use super::json_shape::Shape;
use super::problems::{Found, Wording, error_diagnostic};
use super::request::{Limits, Request, Source};
use super::{Loaded, Parameter, Size, schedule};
use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::schema::{self, Task, schema};
use crate::script::{self, Evaluated, FileLoader, Given, Session};
use crate::template::Work;
use crate::types::{Object, Value};

type Diagnostics = Vec<Diagnostic>;

/// Checks the tasks that the request asks for.
pub(super) fn check(request: &Request) -> Result<Loaded<Task>, Diagnostics> {
    each_task(request, |evaluation, object, index, name| {
        let task = schema::check_task(object, &evaluation.work).map_err(|problems| {
            let names = object.reachable_names();
            evaluation.wording(name, index, &names).diagnostics(&problems)
        })?;
        let wording = evaluation.wording(name, index, &[]);
        schedule::check(&wording, object, &task).map_err(|diagnostic| vec![Found::from(*diagnostic)])?;
        Ok(task)
    })
}

/// Checks the tasks that the request asks for, and tells their sizes.
pub(super) fn measure(request: &Request) -> Result<Loaded<Size>, Diagnostics> {
    let Loaded { tasks, warnings, printed, parameters } = check(request)?;
    let size = |task: &Task| Size { processes: task.processes.len(), constraints: task.constraints.len() };
    let sizes = tasks.iter().map(size).collect();
    // The process ends here, as in `each_task`.
    std::mem::forget(tasks);
    Ok(Loaded { tasks: sizes, warnings, printed, parameters })
}

/// Typechecks the tasks that the request asks for, and tells what they are.
pub(super) fn inspect(request: &Request) -> Result<Loaded<Document>, Diagnostics> {
    each_task(request, |evaluation, object, index, name| {
        let problems = object.typecheck(&evaluation.work);
        if !problems.is_empty() {
            return Err(evaluation.wording(name, index, &[]).diagnostics(&problems));
        }
        Document::of(object, name.to_owned(), &evaluation.work)
            .map_err(|error| vec![error_diagnostic(&evaluation.sources, &error, object.at()).into()])
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
    /// What was found wrong on the way.
    problems: Diagnostics,
    /// The objects from which fields were taken for that, by place, and the names of those fields.
    flawed: Vec<(Span, String)>,
}

impl Evaluation {
    fn wording<'a>(&'a self, task: &'a str, index: usize, names: &'a [String]) -> Wording<'a> {
        let json = self.is_json.then_some(index);
        Wording { sources: &self.sources, task, names, json, flawed: &self.flawed }
    }
}

fn each_task<T>(
    request: &Request,
    examine: impl Fn(&Evaluation, &Object, usize, &str) -> Result<T, Vec<Found>>,
) -> Result<Loaded<T>, Diagnostics> {
    let mut sources = Sources::default();
    let flags = Flags::new(request, &mut sources)?;
    let start = Instant::now();
    let mut evaluation = evaluate(request, &flags, sources)?;
    // What takes long is not done again, lest the time run out before anything is told.
    let is_quick = start.elapsed() < request.limits.time / MAX_REPLAYS;
    let until = start + request.limits.time / 2;
    let tasks: Vec<Object> = evaluation.tasks.iter().map(|task| flags.bind(task)).collect();
    let chosen = match choose(&tasks, request, &evaluation) {
        // The task may be missing for what was found before.
        Err(_) if !evaluation.problems.is_empty() => return Err(evaluation.problems),
        chosen => chosen?,
    };
    let mut examined = Vec::new();
    let mut diagnostics: Diagnostics = evaluation.problems.clone();
    let (mut told, mut replays) = (Vec::new(), if is_quick { MAX_REPLAYS } else { 0 });
    for (index, name) in chosen {
        match examine(&evaluation, &tasks[index], index, &name) {
            Ok(task) => examined.push(task),
            // A mistake in what several objects are copied from is one mistake.
            Err(found) => found.into_iter().for_each(|one| {
                if !told.iter().any(|known| is_same_mistake(known, &one.diagnostic)) {
                    told.push(one.diagnostic.clone());
                    diagnostics.push(with_callers(request, &flags, one, &mut replays, until));
                }
            }),
        }
    }
    let (unknown, hidden) = flags.unused(&evaluation.work, &evaluation.parameters, &evaluation.sources);
    // What was left out may have been all that refers to a value.
    if evaluation.problems.is_empty() {
        diagnostics.extend(unknown);
    }
    if diagnostics.is_empty() {
        let printed = std::mem::take(&mut evaluation.printed);
        let parameters = std::mem::take(&mut evaluation.parameters);
        // The process ends here: taking everything apart would take longer than some checks.
        std::mem::forget((evaluation, tasks));
        return Ok(Loaded { tasks: examined, warnings: hidden, printed, parameters });
    }
    diagnostics.extend(hidden);
    Err(diagnostics)
}

/// The most times that a script is evaluated again to find the calls that lead to a mistake.
const MAX_REPLAYS: u32 = 8;

/// The operations that each of these may use.
const REPLAY_OPERATIONS: u64 = 2_000_000;

/// Adds the calls that lead to where the object at fault was made.
fn with_callers(
    request: &Request,
    flags: &Flags,
    found: Found,
    replays: &mut u32,
    until: Instant,
) -> Diagnostic {
    let Found { mut diagnostic, object } = found;
    let (Source::Script { path, text }, Some(object)) = (&request.source, object) else { return diagnostic };
    let first = diagnostic.labels.first().map(|label| &label.place);
    if object.at().is_none()
        || first.is_none_or(|place| place.file == "-E")
        || *replays == 0
        || Instant::now() > until
    {
        return diagnostic;
    }
    *replays -= 1;
    let mut sources = Sources::default();
    // The same sources in the same order as before, so that places are the same.
    if Flags::new(request, &mut sources).is_err() {
        return diagnostic;
    }
    let operations = request.limits.operations.min(REPLAY_OPERATIONS);
    let mut session = session(request, (path, text), flags, sources, operations);
    let callers = session.callers(&path.to_string_lossy(), text, &object);
    diagnostic.labels.extend(callers);
    diagnostic
}

fn is_same_mistake(left: &Diagnostic, right: &Diagnostic) -> bool {
    !left.labels.is_empty() && left.labels == right.labels && left.message == right.message
}

/// Chooses the named task, or all of them.
fn choose(
    tasks: &[Object],
    request: &Request,
    evaluation: &Evaluation,
) -> Result<Vec<(usize, String)>, Diagnostics> {
    let names = tasks.iter().map(|task| task_name(task, &evaluation.work));
    let named: Vec<(usize, String)> = names.enumerate().collect();
    let file = request.source.name();
    if named.is_empty() {
        let (message, help) = match evaluation.is_json {
            true => (format!("{file} holds no task"), "write one task document, or a list of them"),
            false => (
                format!("{file} exports no task"),
                "end the file with `export(Task(name = \"...\", processes = [...]));`",
            ),
        };
        return Err(vec![Diagnostic::error("no_task", message).with_help(help)]);
    }
    let twice = named.iter().enumerate().find_map(|(index, (_, name))| {
        let first = named[..index].iter().position(|(_, other)| other == name)?;
        Some((first, index, name))
    });
    if let Some((first, second, name)) = twice {
        let place = |index: usize| {
            let task: Option<&Object> = tasks.get(index).filter(|_| !evaluation.is_json);
            task.and_then(|task| evaluation.sources.place(task.at()))
        };
        let help = "give each a name of its own, or `--task` cannot tell them apart";
        let diagnostic = Diagnostic::error("duplicate_task", format!("{file} has two tasks named `{name}`"))
            .with_label(place(second), "the second one")
            .with_label(place(first), "the first one");
        return Err(vec![diagnostic.with_help(help)]);
    }
    let Some(wanted) = request.task.as_deref() else { return Ok(named) };
    let names: Vec<String> = named.iter().map(|(_, name)| name.clone()).collect();
    let chosen: Vec<_> = named.into_iter().filter(|(_, name)| name == wanted).collect();
    if chosen.is_empty() {
        let help = match did_you_mean(wanted, names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it exports {}", names.join(", ")),
        };
        let mut diagnostic = Diagnostic::error("no_task", format!("{file} exports no task named `{wanted}`"));
        if !evaluation.is_json {
            for (task, name) in tasks.iter().zip(&names).take(MAX_SHOWN) {
                let place = evaluation.sources.place(task.at());
                diagnostic = diagnostic.with_label(place, format!("this is `{name}`"));
            }
        }
        return Err(vec![diagnostic.with_help(help)]);
    }
    Ok(chosen)
}

/// The most exported tasks that are shown.
const MAX_SHOWN: usize = 8;

fn task_name(task: &Object, work: &Work) -> String {
    let name = task.interpolated_field("name", work).ok().flatten();
    name.and_then(|name| name.object.text(work).ok()).unwrap_or_default()
}

fn evaluate(request: &Request, flags: &Flags, sources: Sources) -> Result<Evaluation, Diagnostics> {
    match &request.source {
        Source::Json { name, text } => evaluate_json(request, name, text, sources),
        Source::Script { path, text } => evaluate_script(request, path, text, flags, sources),
    }
}

/// Starts a session for a script.
fn session(
    request: &Request,
    (path, text): (&Path, &str),
    flags: &Flags,
    sources: Sources,
    operations: u64,
) -> Session {
    // One operation may need what there is several times over: a list that is doubled is copied first.
    let memory = usize::try_from(request.limits.memory / 4).unwrap_or(usize::MAX);
    let limits = script::Limits { operations, memory, ..script::Limits::default() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let roots = [folder.to_owned()].into_iter().chain(request.include_root.clone());
    let given = flags
        .bound
        .iter()
        .map(|flag| (flag.binding.name.clone(), Given { value: flag.binding.value.clone(), at: flag.at }));
    Session::of_file(&limits, Box::new(FileLoader::new(roots)), given.collect(), sources, text)
}

fn evaluate_script(
    request: &Request,
    path: &Path,
    text: &str,
    flags: &Flags,
    sources: Sources,
) -> Result<Evaluation, Diagnostics> {
    let mut session = session(request, (path, text), flags, sources, request.limits.operations);
    let evaluated = session.run_through(&path.to_string_lossy(), text);
    // The process ends soon: its variables and the engine are not taken apart before.
    std::mem::forget(session);
    let Evaluated { exports, problems, flawed } = evaluated?;
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
        work: work(&request.limits),
        is_json: false,
        problems,
        flawed,
    })
}

/// An operation of a script pays for two bytes of text that references are replaced in.
fn work(limits: &Limits) -> Work {
    Work::new(limits.operations.saturating_mul(2)).watching()
}

fn evaluate_json(
    request: &Request,
    name: &str,
    text: &str,
    mut sources: Sources,
) -> Result<Evaluation, Diagnostics> {
    let source = sources.add(name, text);
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let at = Span::new(source, error.line() as u32, error.column().max(1) as u32, 0);
        let (message, help) = json_error(&error.to_string());
        let diagnostic = Diagnostic::error("invalid_json", format!("{name} is no JSON: {message}"));
        vec![diagnostic.with_label(sources.place(at), "here").with_help(help)]
    })?;
    let documents = match json {
        Json::Array(documents) => documents,
        document => vec![document],
    };
    let start = Span::new(source, 1, 1, 0);
    let (mut tasks, mut problems, mut flawed) = (Vec::new(), Vec::new(), Vec::new());
    for (index, document) in documents.into_iter().enumerate() {
        let mut shape = Shape::new(&sources, source, index, &document);
        if let Some(document) = shape.fit(&schema().task, document) {
            match Object::new(&schema().task, &Value::from(&document), start) {
                Ok(task) => tasks.push(task),
                Err(error) => problems.push(error_diagnostic(&sources, &error, start)),
            }
        }
        problems.append(&mut shape.problems);
        flawed.append(&mut shape.flawed);
    }
    let (parameters, printed, work) = (Vec::new(), Vec::new(), work(&request.limits));
    Ok(Evaluation { sources, tasks, parameters, printed, work, is_json: true, problems, flawed })
}

/// Words what the parser says, and what to do about it.
fn json_error(text: &str) -> (String, &'static str) {
    let text = text.split(" at line ").next().unwrap_or(text);
    match text {
        "trailing comma" => ("a `,` stands before a closing bracket".to_owned(), "remove the `,` before it"),
        "trailing characters" => {
            ("something follows the document".to_owned(), "put several tasks into a list: [ ... ]")
        }
        "recursion limit exceeded" => {
            ("it is nested too deep".to_owned(), "a task document has less than ten levels")
        }
        _ if text.starts_with("EOF") => {
            let what = text.rsplit(' ').next().unwrap_or("value");
            (
                format!("it ends in the middle of a {what}").replace("a object", "an object"),
                "is the file complete?",
            )
        }
        "expected value" => (
            "a value is missing".to_owned(),
            "a value is \"text\", a number, true, false, null, [ ... ] or { ... }; a script must not end in .json",
        ),
        "key must be a string" => ("a key is no text".to_owned(), "put keys in double quotes"),
        other => (other.to_owned(), "a task document is one JSON object, or a list of them"),
    }
}
