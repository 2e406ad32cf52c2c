//! Columns of the rows a SELECT returned: found by name, in the few types the models compute with.

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type, Schema};

use crate::error::{Error, ErrorKind, Result};

/// The column of that name, of all batches together, in its [plain](plain_type) type.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the column is missing, selected twice, or its type differs between batches.
pub(super) fn required(batches: &[RecordBatch], name: &str) -> Result<ArrayRef> {
    optional(batches, name)?.ok_or_else(|| match batches.first() {
        Some(batch) => missing(batch.schema_ref(), name),
        None => missing(&Schema::empty(), name),
    })
}

/// As [`required`], `None` where the column is missing.
pub(super) fn optional(batches: &[RecordBatch], name: &str) -> Result<Option<ArrayRef>> {
    let mut parts = Vec::with_capacity(batches.len());
    for batch in batches {
        let Some(to) = optional_type(batch.schema_ref(), name)? else { return Ok(None) };
        let column = batch.column_by_name(name).expect("a column with a type is there");
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

/// The [plain](plain_type) type of the column of that name.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the column is missing or selected twice.
pub(super) fn required_type(selected: &Schema, name: &str) -> Result<DataType> {
    optional_type(selected, name)?.ok_or_else(|| missing(selected, name))
}

/// As [`required_type`], `None` where the column is missing.
pub(super) fn optional_type(selected: &Schema, name: &str) -> Result<Option<DataType>> {
    let mut found = selected.fields().iter().filter(|field| field.name() == name);
    let first = found.next();
    if found.next().is_some() {
        return Err(Error::new(ErrorKind::Declaration, format!("`sql` selects column {name:?} twice"))
            .with_hint("Rename or leave out one of them."));
    }
    Ok(first.map(|field| plain_type(field.data_type())))
}

fn missing(selected: &Schema, name: &str) -> Error {
    let names = selected.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    Error::new(ErrorKind::Declaration, format!("column {name:?} is not in what `sql` selects"))
        .with_detail(format!("selected: {}", if names.is_empty() { "nothing" } else { &names }))
        .with_hint("Select it, or rename a selected column with AS.")
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
/// As [`check_number`].
pub(super) fn numbers(column: &ArrayRef, name: &str) -> Result<Float64Array> {
    use arrow::array::AsArray;
    check_number(column.data_type(), name)?;
    let column = cast(column, &DataType::Float64)?;
    Ok(column.as_primitive::<Float64Type>().clone())
}

/// Whether a column can be read as numbers.
///
/// # Errors
/// [`ErrorKind::Declaration`] where it is not of a numeric type.
pub(super) fn check_number(data_type: &DataType, name: &str) -> Result<()> {
    // An untyped NULL is a column of unknown numbers.
    if data_type.is_numeric() || *data_type == DataType::Null {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Declaration, format!("column {name:?} is {data_type}, not a number"))
        .with_hint("Cast it in `sql`, as in `CAST(amount AS DOUBLE)`."))
}
