//! The descendants of a process, found in /proc and held by descriptor before they are signalled.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs;
use std::io;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::identity::{self, Stat};
use super::pidfd::PidFd;

/// A process that was found and is held.
#[derive(Debug)]
pub struct Found {
    /// Its number.
    pub pid: Pid,
    /// Signals go by this.
    pub handle: PidFd,
}

/// Finds the living descendants of processes, without those processes, parents before children.
///
/// One that ends while it is looked for may have left a child to its reaper, whose children were listed before: then all
/// are listed again, so that a process that goes on by forking and ending is found too.
pub fn descendants(of: &[Pid], except: &HashSet<Pid>) -> io::Result<Vec<Found>> {
    let mut family: HashSet<Pid> = of.iter().copied().collect();
    let mut queue: VecDeque<Pid> = of.iter().copied().collect();
    let (mut found, mut gone) = (Vec::new(), HashSet::new());
    while let Some(parent) = queue.pop_front() {
        for pid in children(parent)? {
            if except.contains(&pid) || family.contains(&pid) {
                continue;
            }
            // A child whose parent has died meanwhile is its grandparent's now: family all the same.
            let Some(held) = hold(pid, |stat| family.contains(&Pid::from_raw(stat.parent)))? else {
                if gone.insert(pid) && gone.len() < MOST_GONE {
                    queue.extend(of);
                }
                continue;
            };
            family.insert(pid);
            queue.push_back(pid);
            found.push(held);
        }
    }
    Ok(found)
}

/// How many may end while descendants are looked for; a bound for trees that never rest.
const MOST_GONE: usize = 10_000;

/// Finds those of `members` that live and neither are one of `supervisors` nor descend from one; never this process.
pub fn unsupervised(members: &[Pid], supervisors: &HashSet<Pid>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for &pid in members {
        // Opened first, then looked at: a stranger that gets the number meanwhile is not what is held.
        if pid != Pid::this()
            && let Some(held) = hold(pid, |_| true)?
            && !is_supervised(pid, supervisors)?
        {
            found.push(held);
        }
    }
    Ok(found)
}

/// Walks up from a process to a supervisor, to this process, or to the end.
fn is_supervised(pid: Pid, supervisors: &HashSet<Pid>) -> io::Result<bool> {
    let mut at = pid;
    loop {
        if supervisors.contains(&at) {
            return Ok(true);
        }
        match identity::stat(at)? {
            Some(stat) if stat.parent > 1 && at != Pid::this() => at = Pid::from_raw(stat.parent),
            Some(_) => return Ok(false),
            None if at == pid => return Ok(true),
            // An ancestor went meanwhile, and its children have another parent now.
            None => at = pid,
        }
    }
}

/// What became of a signal to many.
#[derive(Debug, Default)]
pub struct Signalled {
    /// How many got it.
    pub reached: usize,
    /// Those that this user may not signal: they have changed theirs.
    pub refused: Vec<Pid>,
}

impl Signalled {
    /// Says whether there was somebody, and nobody who can be signalled.
    pub fn is_refused_by_all(&self) -> bool {
        self.reached == 0 && !self.refused.is_empty()
    }
}

/// Sends a signal to processes that are held.
pub fn signal_all<'a>(all: impl IntoIterator<Item = &'a Found>, signal: Signal) -> Signalled {
    let mut signalled = Signalled::default();
    for found in all {
        match found.handle.signal(signal) {
            Ok(reached) => signalled.reached += usize::from(reached),
            Err(_) => signalled.refused.push(found.pid),
        }
    }
    signalled
}

/// Sends a signal to all descendants of a process.
pub fn signal_descendants(of: Pid, signal: Signal) -> io::Result<Signalled> {
    Ok(signal_all(&descendants(&[of], &HashSet::new())?, signal))
}

