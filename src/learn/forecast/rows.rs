//! From rows in any order to points: series, period, value.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::project::model::Frequency;

use super::{calendar, instants};

/// The number of every row in a column, NaN where it is null. Booleans are 0 and 1.
///
/// # Errors
/// [`ErrorKind::Declaration`] for a column that is missing or not of numbers; [`ErrorKind::Model`] for NaN and infinite
/// values, with the count of rows.
pub(super) fn numbers(rows: &[RecordBatch], name: &str, booleans: bool) -> Result<Vec<f64>> {
    let column = columns::required(rows, name)?;
    let column = if booleans && *column.data_type() == arrow::datatypes::DataType::Boolean {
        arrow::compute::cast(&column, &arrow::datatypes::DataType::UInt8)?
    } else {
        column
    };
    let numbers = columns::numbers(&column, name)?;
    let odd = numbers.iter().flatten().filter(|value| !value.is_finite()).count();
    if odd > 0 {
        return Err(Error::new(
            ErrorKind::Model,
            format!("column {name:?} holds NaN or infinite values in {odd} of {} rows", numbers.len()),
        )
        .with_hint("Leave those rows out in `sql`, or turn them into NULL, which counts as missing."));
    }
    Ok(numbers.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The period of every instant.
///
/// # Errors
/// [`ErrorKind::Model`] for instants beyond the calendar, with the count of rows.
pub(super) fn periods(instants: &[i64], frequency: Frequency, name: &str) -> Result<Vec<i64>> {
    let found: Vec<Option<i64>> =
        instants.iter().map(|&instant| calendar::period(frequency, instant)).collect();
    let odd = found.iter().filter(|period| period.is_none()).count();
    if odd > 0 {
        return Err(Error::new(
            ErrorKind::Model,
            format!("column {name:?} holds dates beyond the calendar in {odd} of {} rows", found.len()),
        )
        .with_hint("Leave out absurd dates in `sql`, or read them in their true unit."));
    }
    Ok(found.into_iter().flatten().collect())
}

/// The instants of the time column of rows.
///
/// # Errors
/// As [`instants::read`] and [`columns::required`].
pub(super) fn times(rows: &[RecordBatch], name: &str) -> Result<Vec<i64>> {
    instants::read(&columns::required(rows, name)?, name)
}

/// Which rows belong together.
#[derive(Debug)]
pub(super) struct Groups {
    /// For every row, its series.
    pub of_row: Vec<u32>,
    /// For every series, a row of it. Series are sorted by key.
    pub first_row: Vec<u32>,
}

impl Groups {
    /// Of rows with these key columns.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] for more than 4 billion rows.
    pub fn of(keys: &[ArrayRef], rows: usize) -> Result<Groups> {
        let count = u32::try_from(rows).map_err(|_| {
            Error::new(ErrorKind::Model, "the history has more than 4 billion rows")
                .with_hint("Sum by period in `sql`.")
        })?;
        if keys.is_empty() {
            return Ok(Groups { of_row: vec![0; rows], first_row: vec![0] });
        }
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let encoded = RowConverter::new(fields)?.convert_columns(keys)?;
        // Rows of one series mostly come one after another: only the first of each run is sorted.
        let mut runs: Vec<u32> = Vec::new();
        for row in 0..count {
            if row == 0 || encoded.row(row as usize) != encoded.row(row as usize - 1) {
                runs.push(row);
            }
        }
        let ends: Vec<u32> = runs.iter().skip(1).copied().chain([count]).collect();
        let mut order: Vec<usize> = (0..runs.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            encoded.row(runs[a] as usize).cmp(&encoded.row(runs[b] as usize)).then(a.cmp(&b))
        });
        let mut of_row = vec![0; rows];
        let mut first_row: Vec<u32> = Vec::new();
        for run in order {
            let row = runs[run];
            let new =
                first_row.last().is_none_or(|&last| encoded.row(last as usize) != encoded.row(row as usize));
            if new {
                first_row.push(row);
            }
            let series = first_row.len() as u32 - 1;
            of_row[row as usize..ends[run] as usize].fill(series);
        }
        Ok(Groups { of_row, first_row })
    }
}

/// How people read keys: `territory_id=1, line=road`, of the first columns only.
///
/// # Errors
/// Where a value cannot be written.
pub(super) fn labels(names: &[String], keys: &[ArrayRef], rows: &[u32]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(vec!["all rows".to_string(); rows.len()]);
    }
    let options = FormatOptions::new().with_null("null");
    let formatters =
        keys.iter().map(|key| Ok(ArrayFormatter::try_new(key, &options)?)).collect::<Result<Vec<_>>>()?;
    let label = |&row: &u32| {
        let parts = names.iter().zip(&formatters);
        parts
            .map(|(name, value)| format!("{name}={}", value.value(row as usize)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    Ok(rows.iter().map(label).collect())
}
