//! The dependency graph: who waits for whom. Knows nothing of time or of what has run.

use std::collections::HashMap;

use crate::schema;

/// A process by its place in the task's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// Returns the place in the task's list, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which processes of a task a plan is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Those that are not final.
    Ordinary,
    /// The finalizers.
    Final,
    /// All; only for checks and pictures, a task runs its two stages apart.
    Both,
}

impl Stage {
    fn takes(self, is_final: bool) -> bool {
        match self {
            Stage::Ordinary => !is_final,
            Stage::Final => is_final,
            Stage::Both => true,
        }
    }
}

/// What planning needs to know of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Constraints name it so.
    pub name: String,
    /// Failed runs that fail the process; 0 is no limit.
    pub max_failures: u32,
    /// Seconds from the end of a run to the start of the next.
    pub min_duration: f64,
    /// Whether it runs again after success.
    pub daemon: bool,
    /// Whether the plan is complete without it.
    pub ephemeral: bool,
    /// Whether it is a finalizer.
    pub is_final: bool,
}

impl From<&schema::Process> for Node {
    fn from(process: &schema::Process) -> Node {
        Node {
            name: process.name.clone(),
            max_failures: process.max_failures,
            min_duration: f64::from(process.min_duration),
            daemon: process.daemon,
            ephemeral: process.ephemeral,
            is_final: process.is_final,
        }
    }
}

/// Constraints that no plan can satisfy. `constraint` counts the task's constraints from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A constraint is empty, or names processes that the plan does not have, among them final ones between ordinary ones.
    #[error("Invalid process dependencies!")]
    Unknown {
        /// Which constraint.
        constraint: usize,
        /// The names that the plan does not have; none if the constraint is empty.
        names: Vec<String>,
    },
    /// Something waits for a process that never ends.
    #[error("Process {next} may not depend upon daemon process {previous}")]
    AfterDaemon {
        /// Which constraint.
        constraint: usize,
        /// The daemon.
        previous: String,
        /// What waits for it.
        next: String,
    },
    /// Something that the plan needs waits for a process that it does not need.
    #[error("Non-ephemeral process {next} may not depend upon ephemeral process {previous}")]
    AfterEphemeral {
        /// Which constraint.
        constraint: usize,
        /// The ephemeral process.
        previous: String,
        /// What waits for it.
        next: String,
    },
    /// Processes wait for each other.
    #[error("Cycles detected in the task schedule!")]
    Cycle {
        /// One cycle: each waits for the one before it, the first for the last.
        names: Vec<String>,
    },
}

/// The checked dependency graph of one stage of a task.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    members: Vec<bool>,
    member_count: usize,
    /// Edges sorted by their start; those of process p are `successors[starts[p]..starts[p + 1]]`.
    successors: Vec<ProcessId>,
    starts: Vec<u32>,
    /// How many edges end in each process.
    incoming: Vec<u32>,
    /// All members, each after everything it waits for.
    order: Vec<ProcessId>,
}

impl Graph {
    /// Makes the graph of one stage of a task.
    pub fn of_task(task: &schema::Task, stage: Stage) -> Result<Graph, PlanError> {
        let orders: Vec<&[String]> =
            task.constraints.iter().map(|constraint| constraint.order.as_slice()).collect();
        Graph::new(task.processes.iter().map(Node::from).collect(), &orders, stage)
    }

    /// Makes a graph of processes and order lists. Of several processes with one name the last counts.
    pub fn new(nodes: Vec<Node>, orders: &[&[String]], stage: Stage) -> Result<Graph, PlanError> {
        let (members, edges) = {
            let ids = index_names(&nodes, stage);
            let mut members = vec![false; nodes.len()];
            ids.values().for_each(|id| members[id.index()] = true);
            (members, collect_edges(&nodes, &ids, orders)?)
        };
        let mut graph = Graph::of_edges(nodes, members, &edges);
        graph.order = graph.sort();
        if graph.order.len() < graph.member_count {
            return Err(PlanError::Cycle { names: graph.find_cycle(&edges) });
        }
        Ok(graph)
    }

    fn of_edges(nodes: Vec<Node>, members: Vec<bool>, edges: &[(ProcessId, ProcessId)]) -> Graph {
        let mut starts = vec![0; nodes.len() + 1];
        let mut incoming = vec![0; nodes.len()];
        for (previous, next) in edges {
            starts[previous.index() + 1] += 1;
            incoming[next.index()] += 1;
        }
        for index in 0..nodes.len() {
            starts[index + 1] += starts[index];
        }
        let mut free = starts.clone();
        let mut successors = vec![ProcessId(0); edges.len()];
        for (previous, next) in edges {
            let slot = &mut free[previous.index()];
            successors[*slot as usize] = *next;
            *slot += 1;
        }
        let member_count = members.iter().filter(|member| **member).count();
        Graph { nodes, members, member_count, successors, starts, incoming, order: Vec::new() }
    }

