//! What a version of a table is: a schema and a list of files.

use arrow::datatypes::SchemaRef;

use crate::ids::RelationName;
use crate::lake::hash::LogicalHash;

/// One data file of a table version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// How many rows, and the sum of their hashes.
    pub hash: LogicalHash,
    /// Delta's statistics, as JSON.
    pub stats: Option<String>,
}

/// A version of a table: a schema and exactly these files, for ever.
#[derive(Clone, Debug)]
pub struct TableVersion {
    /// Which table.
    pub name: RelationName,
    /// Its Delta version; `None` while it is staged and not yet committed.
    pub version: Option<u64>,
    /// Its columns.
    pub schema: SchemaRef,
    /// Its files, by path.
    pub files: Vec<DataFile>,
}

impl TableVersion {
    /// Of all rows in all files.
    pub fn hash(&self) -> LogicalHash {
        self.files.iter().fold(LogicalHash::default(), |sum, file| sum.plus(file.hash))
    }
}
