//! What a refresh leaves behind besides its output: rows for the system tables.

use crate::lake::DataFile;
use crate::lake::system::{
    CheckRow, ModelHistoryRow, ModelMetricRow, ModelMonitoringRow, ModelRow, SliceRow,
};

/// Rows for the system tables. They become visible with the run, or not at all.
#[derive(Default)]
pub struct Records {
    /// One for every slice that was read.
    pub slices: Vec<SliceRow>,
    /// Files of `twin.rejects`, already written: there may be more rejects than fit into memory.
    pub rejects: Vec<DataFile>,
    /// Contract rules that only warn.
    pub checks: Vec<CheckRow>,
    /// How good the candidates of a model were.
    pub metrics: Vec<ModelMetricRow>,
    /// Versions that a model learned.
    pub models: Vec<ModelRow>,
    /// What became of versions of a model.
    pub history: Vec<ModelHistoryRow>,
    /// What was watched about a model.
    pub monitoring: Vec<ModelMonitoringRow>,
}

/// What a relation and its columns mean.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// What a row is.
    pub text: String,
    /// Who answers for it.
    pub owner: String,
    /// What is known of its columns, in any order.
    pub columns: Vec<ColumnDoc>,
}

/// What a column means.
#[derive(Clone, Debug, Default)]
pub struct ColumnDoc {
    /// The column.
    pub name: String,
    /// Its meaning.
    pub text: String,
    /// Its sensitivity tags.
    pub tags: Vec<String>,
}
