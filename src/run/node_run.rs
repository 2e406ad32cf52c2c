//! One node's part of a run: refresh, check its own rows, commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::engine::{Engine, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::system::CheckRow;
use crate::lake::{Binding, Bound, Commit, Published, RelationKind, TableVersion};
use crate::node::{Change, Context, Known, Node, Output, Pending, Records, Request};
use crate::run::execute::Run;
use crate::run::plan::{Reason, Step};
use crate::run::report::{Reporter, Status};
use crate::run::verify::{checks_of_its_own, run_check};

/// What became of one node.
pub struct Done {
    pub relation: RelationName,
    pub kind: RelationKind,
    pub status: Status,
    pub reason: String,
    pub rows: Option<u64>,
    pub duration: Duration,
    pub error: Option<Error>,
    pub records: Records,
    /// Its new entry in the manifest.
    pub published: Option<Published>,
    /// What the nodes after it read.
    pub bound: Option<Bound>,
}

impl Done {
    fn of(step: &Step, status: Status) -> Self {
        Self {
            relation: step.relation.clone(),
            kind: step.kind,
            status,
            reason: step.why.label().to_string(),
            rows: None,
            duration: Duration::ZERO,
            error: None,
            records: Records::default(),
            published: None,
            bound: None,
        }
    }
    /// A node that was not attempted.
    pub fn skipped(step: &Step) -> Self {
        Self::of(step, Status::Skipped)
    }
    /// A node that failed; what is published of it stays.
    pub fn failed(step: &Step, error: Error) -> Self {
        Self { error: Some(error), ..Self::of(step, Status::Failed) }
    }
    /// Takes back what it made.
    pub fn fail(&mut self, error: Error) {
        self.status = Status::Failed;
        self.error = Some(error);
        self.published = None;
        self.bound = None;
    }
}

/// Everything one node's task owns.
pub struct NodeRun {
    step: Step,
    node: Arc<dyn Node>,
    engine: Engine,
    run_id: RunId,
    as_of: Instant,
    next: u64,
    full: bool,
    binding: Binding,
    published: Option<Published>,
    known: Known,
    pending: Pending,
    request: Option<Request>,
    /// The logical hashes of what it reads, as bound now.
    inputs: BTreeMap<RelationName, String>,
}

impl NodeRun {
    /// For one step of a run; `done` are the nodes that ended before it.
    pub fn new(run: &Run<'_>, step: &Step, binding: Binding, done: &BTreeMap<RelationName, Done>) -> Self {
        let name = &step.relation;
        let node = run.graph.node(name).map(Arc::clone).expect("a plan's steps are nodes of its graph");
        let manifest = &run.prepared.manifest;
        let inputs = node
            .inputs()
            .iter()
            .filter(|input| !input.is_system())
            .filter_map(|input| {
                let now = done.get(input).and_then(|done| done.published.as_ref());
                let published = now.or_else(|| manifest.relations.get(input))?;
                Some((input.clone(), published.hash.clone()))
            })
            .collect();
        Self {
            step: step.clone(),
            node,
            engine: run.engine.clone(),
            run_id: run.run_id.clone(),
            as_of: run.as_of,
            next: run.next,
            full: run.full,
            binding,
            published: manifest.relations.get(name).cloned(),
            known: run.prepared.known.get(name).cloned().unwrap_or_default(),
            pending: run.prepared.pending.get(name).cloned().unwrap_or_default(),
            request: run.requests.get(name).cloned(),
            inputs,
        }
    }

    /// Refreshes, checks and commits. A failure is a result like any other.
    pub async fn go(self, reporter: Arc<dyn Reporter>) -> Done {
        let step = self.step.clone();
        if matches!(step.why, Reason::Upstream { .. })
            && self.published.as_ref().is_some_and(|published| published.inputs == self.inputs)
        {
            return Done::of(&step, Status::Unchanged);
        }
        let mut done = Done::of(&step, Status::Refreshed);
        match self.refresh(reporter, &mut done).await {
            Ok(()) => done,
            Err(error) => {
                done.fail(error);
                done
            }
        }
    }

