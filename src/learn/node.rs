//! One model file as a node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use async_trait::async_trait;

use crate::clock::Instant;
use crate::engine::{Engine, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName};
use crate::lake::columns::derived_schema;
use crate::lake::system::CheckRow;
use crate::lake::{Binding, LogicalHash, Manifest, RelationKind, RowHasher, TableVersion, When};
use crate::node::{Act, Check, Context, Description, Node, Output, Records, Refreshed};
use crate::project::ModelDecl;
use crate::project::model::Frequency;

use super::kinds::{Kind, kind};
use super::learner::{Data, Heard, LooksBack, Past};
use super::lifecycle::{self, Predictions, Turn};
use super::registry::Registry;

/// A model: a query, what is learned from its rows, and the table of predictions.
pub struct ModelNode {
    /// The relation the predictions land in.
    pub name: RelationName,
    /// What to learn.
    pub decl: ModelDecl,
    /// The relations its queries read.
    pub inputs: BTreeSet<RelationName>,
    /// Of its settings.
    pub fingerprint: Fingerprint,
    /// Of those of its settings that decide about what it learns: versions of another one are outdated.
    pub learning: Fingerprint,
    /// The sensitivity tags of the columns of all sources, by the columns' names.
    pub tags: BTreeMap<String, String>,
    /// Declared checks on the predictions.
    pub checks: Vec<Check>,
    /// What it and its columns mean.
    pub description: Description,
}

#[async_trait]
impl Node for ModelNode {
    fn name(&self) -> &RelationName {
        &self.name
    }
    fn kind(&self) -> RelationKind {
        RelationKind::Model
    }
    fn inputs(&self) -> &BTreeSet<RelationName> {
        &self.inputs
    }
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
    fn checks(&self) -> &[Check] {
        &self.checks
    }
    fn description(&self) -> &Description {
        &self.description
    }

    /// Holds all rows of the query in memory while it learns: a model is fitted on summed history, not on raw events.
    async fn refresh(&self, context: &Context) -> Result<Refreshed> {
        self.predict(context).await.map_err(|error| error.context(format!("model {}", self.name)))
    }
}

impl ModelNode {
    async fn predict(&self, context: &Context) -> Result<Refreshed> {
        let mut data = self.data(&context.engine, &context.binding, context.as_of).await?;
        data.heard = Heard(Arc::clone(&context.progress));
        let computed = match kind(&self.decl)? {
            Kind::Computed(compute) => {
                if let Some(request) = &context.request
                    && request.act != Act::Retrain
                {
                    return Err(no_versions(&self.decl));
                }
                // Learning takes seconds of pure computing, in which this thread has other nodes to drive.
                blocking(move || compute(&data)).await.map(|rows| (Some(rows), Records::default()))
            }
            Kind::Learned(_) => self.learned(data, context).await,
        };
        let (predictions, records) = match computed {
            // A twin that has just begun is no failure: there is nothing to predict yet, and twin.checks says why. What is
            // published already is not taken back for it.
            Err(error) if error.kind() == ErrorKind::NoHistory => {
                let checks = vec![self.too_early(&error, context)];
                if self.has_predictions(context) {
                    let records = Records { checks, ..Records::default() };
                    return Ok(Refreshed { output: Output::Keep, records });
                }
                (Some(self.nothing(context).await?), Records { checks, ..Records::default() })
            }
            computed => computed?,
        };
        let output = match predictions {
            Some(predictions) => Output::Table(self.write(&predictions, context).await?),
            None => Output::Keep,
        };
        Ok(Refreshed { output, records })
    }

