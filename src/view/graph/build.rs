//! From a task, and what its run has recorded, to a picture of it.

use std::collections::{BTreeSet, HashMap};

use super::{Block, Link, Node, Picture};
use crate::checkpoint::status::RunEntry;
use crate::checkpoint::{ProcessState, Status};
use crate::plan::{Graph, PlanError, Stage};
use crate::schema::Task;

/// Processes that are alike become one block from this number on.
const LEAST_TOGETHER: usize = 3;

/// Draws a task that has not run.
///
/// # Errors
/// Constraints that no plan can satisfy.
pub fn of_task(task: &Task) -> Result<Picture, PlanError> {
    Builder::new(task, None, 0.0).map(Builder::picture)
}

/// Draws a run as it is at `now`, in seconds since 1970.
///
/// # Errors
/// Constraints that no plan can satisfy.
pub fn of_run(task: &Task, status: &Status, now: f64) -> Result<Picture, PlanError> {
    Builder::new(task, Some(status), now).map(Builder::picture)
}

struct Builder<'a> {
    task: &'a Task,
    status: Option<&'a Status>,
    now: f64,
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
    order: Vec<usize>,
    critical: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn new(task: &'a Task, status: Option<&'a Status>, now: f64) -> Result<Builder<'a>, PlanError> {
        let count = task.processes.len();
        let (mut before, mut after) = (vec![BTreeSet::new(); count], vec![BTreeSet::new(); count]);
        let mut order = Vec::with_capacity(count);
        for stage in [Stage::Ordinary, Stage::Final] {
            let graph = Graph::of_task(task, stage)?;
            for &id in graph.topological_order() {
                order.push(id.index());
                for next in graph.successors(id) {
                    after[id.index()].insert(next.index());
                    before[next.index()].insert(id.index());
                }
            }
        }
        let mut builder = Builder { task, status, now, before, after, order, critical: Vec::new() };
        builder.critical = builder.find_critical();
        Ok(builder)
    }

    fn runs(&self, process: usize) -> &'a [RunEntry] {
        let name = &self.task.processes[process].name;
        self.status.and_then(|status| status.processes.get(name)).map_or(&[], Vec::as_slice)
    }

    /// When a process was over for the last time; now if it runs.
    fn end(&self, process: usize) -> Option<f64> {
        let last = self.runs(process).last()?;
        match last.state.is_terminal() {
            true => last.stop_time,
            false => last.start_time.map(|_| self.now),
        }
    }

    /// Walks back from the process that ended last, each time to the one that was waited for longest.
    fn find_critical(&self) -> Vec<usize> {
        let latest = |processes: &mut dyn Iterator<Item = usize>| {
            let ended = processes.filter_map(|process| Some((process, self.end(process)?)));
            ended.max_by(|left, right| left.1.total_cmp(&right.1)).map(|(process, _)| process)
        };
        let is_final = |process: usize| self.task.processes[process].is_final;
        let waits = |process: &usize| !self.task.processes[*process].ephemeral;
        let mut path = Vec::new();
        let mut at = latest(&mut self.order.iter().copied().filter(waits));
        while let Some(process) = at {
            path.push(process);
            at = latest(&mut self.before[process].iter().copied());
            if at.is_none() && is_final(process) {
                at = latest(&mut self.order.iter().copied().filter(waits).filter(|other| !is_final(*other)));
            }
        }
        path.reverse();
        path
    }

    fn node(&self, process: usize) -> Node {
        let declared = &self.task.processes[process];
        let runs = self.runs(process);
        let took = runs.iter().filter_map(|run| {
            let end = if run.state.is_terminal() { run.stop_time? } else { self.now };
            Some((end - run.start_time?).max(0.0))
        });
        let carried_over = self.status.is_some_and(|status| status.carried_over.contains_key(&declared.name));
        let state = runs.last().map(|run| run.state.clone());
        Node {
            name: declared.name.clone(),
            state: state.or(carried_over.then_some(ProcessState::Success)),
            carried_over,
            runs: runs.len(),
            seconds: runs.iter().any(|run| run.start_time.is_some()).then(|| took.sum()),
            daemon: declared.daemon,
            ephemeral: declared.ephemeral,
            critical: self.critical.contains(&process),
        }
    }

    /// Puts processes with the same neighbours together, in the order of the plan.
    fn blocks(&self) -> Vec<Vec<usize>> {
        let key = |process: &usize| {
            (&self.before[*process], &self.after[*process], self.task.processes[*process].is_final)
        };
        let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
        for process in &self.order {
            alike.entry(key(process)).or_default().push(*process);
        }
        let mut blocks = Vec::new();
        for process in &self.order {
            let mut family = alike[&key(process)].clone();
            match family.len() >= LEAST_TOGETHER {
                true if family[0] == *process => {
                    family.sort_unstable();
                    blocks.push(family);
                }
                true => {}
                false => blocks.push(vec![*process]),
            }
        }
        blocks
    }

    fn picture(self) -> Picture {
        let blocks = self.blocks();
        let is_final = |block: &Vec<usize>| self.task.processes[block[0]].is_final;
        let first_final = blocks.iter().position(is_final).filter(|position| *position > 0);
        // The block "finally" takes the place of the first final one, which moves up by one with those after it.
        let place = |index: usize| index + usize::from(first_final.is_some_and(|first| index >= first));
        let mut home = HashMap::new();
        for (index, block) in blocks.iter().enumerate() {
            home.extend(block.iter().map(|process| (*process, place(index))));
        }
        let steps: BTreeSet<(usize, usize)> = self
            .critical
            .windows(2)
            .filter(|pair| self.after[pair[0]].contains(&pair[1]))
            .map(|pair| (home[&pair[0]], home[&pair[1]]))
            .collect();
        let mut pairs = BTreeSet::new();
        for block in &blocks {
            pairs.extend(self.after[block[0]].iter().map(|next| (home[&block[0]], home[next])));
        }
        let pairs = without_implied(pairs, blocks.len() + 1);
        let link = |(from, to): (usize, usize)| Link {
            from,
            to,
            critical: steps.contains(&(from, to)),
            implied: false,
        };
        let mut links: Vec<Link> = pairs.into_iter().map(link).collect();
        let mut drawn: Vec<Block> = blocks
            .iter()
            .map(|block| Block { nodes: block.iter().map(|process| self.node(*process)).collect() })
            .collect();
        if let Some(finally) = first_final {
            drawn.insert(finally, Block { nodes: Vec::new() });
            let implied = |from: usize, to: usize| Link { from, to, critical: false, implied: true };
            for (index, block) in blocks.iter().enumerate() {
                if !is_final(block) && self.after[block[0]].is_empty() {
                    links.push(implied(place(index), finally));
                } else if is_final(block) && self.before[block[0]].is_empty() {
                    links.push(implied(finally, place(index)));
                }
            }
        }
        Picture {
            title: self.status.map_or(&self.task.name, |status| &status.task_id).clone(),
            state: self.status.map(|status| status.state.clone()),
            blocks: drawn,
            links,
            critical_seconds: self.critical_seconds(),
        }
    }

    fn critical_seconds(&self) -> Option<f64> {
        let start = self.runs(*self.critical.first()?).first()?.start_time?;
        Some((self.end(*self.critical.last()?)? - start).max(0.0))
    }
}

