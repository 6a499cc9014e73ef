//! What happens in the contained child: evaluate, choose the tasks, bind the `-E` values, check.

use std::path::Path;
use std::time::Instant;

use serde_json::Value as Json;

use super::document::Document;
use super::flags::Flags;
use super::json_shape::Shape;
use super::json_unique::UniqueJson;
use super::problems::{Found, Wording, error_diagnostic};
use super::request::{Limits, Request, Source};
use super::wrong::{MAX_REPLAYS, Wrong, is_same_mistake, with_callers};
use super::{Loaded, Parameter, Size, schedule};
use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean};
use crate::schema::{self, Task, schema};
use crate::script::{self, Evaluated, FileLoader, Given, Session, Uses};
use crate::template::Work;
use crate::types::{Object, Value};

type Diagnostics = Vec<Diagnostic>;

/// Checks the tasks that the request asks for.
pub(super) fn check(request: &Request) -> Result<Loaded<Task>, Diagnostics> {
    each_task(request, examine_task)
}

/// Finds all that is wrong with a task, or makes one that may run.
pub(super) fn examine_task(
    evaluation: &Evaluation,
    object: &Object,
    index: usize,
    name: &str,
) -> Result<Task, Vec<Found>> {
    let (task, mut found, plan) = match schema::check_task(object, &evaluation.work) {
        Ok(task) => {
            let plan = schedule::check(&evaluation.wording(name, index, &[]), object, &task);
            (Some(task), Vec::new(), plan)
        }
        Err(problems) => {
            let names = object.reachable_names();
            let wording = evaluation.wording(name, index, &names);
            let plan = schedule::check_sketch(&wording, object, &evaluation.work);
            (None, wording.diagnostics(&problems), plan)
        }
    };
    found.extend(plan.into_iter().map(Found::from));
    task.filter(|_| found.is_empty()).ok_or(found)
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
    each_task(request, examine_document)
}

/// Finds what is of the wrong type in an object, or tells what the object is.
pub(super) fn examine_document(
    evaluation: &Evaluation,
    object: &Object,
    index: usize,
    name: &str,
) -> Result<Document, Vec<Found>> {
    let problems = object.typecheck(&evaluation.work);
    if !problems.is_empty() {
        return Err(evaluation.wording(name, index, &[]).diagnostics(&problems));
    }
    Document::of(object, name.to_owned(), &evaluation.work)
        .map_err(|error| vec![error_diagnostic(&evaluation.sources, &error, object.at()).into()])
}

/// Examines a task: its number among those that were exported, and its name, as far as that is known.
pub(super) type Examine<T> = fn(&Evaluation, &Object, usize, &str) -> Result<T, Vec<Found>>;

/// A configuration after its evaluation.
pub(super) struct Evaluation {
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
    /// Where values that are written elsewhere were given.
    uses: Uses,
}

impl Evaluation {
    /// Takes an object for one that was just evaluated.
    pub(super) fn of(object: Object, sources: Sources, limits: &Limits) -> Evaluation {
        Evaluation {
            sources,
            tasks: vec![object],
            parameters: Vec::new(),
            printed: Vec::new(),
            work: work(limits),
            is_json: false,
            problems: Vec::new(),
            flawed: Vec::new(),
            uses: Uses::default(),
        }
    }

    /// Examines the first of its objects.
    pub(super) fn examine<T>(&self, examine: Examine<T>) -> Result<T, Diagnostics> {
        let Some(object) = self.tasks.first() else { return Err(Vec::new()) };
        let found = examine(self, object, 0, &task_name(object, &self.work));
        found.map_err(|found| found.into_iter().map(|one| one.diagnostic).collect())
    }

    fn wording<'a>(&'a self, task: &'a str, index: usize, names: &'a [String]) -> Wording<'a> {
        let json = self.is_json.then_some(index);
        let (flawed, uses) = (&self.flawed, &self.uses);
        Wording { sources: &self.sources, task, names, json, flawed, uses }
    }
}

fn each_task<T>(
    request: &Request,
    examine: impl Fn(&Evaluation, &Object, usize, &str) -> Result<T, Vec<Found>>,
) -> Result<Loaded<T>, Diagnostics> {
    let start = Instant::now();
    let wrong = match attempt(request, &examine, Values::Plain) {
        Ok(loaded) => return Ok(loaded),
        Err(wrong) => wrong,
    };
    let is_script = matches!(request.source, Source::Script { .. });
    // What takes long is not done again, lest the time run out before anything is told.
    if !is_script || wrong.values == 0 || start.elapsed() > request.limits.time / MAX_REPLAYS {
        return Err(wrong.told(|found| found.diagnostic));
    }
    let until = start + request.limits.time / 2;
    let wrong = match attempt(request, &examine, Values::Traced) {
        Err(traced) => wrong.improved(traced),
        Ok(_) => wrong,
    };
    let mut replays = MAX_REPLAYS;
    Err(wrong.told(|found| with_callers(request, found, &mut replays, until)))
}

