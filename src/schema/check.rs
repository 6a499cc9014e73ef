//! The check (LANGUAGE section 4): what must hold of a task object for it to become a plain [`Task`].
//!
//! Finds every problem. What only the plan can tell (cycles, unknown processes in an order) is checked above.

use std::collections::{HashMap, HashSet};

use super::task::{
    CommandLine, Constraint, LogDestination, LogMode, Logger, Process, Resources, RotatePolicy, Task,
    runtime_fragment,
};
use super::types::schema;
use crate::diagnostics::Span;
use crate::template::{Reference, Work};
use crate::types::{Integer, Interpolated, Members, Object, Path, Problem, ProblemKind, Value};

/// The longest command line that `execve` takes as one argument: 32 pages less the final NUL (execve(2)).
pub const MAX_COMMAND_LINE: usize = 131_071;

/// The longest name of a file on Linux, in bytes (NAME_MAX).
const NAME_MAX: usize = 255;

/// The longest process name: its checkpoint is called `coordinator.<name>.<run>`, and a run needs up to ten digits.
pub const MAX_PROCESS_NAME: usize = NAME_MAX - "coordinator.".len() - ".4294967295".len();

/// Says whether the runner binds a reference, so that it may be open in a command line.
pub fn is_runtime_reference(reference: &Reference) -> bool {
    runtime_fragment(reference).is_some()
}

/// Turns a task object into a plain task.
///
/// # Errors
/// Everything that the typecheck finds, open references, and what no run could mean: see LANGUAGE section 4.
pub fn check_task(object: &Object, work: &Work) -> Result<Task, Vec<Problem>> {
    let left = work.left();
    let mut reader = Reader { problems: Vec::new(), sound: true, work };
    let task = reader.task(&Here { object: object.members(), path: &Path::start(object.at()) });
    // What can be read is sound. Only for what cannot, the typecheck goes through it all again, to say why.
    if task.is_none() || !reader.sound || !reader.problems.is_empty() {
        work.start_again(left);
        let mut problems = object.check(is_runtime_reference, work);
        if !problems.is_empty() {
            let known: HashSet<String> = problems.iter().map(Problem::way).collect();
            problems.extend(reader.problems.into_iter().filter(|one| !known.contains(&one.way())));
            return Err(problems);
        }
    }
    match task {
        Some(task) if reader.problems.is_empty() => Ok(task),
        _ => Err(reader.problems),
    }
}

/// Finds what keeps an object from being of use: what [`check_task`] finds in a task, and in parts of one.
pub fn check_object(object: &Object, work: &Work) -> Vec<Problem> {
    let types = schema();
    if *object.ty() == types.task {
        return check_task(object, work).err().unwrap_or_default();
    }
    let problems = object.check(is_runtime_reference, work);
    if !problems.is_empty() {
        return problems;
    }
    let mut reader = Reader { problems: Vec::new(), sound: true, work };
    let here = Here { object: object.members(), path: &Path::start(object.at()) };
    match object.ty() {
        ty if *ty == types.process => drop(reader.process(&here)),
        ty if *ty == types.resources => drop(reader.resources(&here)),
        ty if *ty == types.logger => drop(reader.logger(&here)),
        ty if *ty == types.rotate_policy => drop(reader.rotate_policy(&here)),
        _ => {}
    }
    reader.problems
}

/// Says what keeps a text from being the name of a process; nothing if it may be one.
pub fn process_name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if name.starts_with('.') {
        return Some(format!("must not begin with a dot, but is {name:?}"));
    }
    if let Some(wrong) = name.chars().find(|c| *c == '/' || c.is_control()) {
        return Some(format!("must not contain {wrong:?}, but is {name:?}"));
    }
    (name.len() > MAX_PROCESS_NAME).then(|| {
        format!("must have at most {MAX_PROCESS_NAME} bytes to fit a file name, but has {}", name.len())
    })
}

/// Reads plain values off an object, and notes what is wrong with those that pass the typecheck.
struct Reader<'a> {
    problems: Vec<Problem>,
    /// Whether everything that is set could be read, and no reference is open but in command lines.
    sound: bool,
    work: &'a Work,
}

/// A struct that is read, and the way there.
struct Here<'a> {
    object: Members<'a>,
    path: &'a Path<'a>,
}

impl Here<'_> {
    fn field(&self, name: &str) -> Option<Object> {
        self.object.field(name)
    }

    /// Reads a scalar field that needs no scopes to be read.
    fn settled(&self, field: &str) -> Option<Value> {
        self.object.object().field(field)?.settled()
    }

    /// The way into one of its fields.
    fn path_to<'a>(&'a self, field: &'a str) -> Path<'a> {
        let object = self.object.object();
        let at = object.field(field).map_or(Span::NONE, Object::at);
        self.path.field(object.struct_name(), field, at)
    }
}

