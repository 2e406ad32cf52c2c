//! Columns of the rows a SELECT returned: found by name, in the few types the models compute with.

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type, Schema, TimeUnit};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, ErrorKind, Result};

use super::frame::{Column, Frame, Values};

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

/// Columns of the rows as features: numbers, booleans, dates and instants as numbers, everything else as text. Returns them with
/// the counts of infinite values, which become missing.
///
/// # Errors
/// As [`required`].
pub(super) fn frame(batches: &[RecordBatch], names: &[String]) -> Result<(Frame, Vec<(String, usize)>)> {
    let mut columns = Vec::with_capacity(names.len());
    let mut infinite = Vec::new();
    for name in names {
        let column = required(batches, name)?;
        let values = match feature_numbers(&column)? {
            Some(mut values) => {
                let mut count = 0;
                for value in values.iter_mut().filter(|value| value.is_infinite()) {
                    *value = f64::NAN;
                    count += 1;
                }
                if count > 0 {
                    infinite.push((name.clone(), count));
                }
                Values::Number(values)
            }
            None => Values::Text(texts(&column)?),
        };
        columns.push(Column { name: name.clone(), values });
    }
    Ok((Frame::new(columns)?, infinite))
}

/// The column as numbers, missing ones NaN; none where it is text.
fn feature_numbers(column: &ArrayRef) -> Result<Option<Vec<f64>>> {
    use arrow::array::AsArray;
    let data_type = column.data_type();
    let days = match data_type {
        DataType::Timestamp(unit, _) => Some(match unit {
            TimeUnit::Second => 86_400.0,
            TimeUnit::Millisecond => 86_400e3,
            TimeUnit::Microsecond => 86_400e6,
            TimeUnit::Nanosecond => 86_400e9,
        }),
        _ => None,
    };
    let numbers = match data_type {
        DataType::Boolean | DataType::Null => cast(column, &DataType::Float64)?,
        DataType::Date32 => cast(&cast(column, &DataType::Int32)?, &DataType::Float64)?,
        DataType::Date64 => cast(&cast(column, &DataType::Date32)?, &DataType::Int32)
            .and_then(|days| cast(&days, &DataType::Float64))?,
        DataType::Timestamp(..) => cast(&cast(column, &DataType::Int64)?, &DataType::Float64)?,
        other if other.is_numeric() => cast(column, &DataType::Float64)?,
        _ => return Ok(None),
    };
    let numbers = numbers.as_primitive::<Float64Type>();
    let values = numbers.iter().map(|value| value.unwrap_or(f64::NAN) / days.unwrap_or(1.0));
    Ok(Some(values.collect()))
}

/// The column as people read it, `None` for null.
///
/// # Errors
/// Never for types that can be shown.
pub(super) fn texts(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    let options = FormatOptions::new();
    let shown = ArrayFormatter::try_new(column, &options)?;
    let text = |row: usize| column.is_valid(row).then(|| shown.value(row).to_string());
    Ok((0..column.len()).map(text).collect())
}

/// How people read the key of every row: `region=north, product=lamp`.
///
/// # Errors
/// As [`required`].
pub(super) fn labels(batches: &[RecordBatch], names: &[String]) -> Result<Vec<String>> {
    let columns = names
        .iter()
        .map(|name| texts(&required(batches, name)?))
        .collect::<Result<Vec<Vec<Option<String>>>>>()?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let label = |row: usize| {
        let parts = names.iter().zip(&columns);
        let part = |(name, texts): (&String, &Vec<Option<String>>)| {
            format!("{name}={}", texts[row].as_deref().unwrap_or("null"))
        };
        parts.map(part).collect::<Vec<_>>().join(", ")
    };
    Ok((0..rows).map(label).collect())
}

/// The order of rows by these columns; equal rows keep theirs.
///
/// # Errors
/// When the columns cannot be compared.
pub(super) fn order(keys: &[ArrayRef], rows: usize) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows).collect();
    if keys.is_empty() {
        return Ok(order);
    }
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let encoded = RowConverter::new(fields)?.convert_columns(keys)?;
    order.sort_by(|&a, &b| encoded.row(a).cmp(&encoded.row(b)));
    Ok(order)
}

/// Instants or days as days since 1970-01-01, missing ones NaN.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the column is neither date, timestamp nor text, [`ErrorKind::Model`] for text that is not
/// an ISO date, with the count of rows.
pub(super) fn days(column: &ArrayRef, name: &str) -> Result<Vec<f64>> {
    match column.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => {
            let parsed = cast(column, &DataType::Date32)?;
            let odd = parsed.null_count() - column.null_count();
            if odd > 0 {
                let message = format!(
                    "column {name:?} holds text that is not an ISO date in {odd} of {} rows",
                    column.len()
                );
                return Err(Error::new(ErrorKind::Model, message).with_hint(
                    "Write dates as 2026-03-01, or turn them into dates in `sql` with `to_date`.",
                ));
            }
            Ok(feature_numbers(&parsed)?.unwrap_or_default())
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            Ok(feature_numbers(column)?.unwrap_or_default())
        }
        other => Err(timeless(other, name)),
    }
}

/// Whether a column can be read as days, or as instants.
///
/// # Errors
/// [`ErrorKind::Declaration`] where it is neither date, timestamp nor text.
pub(super) fn check_time(data_type: &DataType, name: &str) -> Result<()> {
    match data_type {
        DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(_, _)
        | DataType::Utf8
        | DataType::LargeUtf8 => Ok(()),
        other => Err(timeless(other, name)),
    }
}

/// That a column holds no times.
pub(super) fn timeless(data_type: &DataType, name: &str) -> Error {
    Error::new(
        ErrorKind::Declaration,
        format!("column {name:?} is {data_type}, not a date, timestamp or ISO text"),
    )
    .with_hint("Cast it in `sql`, as in `CAST(ordered AS DATE)`.")
}
