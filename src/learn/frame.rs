//! The rows a model learns from, as plain columns of numbers and texts.

use crate::error::{Error, ErrorKind, Result};

/// What a column holds. A missing number is NaN, a missing text `None`; infinities do not occur.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Numbers, and whatever is ordered: booleans are 0 and 1, dates days since 1970-01-01, instants days with a fraction.
    Number(Vec<f64>),
    /// Names of categories.
    Text(Vec<Option<String>>),
}

/// A column with its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// As in the query.
    pub name: String,
    /// One for each row.
    pub values: Values,
}

/// Columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    rows: usize,
    columns: Vec<Column>,
}

impl Frame {
    /// Of these columns.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] where their lengths differ.
    pub fn new(columns: Vec<Column>) -> Result<Frame> {
        let length = |column: &Column| match &column.values {
            Values::Number(values) => values.len(),
            Values::Text(values) => values.len(),
        };
        let rows = columns.first().map_or(0, length);
        match columns.iter().find(|column| length(column) != rows) {
            Some(odd) => {
                Err(Error::new(ErrorKind::Bug, format!("column {:?} is not as long as the others", odd.name)))
            }
            None => Ok(Frame { rows, columns }),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows of these numbers, in this order.
    pub fn take(&self, rows: &[usize]) -> Frame {
        let columns = self.columns.iter().map(|column| {
            let values = match &column.values {
                Values::Number(values) => Values::Number(rows.iter().map(|&row| values[row]).collect()),
                Values::Text(values) => Values::Text(rows.iter().map(|&row| values[row].clone()).collect()),
            };
            Column { name: column.name.clone(), values }
        });
        Frame { rows: rows.len(), columns: columns.collect() }
    }
}
