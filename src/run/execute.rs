//! Executes a plan: nodes in parallel as what they read is done, then checks across nodes, then one publish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Timer};

use tokio::task::JoinSet;

use crate::clock::{self, Instant};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{RelationName, RunId};
use crate::lake::{Binding, Manifest, RelationKind, When};
use crate::node::{Known, Pending, Request};
use crate::run::graph::Graph;
use crate::run::known::known_slices;
use crate::run::node_run::{Done, NodeRun};
use crate::run::plan::{Plan, Step};
use crate::run::publish::publish;
use crate::run::report::{Reporter, Status};
use crate::run::select::Selection;
use crate::run::verify::verify_across;

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which nodes; all of them unless given.
    pub selection: Selection,
    /// Whether to make them from scratch.
    pub full: bool,
    /// Whether nodes that do not depend on a failed one go on, and are published.
    pub keep_going: bool,
    /// The instant to compute for; now unless given.
    pub as_of: Option<Instant>,
    /// What is asked of models.
    pub requests: BTreeMap<RelationName, Request>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was nothing to do.
    UpToDate,
    /// Everything that was planned is published.
    Published,
    /// What did not depend on a failure is published.
    Partial,
    /// Readers see what they saw before.
    Failed,
}

/// What a run did with one node.
#[derive(Debug)]
pub struct NodeResult {
    /// The node.
    pub relation: RelationName,
    /// What kind it is.
    pub kind: RelationKind,
    /// What became of it.
    pub status: Status,
    /// Why it was planned.
    pub reason: String,
    /// Rows of its table, where it has one.
    pub rows: Option<u64>,
    /// How long it took.
    pub duration: Duration,
    /// What went wrong.
    pub error: Option<Error>,
}

/// What a run did.
#[derive(Debug)]
pub struct Summary {
    /// Its id; also of a run that had nothing to do, which leaves no other trace.
    pub run_id: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// The manifest it published.
    pub manifest: Option<u64>,
    /// The nodes it planned, in order.
    pub nodes: Vec<NodeResult>,
    /// Records read from sources.
    pub rows_read: u64,
    /// Records that landed.
    pub rows_landed: u64,
    /// Records that the tables knew already.
    pub rows_unchanged: u64,
    /// Records that were rejected.
    pub rows_rejected: u64,
    /// Files that were rejected as a whole.
    pub files_rejected: usize,
    /// Files that are left to later runs.
    pub later: usize,
}

/// Everything that was looked up to make a plan.
pub struct Prepared {
    /// What is published.
    pub manifest: Arc<Manifest>,
    /// The slices read so far, by table.
    pub known: BTreeMap<RelationName, Known>,
    /// What waits, by table.
    pub pending: BTreeMap<RelationName, Pending>,
    /// What to do.
    pub plan: Plan,
}

/// Looks up what is published and what waits, and plans.
///
/// # Errors
/// When the lake or a source cannot be listed, or the selection selects nothing.
pub async fn prepare(graph: &Graph, engine: &Engine, options: &Options) -> Result<Prepared> {
    let selected = options.selection.resolve(graph)?;
    let manifest = Arc::new(Manifest::load(engine.lake(), &When::Now).await?);
    if manifest.number.is_none() {
        engine.lake().verify_vacant().await?;
    }
    let known = known_slices(engine, &Binding::of(Arc::clone(&manifest))).await?;
    let mut pending = BTreeMap::new();
    let nothing = Known::new();
    for node in graph.in_order().filter(|node| selected.contains(node.name())) {
        let waits = node.pending(known.get(node.name()).unwrap_or(&nothing)).await?;
        pending.insert(node.name().clone(), waits);
    }
    let plan = Plan::new(graph, &manifest, &pending, &selected, options.full, &options.requests);
    Ok(Prepared { manifest, known, pending, plan })
}

/// Plans and runs.
///
/// # Errors
/// When nothing could be planned or published at all. A node's failure is in the summary.
pub async fn execute(
    graph: &Graph,
    engine: &Engine,
    options: Options,
    reporter: Arc<dyn Reporter>,
) -> Result<Summary> {
    let started_at = clock::now();
    let prepared = prepare(graph, engine, &options).await?;
    let as_of = options.as_of.unwrap_or(started_at);
    let run = Run {
        graph,
        engine,
        reporter,
        run_id: RunId::generate(started_at),
        as_of,
        started_at,
        next: prepared.manifest.number.map_or(0, |number| number + 1),
        full: options.full,
        keep_going: options.keep_going,
        requests: options.requests,
        prepared,
    };
    run.reporter.planned(&run.prepared.plan);
    if run.prepared.plan.is_empty() {
        return Ok(run.summary(Outcome::UpToDate, None, Vec::new()));
    }
    run.execute().await
}

/// One run under way.
pub(super) struct Run<'a> {
    pub graph: &'a Graph,
    pub engine: &'a Engine,
    pub reporter: Arc<dyn Reporter>,
    pub run_id: RunId,
    pub as_of: Instant,
    pub started_at: Instant,
    /// The number of the manifest it will publish.
    pub next: u64,
    pub full: bool,
    pub keep_going: bool,
    pub requests: BTreeMap<RelationName, Request>,
    pub prepared: Prepared,
}

