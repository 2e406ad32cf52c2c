//! DataFusion's catalog over a binding. Tables are resolved when a query names them, and only those.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::{TableType, ViewTable};
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use parking_lot::RwLock;

use crate::engine::scan::PinnedTable;
use crate::error::{Error, ErrorKind};
use crate::ids::RelationName;
use crate::lake::{Binding, Bound, Lake};

/// What all schemas of a session share.
pub(super) struct Shared {
    pub lake: Lake,
    pub store: ObjectStoreUrl,
    pub binding: Binding,
    /// The session itself, in which views are planned; weak, because the session owns the catalog.
    pub session: OnceLock<Weak<RwLock<SessionState>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at manifest {:?}", self.lake, self.binding.manifest().number)
    }
}

impl Shared {
    async fn provider(&self, relation: &RelationName) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(bound) = self.binding.get(relation) else { return Ok(None) };
        let version = match bound {
            Bound::Pinned(version) => self.lake.version(relation, version).await?,
            Bound::Table(version) => version,
            Bound::View(sql) => return self.view(relation, &sql).await.map(Some),
        };
        let folder = self.lake.folder(relation);
        Ok(Some(Arc::new(PinnedTable::new(self.store.clone(), folder, version))))
    }

    async fn view(&self, relation: &RelationName, sql: &str) -> Result<Arc<dyn TableProvider>> {
        let state = self.session.get().and_then(Weak::upgrade).map(|state| state.read().clone());
        let state = state.ok_or_else(|| Error::new(ErrorKind::Bug, "a view outlived its session"))?;
        let plan = state
            .create_logical_plan(sql)
            .await
            .map_err(|error| DataFusionError::from(Error::from(error).context(format!("view {relation}"))))?;
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_string()))))
    }
}

#[derive(Debug)]
pub(super) struct TwinCatalog {
    schemas: BTreeMap<String, Arc<TwinSchema>>,
}

impl TwinCatalog {
    pub fn new(shared: &Arc<Shared>) -> Self {
        let mut tables: BTreeMap<String, Vec<RelationName>> = BTreeMap::new();
        for relation in shared.binding.relations() {
            tables.entry(relation.schema().into()).or_default().push(relation);
        }
        let schemas = tables
            .into_iter()
            .map(|(name, tables)| (name, Arc::new(TwinSchema { tables, shared: Arc::clone(shared) })))
            .collect();
        Self { schemas }
    }
}

impl CatalogProvider for TwinCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }
    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.schemas.get(name).map(|schema| Arc::clone(schema) as Arc<dyn SchemaProvider>)
    }
}

#[derive(Debug)]
struct TwinSchema {
    tables: Vec<RelationName>,
    shared: Arc<Shared>,
}

impl TwinSchema {
    fn find(&self, table: &str) -> Option<&RelationName> {
        self.tables.iter().find(|relation| relation.table() == table)
    }
}

#[async_trait]
impl SchemaProvider for TwinSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|relation| relation.table().to_string()).collect()
    }
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.find(name) {
            Some(relation) => self.shared.provider(relation).await,
            None => Ok(None),
        }
    }
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.find(name).and_then(|relation| self.shared.binding.get(relation)).map(|bound| match bound {
            Bound::View(_) => TableType::View,
            Bound::Pinned(_) | Bound::Table(_) => TableType::Base,
        }))
    }
    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}