impl Reader<'_> {
    fn task(&mut self, object: &Here<'_>) -> Option<Task> {
        let processes = self.each(object, "processes", Reader::process);
        self.unique_names(object, &processes);
        let constraints = self.each(object, "constraints", Reader::constraint);
        let name = self.text(object, "name");
        if name.as_deref() == Some("") {
            self.invalid(object, "name", "must not be empty".to_owned(), Some("give the task a name"));
        }
        // Everything is read before anything is given up, so that every problem is found.
        let resources = self.inner(object, "resources", Reader::resources);
        let max_failures = self.count(object, "max_failures");
        let max_concurrency = self.count(object, "max_concurrency");
        let finalization_wait = self.count(object, "finalization_wait");
        Some(Task {
            name: name?,
            processes: processes.into_iter().collect::<Option<_>>()?,
            constraints: constraints.into_iter().collect::<Option<_>>()?,
            resources,
            max_failures: max_failures?,
            max_concurrency: max_concurrency?,
            finalization_wait: finalization_wait?,
            user: self.text(object, "user"),
        })
    }

    fn process(&mut self, object: &Here<'_>) -> Option<Process> {
        let name = self.text(object, "name");
        if let Some(problem) = name.as_deref().and_then(process_name_problem) {
            self.invalid(
                object,
                "name",
                problem,
                Some("a process is named as its log folder is: choose another name"),
            );
        }
        let cmdline = self.command_line(object);
        let resources = self.inner(object, "resources", Reader::resources);
        let max_failures = self.count(object, "max_failures");
        let min_duration = self.count(object, "min_duration");
        Some(Process {
            name: name?,
            cmdline: cmdline?,
            resources,
            max_failures: max_failures?,
            daemon: self.boolean(object, "daemon")?,
            ephemeral: self.boolean(object, "ephemeral")?,
            min_duration: min_duration?,
            is_final: self.boolean(object, "final")?,
            logger: self.inner(object, "logger", Reader::logger),
        })
    }

    fn constraint(&mut self, object: &Here<'_>) -> Option<Constraint> {
        let given = object.object.object().field("order").and_then(Object::elements).unwrap_or_default();
        let settled = given.iter().map(|name| name.settled().map(|value| value.to_string()));
        if let Some(order) = settled.collect::<Option<_>>() {
            return Some(Constraint { order });
        }
        let order = object.field("order").map(|order| order.elements_in_scope()).unwrap_or_default();
        let order = order.iter().map(|name| self.scalar(name).map(|value| value.to_string()));
        Some(Constraint { order: order.collect::<Option<_>>()? })
    }

    fn resources(&mut self, object: &Here<'_>) -> Option<Resources> {
        let cpu = match self.value(object, "cpu") {
            Some(Value::Float(cpu)) if cpu >= 0.0 && cpu.is_finite() => Some(cpu),
            None => None,
            Some(other) => {
                let message = format!("must be a number of cores from 0 on, but is {other}");
                self.invalid(object, "cpu", message, Some("write `cpu = 0.5` for half a core"));
                None
            }
        };
        let (ram, disk, gpu) =
            (self.size(object, "ram"), self.size(object, "disk"), self.size(object, "gpu"));
        Some(Resources { cpu: cpu?, ram: ram?, disk: disk?, gpu: gpu? })
    }

    fn logger(&mut self, object: &Here<'_>) -> Option<Logger> {
        let destination = match self.text(object, "destination")?.as_str() {
            "console" => LogDestination::Console,
            "both" => LogDestination::Both,
            "none" => LogDestination::None,
            _ => LogDestination::File,
        };
        let mode = if self.text(object, "mode")? == "rotate" { LogMode::Rotate } else { LogMode::Standard };
        Some(Logger { destination, mode, rotate: self.inner(object, "rotate", Reader::rotate_policy) })
    }

    fn rotate_policy(&mut self, object: &Here<'_>) -> Option<RotatePolicy> {
        let (log_size, backups) = (self.size(object, "log_size"), self.count(object, "backups"));
        Some(RotatePolicy { log_size: log_size?, backups: backups? })
    }

    fn command_line(&mut self, object: &Here<'_>) -> Option<CommandLine> {
        let command_line = match object.settled("cmdline") {
            Some(value) => CommandLine::text(value.to_string()),
            None => match object.field("cmdline")?.resolve(self.work) {
                Ok(Some(resolved)) => CommandLine::from_fragments(&resolved.fragments).ok()?,
                _ => CommandLine::text(self.text(object, "cmdline")?),
            },
        };
        if command_line.texts().any(|text| text.contains('\0')) {
            let message = "must not contain a NUL character, which no command can be given".to_owned();
            self.invalid(
                object,
                "cmdline",
                message,
                Some("write `\\\\0` where the command is to make a NUL itself, as printf does"),
            );
        }
        let length: usize = command_line.texts().map(str::len).sum();
        if length > MAX_COMMAND_LINE {
            let message = format!("must have at most {MAX_COMMAND_LINE} bytes, but has {length}");
            self.invalid(
                object,
                "cmdline",
                message,
                Some("put the commands into a file and run that with bash"),
            );
        }
        Some(command_line)
    }

    fn unique_names(&mut self, object: &Here<'_>, processes: &[Option<Process>]) {
        let Some(list) = object.field("processes") else { return };
        let objects = list.elements().unwrap_or_default();
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (index, (process, element)) in processes.iter().zip(objects).enumerate() {
            let Some(process) = process else { continue };
            let written = element.field("name").map_or(Span::NONE, Object::at).or(element.at());
            match seen.insert(&process.name, written) {
                None => {}
                Some(first) => {
                    let way = object.path_to("processes");
                    let path = way.element(list.ty(), index, element);
                    let message =
                        format!("must be unique in the task, but {:?} is there twice", process.name);
                    let help =
                        "each process needs a name of its own; a copy gets one with `p(name = \"other\")`";
                    let here = Here { object: element.members(), path: &path };
                    let other = Some((first, "the first one".to_owned()));
                    self.problem(&here, "name", message, Some(help), other);
                }
            }
        }
    }

    /// Reads each element of a list field.
    fn each<T>(
        &mut self,
        object: &Here<'_>,
        field: &str,
        read: fn(&mut Self, &Here<'_>) -> Option<T>,
    ) -> Vec<Option<T>> {
        let Some(list) = object.field(field) else { return Vec::new() };
        let way = object.path_to(field);
        let mut values = Vec::new();
        for (index, element) in list.elements_in_scope().iter().enumerate() {
            let path = way.element(list.ty(), index, element);
            values.push(read(self, &Here { object: element.members(), path: &path }));
        }
        values
    }

    /// Reads a struct field.
    fn inner<T>(
        &mut self,
        object: &Here<'_>,
        field: &str,
        read: fn(&mut Self, &Here<'_>) -> Option<T>,
    ) -> Option<T> {
        // Most have none of these: that is seen without the scopes.
        object.object.object().field(field)?;
        let inner = object.field(field)?;
        let value = read(self, &Here { object: inner.members(), path: &object.path_to(field) });
        self.sound &= value.is_some();
        value
    }

    fn interpolated(&mut self, object: &Object) -> Option<Interpolated> {
        let interpolated = object.interpolate(self.work).ok();
        self.sound &= interpolated.as_ref().is_some_and(|interpolated| interpolated.unbound.is_empty());
        interpolated
    }

    fn scalar(&mut self, object: &Object) -> Option<Value> {
        self.interpolated(object)?.object.raw().cloned()
    }

    /// Reads a field that has a default, and must not be unset.
    fn value(&mut self, object: &Here<'_>, field: &str) -> Option<Value> {
        if let Some(value) = object.settled(field) {
            return Some(value);
        }
        match object.field(field) {
            Some(value) => self.scalar(&value),
            None => {
                let message = "must not be unset".to_owned();
                self.invalid(object, field, message, Some("leave the field out to have its default"));
                None
            }
        }
    }

    fn text(&mut self, object: &Here<'_>, field: &str) -> Option<String> {
        if let Some(value) = object.settled(field) {
            return Some(value.to_string());
        }
        let interpolated = self.interpolated(&object.field(field)?)?;
        if let Some(tag) = interpolated.unbound.first() {
            let message = format!("must be known before the task runs, but refers to {tag}");
            let help = "only command lines can refer to what the runner binds";
            self.invalid(object, field, message, Some(help));
        }
        interpolated.object.raw().map(Value::to_string)
    }

    fn boolean(&mut self, object: &Here<'_>, field: &str) -> Option<bool> {
        match self.value(object, field)? {
            Value::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// Reads a number of things or of seconds.
    fn count(&mut self, object: &Here<'_>, field: &str) -> Option<u32> {
        self.bounded(object, field, u64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok())
    }

    /// Reads a number of bytes or devices.
    fn size(&mut self, object: &Here<'_>, field: &str) -> Option<u64> {
        self.bounded(object, field, i64::MAX as u64)
    }

    fn bounded(&mut self, object: &Here<'_>, field: &str, most: u64) -> Option<u64> {
        let Value::Int(integer) = self.value(object, field)? else { return None };
        let value = match &integer {
            Integer::Small(small) => u64::try_from(*small).ok().filter(|value| *value <= most),
            Integer::Big(_) => None,
        };
        if value.is_none() {
            let help = match field {
                "max_failures" | "max_concurrency" => "write 0 for no limit",
                "min_duration" | "finalization_wait" => "write a number of seconds from 0 on",
                _ => "write a number from 0 on",
            };
            self.invalid(object, field, format!("must be from 0 to {most}, but is {integer}"), Some(help));
        }
        value
    }

    fn invalid(&mut self, object: &Here<'_>, field: &str, message: String, help: Option<&str>) {
        self.problem(object, field, message, help, None);
    }

    fn problem(
        &mut self,
        object: &Here<'_>,
        field: &str,
        message: String,
        help: Option<&str>,
        other: Option<(Span, String)>,
    ) {
        let value = object.field(field);
        let replaced = value.as_ref().and_then(|value| value.resolve(self.work).ok().flatten());
        self.problems.push(Problem {
            path: object.path_to(field).steps(),
            kind: ProblemKind::Invalid { message, help: help.map(str::to_owned), other },
            at: value.map_or(Span::NONE, |value| value.at()).or(object.object.object().at()),
            bound: replaced.map(|resolved| resolved.replaced).unwrap_or_default(),
        });
    }
}
