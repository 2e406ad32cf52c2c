//! Reading our own tables: the published rows of a system table, and the slices known of every source.

use std::collections::BTreeMap;

use crate::engine::{Engine, Use};
use crate::error::Result;
use crate::ids::RelationName;
use crate::lake::Binding;
use crate::lake::system::{SliceRow, SystemRow};
use crate::node::Known;

/// All published rows of a system table, in the order of `order_by`.
///
/// # Errors
/// When the table cannot be read.
pub async fn system_rows<R: SystemRow>(engine: &Engine, binding: &Binding, order_by: &str) -> Result<Vec<R>> {
    if binding.get(&R::name()).is_none() {
        return Ok(Vec::new());
    }
    let session = engine.session(binding.clone(), chrono::DateTime::UNIX_EPOCH, Use::Compute);
    let columns: Vec<&str> = R::columns().into_iter().map(|(name, _, _)| name).collect();
    let sql = format!("SELECT \"{}\" FROM {} ORDER BY {order_by}", columns.join("\", \""), R::name());
    let mut rows = Vec::new();
    for batch in session.collect(&sql).await? {
        rows.extend(R::rows(&batch)?);
    }
    Ok(rows)
}

/// The slices that were published for every source table: the newest entry of each URI.
///
/// # Errors
/// When `twin.slices` cannot be read.
pub async fn known_slices(engine: &Engine, binding: &Binding) -> Result<BTreeMap<RelationName, Known>> {
    let mut known: BTreeMap<RelationName, Known> = BTreeMap::new();
    for row in system_rows::<SliceRow>(engine, binding, "run_id").await? {
        known.entry(row.relation.parse()?).or_default().insert(row.uri.clone(), row);
    }
    Ok(known)
}
