//! Files of records: CSV, JSON, NDJSON, Parquet and Arrow IPC, read into *raw* batches that remember where each row came from.
//!
//! Raw means: nothing is renamed, cast or trimmed here; that is normalising, and happens later. Text formats give text
//! for every column, Parquet and Arrow give their own types, changed only where a Delta table has no such type.
//!
//! What is promised: every record of a file is in exactly one place, a row of some chunk or a [`Malformed`] of some
//! chunk, each with its position; or reading fails with an error that names the file and the place. Nothing in
//! between: a file that ends early (a truncated archive) fails, so that no half of it lands.
//!
//! [`FileReader::next_block`] is sequential and only cuts the file at record boundaries; [`Block::parse`] does the work
//! and may run on any thread, blocks in any order.

mod columnar;
mod csv;
mod discover;
mod elements;
mod infer;
mod json;
mod open;
mod read;
mod text;
mod tokens;

pub use discover::{FoundFile, matching};
pub use infer::infer;
pub use read::{Block, Chunk, FileReader, Layout, Malformed, format_of};
