//! A table version as a plain Parquet scan over its files.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::lake::TableVersion;

/// One version of one table, readable by DataFusion.
#[derive(Debug)]
pub struct PinnedTable {
    store: ObjectStoreUrl,
    folder: Path,
    version: Arc<TableVersion>,
}

impl PinnedTable {
    /// `version`, whose files are in `folder` of the object store registered as `store`.
    pub fn new(store: ObjectStoreUrl, folder: Path, version: Arc<TableVersion>) -> Self {
        Self { store, folder, version }
    }

    fn statistics_of(&self, rows: u64) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.version.schema);
        statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
        statistics
    }
}

#[async_trait]
impl TableProvider for PinnedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.version.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics_of(self.version.hash().rows))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The physical optimizer hands filters to the Parquet reader; what it cannot prove is filtered again above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.version.files.is_empty() {
            let schema = match projection {
                Some(indices) => Arc::new(self.version.schema.project(indices)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let files = self
            .version
            .files
            .iter()
            .map(|file| {
                // As a text, a path would be encoded once more: a folder named `Ünï` would become another one.
                let meta = ObjectMeta {
                    location: self.folder.clone().join(file.path.as_str()),
                    last_modified: chrono::DateTime::UNIX_EPOCH,
                    size: file.size,
                    e_tag: None,
                    version: None,
                };
                PartitionedFile::new_from_meta(meta)
                    .with_statistics(Arc::new(self.statistics_of(file.hash.rows)))
            })
            .collect();
        let source = ParquetSource::new(self.schema()).with_pushdown_filters(true);
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of(self.version.hash().rows))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
