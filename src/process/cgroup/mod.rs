//! The cgroup of a task: what the task starts stays a member whatever it does to its session, parents or environment.
//!
//! ```text
//! FOLDER           in the unified hierarchy, or in a legacy one where that is not mounted
//!   runner         the runner and its coordinators, once something is limited in the unified hierarchy
//!   work/RUN       the command of a run, limited; work also in each legacy hierarchy whose controller is needed
//! ```
//! While nothing is limited the runner joins FOLDER itself, its coordinators and commands with it, and a start costs
//! nothing. Supervisors are never limited: the kernel shall not kill them for what a command uses. Knows nothing of tasks.

mod hierarchy;
mod limits;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use hierarchy::Hierarchy;
pub use limits::{Limits, OomCounter};

/// Why there is no cgroup, or none that limits.
#[derive(Debug, Error)]
pub enum GroupError {
    /// No hierarchy is mounted, or this process is outside of what is.
    #[error("no cgroups are mounted")]
    NoHierarchy,
    /// The kernel or its administrator does not let this process have one.
    #[error("no cgroup can be made below {}: {source}", .folder.display())]
    Refused {
        /// Where it was tried first.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No hierarchy has the controller of a limit.
    #[error("no cgroup here has the controller `{0}`")]
    NoController(String),
}

/// A cgroup that this process has made or found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskGroup {
    folder: PathBuf,
    work: Vec<PathBuf>,
}

impl TaskGroup {
    /// Makes a cgroup called `name`, a name of its own for each task, or takes the one that is there; its runs can be limited by the `needed` controllers, all of them together to `limits`.
    ///
    /// # Errors
    /// Nothing is left behind then.
    pub fn make(name: &str, needed: &[&str], limits: &Limits) -> Result<TaskGroup, GroupError> {
        let hierarchies = Hierarchy::all().unwrap_or_default();
        let tracking = tracking(&hierarchies).ok_or(GroupError::NoHierarchy)?;
        let (unified, legacy): (Vec<&str>, Vec<&str>) =
            needed.iter().partition(|controller| tracking.is_unified() && tracking.has(controller));
        let folder = make_below(tracking, name, &unified)?;
        let mut group = TaskGroup { folder, work: Vec::new() };
        let filled = group.fill(&hierarchies, name, &unified, &legacy, limits);
        filled.map(|()| group.clone()).inspect_err(|_| drop(group.remove()))
    }

    fn fill(
        &mut self,
        hierarchies: &[Hierarchy],
        name: &str,
        unified: &[&str],
        legacy: &[&str],
        limits: &Limits,
    ) -> Result<(), GroupError> {
        let refused = |folder: &Path| {
            let folder = folder.to_owned();
            move |source| GroupError::Refused { folder, source }
        };
        if !unified.is_empty() {
            let work = self.folder.join("work");
            let made = ensure(&self.folder.join("runner")).and_then(|()| ensure(&work));
            made.and_then(|()| enable(&self.folder, unified)).map_err(refused(&self.folder))?;
            limits.set(&work).and_then(|()| enable(&work, unified)).map_err(refused(&work))?;
            self.work.push(work);
        }
        for controller in legacy {
            let hierarchy = hierarchies.iter().find(|one| !one.is_unified() && one.has(controller));
            let hierarchy = hierarchy.ok_or_else(|| GroupError::NoController((*controller).to_owned()))?;
            let work = hierarchy.own().join(name);
            if work == self.folder || self.work.contains(&work) {
                continue;
            }
            ensure(&work).map_err(refused(hierarchy.own()))?;
            self.work.push(work.clone());
            limits.set(&work).map_err(refused(&work))?;
        }
        Ok(())
    }

    /// Takes a cgroup that was made before, maybe by another process; nothing if it is gone.
    pub fn open(folder: PathBuf, work: Vec<PathBuf>) -> Option<TaskGroup> {
        folder.is_dir().then_some(TaskGroup { folder, work })
    }

    /// Returns the folder by which it is found again.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folders in which runs are limited.
    pub fn work(&self) -> &[PathBuf] {
        &self.work
    }

    /// Moves this process, and so all that it starts from now on, into the cgroup until the guard is dropped.
    pub fn join(&self) -> io::Result<Membership> {
        let supervisors = self.folder.join("runner");
        let target = if supervisors.is_dir() { &supervisors } else { &self.folder };
        Membership::enter(std::slice::from_ref(target))
    }

    /// Lists all members, those of cgroups below included.
    pub fn members(&self) -> io::Result<Vec<Pid>> {
        let mut found = Vec::new();
        for folder in tree(&self.folder)? {
            // One that was removed meanwhile had no members.
            let pids = hierarchy::words(&folder.join("cgroup.procs"));
            found.extend(pids.iter().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw));
        }
        Ok(found)
    }

    /// Makes the cgroup of one run; nothing if nothing is limited. A limit of the whole holds for the run all the same.
    pub fn run(&self, name: &str, limits: &Limits) -> io::Result<Option<RunGroup>> {
        let folders: Vec<PathBuf> = self.work.iter().map(|work| work.join(name)).collect();
        for folder in &folders {
            ensure(folder)?;
            limits.set(folder)?;
            // Half a run is of no use to anybody.
            limits::write_existing(folder, &["memory.oom.group"], "1")?;
        }
        Ok((!folders.is_empty()).then_some(RunGroup { folders }))
    }

    /// Removes the cgroup and those below; fails while there are members.
    pub fn remove(&self) -> io::Result<()> {
        self.work.iter().chain([&self.folder]).try_for_each(|folder| remove(folder))
    }
}

