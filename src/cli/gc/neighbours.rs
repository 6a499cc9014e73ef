//! Tasks that keep their outputs in the log folder of another: what one of them prints stays while the other does.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::choice::Candidate;
use crate::checkpoint::load::load;
use crate::checkpoint::{CheckpointError, Root, TaskId};

/// Who stays, and where its outputs are.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    folders: HashMap<PathBuf, TaskId>,
    /// A task that cannot be read may have its outputs anywhere.
    unreadable: Option<TaskId>,
}

impl Neighbours {
    /// Looks at the tasks that stay; only if one that goes has its outputs where another may have them too.
    pub(super) fn find(root: &Root, going: &[Candidate]) -> Result<Neighbours, CheckpointError> {
        let mut neighbours = Neighbours::default();
        if !going.iter().any(has_named_folder) {
            return Ok(neighbours);
        }
        let going: HashSet<&TaskId> = going.iter().map(|candidate| candidate.paths.id()).collect();
        let listed = root.tasks()?.into_iter().map(|entry| entry.id);
        for id in listed.filter(|id| !going.contains(id)) {
            match load(&root.task(&id)).map(|state| state.header) {
                Ok(Some(header)) => drop(neighbours.folders.insert(real(&header.log_dir), id)),
                Ok(None) => {}
                Err(_) => neighbours.unreadable = Some(id),
            }
        }
        Ok(neighbours)
    }

    /// Says who stays and has outputs, or may have them, in the log folder of a task that goes.
    pub(super) fn of(&self, candidate: &Candidate) -> Option<String> {
        let folder = candidate.state.log_dir.as_deref().filter(|_| has_named_folder(candidate))?;
        let sharer = self.folders.get(&real(folder)).map(|id| format!("task {id} has its own there"));
        sharer.or_else(|| {
            let id = self.unreadable.as_ref()?;
            Some(format!("task {id} may have its own there, but cannot be read"))
        })
    }
}

/// Says whether the user named the folder of the outputs; the one that is made for a task is for it alone.
fn has_named_folder(candidate: &Candidate) -> bool {
    let folder = candidate.state.log_dir.as_deref();
    folder.is_some_and(|folder| real(folder) != real(&candidate.paths.default_logs()))
}

fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