/// Finds the living processes of this machine whose environment has all of some `NAME=VALUE` entries.
///
/// Looks again as long as there are processes that it has not seen, so that one that goes on by forking and ending is
/// found too.
pub fn marked(entries: &[Vec<u8>]) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut seen: HashMap<Pid, u32> = HashMap::new();
    for _ in 0..MOST_ROUNDS {
        let mut is_quiet = true;
        for pid in numbers("/proc")? {
            let looks = seen.entry(pid).or_default();
            if *looks >= MOST_LOOKS {
                continue;
            }
            *looks += 1;
            let (held, is_sure) = look_for_mark(pid, entries)?;
            found.extend(held);
            if is_sure {
                *looks = MOST_LOOKS;
            }
            is_quiet = false;
        }
        if is_quiet {
            break;
        }
    }
    Ok(found)
}

/// How often all processes are listed at most; a bound for machines that never rest.
const MOST_ROUNDS: usize = 100;

/// How often a process without an environment is looked at: it has none for a moment while it executes.
const MOST_LOOKS: u32 = 3;

/// Holds a process that has the mark, and says whether another look would find the same.
fn look_for_mark(pid: Pid, entries: &[Vec<u8>]) -> io::Result<(Option<Found>, bool)> {
    let environment = || fs::read(format!("/proc/{pid}/environ"));
    let has_mark = |environment: &[u8]| {
        let variables: HashSet<&[u8]> = environment.split(|byte| *byte == 0).collect();
        entries.iter().all(|entry| variables.contains(entry.as_slice()))
    };
    // Looked at once before it is opened, to be quick, and once after, to be sure.
    match environment() {
        Ok(first) if first.is_empty() => Ok((None, is_without_program(pid)?)),
        Ok(first) if has_mark(&first) => {
            let held = hold(pid, |_| environment().is_ok_and(|again| has_mark(&again)))?;
            let is_sure = held.is_some();
            Ok((held, is_sure))
        }
        _ => Ok((None, true)),
    }
}

/// Says whether a process never has an environment: it is a zombie, or a part of the kernel.
fn is_without_program(pid: Pid) -> io::Result<bool> {
    const KERNEL_THREADS: i32 = 2;
    let stat = identity::stat(pid)?;
    Ok(stat.is_none_or(|stat| {
        matches!(stat.state, 'Z' | 'X') || stat.parent == KERNEL_THREADS || pid.as_raw() == KERNEL_THREADS
    }))
}

/// Opens a process, then makes sure that it lives and is the one that is meant.
fn hold(pid: Pid, is_meant: impl FnOnce(&Stat) -> bool) -> io::Result<Option<Found>> {
    let Ok(handle) = PidFd::open(pid) else { return Ok(None) };
    let lives = identity::stat(pid)?.is_some_and(|stat| !matches!(stat.state, 'Z' | 'X') && is_meant(&stat));
    Ok(lives.then_some(Found { pid, handle }))
}

/// Lists the children of all threads of a process.
pub fn children(of: Pid) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for thread in numbers(&format!("/proc/{of}/task")).unwrap_or_default() {
        match fs::read_to_string(format!("/proc/{of}/task/{thread}/children")) {
            Ok(text) => found.extend(
                text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).map(Pid::from_raw),
            ),
            Err(_) if fs::exists("/proc/thread-self/children")? => {}
            // A kernel without these lists.
            Err(_) => return Ok(children_by_parents()?.remove(&of).unwrap_or_default()),
        }
    }
    Ok(found)
}

fn children_by_parents() -> io::Result<BTreeMap<Pid, Vec<Pid>>> {
    let mut children: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
    for pid in numbers("/proc")? {
        if let Some(stat) = identity::stat(pid)? {
            children.entry(Pid::from_raw(stat.parent)).or_default().push(pid);
        }
    }
    Ok(children)
}

fn numbers(folder: &str) -> io::Result<Vec<Pid>> {
    let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).map(Pid::from_raw).collect())
}