/// Leaves out what follows from the rest: of a before b before c, that a is before c. Not worth it for many blocks.
fn without_implied(pairs: BTreeSet<(usize, usize)>, blocks: usize) -> BTreeSet<(usize, usize)> {
    if blocks > MOST_REDUCED {
        return pairs;
    }
    let mut next = vec![Vec::new(); blocks];
    pairs.iter().for_each(|(from, to)| next[*from].push(*to));
    // Blocks stand after those that they wait for, so what comes from a block is known once all later ones are.
    let mut reach: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); blocks];
    for block in (0..blocks).rev() {
        let beyond = next[block].iter().flat_map(|to| reach[*to].iter().chain([to])).copied().collect();
        reach[block] = beyond;
    }
    let is_implied =
        |from: usize, to: usize| next[from].iter().any(|other| *other != to && reach[*other].contains(&to));
    pairs.iter().copied().filter(|(from, to)| !is_implied(*from, *to)).collect()
}

/// The most blocks of a picture from which what is implied is left out.
const MOST_REDUCED: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{CommandLine, Constraint, Process};

    fn task(names: &[&str], orders: &[&[&str]], finals: &[&str]) -> Task {
        let process = |name: &&str| Process {
            name: (*name).to_owned(),
            cmdline: CommandLine::text("true"),
            resources: None,
            max_failures: 1,
            daemon: false,
            ephemeral: false,
            min_duration: 0,
            is_final: finals.contains(name),
            logger: None,
        };
        let order =
            |names: &&[&str]| Constraint { order: names.iter().map(|name| (*name).to_owned()).collect() };
        Task {
            name: "t".to_owned(),
            processes: names.iter().map(process).collect(),
            constraints: orders.iter().map(order).collect(),
            resources: None,
            max_failures: 1,
            max_concurrency: 0,
            finalization_wait: 30,
            user: None,
        }
    }

    fn names(picture: &Picture) -> Vec<String> {
        let names =
            |block: &Block| block.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join("+");
        picture.blocks.iter().map(names).collect()
    }

    #[test]
    fn those_with_the_same_neighbours_stand_together() {
        let orders: [&[&str]; 4] = [&["a", "m1", "z"], &["a", "m2", "z"], &["a", "m3", "z"], &["b", "z"]];
        let picture = of_task(&task(&["a", "m1", "m2", "m3", "b", "z"], &orders, &[])).unwrap();
        assert_eq!(names(&picture), ["a", "b", "m1+m2+m3", "z"]);
        let links: Vec<(usize, usize)> = picture.links.iter().map(|link| (link.from, link.to)).collect();
        assert_eq!(links, [(0, 2), (1, 3), (2, 3)]);
    }

    #[test]
    fn what_follows_from_the_rest_is_not_drawn() {
        let picture = of_task(&task(&["a", "b", "c"], &[&["a", "b", "c"], &["a", "c"]], &[])).unwrap();
        let links: Vec<(usize, usize)> = picture.links.iter().map(|link| (link.from, link.to)).collect();
        assert_eq!(links, [(0, 1), (1, 2)]);
    }

    #[test]
    fn final_processes_come_after_a_block_that_says_so() {
        let orders: [&[&str]; 2] = [&["a", "b"], &["x", "y"]];
        let picture = of_task(&task(&["x", "a", "b", "y"], &orders, &["x", "y"])).unwrap();
        assert_eq!(names(&picture), ["a", "b", "", "x", "y"]);
        let implied: Vec<(usize, usize)> =
            picture.links.iter().filter(|link| link.implied).map(|link| (link.from, link.to)).collect();
        assert_eq!(implied, [(1, 2), (2, 3)]);
    }
}
