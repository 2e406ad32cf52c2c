//! Publishing: what nodes recorded goes to the system tables, and one commit to `twin.manifest` names all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;

use crate::clock;
use crate::engine::Use;
use crate::error::Result;
use crate::ids::{Fingerprint, RelationName};
use crate::lake::system::{CheckRow, ColumnRow, NodeRow, RejectRow, RunRow, SliceRow, SystemRow};
use crate::lake::{
    Binding, Bound, Commit, DataFile, LogicalHash, Manifest, Published, RelationKind, RowHasher, TableVersion,
};
use crate::node::Records;
use crate::run::execute::{Outcome, Run};
use crate::run::known::system_rows;
use crate::run::node_run::Done;
use crate::run::report::Status;

/// A system table with more small files than this is written anew as one.
const SMALL_FILES: usize = 48;
/// What counts as small.
const SMALL_ROWS: u64 = 50_000;

/// Publishes a run and returns the manifest's number. Of a failed run only its own record is published: `twin.runs`,
/// `twin.nodes` and `twin.checks`; every other relation stays at the version it had.
pub(super) async fn publish(
    run: &Run<'_>,
    done: &mut BTreeMap<RelationName, Done>,
    outcome: Outcome,
) -> Result<u64> {
    let failed = outcome == Outcome::Failed;
    let base = &run.prepared.manifest;
    let mut relations = base.relations.clone();
    if !failed {
        for name in &run.prepared.plan.dropped {
            relations.remove(name);
        }
        for (name, node) in done.iter() {
            if let Some(published) = &node.published {
                relations.insert(name.clone(), published.clone());
            }
        }
    }
    restore(run, done, failed).await?;

    let mut tables = Tables { run, relations: &mut relations };
    let counts = |status: Status| done.values().filter(|node| node.status == status).count() as i64;
    let finished_at = clock::now();
    let keep = |node: &&Done| !failed && !matches!(node.status, Status::Failed | Status::Skipped);
    let slices: Vec<SliceRow> = kept(done, failed, |records| &records.slices);
    let status = match outcome {
        Outcome::Published | Outcome::UpToDate => "succeeded",
        Outcome::Partial => "partial",
        Outcome::Failed => "failed",
    };
    tables
        .append(&[RunRow {
            run_id: run.run_id.to_string(),
            started_at: run.started_at.timestamp_micros(),
            finished_at: finished_at.timestamp_micros(),
            as_of: run.as_of.timestamp_micros(),
            status: status.into(),
            manifest: i64::try_from(run.next).unwrap_or(i64::MAX),
            nodes_refreshed: counts(Status::Refreshed),
            nodes_unchanged: counts(Status::Unchanged),
            nodes_failed: counts(Status::Failed),
            nodes_skipped: counts(Status::Skipped),
            rows_read: slices.iter().map(|slice| slice.rows_read).sum(),
            rows_rejected: slices.iter().map(|slice| slice.rows_rejected).sum(),
            version: env!("CARGO_PKG_VERSION").into(),
        }])
        .await?;
    tables.append(&done.values().map(|node| node_row(run, node)).collect::<Vec<_>>()).await?;
    tables.append(&done.values().flat_map(|n| n.records.checks.clone()).collect::<Vec<CheckRow>>()).await?;
    tables.append(&slices).await?;
    let rejects: Vec<DataFile> =
        done.values().filter(keep).flat_map(|node| node.records.rejects.clone()).collect();
    tables.add_files::<RejectRow>(rejects).await?;
    tables.append(&kept(done, failed, |records| &records.metrics)).await?;
    tables.append(&kept(done, failed, |records| &records.models)).await?;
    tables.append(&kept(done, failed, |records| &records.history)).await?;
    tables.append(&kept(done, failed, |records| &records.monitoring)).await?;
    if !failed {
        let columns = columns(run, done, tables.relations).await?;
        tables.replace(&columns).await?;
    }
    crate::failpoint!("before-publish");

    let manifest = Manifest {
        number: Some(run.next),
        published_at: Some(finished_at),
        run_id: Some(run.run_id.clone()),
        relations,
    };
    let commit = Commit { at: finished_at, ..commit(run, "publish") };
    manifest.publish(run.engine.lake(), &commit).await?;
    crate::failpoint!("published");
    Ok(run.next)
}

