//! Bindings: what a session sees. Now, last March, half-way through a run: each is a manifest and some overlays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::RelationName;
use crate::lake::manifest::Manifest;
use crate::lake::version::TableVersion;

/// What a relation is bound to.
#[derive(Clone, Debug)]
pub enum Bound {
    /// A table version that is read from the log when it is needed.
    Pinned(u64),
    /// A table version whose files are known, perhaps not committed yet.
    Table(Arc<TableVersion>),
    /// A query over the same binding.
    View(Arc<str>),
}

/// Relation -> what it is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Binding {
    manifest: Arc<Manifest>,
    overlays: BTreeMap<RelationName, Bound>,
}

impl Binding {
    /// Exactly what a manifest published.
    pub fn of(manifest: Arc<Manifest>) -> Self {
        Self { manifest, overlays: BTreeMap::new() }
    }

    /// The manifest underneath.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Binds one relation to something else than the manifest says.
    pub fn overlay(&mut self, relation: RelationName, bound: Bound) {
        self.overlays.insert(relation, bound);
    }

    /// What `relation` is bound to.
    pub fn get(&self, relation: &RelationName) -> Option<Bound> {
        if let Some(bound) = self.overlays.get(relation) {
            return Some(bound.clone());
        }
        if *relation == RelationName::system("manifest") {
            return self.manifest.number.map(Bound::Pinned);
        }
        let published = self.manifest.relations.get(relation)?;
        match (&published.sql, published.version) {
            (_, Some(version)) => Some(Bound::Pinned(version)),
            (Some(sql), None) => Some(Bound::View(Arc::from(sql.as_str()))),
            (None, None) => None,
        }
    }

    /// All relations, in order.
    pub fn relations(&self) -> BTreeSet<RelationName> {
        let mut names: BTreeSet<_> =
            self.manifest.relations.keys().chain(self.overlays.keys()).cloned().collect();
        if self.manifest.number.is_some() {
            names.insert(RelationName::system("manifest"));
        }
        names
    }
}