    async fn refresh(mut self, reporter: Arc<dyn Reporter>, done: &mut Done) -> Result<()> {
        let progress = reporter.started(&self.step);
        let before = self.published.clone();
        if self.step.why.rebuilds() {
            self.rebuild()?;
        }
        let context = Context {
            run_id: self.run_id.clone(),
            as_of: self.as_of,
            engine: self.engine.clone(),
            binding: self.binding.clone(),
            inputs: self.inputs.clone(),
            published: self.published.take(),
            known: std::mem::take(&mut self.known),
            pending: std::mem::take(&mut self.pending),
            request: self.request.take().or_else(|| self.again()),
            progress,
        };
        let refreshed = self.node.refresh(&context).await?;
        for row in refreshed.records.checks.iter().filter(|row| row.status != "passed") {
            reporter.warned(self.node.name(), &row.check, u64::try_from(row.bad_rows).unwrap_or(0));
        }
        done.records = refreshed.records;
        crate::failpoint!("files-written");
        let name = self.node.name();
        let (bound, rows) = match &refreshed.output {
            Output::Table(staged) => (Bound::Table(Arc::new(staged.clone())), Some(staged.hash().rows)),
            Output::View(sql) => (Bound::View(Arc::clone(sql)), None),
            Output::Keep => return self.keep(before, done).await,
        };
        done.rows = rows;
        self.check(&bound, done, reporter.as_ref()).await?;

        let (version, hash, sql, bound) = match refreshed.output {
            Output::Keep => return Err(Error::new(ErrorKind::Bug, "nothing was kept")),
            Output::View(sql) => {
                let hashes = self.inputs.iter().flat_map(|(name, hash)| [name.to_string(), hash.clone()]);
                let parts: Vec<String> = std::iter::once(sql.to_string()).chain(hashes).collect();
                let hash = Fingerprint::of(parts.iter().map(String::as_str)).as_str().to_string();
                (None, hash, Some(sql.to_string()), bound)
            }
            Output::Table(staged) => {
                let hash = staged.hash().to_string();
                let same = match before.as_ref().and_then(|before| before.version.zip(Some(&before.hash))) {
                    Some((version, old)) if *old == hash => self.same(&staged, version).await?,
                    _ => None,
                };
                let committed = match same {
                    Some(published) => {
                        self.engine.lake().discard(name, &staged.files, &published.files).await;
                        published
                    }
                    None => self.commit(&staged).await?,
                };
                (committed.version, hash, None, Bound::Table(committed))
            }
        };
        let unchanged =
            before.as_ref().is_some_and(|before| before.hash == hash && before.version == version);
        let made_by = match (&before, unchanged) {
            (Some(before), true) => before.run_id.clone(),
            _ => self.run_id.clone(),
        };
        done.status = if unchanged { Status::Unchanged } else { Status::Refreshed };
        done.bound = Some(bound);
        done.published = Some(Published {
            kind: self.node.kind(),
            version,
            rows: rows.unwrap_or(0),
            hash,
            fingerprint: self.node.fingerprint().clone(),
            inputs: self.inputs.clone(),
            sql,
            run_id: made_by,
        });
        Ok(())
    }

    /// Goes on with what is published: its rows were checked when they were made, perhaps in other columns.
    async fn keep(&self, before: Option<Published>, done: &mut Done) -> Result<()> {
        let before = before.ok_or_else(|| Error::new(ErrorKind::Bug, "there is nothing to keep"))?;
        let version = before.version.ok_or_else(|| Error::new(ErrorKind::Bug, "a view cannot be kept"))?;
        let table = self.engine.lake().version(self.node.name(), version).await?;
        done.rows = Some(before.rows);
        done.status = Status::Unchanged;
        done.bound = Some(Bound::Table(table));
        done.published = Some(Published {
            fingerprint: self.node.fingerprint().clone(),
            inputs: self.inputs.clone(),
            ..before
        });
        Ok(())
    }

    /// Making a model from scratch is learning it anew.
    fn again(&self) -> Option<Request> {
        let full = matches!(self.step.why, Reason::Full) && self.step.kind == RelationKind::Model;
        full.then(|| Request {
            act: crate::node::Act::Retrain,
            by: "twinlake".into(),
            reason: "made from scratch".into(),
        })
    }