/// The rows that published nodes recorded for one system table.
fn kept<R: SystemRow + Clone>(
    done: &BTreeMap<RelationName, Done>,
    failed: bool,
    of: fn(&Records) -> &Vec<R>,
) -> Vec<R> {
    let published =
        done.values().filter(|node| !failed && !matches!(node.status, Status::Failed | Status::Skipped));
    published.flat_map(|node| of(&node.records).iter().cloned()).collect()
}

/// Makes the newest version of a table that was committed, but will not be published, equal to the published one again.
async fn restore(run: &Run<'_>, done: &BTreeMap<RelationName, Done>, failed: bool) -> Result<()> {
    for (name, node) in done {
        let withdrawn = failed || node.published.is_none();
        let Some(before) = run.prepared.manifest.relations.get(name) else { continue };
        let (true, Some(version)) = (withdrawn, before.version) else { continue };
        let lake = run.engine.lake();
        if lake.newest(name).await? != Some(version) {
            let published = lake.version(name, version).await?;
            lake.commit(&published, &commit(run, "restore")).await?;
        }
    }
    Ok(())
}

fn commit(run: &Run<'_>, what: &str) -> Commit {
    let info = BTreeMap::from([("twinlake.step".to_string(), what.into())]);
    Commit { run_id: run.run_id.clone(), at: run.as_of, manifest: run.next, info }
}

fn node_row(run: &Run<'_>, node: &Done) -> NodeRow {
    NodeRow {
        run_id: run.run_id.to_string(),
        relation: node.relation.to_string(),
        kind: node.kind.as_str().into(),
        status: node.status.as_str().into(),
        reason: node.reason.clone(),
        version: node.published.as_ref().and_then(|p| p.version).and_then(|v| i64::try_from(v).ok()),
        rows: node.rows.and_then(|rows| i64::try_from(rows).ok()),
        logical_hash: node.published.as_ref().map(|published| published.hash.clone()),
        duration_ms: i64::try_from(node.duration.as_millis()).unwrap_or(i64::MAX),
        error: node.error.as_ref().map(ToString::to_string),
    }
}

/// The system tables of the manifest that is being made.
struct Tables<'a, 'b> {
    run: &'a Run<'b>,
    relations: &'a mut BTreeMap<RelationName, Published>,
}

impl Tables<'_, '_> {
    async fn append<R: SystemRow>(&mut self, rows: &[R]) -> Result<()> {
        let files = self.write(rows).await?;
        self.add_files::<R>(files).await
    }

    /// Replaces the whole table, if that changes anything.
    async fn replace<R: SystemRow>(&mut self, rows: &[R]) -> Result<()> {
        // Hashed before they are written: a file that no version has would only lie about.
        let hasher = RowHasher::new(&R::schema());
        let mut hash = LogicalHash::default();
        for rows in rows.chunks(8192) {
            hash = hash.plus(LogicalHash::of(&hasher.hash(&R::batch(rows)?)?));
        }
        if self.relations.get(&R::name()).is_some_and(|published| published.hash == hash.to_string()) {
            return Ok(());
        }
        let files = self.write(rows).await?;
        self.commit(TableVersion { name: R::name(), version: None, schema: R::schema(), files }).await
    }