    /// Returns what is known of a process.
    pub fn node(&self, id: ProcessId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Returns how many processes the task has; ids are below it.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Says whether the task has no process.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Says whether a process belongs to this stage.
    pub fn is_member(&self, id: ProcessId) -> bool {
        self.members[id.index()]
    }

    /// Returns the processes of this stage in the order of the task's list.
    pub fn members(&self) -> impl Iterator<Item = ProcessId> + '_ {
        (0..self.nodes.len() as u32).map(ProcessId).filter(|id| self.is_member(*id))
    }

    /// Returns the processes that wait for one; a process that two constraints name is there twice.
    pub fn successors(&self, id: ProcessId) -> &[ProcessId] {
        &self.successors[self.starts[id.index()] as usize..self.starts[id.index() + 1] as usize]
    }

    /// Returns how many edges end in a process.
    pub fn incoming(&self, id: ProcessId) -> u32 {
        self.incoming[id.index()]
    }

    /// Returns all members, each after everything it waits for.
    pub fn topological_order(&self) -> &[ProcessId] {
        &self.order
    }

    /// Sorts as far as there is no cycle.
    fn sort(&self) -> Vec<ProcessId> {
        let mut missing = self.incoming.clone();
        let mut order: Vec<ProcessId> = self.members().filter(|id| self.incoming(*id) == 0).collect();
        let mut done = 0;
        while let Some(&id) = order.get(done) {
            done += 1;
            for next in self.successors(id) {
                missing[next.index()] -= 1;
                if missing[next.index()] == 0 {
                    order.push(*next);
                }
            }
        }
        order
    }

    /// Finds one cycle: among the unsorted, each has a predecessor that is unsorted too, so walking back must repeat.
    fn find_cycle(&self, edges: &[(ProcessId, ProcessId)]) -> Vec<String> {
        let mut sorted = vec![false; self.nodes.len()];
        self.order.iter().for_each(|id| sorted[id.index()] = true);
        let mut before = vec![None; self.nodes.len()];
        for (previous, next) in edges.iter().filter(|(previous, _)| !sorted[previous.index()]) {
            before[next.index()].get_or_insert(*previous);
        }
        let mut walked = Vec::new();
        let mut seen_at = vec![None; self.nodes.len()];
        let mut current = self.members().find(|id| !sorted[id.index()]);
        while let Some(id) = current {
            if let Some(start) = seen_at[id.index()] {
                let cycle: &[ProcessId] = &walked[start..];
                return cycle.iter().rev().map(|id| self.node(*id).name.clone()).collect();
            }
            seen_at[id.index()] = Some(walked.len());
            walked.push(id);
            current = before[id.index()];
        }
        Vec::new()
    }
}

fn index_names(nodes: &[Node], stage: Stage) -> HashMap<&str, ProcessId> {
    let members = nodes.iter().enumerate().filter(|(_, node)| stage.takes(node.is_final));
    members.map(|(index, node)| (node.name.as_str(), ProcessId(index as u32))).collect()
}

/// Turns order lists into edges; a list that is wholly of another stage is no concern of this one.
fn collect_edges(
    nodes: &[Node],
    ids: &HashMap<&str, ProcessId>,
    orders: &[&[String]],
) -> Result<Vec<(ProcessId, ProcessId)>, PlanError> {
    let mut edges = Vec::new();
    for (constraint, order) in orders.iter().enumerate() {
        let known: Vec<ProcessId> = order.iter().filter_map(|name| ids.get(name.as_str()).copied()).collect();
        if known.is_empty() && !order.is_empty() {
            continue;
        }
        if known.is_empty() || known.len() < order.len() {
            let names = order.iter().filter(|name| !ids.contains_key(name.as_str())).cloned().collect();
            return Err(PlanError::Unknown { constraint, names });
        }
        for pair in known.windows(2) {
            check_pair(constraint, &nodes[pair[0].index()], &nodes[pair[1].index()])?;
            edges.push((pair[0], pair[1]));
        }
    }
    Ok(edges)
}

fn check_pair(constraint: usize, previous: &Node, next: &Node) -> Result<(), PlanError> {
    let names = || (previous.name.clone(), next.name.clone());
    if previous.daemon {
        let (previous, next) = names();
        return Err(PlanError::AfterDaemon { constraint, previous, next });
    }
    if previous.ephemeral && !next.ephemeral {
        let (previous, next) = names();
        return Err(PlanError::AfterEphemeral { constraint, previous, next });
    }
    Ok(())
}
