//! Finding tasks under the root, and saying that there is none or that its checkpoint is damaged.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, file_help, reason};
use super::patterns::{self, Pattern};
use super::usage::Malformed;
use crate::checkpoint::{CheckpointError, Root, Status, TaskEntry, TaskId, TaskPaths};
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::runner::{self, RunnerError};
use crate::schema::Task;

/// Reads a TASK_ID argument.
pub(crate) fn parse_id(text: &str) -> Result<TaskId, Malformed> {
    TaskId::new(text).map_err(|error| {
        let help = "letters, digits, `.`, `_` and `-`, no leading dot, at most 200 bytes";
        Malformed::new(error.to_string(), help)
    })
}

/// Returns the files of a task; a failure with exit code 1 if there is none of this id.
pub(crate) fn find(context: &Context, id: &TaskId) -> Result<TaskPaths, Failure> {
    match context.root.find(id)? {
        Some(paths) => Ok(paths),
        None => Err(unknown(&context.root, id)),
    }
}

/// Returns the tasks that the patterns pick, all of them if there is no pattern.
pub(crate) fn select(root: &Root, patterns: &[Pattern]) -> Result<Vec<TaskEntry>, Failure> {
    let tasks = root.tasks()?;
    let picked = patterns::select(patterns, tasks.iter().map(|task| task.id.to_string()).collect());
    // Both lists are in the order of the ids.
    Ok(tasks.into_iter().filter(|task| picked.binary_search(&task.id.to_string()).is_ok()).collect())
}

/// Warns of patterns that pick nothing while others do.
pub(crate) fn idle_patterns(found: &[TaskEntry], patterns: &[Pattern]) -> Vec<Diagnostic> {
    idle_warnings(&found.iter().map(|task| task.id.to_string()).collect::<Vec<_>>(), patterns)
}

/// Warns of patterns that pick none of these ids.
pub(crate) fn idle_warnings(ids: &[String], patterns: &[Pattern]) -> Vec<Diagnostic> {
    let warning = |pattern: &str| {
        Diagnostic::warning("nothing_found", format!("no task matches `{pattern}`"))
            .with_help("an expression has to match a whole id; `thermos status` lists all tasks")
    };
    patterns::idle(patterns, ids).into_iter().map(warning).collect()
}

/// Nothing fits what was asked for.
pub(crate) fn none_found(root: &Root, patterns: &[Pattern]) -> Failure {
    let place = root.path().display();
    let message = match patterns {
        [] => format!("there is no task under {place}"),
        _ => format!("no task under {place} matches {}", patterns::texts(patterns)),
    };
    let help =
        "`thermos status` lists all tasks; an expression has to match a whole id; --root names another root";
    Failure::new(Exit::Failed, Diagnostic::error("nothing_found", message).with_help(help))
}

/// Reads what a task is and how it is; a failure if its checkpoint is damaged or nothing of it has started.
pub(crate) fn read(paths: &TaskPaths) -> Result<(Task, Status), Failure> {
    let task = runner::read_task(paths)?;
    match Status::read(paths)? {
        Some(status) => Ok((task, status)),
        None => Err(RunnerError::NeverStarted(paths.id().clone()).into()),
    }
}

/// There is no task of this id.
pub(crate) fn unknown(root: &Root, id: &TaskId) -> Failure {
    let message = format!("there is no task {id} under {}", root.path().display());
    let diagnostic = Diagnostic::error("unknown_task", message)
        .with_help("`thermos status` lists all tasks; --root names another root")
        .with_optional_help(meant(root, id.as_str()));
    Failure::new(Exit::Failed, diagnostic)
}

/// Finds the id that was probably meant: the last one that begins with the given one, which may be a task's name, else
/// the most similar one.
fn meant(root: &Root, given: &str) -> Option<String> {
    let ids: Vec<String> = root.tasks().unwrap_or_default().iter().map(|task| task.id.to_string()).collect();
    let of_that_name =
        ids.iter().rfind(|id| id.strip_prefix(given).is_some_and(|rest| rest.starts_with('-')));
    match of_that_name {
        Some(id) => Some(format!("did you mean `{id}`?")),
        None => did_you_mean_help(given, ids.iter().map(String::as_str)),
    }
}

/// Puts what is wrong with a checkpoint into words.
pub(crate) fn diagnostic(error: &CheckpointError) -> Diagnostic {
    match error {
        CheckpointError::Io { action, path, source } => {
            let message = format!("cannot {action} {}: {}", path.display(), reason(source));
            let owner = Some(source).filter(|source| source.kind() == io::ErrorKind::PermissionDenied);
            let help = owner.and_then(|_| other_owner(path)).map_or_else(
                || file_help(source).to_owned(),
                |owner| format!("it belongs to user '{owner}': do this as that user, or as root"),
            );
            Diagnostic::error("io", message).with_help(help)
        }
        CheckpointError::Foreign { .. } => Diagnostic::error("foreign_file", error.to_string())
            .with_help("thermos did not put it there: move it away; other tasks are not affected"),
        CheckpointError::Damaged { .. } | CheckpointError::Impossible { .. } => {
            Diagnostic::error("damaged_checkpoint", error.to_string()).with_help(damage_help(error))
        }
    }
}

/// Says what a person can do about a damaged checkpoint, by the place of its file below a root.
fn damage_help(error: &CheckpointError) -> String {
    let place = match error {
        CheckpointError::Damaged { path, .. } | CheckpointError::Impossible { path, .. } => Place::of(path),
        _ => None,
    };
    let cause = "this line was not written so by thermos; other tasks are not affected";
    match place {
        None => cause.to_owned(),
        Some(Place { id, is_request: true, .. }) => format!(
            "this is what was wished of its runner: `thermos kill {id}` writes it anew; without the file, which may be \
             moved away, `thermos resume {id}` goes on as if nobody had wished anything"
        ),
        Some(Place { id, folder, .. }) => format!(
            "{cause}. `thermos read --simple {id}` prints what can be read. To be rid of the task, end what still \
             runs of it (it has THERMOS_TASK_ID={id} in its environment), move {} away, and let `thermos gc {id}` \
             remove the rest; logs stay",
            folder.display()
        ),
    }
}

/// Whose file a path is.
struct Place {
    id: TaskId,
    /// The task's checkpoint.
    folder: PathBuf,
    is_request: bool,
}

impl Place {
    fn of(path: &Path) -> Option<Place> {
        let id = |path: &Path| TaskId::new(path.file_name()?.to_str()?).ok();
        let parent = path.parent()?;
        let above = parent.parent()?;
        if above.ends_with("checkpoints") {
            let is_request = path.file_name()?.to_str()?.starts_with("request");
            return Some(Place { id: id(parent)?, folder: parent.to_owned(), is_request });
        }
        let is_index =
            above.ends_with("tasks") && (parent.ends_with("active") || parent.ends_with("finished"));
        let id = is_index.then(|| id(path)).flatten()?;
        let folder = Root::new(above.parent()?).task(&id).folder().to_owned();
        Some(Place { id, folder, is_request: false })
    }
}

/// Returns the user who keeps others from a path: the owner of the first of its folders that can be seen.
fn other_owner(path: &Path) -> Option<String> {
    let uid = path.ancestors().find_map(|folder| folder.metadata().ok())?.uid();
    let name = || User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    (uid != Uid::effective().as_raw()).then(|| name().unwrap_or_else(|| uid.to_string()))
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Failure {
        Failure::new(Exit::Other, diagnostic(&error))
    }
}
