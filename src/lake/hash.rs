//! Hashes of rows and of whole tables that do not depend on the order of rows, columns or files.
//!
//! A value hashes to `xxh3_64(bytes, seed = xxh3_64(column name))`; a null contributes nothing, so adding a column of
//! nulls leaves every hash as it was. A row's hash is the wrapping sum over its columns, mixed once (the finaliser of
//! MurmurHash3, Appleby 2011). A table's hash is the wrapping sum over its rows, which makes it a function of the
//! multiset of rows: duplicates count, order does not.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema};
use arrow::row::{RowConverter, SortField};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::Result;
use crate::lake::columns::is_lineage;

/// What a table's rows amount to: how many there are, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogicalHash {
    /// Number of rows.
    pub rows: u64,
    /// Wrapping sum of the rows' hashes.
    pub sum: u64,
}

impl LogicalHash {
    /// The hash of both multisets of rows together.
    pub fn plus(self, other: LogicalHash) -> LogicalHash {
        LogicalHash { rows: self.rows + other.rows, sum: self.sum.wrapping_add(other.sum) }
    }
    /// Over the row hashes of one batch.
    pub fn of(row_hashes: &[i64]) -> LogicalHash {
        let sum = row_hashes.iter().fold(0u64, |sum, hash| sum.wrapping_add(*hash as u64));
        LogicalHash { rows: row_hashes.len() as u64, sum }
    }
}

impl std::fmt::Display for LogicalHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{:016x}", self.rows, self.sum)
    }
}

/// Hashes rows of one schema, without its lineage columns.
pub struct RowHasher {
    columns: Vec<(usize, u64)>,
}

impl RowHasher {
    /// For batches of `schema`.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| !is_lineage(field.name()))
            .map(|(index, field)| (index, xxh3_64(field.name().as_bytes())))
            .collect();
        Self { columns }
    }

    /// One hash a row.
    ///
    /// # Errors
    /// When a nested column cannot be put in row form; every type a Delta table keeps can.
    pub fn hash(&self, batch: &RecordBatch) -> Result<Vec<i64>> {
        let mut sums = vec![0u64; batch.num_rows()];
        for (index, seed) in &self.columns {
            add_column(batch.column(*index), *seed, &mut sums)?;
        }
        Ok(sums.into_iter().map(|sum| mix(sum) as i64).collect())
    }
}

fn add_column(array: &ArrayRef, seed: u64, sums: &mut [u64]) -> Result<()> {
    use arrow::datatypes as t;
    macro_rules! fixed {
        ($kind:ty) => {{
            let values = array.as_primitive::<$kind>();
            match values.nulls() {
                None => {
                    for (sum, value) in sums.iter_mut().zip(values.values()) {
                        *sum = sum.wrapping_add(xxh3_64_with_seed(&value.to_le_bytes(), seed));
                    }
                }
                Some(nulls) => {
                    for (row, sum) in sums.iter_mut().enumerate() {
                        if nulls.is_valid(row) {
                            *sum =
                                sum.wrapping_add(xxh3_64_with_seed(&values.value(row).to_le_bytes(), seed));
                        }
                    }
                }
            }
        }};
    }
    macro_rules! each {
        ($values:expr, $value:ident => $bytes:expr) => {{
            let values = $values;
            for (row, sum) in sums.iter_mut().enumerate() {
                if values.is_valid(row) {
                    let $value = values.value(row);
                    *sum = sum.wrapping_add(xxh3_64_with_seed(&$bytes[..], seed));
                }
            }
        }};
    }
    match array.data_type() {
        DataType::Null => {}
        DataType::Boolean => each!(array.as_boolean(), v => [u8::from(v)]),
        DataType::Int8 => fixed!(t::Int8Type),
        DataType::Int16 => fixed!(t::Int16Type),
        DataType::Int32 => fixed!(t::Int32Type),
        DataType::Int64 => fixed!(t::Int64Type),
        DataType::Date32 => fixed!(t::Date32Type),
        DataType::Timestamp(t::TimeUnit::Microsecond, _) => fixed!(t::TimestampMicrosecondType),
        DataType::Decimal128(_, _) => fixed!(t::Decimal128Type),
        // Equal numbers must hash alike: one zero, one NaN.
        DataType::Float32 => {
            each!(array.as_primitive::<Float32Type>(), v => canonical(f64::from(v)).to_le_bytes())
        }
        DataType::Float64 => each!(array.as_primitive::<Float64Type>(), v => canonical(v).to_le_bytes()),
        DataType::Utf8 => each!(array.as_string::<i32>(), v => v.as_bytes()),
        DataType::LargeUtf8 => each!(array.as_string::<i64>(), v => v.as_bytes()),
        DataType::Utf8View => each!(array.as_string_view(), v => v.as_bytes()),
        DataType::Binary => each!(array.as_binary::<i32>(), v => v),
        DataType::BinaryView => each!(array.as_binary_view(), v => v),
        other => {
            let converter = RowConverter::new(vec![SortField::new(other.clone())])?;
            let rows = converter.convert_columns(std::slice::from_ref(array))?;
            for (row, sum) in sums.iter_mut().enumerate() {
                if array.is_valid(row) {
                    *sum = sum.wrapping_add(xxh3_64_with_seed(rows.row(row).as_ref(), seed));
                }
            }
        }
    }
    Ok(())
}

fn canonical(value: f64) -> u64 {
    if value == 0.0 {
        0
    } else if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        value.to_bits()
    }
}

fn mix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::Field;

    use super::*;

    fn batch(ids: Vec<Option<i64>>, names: Vec<Option<&str>>) -> RecordBatch {
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
            ("name", Arc::new(StringArray::from(names)) as ArrayRef),
        ])
        .unwrap()
    }

    fn hashes(batch: &RecordBatch) -> Vec<i64> {
        RowHasher::new(&batch.schema()).hash(batch).unwrap()
    }

    #[test]
    fn the_order_of_rows_does_not_matter_but_their_number_does() {
        let forward = hashes(&batch(vec![Some(1), Some(2)], vec![Some("a"), None]));
        let backward = hashes(&batch(vec![Some(2), Some(1)], vec![None, Some("a")]));
        assert_eq!(LogicalHash::of(&forward), LogicalHash::of(&backward));
        let twice = [forward.clone(), forward.clone()].concat();
        assert_ne!(LogicalHash::of(&forward), LogicalHash::of(&twice));
    }

    #[test]
    fn the_order_of_columns_and_a_column_of_nulls_do_not_matter() {
        let plain = batch(vec![Some(1)], vec![Some("a")]);
        let swapped = plain.project(&[1, 0]).unwrap();
        assert_eq!(hashes(&plain), hashes(&swapped));
        assert_eq!(
            hashes(&batch(vec![Some(1)], vec![None])),
            hashes(&plain.project(&[0]).unwrap()),
            "a null adds nothing"
        );
    }

    #[test]
    fn values_do_not_move_between_columns() {
        let schema =
            Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Int64, true)]);
        let of = |a, b| {
            let columns = vec![
                Arc::new(Int64Array::from(vec![a])) as ArrayRef,
                Arc::new(Int64Array::from(vec![b])) as ArrayRef,
            ];
            hashes(&RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap())
        };
        assert_ne!(of(Some(1), None), of(None, Some(1)));
        assert_ne!(of(Some(1), Some(2)), of(Some(2), Some(1)));
    }
}
