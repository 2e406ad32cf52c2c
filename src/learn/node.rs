//! One model file as a node.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{Float64Type, Int32Type};
use async_trait::async_trait;

use crate::engine::Use;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::columns::derived_schema;
use crate::lake::system::{CheckRow, ModelMetricRow};
use crate::lake::{RelationKind, TableVersion};
use crate::node::{Check, Context, Description, Node, Output, Records, Refreshed};
use crate::project::ModelDecl;

use super::outputs::{Settings, output_schema};
use super::{forecast, reorder};

/// A model: a query, what is learned from its rows, and the table of predictions.
pub struct ModelNode {
    /// The relation the predictions land in.
    pub name: RelationName,
    /// What to learn.
    pub decl: ModelDecl,
    /// The relations its query reads.
    pub inputs: BTreeSet<RelationName>,
    /// Of its settings.
    pub fingerprint: Fingerprint,
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
        let rows = self.rows(context).await?;
        let decl = self.decl.clone();
        let history = rows.first().map(RecordBatch::schema);
        // Learning takes seconds of pure computing, in which this thread has other nodes to drive.
        let learned = tokio::task::spawn_blocking(move || learn(&rows, &decl)).await;
        let learned = learned
            .map_err(|error| Error::new(ErrorKind::Bug, "learning stopped half-way").with_source(error))?;
        let (predictions, metrics) = match (learned, history) {
            // A twin that has just begun is no failure: there is nothing to predict yet, and twin.checks says why.
            (Err(error), Some(history)) if error.kind() == ErrorKind::NoHistory => {
                let empty = RecordBatch::new_empty(output_schema(&history, &self.decl)?);
                let table = self.write(&empty, context).await?;
                let checks = vec![self.too_early(&error, context)];
                return Ok(Refreshed {
                    output: Output::Table(table),
                    records: Records { checks, ..Records::default() },
                });
            }
            (learned, _) => learned?,
        };
        let metrics = metrics.map_or_else(Vec::new, |scores| self.metrics(&scores, &context.run_id));
        let table = self.write(&predictions, context).await?;
        Ok(Refreshed { output: Output::Table(table), records: Records { metrics, ..Records::default() } })
    }

    /// The rows of the query; at least one batch, so that the columns are known even where there are no rows.
    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let session = context.engine.session(context.binding.clone(), context.as_of, Use::Compute);
        let plan = session.plan(Settings::of(&self.decl)?.sql()).await?;
        let mut batches = datafusion::physical_plan::common::collect(session.execute(&plan).await?).await?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(Arc::new(plan.schema().as_arrow().clone())));
        }
        Ok(batches)
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

    fn metrics(&self, scores: &RecordBatch, run_id: &RunId) -> Vec<ModelMetricRow> {
        let column = |name: &str| scores.column_by_name(name).expect("scores have the columns they document");
        let (series, candidates) =
            (column("series").as_string::<i32>(), column("candidate").as_string::<i32>());
        let (windows, chosen) =
            (column("windows").as_primitive::<Int32Type>(), column("chosen").as_boolean());
        let number = |name: &str, row: usize| {
            let numbers = column(name).as_primitive::<Float64Type>();
            numbers.is_valid(row).then(|| numbers.value(row)).filter(|number| number.is_finite())
        };
        let row = |row: usize| ModelMetricRow {
            run_id: run_id.to_string(),
            relation: self.name.to_string(),
            series: series.value(row).to_string(),
            candidate: candidates.value(row).to_string(),
            windows: Some(i64::from(windows.value(row))),
            mase: number("mase", row),
            smape: number("smape", row),
            rmse: number("rmse", row),
            bias: number("bias", row),
            coverage80: number("coverage80", row),
            coverage95: number("coverage95", row),
            chosen: chosen.value(row),
        };
        (0..scores.num_rows()).map(row).collect()
    }
}

/// The predictions, and the scores of a backtest where there was one.
fn learn(rows: &[RecordBatch], decl: &ModelDecl) -> Result<(RecordBatch, Option<RecordBatch>)> {
    match Settings::of(decl)? {
        Settings::Forecast(settings) => {
            let forecasts = forecast(rows, settings, decl.seed)?;
            Ok((forecasts.predictions, Some(forecasts.metrics)))
        }
        Settings::Reorder(settings) => Ok((reorder(rows, settings)?, None)),
    }
}
