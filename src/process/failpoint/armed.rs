//! What a failpoint does in a build that has them: writes down that it was passed, and kills the process if it is the
//! one. Knows nothing of what happens at the places.
//!
//! A folder says what is to happen and takes what has happened:
//! - `plan`: `ROLE PLACE N SIGNAL`, what a process of a role gets at its N-th passing (from 1) of a place; `*` stands for
//!   any, and `coordinator` for every `coordinator.PROCESS.RUN`. Without a plan nobody dies.
//! - `passed`: a line `ROLE PLACE` for each passing, by all processes.
//! - `died`: `ROLE PLACE`, written by the one that dies; where it exists already nobody dies any more.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, raise};

/// The one passing at which a process is to die.
#[derive(Debug)]
struct Plan {
    role: String,
    place: String,
    left: u64,
    signal: Signal,
}

#[derive(Debug)]
struct Armed {
    folder: PathBuf,
    plan: Option<Plan>,
    role: String,
}

static ARMED: Mutex<Option<Armed>> = Mutex::new(None);

/// Has this process, and those that it forks, follow the plan in a folder. It is a `runner` until it becomes another.
pub(crate) fn arm(folder: PathBuf) {
    let plan = fs::read_to_string(folder.join("plan")).ok().and_then(|text| parse(&text));
    *armed() = Some(Armed { folder, plan, role: "runner".to_owned() });
}

/// Makes this process another one, which has passed nothing yet.
pub(crate) fn become_role(role: String) {
    if let Some(armed) = armed().as_mut() {
        armed.plan = fs::read_to_string(armed.folder.join("plan")).ok().and_then(|text| parse(&text));
        armed.role = role;
    }
}

/// Passes a place; does the last act and gets the signal if this is the passing of the plan.
pub(crate) fn pass(place: &str, last_act: impl FnOnce()) {
    let reached = armed().as_mut().and_then(|armed| armed.pass(place));
    if let Some(signal) = reached {
        last_act();
        let _ = raise(signal);
    }
}

fn armed() -> MutexGuard<'static, Option<Armed>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse(text: &str) -> Option<Plan> {
    let mut words = text.split_ascii_whitespace();
    let mut word = || words.next().map(str::to_owned);
    Some(Plan { role: word()?, place: word()?, left: word()?.parse().ok()?, signal: word()?.parse().ok()? })
}

impl Armed {
    /// Writes down that a place was passed, and returns what this process gets there.
    fn pass(&mut self, place: &str) -> Option<Signal> {
        let line = format!("{} {place}\n", self.role);
        let passed = OpenOptions::new().append(true).create(true).open(self.folder.join("passed"));
        let _ = passed.and_then(|mut file| file.write_all(line.as_bytes()));
        let plan = self.plan.as_mut()?;
        let signal = plan.signal;
        (plan.is_reached(&self.role, place) && self.is_first_to_die(&line)).then_some(signal)
    }

    fn is_first_to_die(&self, line: &str) -> bool {
        let created = OpenOptions::new().write(true).create_new(true).open(self.folder.join("died"));
        created.and_then(|mut file| file.write_all(line.as_bytes())).is_ok()
    }
}

impl Plan {
    fn is_reached(&mut self, role: &str, place: &str) -> bool {
        let is_role = self.role == "*" || role.split('.').next() == Some(&self.role) || role == self.role;
        if !is_role || !(self.place == "*" || self.place == place) || self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.left == 0
    }
}
