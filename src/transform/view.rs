//! One SQL file as a node.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use async_trait::async_trait;
use futures::StreamExt;

use crate::engine::Use;
use crate::error::Result;
use crate::ids::{Fingerprint, RelationName};
use crate::lake::columns::{RUN_ID, derived_schema};
use crate::lake::{RelationKind, TableVersion};
use crate::node::{Check, Context, Description, Node, Output, Records, Refreshed};
use crate::project::Materialize;

/// A view, materialised or not.
pub struct ViewNode {
    /// `schema.table`, from the file's path.
    pub name: RelationName,
    /// The SELECT.
    pub sql: Arc<str>,
    /// When its rows are computed.
    pub materialize: Materialize,
    /// The relations it reads.
    pub inputs: BTreeSet<RelationName>,
    /// Of its text and materialisation.
    pub fingerprint: Fingerprint,
    /// Declared checks, and that its grain is unique.
    pub checks: Vec<Check>,
    /// What it and its columns mean.
    pub description: Description,
    /// Free labels.
    pub tags: Vec<String>,
}

#[async_trait]
impl Node for ViewNode {
    fn name(&self) -> &RelationName {
        &self.name
    }
    fn kind(&self) -> RelationKind {
        RelationKind::View
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
    fn tags(&self) -> &[String] {
        &self.tags
    }

    async fn refresh(&self, context: &Context) -> Result<Refreshed> {
        let session = context.engine.session(context.binding.clone(), context.as_of, Use::Compute);
        let plan = session.plan(&self.sql).await?;
        if self.materialize == Materialize::View {
            return Ok(Refreshed {
                output: Output::View(Arc::clone(&self.sql)),
                records: Records::default(),
            });
        }
        let schema = derived_schema(plan.schema().as_arrow());
        let mut writer =
            context.engine.lake().writer(&self.name, &context.run_id, "0", Arc::clone(&schema))?;
        let mut rows = session.execute(&plan).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
            for field in schema.fields().iter().take(schema.fields().len() - 1) {
                let column = batch.column(batch.schema().index_of(field.name())?);
                columns.push(cast(column, field.data_type())?);
            }
            debug_assert_eq!(schema.fields().last().map(|f| f.name().as_str()), Some(RUN_ID));
            columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                context.run_id.as_str(),
                batch.num_rows(),
            ))));
            let landed = RecordBatch::try_new(Arc::clone(&schema), columns)?;
            context.progress.rows(landed.num_rows() as u64);
            writer.write(&landed).await?;
        }
        let files = writer.finish().await?.into_iter().collect();
        let table = TableVersion { name: self.name.clone(), version: None, schema, files };
        Ok(Refreshed { output: Output::Table(table), records: Records::default() })
    }
}
