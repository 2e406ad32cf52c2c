//! The lake: Delta tables on an object store, and the manifests that say which versions belong together.
//!
//! A [`Lake`] reads pinned table versions and commits new ones. It decides nothing: *what* is committed is a node's
//! business, *when it becomes visible* is the manifest's. The rules everything else relies on:
//!
//! - **A version never changes.** [`TableVersion`] names exact files; reading it today or in a year gives the same rows.
//! - **A commit states the whole table.** [`Lake::commit`] takes the complete list of files the new version has, and derives
//!   the log's add and remove actions from whatever the head is. Leftovers of a killed run vanish by the same rule.
//! - **Nobody reads the head.** Readers go through a [`Manifest`]; a commit that no manifest names was never there.
//! - **One manifest is one commit** to `twin.manifest`, whose Delta version is the manifest's number. Two publishers cannot
//!   both succeed: the second finds its number taken.
//! - **File names carry the logical hash** of their rows, so a table's hash is a sum over its file list.

mod binding;
pub mod columns;
mod constant;
mod encoding;
mod groups;
mod hash;
mod manifest;
pub mod system;
mod table;
mod version;
mod writer;

pub use binding::{Binding, Bound};
pub use hash::{LogicalHash, RowHasher};
pub use manifest::{Manifest, Published, RelationKind, When};
pub use table::{Commit, Lake};
pub use version::{DataFile, TableVersion};
pub use writer::FileWriter;
