//! Twinlake: a digital twin of an enterprise, kept as a lakehouse.
//!
//! The modules stand in the order in which they may import one another: each uses only those above it.

/// One error: kind, message, detail, hint.
pub mod error;
/// Newtypes: relation names, run ids, fingerprints.
pub mod ids;
/// The only reader of wall time.
pub mod clock;
/// Declarations: parse, validate, point at the place.
pub mod project;
/// Delta tables, commits, logical hashes, manifests, bindings.
pub mod lake;
/// DataFusion sessions over a binding.
pub mod engine;
/// The trait at the centre: nodes and what they are given.
pub mod node;
/// Ingestion: from what a source holds to landed tables.
pub mod ingest;
/// SQL views as nodes.
pub mod transform;
/// What happens next and what to order: a forecast of many series, a reorder recommendation.
pub mod learn;