    /// Forgets what was published, so that all there is outside is read again.
    fn rebuild(&mut self) -> Result<()> {
        let present: std::collections::BTreeSet<&str> =
            self.pending.all.iter().map(|slice| slice.uri.as_str()).collect();
        let gone: Vec<&str> = self
            .known
            .iter()
            .filter(|(uri, row)| row.status == "landed" && !present.contains(uri.as_str()))
            .map(|(uri, _)| uri.as_str())
            .collect();
        if let Some(first) = gone.first()
            && !self.full
        {
            return Err(Error::new(
                ErrorKind::Input,
                format!(
                    "table {}: its declaration changed, but files it was landed from are gone: {first}{}",
                    self.node.name(),
                    if gone.len() > 1 { format!(" and {} more", gone.len() - 1) } else { String::new() },
                ),
            )
            .with_hint(
                "Bring the files back, or accept the loss of their rows with `twinlake run --full`.",
            ));
        }
        if !self.known.is_empty() {
            // Everything that was read before is read again; what was never read still waits its turn.
            let known = std::mem::take(&mut self.known);
            let next: std::collections::BTreeSet<String> =
                self.pending.slices.iter().map(|slice| slice.uri.clone()).collect();
            self.pending.slices = std::mem::take(&mut self.pending.all)
                .into_iter()
                .filter(|slice| known.contains_key(&slice.uri) || next.contains(&slice.uri))
                .map(|slice| crate::node::Slice { change: Change::New, ..slice })
                .collect();
        }
        self.published = None;
        Ok(())
    }

    async fn check(&self, bound: &Bound, done: &mut Done, reporter: &dyn Reporter) -> Result<()> {
        let mut binding = self.binding.clone();
        binding.overlay(self.node.name().clone(), bound.clone());
        let session = self.engine.session(binding, self.as_of, Use::Compute);
        let mut failed = Vec::new();
        for check in checks_of_its_own(self.node.as_ref(), &session)? {
            let row: CheckRow =
                run_check(&session, self.node.name(), check, &self.run_id, self.as_of).await?;
            report(&row, reporter, self.node.name(), &mut failed);
            done.records.checks.push(row);
        }
        failure(&failed)
    }

    /// The published version, where it can stand for what was staged: the same rows in the same columns, and nothing of
    /// it lost. Making a node from scratch mends a lake, so only then is it worth looking.
    async fn same(&self, staged: &TableVersion, version: u64) -> Result<Option<Arc<TableVersion>>> {
        let lake = self.engine.lake();
        let published = match lake.version(self.node.name(), version).await {
            Ok(published) => published,
            Err(_) if self.full => return Ok(None),
            Err(error) => return Err(error),
        };
        let stands = published.schema == staged.schema && (!self.full || lake.is_whole(&published).await?);
        Ok(stands.then_some(published))
    }

    async fn commit(&self, staged: &TableVersion) -> Result<Arc<TableVersion>> {
        let inputs = serde_json::to_value(&self.inputs).unwrap_or_default();
        let info = BTreeMap::from([
            ("twinlake.node".to_string(), self.node.name().to_string().into()),
            ("twinlake.fingerprint".to_string(), self.node.fingerprint().as_str().into()),
            ("twinlake.inputs".to_string(), inputs),
        ]);
        let commit = Commit { run_id: self.run_id.clone(), at: self.as_of, manifest: self.next, info };
        let committed = self.engine.lake().commit(staged, &commit).await?;
        crate::failpoint!("node-committed");
        Ok(committed)
    }
}

/// Tells of a check that found bad rows; collects those that fail their node.
pub fn report(row: &CheckRow, reporter: &dyn Reporter, name: &RelationName, failed: &mut Vec<String>) {
    if row.status == "passed" {
        return;
    }
    let rows = u64::try_from(row.bad_rows).unwrap_or(0);
    if row.level == "error" {
        failed.push(format!("{} ({rows} bad {})", row.check, if rows == 1 { "row" } else { "rows" }));
    } else {
        reporter.warned(name, &row.check, rows);
    }
}

/// The error of a node whose error-level checks failed.
pub fn failure(failed: &[String]) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let what = if failed.len() == 1 { "check failed" } else { "checks failed" };
    Err(Error::new(ErrorKind::Check, format!("{what}: {}", failed.join(", ")))
        .with_hint("twin.checks has each check's SELECT of bad rows; `level = \"warn\"` lets a node pass."))
}
