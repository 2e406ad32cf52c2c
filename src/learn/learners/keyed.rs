//! Rows with a key, in the order of their keys: what comes out does not depend on the order in which rows come in.

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::learn::frame::Frame;
use crate::learn::learner::Data;

/// The rows of a query.
pub(super) struct Keyed {
    /// The key columns.
    pub keys: Vec<ArrayRef>,
    /// How people read the key of each row.
    pub labels: Vec<String>,
    batches: Vec<RecordBatch>,
    order: Vec<usize>,
}

impl Keyed {
    /// Reads and sorts.
    ///
    /// # Errors
    /// [`ErrorKind::NoHistory`] without rows, [`ErrorKind::Model`] where two rows have the same key.
    pub fn read(data: &Data, key: &[String]) -> Result<Keyed> {
        let keys = key.iter().map(|name| columns::required(&data.rows, name)).collect::<Result<Vec<_>>>()?;
        let count: usize = data.rows.iter().map(RecordBatch::num_rows).sum();
        if count == 0 {
            return Err(Error::new(ErrorKind::NoHistory, "the query gives no rows")
                .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
        }
        let order = columns::order(&keys, count)?;
        let labels = columns::labels(&data.rows, key)?;
        let labels: Vec<String> = order.iter().map(|row| labels[*row].clone()).collect();
        let twice = labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
        if twice > 0 {
            return Err(Error::new(
                ErrorKind::Model,
                format!("{} does not tell rows apart: {twice} rows have the key of another", key.join(", ")),
            )
            .with_hint("Add columns to `key`, or make `sql` give one row for each key."));
        }
        let at = UInt64Array::from_iter_values(order.iter().map(|row| *row as u64));
        let keys = keys.iter().map(|key| Ok(take(key, &at, None)?)).collect::<Result<Vec<_>>>()?;
        Ok(Keyed { keys, labels, batches: data.rows.clone(), order })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Values of the rows as they came, in the order of keys.
    pub fn sorted<T: Clone>(&self, values: &[T]) -> Vec<T> {
        self.order.iter().map(|row| values[*row].clone()).collect()
    }

    /// Columns to learn from, and what was noticed about them.
    ///
    /// # Errors
    /// Where a column is missing.
    pub fn frame(&self, features: &[String]) -> Result<(Frame, Vec<String>)> {
        let (frame, infinite) = columns::frame(&self.batches, features)?;
        let notes = infinite
            .into_iter()
            .map(|(name, count)| format!("column {name:?} is infinite in {count} rows: taken to be missing"));
        Ok((frame.take(&self.order), notes.collect()))
    }

    /// The keys of some rows.
    ///
    /// # Errors
    /// Never for rows there are.
    pub fn keys_of(&self, rows: &[usize]) -> Result<Vec<ArrayRef>> {
        let at = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
        self.keys.iter().map(|key| Ok(take(key, &at, None)?)).collect()
    }
}

/// The columns to learn from: those declared, or all that are not named here.
pub(super) fn features(rows: &Schema, declared: &[String], without: &[&[String]]) -> Vec<String> {
    if !declared.is_empty() {
        return declared.to_vec();
    }
    let names = rows.fields().iter().map(|field| field.name());
    names.filter(|name| !without.iter().any(|others| others.contains(name))).cloned().collect()
}

/// Whether the columns to learn from are there.
///
/// # Errors
/// [`ErrorKind::Declaration`] where one is missing.
pub(super) fn has(rows: &Schema, features: &[String]) -> Result<()> {
    features.iter().try_for_each(|name| columns::required_type(rows, name).map(drop))
}

/// The columns of predictions: the key's, then those computed.
///
/// # Errors
/// [`ErrorKind::Declaration`] where a key column is missing, or has the name of a computed one.
pub(super) fn schema(rows: &Schema, key: &[String], computed: Vec<Field>) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for name in key {
        if computed.iter().any(|field| field.name() == name) {
            return Err(Error::new(
                ErrorKind::Declaration,
                format!("key column {name:?} is also a column of the predictions"),
            )
            .with_hint("Rename it in `sql` with AS."));
        }
        fields.push(Field::new(name, columns::required_type(rows, name)?, true));
    }
    fields.extend(computed);
    Ok(fields)
}
