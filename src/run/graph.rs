//! Nodes and what they read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::RelationName;
use crate::node::Node;

/// All nodes of a twin, with the edges that follow from what they read.
pub struct Graph {
    nodes: BTreeMap<RelationName, Arc<dyn Node>>,
    /// In an order in which every node comes after those it reads; ties by name.
    order: Vec<RelationName>,
    downstream: BTreeMap<RelationName, BTreeSet<RelationName>>,
}

impl Graph {
    /// The graph of `nodes`. What they read and no node makes (system tables, for one) is no edge.
    ///
    /// # Errors
    /// The relations of a cycle, in order, the first one repeated at the end.
    pub fn new(nodes: Vec<Arc<dyn Node>>) -> Result<Self, Vec<RelationName>> {
        let nodes: BTreeMap<RelationName, Arc<dyn Node>> =
            nodes.into_iter().map(|node| (node.name().clone(), node)).collect();
        let inputs: BTreeMap<RelationName, BTreeSet<RelationName>> =
            nodes.iter().map(|(name, node)| (name.clone(), node.inputs().clone())).collect();
        let order = in_order(&inputs)?;
        let mut downstream: BTreeMap<RelationName, BTreeSet<RelationName>> = BTreeMap::new();
        for (name, inputs) in &inputs {
            for input in inputs.iter().filter(|input| nodes.contains_key(*input)) {
                downstream.entry(input.clone()).or_default().insert(name.clone());
            }
        }
        Ok(Self { nodes, order, downstream })
    }

    /// The node that makes `relation`.
    pub fn node(&self, relation: &RelationName) -> Option<&Arc<dyn Node>> {
        self.nodes.get(relation)
    }

    /// All nodes, each after those it reads.
    pub fn in_order(&self) -> impl Iterator<Item = &Arc<dyn Node>> {
        self.order.iter().map(|name| &self.nodes[name])
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The nodes that `relation` reads.
    pub fn upstream(&self, relation: &RelationName) -> BTreeSet<RelationName> {
        let inputs = self.nodes.get(relation).map(|node| node.inputs().clone()).unwrap_or_default();
        inputs.into_iter().filter(|input| self.nodes.contains_key(input)).collect()
    }

    /// The nodes that read `relation`.
    pub fn downstream(&self, relation: &RelationName) -> BTreeSet<RelationName> {
        self.downstream.get(relation).cloned().unwrap_or_default()
    }

    /// All that `relation` reads, directly or not, at most so many steps away.
    pub fn ancestors(&self, relation: &RelationName, steps: usize) -> BTreeSet<RelationName> {
        self.reach(relation, steps, |name| self.upstream(name))
    }

    /// All that reads `relation`, directly or not, at most so many steps away.
    pub fn descendants(&self, relation: &RelationName, steps: usize) -> BTreeSet<RelationName> {
        self.reach(relation, steps, |name| self.downstream(name))
    }

    fn reach(
        &self,
        from: &RelationName,
        steps: usize,
        next: impl Fn(&RelationName) -> BTreeSet<RelationName>,
    ) -> BTreeSet<RelationName> {
        let mut found = BTreeSet::new();
        let mut frontier = BTreeSet::from([from.clone()]);
        for _ in 0..steps {
            frontier = frontier.iter().flat_map(&next).filter(|name| !found.contains(name)).collect();
            if frontier.is_empty() {
                break;
            }
            found.extend(frontier.iter().cloned());
        }
        found
    }
}

/// The names in an order in which each comes after those it reads; ties by name. What none of them is called is no input.
///
/// # Errors
/// The relations of a cycle, in order, the first one repeated at the end.
pub(super) fn in_order(
    inputs: &BTreeMap<RelationName, BTreeSet<RelationName>>,
) -> Result<Vec<RelationName>, Vec<RelationName>> {
    let mut waiting: BTreeMap<RelationName, BTreeSet<RelationName>> = BTreeMap::new();
    let mut readers: BTreeMap<&RelationName, BTreeSet<&RelationName>> = BTreeMap::new();
    for (name, all) in inputs {
        let known: BTreeSet<RelationName> =
            all.iter().filter(|input| inputs.contains_key(*input)).cloned().collect();
        waiting.insert(name.clone(), known);
        for input in all {
            readers.entry(input).or_default().insert(name);
        }
    }
    let mut order = Vec::with_capacity(inputs.len());
    let free = waiting.iter().filter(|(_, inputs)| inputs.is_empty());
    let mut ready: BTreeSet<RelationName> = free.map(|(name, _)| name.clone()).collect();
    while let Some(name) = ready.pop_first() {
        waiting.remove(&name);
        for reader in readers.get(&name).into_iter().flatten() {
            if let Some(inputs) = waiting.get_mut(*reader) {
                inputs.remove(&name);
                if inputs.is_empty() {
                    ready.insert((*reader).clone());
                }
            }
        }
        order.push(name);
    }
    match waiting.is_empty() {
        true => Ok(order),
        false => Err(cycle(&waiting)),
    }
}

/// One cycle among nodes each of which waits for another.
fn cycle(waiting: &BTreeMap<RelationName, BTreeSet<RelationName>>) -> Vec<RelationName> {
    let mut path: Vec<RelationName> = waiting.keys().next().cloned().into_iter().collect();
    while let Some(next) = path.last().and_then(|name| waiting.get(name)?.first()) {
        if let Some(start) = path.iter().position(|name| name == next) {
            let mut cycle = path.split_off(start);
            cycle.push(next.clone());
            // Downstream reads upstream: say it the way data flows.
            cycle.reverse();
            return cycle;
        }
        path.push(next.clone());
    }
    path
}
