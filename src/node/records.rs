//! What a refresh leaves behind besides its output: rows for the system tables.

use crate::lake::DataFile;
use crate::lake::system::{CheckRow, ModelMetricRow, SliceRow};

/// Rows for the system tables. They become visible with the run, or not at all.
#[derive(Default)]
pub struct Records {
    /// One for every slice that was read.
    pub slices: Vec<SliceRow>,
    /// Files of `twin.rejects`, already written: there may be more rejects than fit into memory.
    pub rejects: Vec<DataFile>,
    /// Contract rules that only warn.
    pub checks: Vec<CheckRow>,
    /// How good a model was in its backtest.
    pub metrics: Vec<ModelMetricRow>,
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
