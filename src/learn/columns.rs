//! Columns of the rows a SELECT returned: found by name, in the few types the models compute with.

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type};

use crate::error::{Error, ErrorKind, Result};

/// The column of that name, of all batches together, in its [plain](plain_type) type.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the column is missing or its type differs between batches.
pub(super) fn required(batches: &[RecordBatch], name: &str) -> Result<ArrayRef> {
    optional(batches, name)?.ok_or_else(|| {
        Error::new(ErrorKind::Declaration, format!("column {name:?} is not in what `sql` selects"))
            .with_detail(format!("selected: {}", selected(batches)))
            .with_hint("Select it, or rename a selected column with AS.")
    })
}

/// As [`required`], `None` where the column is missing.
pub(super) fn optional(batches: &[RecordBatch], name: &str) -> Result<Option<ArrayRef>> {
    let mut parts = Vec::with_capacity(batches.len());
    for batch in batches {
        let Some(column) = batch.column_by_name(name) else { return Ok(None) };
        let to = plain_type(column.data_type());
        parts.push(if to == *column.data_type() { column.clone() } else { cast(column, &to)? });
    }
    let Some(first) = parts.first() else { return Ok(None) };
    if let Some(other) = parts.iter().find(|part| part.data_type() != first.data_type()) {
        return Err(Error::new(
            ErrorKind::Declaration,
            format!(
                "column {name:?} is {} in one batch and {} in another",
                first.data_type(),
                other.data_type()
            ),
        )
        .with_hint("Cast it to one type in `sql`."));
    }
    Ok(Some(concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>())?))
}

/// The type a table keeps: string views become Utf8, binary views Binary, dictionaries their values.
fn plain_type(from: &DataType) -> DataType {
    match from {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}

/// The column as numbers; integers beyond 2^53 and decimals are rounded to the nearest.
///
/// # Errors
/// [`ErrorKind::Declaration`] where it is not of a numeric type.
pub(super) fn numbers(column: &ArrayRef, name: &str) -> Result<Float64Array> {
    use arrow::array::AsArray;
    // An untyped NULL is a column of unknown numbers.
    if !column.data_type().is_numeric() && *column.data_type() != DataType::Null {
        return Err(Error::new(
            ErrorKind::Declaration,
            format!("column {name:?} is {}, not a number", column.data_type()),
        )
        .with_hint("Cast it in `sql`, as in `CAST(amount AS DOUBLE)`."));
    }
    let column = cast(column, &DataType::Float64)?;
    Ok(column.as_primitive::<Float64Type>().clone())
}

fn selected(batches: &[RecordBatch]) -> String {
    let Some(batch) = batches.first() else { return "nothing".to_string() };
    let schema = batch.schema();
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}
