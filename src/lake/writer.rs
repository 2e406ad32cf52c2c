//! Writes one Parquet data file of a table, counting and hashing its rows on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::lake::columns;
use crate::lake::hash::{LogicalHash, RowHasher};
use crate::lake::version::DataFile;

/// Rows in a row group: enough to compress well, few enough to hold one group of each writer in memory.
const ROW_GROUP_ROWS: usize = 256 * 1024;

/// A data file being written. Dropped unfinished, it leaves at most an unreferenced object behind.
pub struct FileWriter {
    writer: AsyncArrowWriter<BufWriter>,
    store: Arc<dyn ObjectStore>,
    schema: SchemaRef,
    hasher: RowHasher,
    hash: LogicalHash,
    folder: Path,
    staged: Path,
    name: String,
}

impl FileWriter {
    /// A writer of `schema` into `folder`; `name` is unique within the table.
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        folder: Path,
        name: String,
        schema: SchemaRef,
    ) -> Result<Self> {
        // A leading underscore or dot hides the file from every Delta reader and from vacuum's listing until it has its final name.
        // Each attempt has a staged file of its own: what an abandoned one still writes must not end up under this name.
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let staged = folder.clone().join(format!(".{name}.{attempt}.staged"));
        let object = BufWriter::with_capacity(Arc::clone(&store), staged.clone(), 8 * 1024 * 1024);
        let writer = AsyncArrowWriter::try_new_with_options(
            object,
            Arc::clone(&schema),
            // The Parquet types say all there is to know: files of one table must not differ in hints about Arrow.
            ArrowWriterOptions::new().with_properties(properties(&schema)).with_skip_arrow_metadata(true),
        )?;
        let hasher = RowHasher::new(&schema);
        Ok(Self { writer, store, schema, hasher, hash: LogicalHash::default(), folder, staged, name })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the store fails or the batch has another schema.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let hashes = self.hasher.hash(batch)?;
        self.write_hashed(batch, &hashes).await
    }

    /// Appends rows whose hashes the caller has computed already.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_hashed(&mut self, batch: &RecordBatch, hashes: &[i64]) -> Result<()> {
        self.hash = self.hash.plus(LogicalHash::of(hashes));
        self.writer.write(batch).await?;
        Ok(())
    }

    /// The schema of its rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.hash.rows
    }

    /// Completes the file. Nothing refers to it until it is part of a commit. A file without rows is not kept.
    ///
    /// # Errors
    /// When the store fails; nothing is left that a reader could see.
    pub async fn finish(mut self) -> Result<Option<DataFile>> {
        let metadata = self.writer.finish().await?;
        let hash = self.hash;
        if hash.rows == 0 {
            self.store.delete_ts(&self.staged).await?;
            return Ok(None);
        }
        let name = format!("{}-{:016x}.parquet", self.name, hash.sum);
        let path = self.folder.clone().join(name.as_str());
        self.store.rename_ts(&self.staged, &path).await?;
        let size = self.store.head_ts(&path).await?;
        let stats = stats(&metadata, hash.rows);
        Ok(Some(DataFile { path: name, size, hash, stats: Some(stats) }))
    }
}

/// The three calls we make, with our error; `object_store` keeps them on an extension trait.
trait StoreCalls {
    async fn delete_ts(&self, path: &Path) -> Result<()>;
    async fn rename_ts(&self, from: &Path, to: &Path) -> Result<()>;
    async fn head_ts(&self, path: &Path) -> Result<u64>;
}

impl StoreCalls for Arc<dyn ObjectStore> {
    async fn delete_ts(&self, path: &Path) -> Result<()> {
        use object_store::ObjectStoreExt;
        self.delete(path).await.map_err(Error::from)
    }
    async fn rename_ts(&self, from: &Path, to: &Path) -> Result<()> {
        use object_store::ObjectStoreExt;
        self.rename(from, to).await.map_err(Error::from)
    }
    async fn head_ts(&self, path: &Path) -> Result<u64> {
        use object_store::ObjectStoreExt;
        Ok(self.head(path).await?.size)
    }
}

fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("twinlake {}", env!("CARGO_PKG_VERSION")));
    // Hashes do not compress: a dictionary of them costs time and saves nothing.
    if schema.field_with_name(columns::ROW_HASH).is_ok() {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(columns::ROW_HASH), false);
    }
    if schema.field_with_name(columns::SOURCE_POSITION).is_ok() {
        let position = ColumnPath::from(columns::SOURCE_POSITION);
        properties = properties
            .set_column_dictionary_enabled(position.clone(), false)
            .set_column_encoding(position, parquet::basic::Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// Delta's statistics: the row count, and bounds and null counts of top-level columns of simple types.
fn stats(metadata: &ParquetMetaData, rows: u64) -> String {
    use serde_json::{Map, Value, json};
    let schema = metadata.file_metadata().schema_descr();
    let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
    for column in 0..schema.num_columns() {
        let descriptor = schema.column(column);
        let [name] = descriptor.path().parts() else { continue };
        let chunks: Vec<Option<&Statistics>> =
            metadata.row_groups().iter().map(|group| group.column(column).statistics()).collect();
        if let Some(count) = chunks.iter().map(|s| s.and_then(|s| s.null_count_opt())).sum::<Option<u64>>() {
            nulls.insert(name.clone(), json!(count));
        }
        let bounds = chunks.iter().flatten().filter_map(|s| bound(s)).reduce(|a, b| {
            (if less(&b.0, &a.0) { b.0 } else { a.0 }, if less(&a.1, &b.1) { b.1 } else { a.1 })
        });
        // Only plain integers: the text form of other types in statistics is a matter of dialect between writers.
        if let Some((low, high)) = bounds
            && descriptor.logical_type_ref().is_none()
        {
            min.insert(name.clone(), low);
            max.insert(name.clone(), high);
        }
    }
    json!({
        "numRecords": rows,
        "minValues": Value::Object(min),
        "maxValues": Value::Object(max),
        "nullCount": Value::Object(nulls),
    })
    .to_string()
}

fn bound(statistics: &Statistics) -> Option<(serde_json::Value, serde_json::Value)> {
    match statistics {
        Statistics::Int32(s) => Some(((*s.min_opt()?).into(), (*s.max_opt()?).into())),
        Statistics::Int64(s) => Some(((*s.min_opt()?).into(), (*s.max_opt()?).into())),
        _ => None,
    }
}

fn less(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    a.as_i64() < b.as_i64()
}
