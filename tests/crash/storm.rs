//! The storm: everybody dies at random moments, for a given time. `make crash` has it last an hour.
//!
//! `THERMOS_CRASH_SECONDS` says how long it lasts, `THERMOS_CRASH_SEED` with which life it begins: that of a failure, to
//! see it again. What is drawn is the same then; how the processes of a life overtake each other is not.

use std::collections::BTreeSet;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thermos::checkpoint::load::load;
use thermos::checkpoint::{TaskPaths, TaskState};

use super::failpoints::Point;
use super::life::{Aftermath, Life};
use super::task::of_all_kinds;
use super::verdict::judge;
use super::walk::{Total, WORKERS};
use crate::harness::{Invocation, Running};

/// How long the storm lasts if nothing else is asked for.
const SECONDS: u64 = 20;

/// The longest that somebody lives who is killed from outside; most tasks have ended by then.
const LONGEST: u64 = 300;

#[test]
#[allow(clippy::print_stdout)]
fn everybody_dies_at_random_moments() {
    let seconds = variable("THERMOS_CRASH_SECONDS").unwrap_or(SECONDS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = variable("THERMOS_CRASH_SEED").unwrap_or(now.as_millis() as u64);
    println!("the storm begins with seed {seed}");
    let (next, total) = (AtomicU64::new(seed), Mutex::new(Total::default()));
    let end = Instant::now() + Duration::from_secs(seconds);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while Instant::now() < end {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let life = Dice(seed).watched_life();
                    let verdict = judge(&life);
                    total.lock().unwrap().add(&format!("THERMOS_CRASH_SEED={seed}"), &life, verdict);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    total.report(&format!("crash storm, seed {seed}: {} lives", total.lives));
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no whole number: {value}")))
}

/// Reads a task as `status` does, again and again, and returns what could not be read.
fn read_until(paths: &TaskPaths, is_over: &AtomicBool) -> BTreeSet<String> {
    let mut unreadable = BTreeSet::new();
    while !is_over.load(Ordering::Relaxed) {
        unreadable.extend(load(paths).err().map(|error| format!("read while it was written: {error}")));
        thread::sleep(Duration::from_millis(2));
    }
    unreadable
}

/// Tells the reader that the life is over, also if that ends in a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// Leads a life while somebody reads its streams all the time.
    fn watched_life(&mut self) -> Life {
        let is_to_be_killed = self.roll(3) == 0;
        let mut life = Life::new(&of_all_kinds(if is_to_be_killed { "exec sleep 1000" } else { "end 0" }));
        if is_to_be_killed {
            life.fate = TaskState::Killed;
        }
        let (paths, is_over) = (life.paths(), AtomicBool::new(false));
        let unreadable = thread::scope(|scope| {
            let reader = scope.spawn(|| read_until(&paths, &is_over));
            let end = End(&is_over);
            self.lead(&mut life);
            drop(end);
            reader.join().unwrap()
        });
        life.unreadable.extend(unreadable);
        life
    }

    /// Has up to six deaths in a life; nothing may be lost ten times in a row.
    fn lead(&mut self, life: &mut Life) {
        for round in 0..=self.roll(6) {
            let call = if round == 0 || self.roll(2) == 0 { self.run(life) } else { life.resume() };
            self.strike(life, call);
            if self.roll(4) == 0 {
                life.suffer(Aftermath::Killed);
            }
        }
        if life.fate == TaskState::Killed {
            self.end(life);
        }
        life.finish();
    }

    fn run(&mut self, life: &Life) -> Invocation {
        let call = life.run();
        if self.roll(4) == 0 { call.arg("--durable") } else { call }
    }

    /// Makes a call and has somebody die, by a failpoint or from outside.
    fn strike(&mut self, life: &mut Life, call: Invocation) {
        // A task that goes on until it is asked to end has to be struck from outside.
        if life.fate == TaskState::Killed || self.roll(2) == 0 {
            return self.strike_from_outside(life, call);
        }
        let point = self.point();
        life.call(call, Some(&point));
    }

    fn point(&mut self) -> Point {
        match self.roll(3) {
            0 => Point::new("coordinator", "*", 1 + self.roll(20)),
            1 => Point::new("runner", "*", 1 + self.roll(150)),
            _ => Point::new("*", "*", 1 + self.roll(30)),
        }
    }

    fn strike_from_outside(&mut self, life: &mut Life, call: Invocation) {
        let running = call.spawn();
        // Nothing is waited for: the moment is random.
        thread::sleep(Duration::from_millis(self.roll(LONGEST)));
        let runner = Pid::from_raw(running.pid());
        let (with_runner, coordinators) =
            [(true, 0), (true, 1), (true, 9), (false, 1)][self.roll(4) as usize];
        let mut victims = life.supervisors();
        let is_runner_alive = victims.contains(&runner);
        victims.retain(|pid| *pid != runner);
        let from = self.roll(victims.len().max(1) as u64) as usize;
        victims.rotate_left(from);
        victims.truncate(coordinators);
        life.any_orphaned |= !victims.is_empty();
        life.deaths.push(format!("{} coordinators, runner: {with_runner}, from outside", victims.len()));
        // A task that goes on for ever needs its runner dead for the next call.
        if is_runner_alive && (with_runner || life.fate == TaskState::Killed) {
            victims.push(runner);
        }
        for victim in victims {
            let _ = kill(victim, Signal::SIGKILL);
        }
        running.wait();
    }

    /// Asks the task to end; the killer may die too. One whose runners all died before it began is begun first.
    fn end(&mut self, life: &mut Life) {
        let begun = life.state().is_ok_and(|state| state.is_some());
        let runner = (!begun).then(|| life.start_until("last", None).0);
        for _ in 0..self.roll(3) {
            let point = Point::new("*", "*", 1 + self.roll(60));
            life.call(life.kill(), Some(&point));
        }
        life.call(life.kill(), None);
        runner.map(Running::wait);
    }
}
