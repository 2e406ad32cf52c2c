//! Ingestion: from what a source holds to landed tables.

pub mod files;
