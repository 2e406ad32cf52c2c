//! Data files read back, and written anew with some of their rows changed or gone. Tables are copied on write, by the file.

#![allow(
    deprecated,
    reason = "the reader that replaces ParquetObjectReader comes with the next arrow release"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::{
    ParquetObjectReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};

use crate::error::Result;
use crate::ids::RelationName;
use crate::lake::{DataFile, Lake};
use crate::node::Context;

/// A table with more small files than this has them written anew as one: each costs every reader a few requests.
const SMALL_FILES: usize = 48;
/// What counts as small.
const SMALL_ROWS: u64 = 50_000;

/// The batches of one data file, in order.
pub struct Batches(ParquetRecordBatchStream<ParquetObjectReader>);

impl Batches {
    /// The next batch.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        Ok(self.0.next().await.transpose()?)
    }
}

/// Reads a data file, all columns or the named ones (those it has, in the file's order).
///
/// # Errors
/// When the file cannot be opened.
pub async fn read_file(
    lake: &Lake,
    table: &RelationName,
    file: &DataFile,
    columns: Option<&[&str]>,
) -> Result<Batches> {
    let path = lake.folder(table).join(file.path.as_str());
    let reader = ParquetObjectReader::new(Arc::clone(lake.store()), path).with_file_size(file.size);
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    let mask = match columns {
        Some(names) => ProjectionMask::columns(builder.parquet_schema(), names.iter().copied()),
        None => ProjectionMask::all(),
    };
    Ok(Batches(builder.with_projection(mask).with_batch_size(8192).build()?))
}

/// A batch of an older version of a table in its present schema: columns it lacks are null.
///
/// # Errors
/// When a column's type cannot be cast.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => Ok(cast(column, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Writes a data file anew; `change` gets every batch and the number of its first row in the file.
///
/// # Errors
/// When the file cannot be read or written, or `change` fails.
pub async fn rewrite(
    context: &Context,
    table: &RelationName,
    file: &DataFile,
    schema: &SchemaRef,
    part: &str,
    mut change: impl FnMut(RecordBatch, u64) -> Result<RecordBatch>,
) -> Result<Option<DataFile>> {
    let lake = context.engine.lake();
    let mut writer = lake.writer(table, &context.run_id, part, Arc::clone(schema))?;
    let mut batches = read_file(lake, table, file, None).await?;
    let mut row = 0;
    while let Some(batch) = batches.next().await? {
        let count = batch.num_rows() as u64;
        let changed = change(conform(&batch, schema)?, row)?;
        row += count;
        if changed.num_rows() > 0 {
            writer.write(&changed).await?;
        }
    }
    writer.finish().await
}

/// The same rows in fewer files, where many runs have left a small file each.
///
/// # Errors
/// When a file cannot be read or written.
pub async fn merge_small(
    context: &Context,
    table: &RelationName,
    schema: &SchemaRef,
    files: Vec<DataFile>,
) -> Result<Vec<DataFile>> {
    let is_small = |file: &DataFile| file.hash.rows < SMALL_ROWS;
    if files.iter().filter(|file| is_small(file)).count() <= SMALL_FILES {
        return Ok(files);
    }
    let lake = context.engine.lake();
    let (small, mut files): (Vec<DataFile>, Vec<DataFile>) = files.into_iter().partition(is_small);
    let mut writer = lake.writer(table, &context.run_id, "merged", Arc::clone(schema))?;
    for file in &small {
        let mut batches = read_file(lake, table, file, None).await?;
        while let Some(batch) = batches.next().await? {
            writer.write(&conform(&batch, schema)?).await?;
        }
    }
    files.extend(writer.finish().await?);
    Ok(files)
}
