//! The cgroup of a task and the limits in it: made at the start, found again by who goes on, removed at the end
//! (RUNNER.md section 5). Says what is missing where there can be none.

use serde::{Deserialize, Serialize};

use super::error::RunnerError;
use crate::checkpoint::Header;
use crate::checkpoint::record::Cgroup;
use crate::process::cgroup::{GroupError, Hierarchy, Limits, Membership, OomCounter, TaskGroup};
use crate::schema::{Resources, Task};

/// The cgroup that this runner is in.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) group: TaskGroup,
    membership: Membership,
}

/// How a run is limited, if it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// By the cgroup of the run.
    pub(super) limits: Limits,
    /// Each of its processes by itself, where no cgroup can.
    pub(super) address_space: Option<u64>,
}

impl Group {
    /// Leaves the cgroup and removes it; fails while there are members.
    pub(super) fn remove(self) -> std::io::Result<()> {
        let Group { group, membership } = self;
        drop(membership);
        group.remove()
    }

    fn join(group: TaskGroup) -> Result<Group, GroupError> {
        match group.join() {
            Ok(membership) => Ok(Group { group, membership }),
            Err(source) => {
                let folder = group.folder().to_owned();
                let _ = group.remove();
                Err(GroupError::Refused { folder, source })
            }
        }
    }

    /// Says where it is, for whoever goes on with the task.
    pub(super) fn record(&self) -> Cgroup {
        Cgroup { folder: self.group.folder().to_owned(), work: self.group.work().to_vec() }
    }
}

/// Makes the cgroup of a new task. Without one strays are found by other means, which the text says.
///
/// # Errors
/// Limits that are to be enforced and cannot be.
pub(super) fn make(
    task: &Task,
    launch: &str,
    enforce: bool,
) -> Result<(Option<Group>, Option<String>), RunnerError> {
    let needed = if enforce { controllers(task) } else { Vec::new() };
    let whole = task.resources.as_ref().filter(|_| enforce).map(limits).unwrap_or_default();
    let made = TaskGroup::make(&name(launch), &needed, &whole).and_then(Group::join);
    match made {
        Ok(group) => Ok((Some(group), None)),
        Err(error) if needed.is_empty() => Ok((None, Some(degraded(&error)))),
        // What one process takes can be limited without a cgroup, if not quite as well; nothing else can.
        Err(error) if whole == Limits::default() && !needed.contains(&"cpu") => {
            let note = "each program of a process gets its ram for itself, not all together";
            Ok((make(task, launch, false)?.0, Some(format!("{error}: {note}"))))
        }
        Err(error) => Err(RunnerError::Unlimited(error.to_string())),
    }
}

/// Finds the cgroup of a task that goes on, or makes it anew, as after a restart of the machine.
pub(super) fn find(task: &Task, header: &Header) -> (Option<Group>, Option<String>) {
    let recorded = header.cgroup.clone().and_then(|cgroup| TaskGroup::open(cgroup.folder, cgroup.work));
    match recorded.map(Group::join) {
        Some(Ok(group)) => (Some(group), None),
        Some(Err(error)) => (None, Some(degraded(&error))),
        None => match make(task, &header.launch, header.enforce) {
            Ok(found) => found,
            Err(error) => (None, Some(error.to_string())),
        },
    }
}

/// Removes what is left of the cgroup of a task that has ended; its runner may have died before it did.
pub(super) fn forget(header: &Header) {
    let left = header.cgroup.clone().and_then(|cgroup| TaskGroup::open(cgroup.folder, cgroup.work));
    // Whoever is in there was nobody's to end.
    let _ = left.map(|group| group.remove());
}

/// Returns what limits a run of a process. `group` is the task's, if it has one.
pub(super) fn confinement(
    resources: Option<&Resources>,
    task: &Task,
    group: Option<&TaskGroup>,
) -> Confinement {
    let Some(own) = resources.map(limits) else { return Confinement::default() };
    match group.is_some_and(|group| !group.work().is_empty()) {
        // In a legacy hierarchy nobody may be promised more than the whole has.
        true => {
            let whole = task.resources.as_ref().map(limits).unwrap_or_default();
            let limits = Limits { cpu: own.cpu.and(own.within(whole).cpu), memory: own.memory };
            Confinement { limits, address_space: None }
        }
        false => Confinement { limits: Limits::default(), address_space: own.memory },
    }
}

/// Finds the kernel's count of kills for want of memory around this process.
pub(super) fn oom_counter() -> Option<OomCounter> {
    OomCounter::of_self(&Hierarchy::all().ok()?)
}

/// Says which of the stated resources are not limited though limits are enforced.
pub(super) fn not_enforced(task: &Task) -> Option<String> {
    let stated =
        task.processes.iter().filter_map(|process| process.resources.as_ref()).chain(&task.resources);
    let named: Vec<&str> = [
        ("disk", stated.clone().any(|resources| resources.disk > 0)),
        ("gpu", stated.clone().any(|resources| resources.gpu > 0)),
    ]
    .into_iter()
    .filter_map(|(name, is_stated)| is_stated.then_some(name))
    .collect();
    (!named.is_empty()).then(|| format!("{} cannot be limited and is only recorded", named.join(" and ")))
}

fn controllers(task: &Task) -> Vec<&'static str> {
    let stated =
        task.processes.iter().filter_map(|process| process.resources.as_ref()).chain(&task.resources);
    let mut needed: Vec<&str> = stated.flat_map(|resources| limits(resources).controllers()).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Zero asks for nothing and limits nothing.
fn limits(resources: &Resources) -> Limits {
    Limits {
        cpu: Some(resources.cpu).filter(|cpu| *cpu > 0.0),
        memory: Some(resources.ram).filter(|ram| *ram > 0),
    }
}

fn degraded(error: &GroupError) -> String {
    format!("{error}: what leaves its session is found by its environment")
}

fn name(launch: &str) -> String {
    format!("thermos-{launch}")
}
