//! Record batches into the row groups of a Parquet file.
//!
//! A column may come run-end encoded with a single run, as lineage columns do. While all batches of a row group say the
//! same in it, its values are only counted, and written as one [`Constant`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RunArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int32Type, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::writer::SerializedFileWriter;

use crate::error::Result;
use crate::lake::constant::Constant;
use crate::lake::encoding::properties;

/// Rows in a row group: enough to compress well, few enough to hold one group of each writer in memory.
const GROUP_ROWS: usize = 256 * 1024;

/// A Parquet file in the making; its bytes are taken away as they come.
pub(super) struct Groups {
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// Column -> how many leaves it has.
    leaves: Vec<usize>,
    columns: Vec<Column>,
    rows: usize,
}

/// A column of the row group in the making.
struct Column {
    writers: Vec<ArrowColumnWriter>,
    /// What all rows so far say, if that is one thing and nothing was given to the writers.
    constant: Option<ArrayRef>,
}

impl Groups {
    /// A file of `schema` that begins with `first`.
    ///
    /// # Errors
    /// When Parquet has no form for a column's type.
    pub(super) fn new(schema: &SchemaRef, first: &RecordBatch) -> Result<Self> {
        // The Parquet types say all there is to know: files of one table must not differ in hints about Arrow.
        let options =
            ArrowWriterOptions::new().with_properties(properties(first)).with_skip_arrow_metadata(true);
        let (file, factory) = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)?
            .into_serialized_writer()?;
        let mut leaves = vec![0; schema.fields().len()];
        for leaf in 0..file.schema_descr().num_columns() {
            leaves[file.schema_descr().get_column_root_idx(leaf)] += 1;
        }
        Ok(Self { file, factory, schema: Arc::clone(schema), leaves, columns: Vec::new(), rows: 0 })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When a column is not of the schema's type.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut at = 0;
        while at < batch.num_rows() {
            let count = (GROUP_ROWS - self.rows).min(batch.num_rows() - at);
            self.write_part(&batch.slice(at, count))?;
            at += count;
            if self.rows == GROUP_ROWS {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn write_part(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.columns.is_empty() {
            let group = self.file.flushed_row_groups().len();
            let mut writers = self.factory.create_column_writers(group)?.into_iter();
            self.columns = self
                .leaves
                .iter()
                .map(|leaves| Column { writers: writers.by_ref().take(*leaves).collect(), constant: None })
                .collect();
        }
        let schema = Arc::clone(&self.schema);
        for ((field, column), values) in schema.fields().iter().zip(&mut self.columns).zip(batch.columns()) {
            column.write(field, values, self.rows)?;
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    fn end_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let descriptors = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        let mut leaf = 0;
        let rows = std::mem::take(&mut self.rows);
        for (field, mut column) in self.schema.fields().iter().zip(std::mem::take(&mut self.columns)) {
            let leaves = column.writers.len();
            match column.constant.as_ref().and_then(Constant::of) {
                Some(constant) => {
                    let (chunk, closed) = constant.chunk(&descriptors[leaf], rows)?;
                    group.append_column(&Bytes::from(chunk), closed)?;
                }
                None => {
                    column.settle(field, rows)?;
                    for writer in column.writers {
                        writer.close()?.append_to_row_group(&mut group)?;
                    }
                }
            }
            leaf += leaves;
        }
        group.close()?;
        Ok(())
    }

    /// What has been encoded since it was last asked for.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        std::mem::take(self.file.inner_mut()).into()
    }

    /// Writes the last rows and the footer.
    ///
    /// # Errors
    /// When a column cannot be encoded.
    pub(super) fn finish(&mut self) -> Result<ParquetMetaData> {
        self.end_group()?;
        Ok(self.file.finish()?)
    }
}

impl Column {
    /// Appends values to a column that has `rows` of them.
    fn write(&mut self, field: &Field, values: &ArrayRef, rows: usize) -> Result<()> {
        match single(values) {
            Some(value) if rows == 0 => {
                self.constant = Some(value);
                return Ok(());
            }
            Some(value) if self.constant.as_ref() == Some(&value) => return Ok(()),
            _ => self.settle(field, rows)?,
        }
        let plain = match values.data_type() {
            DataType::RunEndEncoded(_, _) => cast(values, field.data_type())?,
            _ => Arc::clone(values),
        };
        self.encode(field, &plain)
    }

    /// Gives the writers the `rows` values that were only counted.
    fn settle(&mut self, field: &Field, rows: usize) -> Result<()> {
        let Some(value) = self.constant.take() else { return Ok(()) };
        let rows = UInt32Array::from(vec![0; rows]);
        self.encode(field, &take(&value, &rows, None)?)
    }

    fn encode(&mut self, field: &Field, values: &ArrayRef) -> Result<()> {
        for (writer, leaf) in self.writers.iter_mut().zip(compute_leaves(field, values)?) {
            writer.write(&leaf)?;
        }
        Ok(())
    }
}

/// The value that all rows have, if the array says so by its form.
fn single(values: &ArrayRef) -> Option<ArrayRef> {
    let runs = values.as_any().downcast_ref::<RunArray<Int32Type>>()?;
    (runs.get_start_physical_index() == runs.get_end_physical_index())
        .then(|| runs.values().slice(runs.get_start_physical_index(), 1))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Schema;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::lake::columns::instant_type;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("uri", DataType::Utf8, true),
            Field::new("at", instant_type(), false),
        ]))
    }

    /// Rows that count from `first`, and say the same `uri` and instant.
    fn batch(first: i64, rows: i32, uri: Option<&str>) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + i64::from(rows)));
        let each = Int32Array::from(vec![rows]);
        let at = TimestampMicrosecondArray::from(vec![1_700_000_000_000_000]).with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![
            ids,
            Arc::new(RunArray::try_new(&each, &StringArray::from(vec![uri])).unwrap()),
            Arc::new(RunArray::try_new(&each, &at).unwrap()),
        ];
        let fields = schema()
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| {
                Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone()))
            })
            .collect::<Vec<_>>();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn written(batches: &[RecordBatch]) -> (Bytes, ParquetMetaData) {
        let mut groups = Groups::new(&schema(), &batches[0]).unwrap();
        let mut bytes = Vec::new();
        for batch in batches {
            groups.write(batch).unwrap();
            bytes.extend(groups.take_bytes());
        }
        let metadata = groups.finish().unwrap();
        bytes.extend(groups.take_bytes());
        (bytes.into(), metadata)
    }

    fn plain(batch: &RecordBatch) -> RecordBatch {
        let schema = schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| cast(column, field.data_type()).unwrap()).collect();
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    }

    #[test]
    fn what_is_the_same_in_all_rows_reads_back_whether_or_not_it_changes_within_a_group() {
        let big = GROUP_ROWS as i32 + 7;
        for batches in [
            vec![batch(0, 3, Some("a"))],
            vec![batch(0, 3, None)],
            vec![batch(0, 1, Some(""))],
            vec![batch(0, 3, Some("a")), batch(3, 4, Some("a")), batch(7, big, Some("a"))],
            vec![
                batch(0, 3, Some("a")),
                batch(3, 4, Some("b")),
                batch(7, 5, None),
                batch(12, big, Some("b")),
            ],
            vec![
                batch(0, big, Some("a")),
                plain(&batch(i64::from(big), 5, Some("a"))),
                batch(9, 2, Some("b")),
            ],
        ] {
            let (bytes, metadata) = written(&batches);
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
            let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            let read = concat_batches(&read[0].schema(), &read).unwrap();
            let expected = concat_batches(&schema(), &batches.iter().map(plain).collect::<Vec<_>>()).unwrap();
            assert_eq!(read.columns(), expected.columns());
            let rows: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).sum();
            assert_eq!(rows as usize, expected.num_rows());
        }
    }

    #[test]
    fn a_constant_takes_no_room_and_has_its_statistics() {
        let (_, metadata) = written(&[batch(0, 100_000, Some("landing/2024.csv"))]);
        let group = metadata.row_group(0);
        assert!(group.column(1).compressed_size() < 150 && group.column(2).compressed_size() < 100);
        let statistics = group.column(1).statistics().unwrap();
        assert_eq!(statistics.min_bytes_opt(), Some("landing/2024.csv".as_bytes()));
        assert_eq!(statistics.null_count_opt(), Some(0));
    }
}