/// Evaluates the configuration and examines the tasks that are asked for.
fn attempt<T>(
    request: &Request,
    examine: &impl Fn(&Evaluation, &Object, usize, &str) -> Result<T, Vec<Found>>,
    values: Values,
) -> Result<Loaded<T>, Wrong> {
    let mut sources = Sources::default();
    let flags = Flags::new(request, &mut sources)?;
    let mut evaluation = evaluate(request, &flags, sources, values)?;
    let tasks: Vec<Object> = evaluation.tasks.iter().map(|task| flags.bind(task)).collect();
    let chosen = match choose(&tasks, request, &evaluation) {
        // The task may be missing for what was found before.
        Err(_) if !evaluation.problems.is_empty() => {
            let wrong = Wrong::from(evaluation.problems);
            return Err(Wrong { values: wrong.found.len(), ..wrong });
        }
        chosen => chosen?,
    };
    let mut examined = Vec::new();
    let Wrong { mut found, .. } = Wrong::from(evaluation.problems.clone());
    let told = found.len();
    for (index, name) in chosen {
        match examine(&evaluation, &tasks[index], index, &name) {
            Ok(task) => examined.push(task),
            // A mistake in what several objects are copied from is one mistake.
            Err(more) => more.into_iter().for_each(|one| {
                if !found[told..].iter().any(|known| is_same_mistake(&known.diagnostic, &one.diagnostic)) {
                    found.push(one);
                }
            }),
        }
    }
    let (unknown, hidden) = flags.unused(&evaluation.work, &evaluation.parameters, &evaluation.sources);
    // What was left out, or is no reference as it was written, may have been all that refers to a value.
    let misspelt = |one: &Found| one.diagnostic.code.ends_with("::invalid_reference");
    if evaluation.problems.is_empty() && !found.iter().any(misspelt) {
        found.extend(unknown.into_iter().map(Found::from));
    }
    if found.is_empty() {
        let printed = std::mem::take(&mut evaluation.printed);
        let parameters = std::mem::take(&mut evaluation.parameters);
        // The process ends here: taking everything apart would take longer than some checks.
        std::mem::forget((evaluation, tasks));
        return Ok(Loaded { tasks: examined, warnings: hidden, printed, parameters });
    }
    Err(Wrong { values: found.len(), found, warnings: hidden })
}

/// How a script is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// As it stands.
    Plain,
    /// So that values know where they come from, for what is wrong with them.
    Traced,
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

fn evaluate(
    request: &Request,
    flags: &Flags,
    sources: Sources,
    values: Values,
) -> Result<Evaluation, Diagnostics> {
    match &request.source {
        Source::Json { name, text } => evaluate_json(request, name, text, sources),
        Source::Script { path, text } => {
            let session = session(request, (path, text), flags, sources, request.limits.operations);
            let session = if values == Values::Traced { session.tracing() } else { session };
            evaluate_script(request, path, text, session)
        }
    }
}

/// Starts a session for a script.
pub(super) fn session(
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
    mut session: Session,
) -> Result<Evaluation, Diagnostics> {
    let evaluated = session.run_through(&path.to_string_lossy(), text);
    // The process ends soon: its variables and the engine are not taken apart before.
    std::mem::forget(session);
    let Evaluated { exports, problems, flawed, uses } = evaluated?;
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
        uses,
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
    let UniqueJson(json) = serde_json::from_str(text).map_err(|error| {
        let at = Span::new(source, error.line() as u32, error.column().max(1) as u32, 0);
        let (message, help) = json_error(&error.to_string());
        let is_syntax = !error.is_data();
        let message =
            if is_syntax { format!("{name} is no JSON: {message}") } else { format!("{name}: {message}") };
        let diagnostic = Diagnostic::error("invalid_json", message);
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
    let uses = Uses::default();
    Ok(Evaluation { sources, tasks, parameters, printed, work, is_json: true, problems, flawed, uses })
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
        _ if text.starts_with("the key ") => (text.to_owned(), "remove one of the two, or rename it"),
        "key must be a string" => ("a key is no text".to_owned(), "put keys in double quotes"),
        other => (other.to_owned(), "a task document is one JSON object, or a list of them"),
    }
}