    /// The predictions, none where those that are published stay.
    async fn learned(&self, data: Data, context: &Context) -> Result<(Option<RecordBatch>, Records)> {
        let asked = context.request.as_ref().and_then(|request| match request.act {
            Act::Promote(version) | Act::Retire(version) => Some(version),
            Act::Retrain => None,
        });
        let registry = Registry::read(&context.engine, &context.binding, &self.name, asked).await?;
        let Kind::Learned(learner) = kind(&self.decl)? else { return Err(no_versions(&self.decl)) };
        let past = match registry.champion() {
            Some(champion) if champion.fingerprint == self.learning.as_str() => {
                self.past(context, learner.looks_back()).await?
            }
            _ => Vec::new(),
        };
        let inputs: BTreeMap<String, &String> =
            context.inputs.iter().map(|(name, hash)| (name.to_string(), hash)).collect();
        let inputs = serde_json::to_string(&inputs).unwrap_or_default();
        let (decl, relation, run_id) = (self.decl.clone(), self.name.clone(), context.run_id.clone());
        let (learning, request) = (self.learning.clone(), context.request.clone());
        let tags = self.tags.clone();
        let manifest = context.binding.manifest().number;
        blocking(move || {
            let turned = Turn {
                learner: learner.as_ref(),
                decl: &decl,
                registry: &registry,
                data_hash: hash(&data)?,
                data: &data,
                past: &past,
                request,
                run_id: &run_id,
                relation: &relation,
                manifest,
                inputs,
                learning: &learning,
                tags: &tags,
            }
            .go()?;
            let rows = match turned.predictions {
                Predictions::Of(predicted, version) => versioned(&predicted.rows, Some(version))?,
                Predictions::Nothing => versioned(&lifecycle::nothing(learner.as_ref(), &data)?, None)?,
                Predictions::Stay => return Ok((None, turned.records)),
            };
            Ok((Some(rows), turned.records))
        })
        .await
    }

    /// The rows of its queries; of each at least one batch, so that the columns are known even where there are no rows.
    pub(super) async fn data(&self, engine: &Engine, binding: &Binding, as_of: Instant) -> Result<Data> {
        let session = engine.session(binding.clone(), as_of, Use::Compute);
        let mut all = Vec::new();
        for (_, sql) in self.decl.queries() {
            let plan = session.plan(sql).await?;
            let mut batches =
                datafusion::physical_plan::common::collect(session.execute(&plan).await?).await?;
            if batches.is_empty() {
                batches.push(RecordBatch::new_empty(Arc::new(plan.schema().as_arrow().clone())));
            }
            all.push(batches);
        }
        let mut all = all.into_iter();
        let rows = all.next().unwrap_or_default();
        Ok(Data { rows, others: all.collect(), as_of, seed: self.decl.seed, heard: Heard::default() })
    }

    /// What it predicted before, the newest first, back to the lookback: the newest version of its table in each period of a
    /// forecast that names its frequency, else every version.
    async fn past(&self, context: &Context, looks: LooksBack) -> Result<Vec<Past>> {
        let horizon = self.decl.forecast.as_ref().map(|forecast| forecast.horizon);
        let back = match looks {
            LooksBack::Never => return Ok(Vec::new()),
            LooksBack::Newest => 1,
            LooksBack::All => self.decl.monitor.lookback.or(horizon).unwrap_or(12).clamp(1, 60),
        };
        let manifest = context.binding.manifest();
        if !manifest.relations.contains_key(&self.name) || manifest.number.is_none() {
            return Ok(Vec::new());
        }
        let session = context.engine.session(context.binding.clone(), context.as_of, Use::Compute);
        let period = match self.decl.forecast.as_ref().and_then(|forecast| forecast.frequency) {
            Some(Frequency::Year) => "date_trunc('year', at)",
            Some(Frequency::Quarter) => "date_trunc('quarter', at)",
            Some(Frequency::Month) => "date_trunc('month', at)",
            Some(Frequency::Week) => "date_trunc('week', at)",
            Some(Frequency::Day) => "date_trunc('day', at)",
            Some(Frequency::Hour | Frequency::HalfHour) | None => "at",
        };
        // A version that later manifests name too was published by the first of them.
        let sql = format!(
            "SELECT max(first) AS newest FROM (SELECT min(manifest) AS first, min(published_at) AS at FROM twin.manifest \
             WHERE relation = '{}' AND version IS NOT NULL GROUP BY version) AS versions \
             GROUP BY {period} ORDER BY newest DESC LIMIT {back}",
            self.name
        );
        let mut past = Vec::new();
        for batch in session.collect(&sql).await? {
            let numbers = cast(batch.column(0), &arrow::datatypes::DataType::Int64)?;
            let numbers = numbers.as_any().downcast_ref::<Int64Array>().cloned();
            for number in numbers.iter().flatten().flatten().filter_map(|number| u64::try_from(number).ok()) {
                let then = Manifest::load(context.engine.lake(), &When::Number(number)).await?;
                let Some(published_at) = then.published_at else { continue };
                let binding = Binding::of(Arc::new(then));
                let then = context.engine.session(binding, context.as_of, Use::Compute);
                let rows = then.collect(&format!("SELECT * FROM {}", self.name)).await?;
                past.push(Past { published_at, rows });
            }
        }
        Ok(past)
    }

