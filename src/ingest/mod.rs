//! Ingestion: from what a source holds to landed tables.
//!
//! The way of a record: a file is cut into blocks ([`files`]), each block is parsed, normalised to the declared columns and
//! held against the contract ([`normalise`], [`contract`]) on any thread, and its rows are given their lineage and
//! written ([`append`], or [`keyed`] where rows have identity). What breaks the contract goes to `twin.rejects`. Readers never
//! write, never normalise, never add lineage columns: that happens here, once, for all of them.
//!
//! Why nothing is lost and nothing comes twice: the checkpoint is `twin.slices`, published by the same manifest as the
//! rows. A run that dies leaves both as they were, so the next one reads the same slices again. For every slice,
//! `rows read = rows landed + rows unchanged + rows rejected`; a slice for which that does not hold fails its node.

pub mod files;

mod account;
mod append;
mod contract;
mod declared;
mod keyed;
mod landing;
mod node;
mod normalise;
mod pipeline;
mod quick;
mod rewrite;
mod target;
mod text;

pub use declared::{declared_schema, raw_type, unfit_values};
pub use node::FileTable;
