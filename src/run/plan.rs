//! Plans: which nodes would run, and why. Pure data, computed without side effects.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::ids::RelationName;
use crate::lake::{Manifest, RelationKind};
use crate::node::{Change, Pending, Request};
use crate::run::graph::Graph;

/// Why a node runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It was never published.
    NeverRun,
    /// Its declaration, or Twinlake's own way of computing it, is different from what was published.
    NewCode,
    /// Files wait, or a relation it reads was published anew without it.
    NewInput {
        /// Files never read.
        new: usize,
        /// Files that changed since they were read.
        changed: usize,
        /// Files that are gone.
        vanished: usize,
        /// Files that are left to later runs.
        later: usize,
        /// Relations that were published anew without it.
        relations: Vec<RelationName>,
    },
    /// A node that it reads runs; if that one's rows turn out the same, this one is left as it is.
    Upstream {
        /// Those nodes.
        relations: Vec<RelationName>,
    },
    /// It was asked for.
    Full,
    /// Somebody asks something of a model.
    Asked {
        /// What.
        act: String,
    },
}

impl Reason {
    /// A few words, as in `twin.nodes`.
    pub fn label(&self) -> &'static str {
        match self {
            Reason::NeverRun => "never run",
            Reason::NewCode => "new code",
            Reason::NewInput { .. } => "new input",
            Reason::Upstream { .. } => "upstream",
            Reason::Full => "full",
            Reason::Asked { .. } => "asked for",
        }
    }

    /// Whether the node is made from scratch: published rows and read slices do not count.
    pub fn rebuilds(&self) -> bool {
        match self {
            Reason::NeverRun | Reason::NewCode | Reason::Full => true,
            Reason::NewInput { .. } | Reason::Upstream { .. } | Reason::Asked { .. } => false,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label())?;
        match self {
            Reason::NewInput { new, changed, vanished, later, relations } => {
                let mut parts = Vec::new();
                let files = |count: usize, what: &str| {
                    format!("{count} {what} {}", if count == 1 { "file" } else { "files" })
                };
                for (count, what) in [(*new, "new"), (*changed, "changed"), (*vanished, "vanished")] {
                    if count > 0 {
                        parts.push(files(count, what));
                    }
                }
                if *later > 0 {
                    parts.push(format!("{later} more later"));
                }
                parts.extend(relations.iter().map(ToString::to_string));
                write!(f, ": {}", parts.join(", "))
            }
            Reason::Upstream { relations } => {
                let names: Vec<String> = relations.iter().map(ToString::to_string).collect();
                write!(f, ": {}", names.join(", "))
            }
            Reason::Asked { act } => write!(f, ": {act}"),
            Reason::NeverRun | Reason::NewCode | Reason::Full => Ok(()),
        }
    }
}

/// One node that would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The node.
    pub relation: RelationName,
    /// What kind it is.
    pub kind: RelationKind,
    /// Why.
    #[serde(flatten)]
    pub why: Reason,
}

/// What a run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In an order in which every node comes after those it reads.
    pub steps: Vec<Step>,
    /// Relations that are published but no longer declared: the next manifest leaves them out.
    pub dropped: Vec<RelationName>,
    /// Nodes that stay as they are.
    pub unchanged: usize,
}

impl Plan {
    /// What a run of the `selected` nodes would do, given what is published and what waits outside.
    pub fn new(
        graph: &Graph,
        manifest: &Manifest,
        pending: &BTreeMap<RelationName, Pending>,
        selected: &BTreeSet<RelationName>,
        full: bool,
        requests: &BTreeMap<RelationName, Request>,
    ) -> Plan {
        let mut plan = Plan::default();
        let mut running: BTreeSet<RelationName> = BTreeSet::new();
        for node in graph.in_order() {
            let name = node.name();
            if !selected.contains(name) {
                plan.unchanged += 1;
                continue;
            }
            let waiting = pending.get(name).cloned().unwrap_or_default();
            let published = manifest.relations.get(name);
            let reads: BTreeSet<RelationName> = match node.kind() {
                // A source reads relations for its contract only: they change nothing about rows landed before.
                RelationKind::Source => BTreeSet::new(),
                RelationKind::View | RelationKind::Model | RelationKind::System => graph.upstream(name),
            };
            let upstream: Vec<RelationName> = reads.intersection(&running).cloned().collect();
            let why = match published {
                _ if full => Some(Reason::Full),
                None => Some(Reason::NeverRun),
                Some(published) if published.fingerprint != *node.fingerprint() => Some(Reason::NewCode),
                Some(_) if requests.contains_key(name) => {
                    requests.get(name).map(|request| Reason::Asked { act: request.act.to_string() })
                }
                Some(published) => {
                    let stale: Vec<RelationName> = reads
                        .iter()
                        .filter(|input| {
                            let now = manifest.relations.get(*input).map(|relation| &relation.hash);
                            now.is_some() && now != published.inputs.get(*input)
                        })
                        .cloned()
                        .collect();
                    if !waiting.is_empty() || !stale.is_empty() {
                        let count = |change| waiting.slices.iter().filter(|s| s.change == change).count();
                        Some(Reason::NewInput {
                            new: count(Change::New),
                            changed: count(Change::Changed),
                            vanished: count(Change::Vanished),
                            later: waiting.later,
                            relations: stale,
                        })
                    } else if !upstream.is_empty() {
                        Some(Reason::Upstream { relations: upstream })
                    } else {
                        None
                    }
                }
            };
            match why {
                Some(why) => {
                    running.insert(name.clone());
                    plan.steps.push(Step { relation: name.clone(), kind: node.kind(), why });
                }
                None => plan.unchanged += 1,
            }
        }
        plan.dropped = manifest
            .relations
            .iter()
            .filter(|(name, relation)| relation.kind != RelationKind::System && graph.node(name).is_none())
            .map(|(name, _)| name.clone())
            .collect();
        plan
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.dropped.is_empty()
    }
}
