//! Lineage columns: normalised rows become rows of the table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, RunArray, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns;
use crate::node::Context;

/// Where rows come from: what their lineage columns say.
pub struct Landing<'a> {
    /// Run and instant.
    pub context: &'a Context,
    /// The source's name.
    pub source: &'a str,
    /// The slice.
    pub uri: &'a str,
}

impl Landing<'_> {
    /// Normalised rows with their lineage columns (and, before those, `validity` columns), in the table's schema.
    ///
    /// # Errors
    /// When the rows are not of the schema; never for rows normalised to it.
    pub fn complete(
        &self,
        rows: &RecordBatch,
        positions: &Int64Array,
        extra: &[(&str, ArrayRef)],
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let stamps = self.stamps();
        let each = UInt32Array::from(vec![0; rows.num_rows()]);
        let columns = schema
            .fields()
            .iter()
            .map(|field| -> Result<ArrayRef> {
                let name = field.name().as_str();
                match (
                    extra.iter().find(|(extra, _)| *extra == name),
                    stamps.iter().find(|(stamp, _)| *stamp == name),
                ) {
                    (Some((_, array)), _) => Ok(Arc::clone(array)),
                    (None, Some((_, value))) => Ok(take(value, &each, None)?),
                    (None, None) => own(rows, positions, name),
                }
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    /// As [`complete`](Self::complete), but what is the same in all rows is run-end encoded: to be written, not to be
    /// computed with.
    ///
    /// # Errors
    /// When the rows are not of the schema; never for rows normalised to it.
    pub fn stamp(
        &self,
        rows: &RecordBatch,
        positions: &Int64Array,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let stamps = self.stamps();
        let count =
            i32::try_from(rows.num_rows()).map_err(|_| Error::new(ErrorKind::Bug, "a block of 2^31 rows"))?;
        let mut fields = Vec::with_capacity(schema.fields().len());
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name().as_str();
            let column = match stamps.iter().find(|(stamp, _)| *stamp == name) {
                Some((_, value)) => Arc::new(RunArray::try_new(&Int32Array::from(vec![count]), value)?),
                None => own(rows, positions, name)?,
            };
            fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
            columns.push(column);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    /// What all rows of the slice say, as arrays of one value.
    fn stamps(&self) -> [(&'static str, ArrayRef); 4] {
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let at = TimestampMicrosecondArray::from(vec![self.context.as_of.timestamp_micros()]);
        [
            (columns::SOURCE, text(self.source)),
            (columns::SOURCE_URI, text(self.uri)),
            (columns::RUN_ID, text(self.context.run_id.as_str())),
            (columns::INGESTED_AT, Arc::new(at.with_timezone("UTC"))),
        ]
    }
}

/// A column that differs from row to row.
fn own(rows: &RecordBatch, positions: &Int64Array, name: &str) -> Result<ArrayRef> {
    match name {
        columns::SOURCE_POSITION => Ok(Arc::new(positions.clone())),
        _ => Ok(Arc::clone(rows.column(rows.schema().index_of(name)?))),
    }
}