    async fn write<R: SystemRow>(&self, rows: &[R]) -> Result<Vec<DataFile>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let lake = self.run.engine.lake();
        let mut writer = lake.writer(&R::name(), &self.run.run_id, "0", R::schema())?;
        for rows in rows.chunks(8192) {
            writer.write(&R::batch(rows)?).await?;
        }
        Ok(writer.finish().await?.into_iter().collect())
    }

    async fn add_files<R: SystemRow>(&mut self, added: Vec<DataFile>) -> Result<()> {
        let published = self.relations.get(&R::name()).and_then(|published| published.version);
        if added.is_empty() && published.is_some() {
            return Ok(());
        }
        let mut files = match published {
            Some(version) => self.run.engine.lake().version(&R::name(), version).await?.files.clone(),
            None => Vec::new(),
        };
        files.extend(added);
        let small = files.iter().filter(|file| file.hash.rows < SMALL_ROWS).count();
        let mut table = TableVersion { name: R::name(), version: None, schema: R::schema(), files };
        if small > SMALL_FILES {
            table.files = self.merge_small(&table).await?;
        }
        self.commit(table).await
    }

    /// The same rows in fewer files.
    async fn merge_small(&self, table: &TableVersion) -> Result<Vec<DataFile>> {
        let (small, mut files): (Vec<DataFile>, Vec<DataFile>) =
            table.files.iter().cloned().partition(|file| file.hash.rows < SMALL_ROWS);
        let mut binding = Binding::of(Arc::clone(&self.run.prepared.manifest));
        let part = TableVersion { files: small, ..table.clone() };
        binding.overlay(table.name.clone(), Bound::Table(Arc::new(part)));
        let session = self.run.engine.session(binding, self.run.as_of, Use::Compute);
        let lake = self.run.engine.lake();
        let mut writer = lake.writer(&table.name, &self.run.run_id, "merged", Arc::clone(&table.schema))?;
        for batch in session.collect(&format!("SELECT * FROM {}", table.name)).await? {
            writer.write(&batch).await?;
        }
        files.extend(writer.finish().await?);
        Ok(files)
    }

    async fn commit(&mut self, table: TableVersion) -> Result<()> {
        let committed = self.run.engine.lake().commit(&table, &commit(self.run, "records")).await?;
        crate::failpoint!("system-committed");
        let published = Published {
            kind: RelationKind::System,
            version: committed.version,
            rows: committed.hash().rows,
            hash: committed.hash().to_string(),
            fingerprint: Fingerprint::of([env!("CARGO_PKG_VERSION")]),
            inputs: BTreeMap::new(),
            sql: None,
            run_id: self.run.run_id.clone(),
        };
        self.relations.insert(table.name, published);
        Ok(())
    }
}

/// The rows of `twin.columns`: those known before, with what this run refreshed in their place.
async fn columns(
    run: &Run<'_>,
    done: &BTreeMap<RelationName, Done>,
    relations: &BTreeMap<RelationName, Published>,
) -> Result<Vec<ColumnRow>> {
    let base = Binding::of(Arc::clone(&run.prepared.manifest));
    let before: Vec<ColumnRow> = system_rows(run.engine, &base, "relation, position").await?;
    let mut binding = base;
    for (name, node) in done {
        if let Some(bound) = &node.bound {
            binding.overlay(name.clone(), bound.clone());
        }
    }
    let session = run.engine.session(binding, run.as_of, Use::Compute);
    let mut rows: Vec<ColumnRow> = Vec::new();
    let mut replaced: BTreeSet<String> = BTreeSet::new();
    for (name, node) in done.iter().filter(|(_, node)| node.published.is_some()) {
        let schema: Schema = match &node.bound {
            Some(Bound::Table(version)) => version.schema.as_ref().clone(),
            _ => session.plan(&format!("SELECT * FROM {name}")).await?.schema().as_arrow().clone(),
        };
        replaced.insert(name.to_string());
        rows.extend(described(run, name, node.kind, &schema));
    }
    let published: BTreeSet<String> = relations.keys().map(ToString::to_string).collect();
    rows.extend(before.into_iter().filter(|row| {
        row.kind != "system" && !replaced.contains(&row.relation) && published.contains(&row.relation)
    }));
    for (name, text, columns) in crate::lake::system::tables() {
        rows.extend(columns.into_iter().enumerate().map(|(index, (column, kind, doc))| ColumnRow {
            relation: name.to_string(),
            kind: "system".into(),
            column: column.into(),
            position: i64::try_from(index + 1).unwrap_or(i64::MAX),
            data_type: kind.to_string(),
            description: doc.trim().into(),
            relation_description: text.into(),
            owner: "twinlake".into(),
            tags: String::new(),
        }));
    }
    rows.sort_by(|a, b| (&a.relation, a.position).cmp(&(&b.relation, b.position)));
    Ok(rows)
}

fn described(run: &Run<'_>, name: &RelationName, kind: RelationKind, schema: &Schema) -> Vec<ColumnRow> {
    let description = run.graph.node(name).map(|node| node.description().clone()).unwrap_or_default();
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let doc = description.columns.iter().find(|column| column.name == *field.name());
            ColumnRow {
                relation: name.to_string(),
                kind: kind.as_str().into(),
                column: field.name().clone(),
                position: i64::try_from(index + 1).unwrap_or(i64::MAX),
                data_type: field.data_type().to_string(),
                description: doc.map(|doc| doc.text.clone()).unwrap_or_default(),
                relation_description: description.text.clone(),
                owner: description.owner.clone(),
                tags: doc.map(|doc| doc.tags.join(",")).unwrap_or_default(),
            }
        })
        .collect()
}