/// The cgroup of one run, in each hierarchy that limits it.
#[derive(Debug)]
pub struct RunGroup {
    folders: Vec<PathBuf>,
}

impl RunGroup {
    /// Moves this process in until the guard is dropped: what it starts meanwhile is limited.
    pub fn enter(&self) -> io::Result<Membership> {
        Membership::enter(&self.folders)
    }

    /// Says whether the kernel killed a member for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        // It was made for this run: whatever is counted is of this run.
        self.folders.iter().any(|folder| OomCounter::of(folder).is_some_and(|counter| counter.is_above(0)))
    }

    /// Removes it; fails while there are members.
    pub fn remove(&self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| remove(folder))
    }
}

/// This process in other cgroups than before, until it is dropped.
#[derive(Debug)]
pub struct Membership {
    before: Vec<PathBuf>,
}

impl Membership {
    fn enter(folders: &[PathBuf]) -> io::Result<Membership> {
        let hierarchies = Hierarchy::all()?;
        let mut membership = Membership { before: Vec::new() };
        for folder in folders {
            let before = hierarchies.iter().find(|hierarchy| hierarchy.covers(folder));
            fs::write(folder.join("cgroup.procs"), "0")?;
            membership.before.extend(before.map(|hierarchy| hierarchy.own().to_owned()));
        }
        Ok(membership)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for folder in &self.before {
            // Where it was may be gone; then it stays, which harms nobody.
            let _ = fs::write(folder.join("cgroup.procs"), "0");
        }
    }
}

/// The hierarchy in which members are looked for: the unified one needs no controller for that.
fn tracking(hierarchies: &[Hierarchy]) -> Option<&Hierarchy> {
    let legacy = |name| hierarchies.iter().find(|one| !one.is_unified() && one.has(name));
    let unified = hierarchies.iter().find(|hierarchy| hierarchy.is_unified());
    unified.or_else(|| legacy("pids")).or_else(|| legacy("freezer")).or_else(|| hierarchies.first())
}

/// Makes a folder in the lowest cgroup above this process that lets the needed controllers through.
fn make_below(hierarchy: &Hierarchy, name: &str, needed: &[&str]) -> Result<PathBuf, GroupError> {
    let mut first = None;
    for above in hierarchy.upwards() {
        let folder = above.join(name);
        match enable(above, needed).and_then(|()| ensure(&folder)) {
            Ok(()) => return Ok(folder),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    let source = first.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(GroupError::Refused { folder: hierarchy.own().to_owned(), source })
}

/// Makes a folder that may be there.
fn ensure(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Lets the cgroups below `folder` have controllers (cgroups(7), "subtree_control").
fn enable(folder: &Path, controllers: &[&str]) -> io::Result<()> {
    let path = folder.join("cgroup.subtree_control");
    let enabled = hierarchy::words(&path);
    let missing: Vec<String> = controllers
        .iter()
        .filter(|controller| !enabled.iter().any(|word| word == *controller))
        .map(|controller| format!("+{controller}"))
        .collect();
    if missing.is_empty() { Ok(()) } else { fs::write(path, missing.join(" ")) }
}

/// Lists a cgroup and those below, the outermost first.
fn tree(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let entries = match fs::read_dir(&found[next]) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            entries => entries?.flatten().collect(),
        };
        let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        found.extend(entries.iter().filter(|entry| is_folder(entry)).map(fs::DirEntry::path));
        next += 1;
    }
    Ok(found)
}

fn remove(folder: &Path) -> io::Result<()> {
    for inner in tree(folder)?.iter().rev() {
        match fs::remove_dir(inner) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::alone;

    #[test]
    fn who_joins_is_a_member_and_so_is_what_it_starts_until_it_leaves() {
        alone(|| {
            let name = format!("thermos-test-{}", std::process::id());
            let Ok(group) = TaskGroup::make(&name, &[], &Limits::default()) else {
                return; // No cgroup can be made here.
            };
            let membership = group.join().unwrap();
            let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
            drop(membership);
            assert_eq!(group.members().unwrap(), [Pid::from_raw(child.id() as i32)]);
            assert!(group.remove().is_err(), "it has a member");
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(group.members().unwrap().is_empty());
            group.remove().unwrap();
            assert!(!group.folder().exists());
        });
    }

    #[test]
    fn in_the_unified_hierarchy_supervisors_and_runs_have_leaves_of_their_own() {
        alone(|| {
            let hierarchies = Hierarchy::all().unwrap();
            let unified = hierarchies.iter().find(|hierarchy| hierarchy.is_unified());
            let controllers = unified.map(|one| hierarchy::words(&one.own().join("cgroup.controllers")));
            let Some(controller) = controllers.into_iter().flatten().next() else { return };
            let name = format!("thermos-test-leaves-{}", std::process::id());
            let Ok(group) = TaskGroup::make(&name, &[&controller], &Limits::default()) else { return };
            let membership = group.join().unwrap();
            let run = group.run("0.0", &Limits::default()).unwrap().unwrap();
            let inside = run.enter().unwrap();
            let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
            drop(inside);
            let members = |name: &str| hierarchy::words(&group.folder().join(name).join("cgroup.procs"));
            assert_eq!(members("work/0.0"), [child.id().to_string()]);
            assert_eq!(members("runner"), [std::process::id().to_string()]);
            assert_eq!(group.members().unwrap().len(), 2);
            child.kill().unwrap();
            child.wait().unwrap();
            run.remove().unwrap();
            drop(membership);
            group.remove().unwrap();
            assert!(!group.folder().exists());
        });
    }
}