impl Run<'_> {
    async fn execute(self) -> Result<Summary> {
        let mut done = self.refresh_all().await;
        // Nothing is wrong with the node: the run as a whole came at the wrong time.
        let conflict = |error: &mut Error| error.kind() == ErrorKind::Conflict;
        if let Some(error) = done.values_mut().find_map(|node| node.error.take_if(conflict)) {
            return Err(error);
        }
        if self.keep_going || done.values().all(|node| node.status != Status::Failed) {
            verify_across(&self, &mut done).await?;
        }
        let failed = done.values().any(|node| node.status == Status::Failed);
        let outcome = match (failed, self.keep_going) {
            (false, _) => Outcome::Published,
            (true, true) => Outcome::Partial,
            (true, false) => Outcome::Failed,
        };
        let manifest = publish(&self, &mut done, outcome).await?;
        self.reporter.published(manifest);
        let order: Vec<RelationName> = self.prepared.plan.steps.iter().map(|s| s.relation.clone()).collect();
        let results = order.iter().filter_map(|name| done.remove(name)).collect();
        Ok(self.summary(outcome, Some(manifest), results))
    }

    /// Refreshes every planned node once what it reads is done. Failed nodes keep their published state.
    async fn refresh_all(&self) -> BTreeMap<RelationName, Done> {
        let steps: BTreeMap<RelationName, Step> =
            self.prepared.plan.steps.iter().map(|step| (step.relation.clone(), step.clone())).collect();
        let mut waiting: BTreeSet<RelationName> = steps.keys().cloned().collect();
        let mut done: BTreeMap<RelationName, Done> = BTreeMap::new();
        let mut binding = Binding::of(Arc::clone(&self.prepared.manifest));
        let mut running = JoinSet::new();
        let mut stopped = false;
        loop {
            let ready: Vec<RelationName> = waiting
                .iter()
                .filter(|name| {
                    self.graph
                        .upstream(name)
                        .iter()
                        .all(|input| !steps.contains_key(input) || done.contains_key(input))
                })
                .cloned()
                .collect();
            for name in ready {
                if running.len() >= self.engine.threads() && !stopped {
                    break;
                }
                waiting.remove(&name);
                let step = &steps[&name];
                let blocked = self.graph.upstream(&name).into_iter().find(|input| {
                    done.get(input).is_some_and(|d| matches!(d.status, Status::Failed | Status::Skipped))
                });
                if stopped || blocked.is_some() {
                    let skipped = Done::skipped(step);
                    self.reporter.finished(&name, Status::Skipped, None, Duration::ZERO);
                    done.insert(name, skipped);
                    continue;
                }
                let node_run = NodeRun::new(self, step, binding.clone(), &done);
                let reporter = Arc::clone(&self.reporter);
                running.spawn(async move {
                    let timer = Timer::now();
                    let mut result = node_run.go(reporter).await;
                    result.duration = timer.elapsed();
                    result
                });
            }
            if running.is_empty() {
                if waiting.is_empty() {
                    return done;
                }
                // Only skipped nodes were taken: look again.
                continue;
            }
            let Some(joined) = running.join_next().await else { continue };
            let result = match joined {
                Ok(result) => result,
                Err(panic) => {
                    // Which node it was is lost with the task: fail whatever is not accounted for.
                    stopped = true;
                    let error = Error::new(ErrorKind::Bug, format!("a node died: {panic}"));
                    let lost =
                        steps.keys().find(|n| !waiting.contains(*n) && !done.contains_key(*n)).cloned();
                    match lost {
                        Some(name) => Done::failed(&steps[&name], error),
                        None => continue,
                    }
                }
            };
            self.reporter.finished(&result.relation, result.status, result.rows, result.duration);
            if let Some(error) = &result.error {
                self.reporter.failed(&result.relation, error);
                stopped |= !self.keep_going;
            }
            if let Some(bound) = &result.bound {
                binding.overlay(result.relation.clone(), bound.clone());
            }
            done.insert(result.relation.clone(), result);
        }
    }

    fn summary(&self, outcome: Outcome, manifest: Option<u64>, nodes: Vec<Done>) -> Summary {
        let sum = |of: fn(&crate::lake::system::SliceRow) -> i64| {
            let slices = nodes.iter().flat_map(|node| &node.records.slices);
            slices.map(|slice| u64::try_from(of(slice)).unwrap_or(0)).sum()
        };
        Summary {
            run_id: self.run_id.clone(),
            outcome,
            manifest,
            rows_read: sum(|slice| slice.rows_read),
            rows_landed: sum(|slice| slice.rows_landed),
            rows_unchanged: sum(|slice| slice.rows_unchanged),
            rows_rejected: sum(|slice| slice.rows_rejected),
            files_rejected: nodes
                .iter()
                .flat_map(|node| &node.records.slices)
                .filter(|slice| slice.status == "rejected")
                .count(),
            later: self.prepared.pending.values().map(|pending| pending.later).sum(),
            nodes: nodes
                .into_iter()
                .map(|node| NodeResult {
                    relation: node.relation,
                    kind: node.kind,
                    status: node.status,
                    reason: node.reason,
                    rows: node.rows,
                    duration: node.duration,
                    error: node.error,
                })
                .collect(),
        }
    }
}
