//! Writes one Parquet data file of a table, counting and hashing its rows on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use tokio::io::AsyncWriteExt;

use crate::error::{Error, Result};
use crate::lake::groups::Groups;
use crate::lake::hash::{LogicalHash, RowHasher};
use crate::lake::version::DataFile;

/// A data file being written. Dropped unfinished, it leaves at most an unreferenced object behind.
pub struct FileWriter {
    /// None until there are rows.
    groups: Option<Groups>,
    object: BufWriter,
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
        let hasher = RowHasher::new(&schema);
        Ok(Self {
            groups: None,
            object,
            store,
            schema,
            hasher,
            hash: LogicalHash::default(),
            folder,
            staged,
            name,
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the store fails or the batch has another schema.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let hashes = self.hasher.hash(batch)?;
        self.write_hashed(batch, &hashes).await
    }

    /// Appends rows whose hashes the caller has computed already. Columns that say the same of all rows may come
    /// run-end encoded, which is much faster.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_hashed(&mut self, batch: &RecordBatch, hashes: &[i64]) -> Result<()> {
        self.hash = self.hash.plus(LogicalHash::of(hashes));
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let groups = match &mut self.groups {
            Some(groups) => groups,
            none => none.insert(Groups::new(&self.schema, batch)?),
        };
        groups.write(batch)?;
        let bytes = groups.take_bytes();
        if !bytes.is_empty() {
            self.object.put(bytes).await?;
        }
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
        let Some(mut groups) = self.groups else { return Ok(None) };
        let metadata = groups.finish()?;
        self.object.put(groups.take_bytes()).await?;
        self.object.shutdown().await?;
        let hash = self.hash;
        let name = format!("{}-{:016x}.parquet", self.name, hash.sum);
        let path = self.folder.clone().join(name.as_str());
        self.store.rename_ts(&self.staged, &path).await?;
        let size = self.store.head_ts(&path).await?;
        let stats = stats(&metadata, hash.rows);
        Ok(Some(DataFile { path: name, size, hash, stats: Some(stats) }))
    }
}

/// The two calls we make, with our error; `object_store` keeps them on an extension trait.
trait StoreCalls {
    async fn rename_ts(&self, from: &Path, to: &Path) -> Result<()>;
    async fn head_ts(&self, path: &Path) -> Result<u64>;
}

impl StoreCalls for Arc<dyn ObjectStore> {
    async fn rename_ts(&self, from: &Path, to: &Path) -> Result<()> {
        use object_store::ObjectStoreExt;
        self.rename(from, to).await.map_err(Error::from)
    }
    async fn head_ts(&self, path: &Path) -> Result<u64> {
        use object_store::ObjectStoreExt;
        Ok(self.head(path).await?.size)
    }
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
