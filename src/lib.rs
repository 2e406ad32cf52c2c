//! Twinlake: a digital twin of an enterprise, kept as a lakehouse.
//!
//! The modules stand in the order in which they may import one another: each uses only those above it.

/// The only reader of wall time.
pub mod clock;
/// One error: kind, message, detail, hint.
pub mod error;
/// Newtypes: relation names, run ids, fingerprints.
pub mod ids;
/// Ingestion: from what a source holds to landed tables.
pub mod ingest;
/// Declarations: parse, validate, point at the place.
pub mod project;
