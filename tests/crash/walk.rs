//! Leads many lives, one for each kill point, and tells what came of them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Mutex;
use std::thread;

use super::failpoints::Point;
use super::life::Life;
use super::verdict::{Verdict, judge};

/// Lives that are led at the same time by one test; most of a life is waiting.
pub(super) const WORKERS: usize = 3;

/// Leads a life for each point, some at the same time, and prints what came of them; fails if anything went wrong.
pub(crate) fn walk(name: &str, points: Vec<Point>, lead: impl Fn(&Point) -> Life + Sync) {
    assert!(!points.is_empty(), "there is nothing to walk through");
    let queue = Mutex::new(points.iter());
    let total = Mutex::new(Total::default());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(point) = { queue.lock().unwrap().next() } {
                    let life = lead(point);
                    let verdict = judge(&life);
                    total.lock().unwrap().add(&point.to_string(), &life, verdict);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    total.report(&format!("crash matrix, {name}: {} kill points", points.len()));
    // A point is not reached if the machine was so slow that things went another way than when they were counted.
    let missed = points.len() - total.lives_with_deaths;
    assert!(missed <= 2 + points.len() / 20, "{missed} of {} points were not reached", points.len());
}

/// What came of many lives.
#[derive(Default)]
pub(super) struct Total {
    pub(super) lives: usize,
    pub(super) deaths: usize,
    lives_with_deaths: usize,
    places: BTreeSet<String>,
    lost: usize,
    doubled: usize,
    strays: usize,
    stories: String,
}

impl Total {
    pub(super) fn add(&mut self, name: &str, life: &Life, verdict: Verdict) {
        self.lives += 1;
        self.deaths += life.deaths.len();
        self.lives_with_deaths += usize::from(!life.deaths.is_empty());
        self.places.extend(life.deaths.iter().cloned());
        self.lost += verdict.lost.len();
        self.doubled += verdict.doubled.len();
        self.strays += verdict.strays.len();
        if !verdict.is_clean() {
            let _ = writeln!(self.stories, "\n{name}: {verdict:#?}\n{}", life.tell());
        }
    }

    /// Prints the sums, and tells the lives in which anything went wrong.
    #[allow(clippy::print_stdout)]
    pub(super) fn report(&self, name: &str) {
        let Total { deaths, lost, doubled, strays, .. } = self;
        let places = self.places.len();
        println!(
            "{name}, {deaths} deaths at {places} places, {lost} lost, {doubled} doubled, {strays} strays"
        );
        assert!(self.stories.is_empty(), "{}", self.stories);
    }
}