    fn has_predictions(&self, context: &Context) -> bool {
        context.binding.manifest().relations.get(&self.name).is_some_and(|published| published.rows > 0)
    }

    async fn nothing(&self, context: &Context) -> Result<RecordBatch> {
        let data = self.data(&context.engine, &context.binding, context.as_of).await?;
        let rows = data.rows.first().map(RecordBatch::schema).ok_or_else(|| no_versions(&self.decl))?;
        Ok(RecordBatch::new_empty(super::output_schema(&rows, &self.decl)?))
    }

    async fn write(&self, predictions: &RecordBatch, context: &Context) -> Result<TableVersion> {
        let schema = derived_schema(predictions.schema_ref());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for (column, field) in predictions.columns().iter().zip(schema.fields()) {
            columns.push(cast(column, field.data_type())?);
        }
        let run_ids = std::iter::repeat_n(context.run_id.as_str(), predictions.num_rows());
        columns.push(Arc::new(StringArray::from_iter_values(run_ids)));
        let landed = RecordBatch::try_new(Arc::clone(&schema), columns)?;

        let mut writer =
            context.engine.lake().writer(&self.name, &context.run_id, "0", Arc::clone(&schema))?;
        writer.write(&landed).await?;
        context.progress.rows(landed.num_rows() as u64);
        let files = writer.finish().await?.into_iter().collect();
        Ok(TableVersion { name: self.name.clone(), version: None, schema, files })
    }

    fn too_early(&self, error: &Error, context: &Context) -> CheckRow {
        CheckRow {
            run_id: context.run_id.to_string(),
            relation: self.name.to_string(),
            check: format!("history: {error}"),
            level: "warn".into(),
            status: "failed".into(),
            bad_rows: 0,
            sql: None,
            checked_at: context.as_of.timestamp_micros(),
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Bug, "learning stopped half-way").with_source(error))?
}

pub(super) fn no_versions(decl: &ModelDecl) -> Error {
    Error::new(ErrorKind::Usage, format!("a model of kind {:?} keeps no versions", decl.kind.as_str()))
        .with_hint("It computes everything anew at every refresh: there is nothing to promote or retire.")
}

/// The predictions with the version that made them.
pub(super) fn versioned(rows: &RecordBatch, version: Option<i64>) -> Result<RecordBatch> {
    let schema = super::outputs::with_version(rows.schema_ref());
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(vec![version; rows.num_rows()])));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Order-independent hash of all rows a model reads.
pub(super) fn hash(data: &Data) -> Result<String> {
    let mut parts = Vec::new();
    for batches in std::iter::once(&data.rows).chain(&data.others) {
        let mut hash = LogicalHash::default();
        for batch in batches {
            let schema = derived_schema(batch.schema_ref());
            let columns = batch
                .columns()
                .iter()
                .zip(schema.fields())
                .map(|(column, field)| Ok(cast(column, field.data_type())?))
                .collect::<Result<Vec<_>>>()?;
            let fields: Vec<_> = schema.fields().iter().take(columns.len()).cloned().collect();
            let plain = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns)?;
            hash = hash.plus(LogicalHash::of(&RowHasher::new(plain.schema_ref()).hash(&plain)?));
        }
        parts.push(hash.to_string());
    }
    Ok(parts.join(" "))
}
