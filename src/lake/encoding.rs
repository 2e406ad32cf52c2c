//! How a data file's columns are encoded, chosen by its first rows.
//!
//! A dictionary of values that hardly ever repeat costs time and saves nothing: Parquet's writers notice only when it is
//! full. So the first rows are looked at, and integers are written as differences where those are narrower.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::lake::columns;

/// Fewer rows say too little about a column.
const MIN_SAMPLE: usize = 1024;
const MAX_SAMPLE: usize = 8192;

enum Choice {
    /// A dictionary, for as long as it stays small.
    Dictionary,
    /// Each value as it is.
    Plain,
    /// Differences of integers, bit-packed.
    Delta,
}

/// The writer's settings for a file that begins with `first`.
pub(super) fn properties(first: &RecordBatch) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("twinlake {}", env!("CARGO_PKG_VERSION")));
    for (field, values) in first.schema().fields().iter().zip(first.columns()) {
        let choice = match field.name().as_str() {
            columns::ROW_HASH => Choice::Plain,
            columns::SOURCE_POSITION => Choice::Delta,
            _ => choose(values),
        };
        let path = ColumnPath::new(vec![field.name().clone()]);
        properties = match choice {
            Choice::Dictionary => properties,
            Choice::Plain => properties.set_column_dictionary_enabled(path, false),
            Choice::Delta => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        };
    }
    properties.build()
}

fn choose(values: &ArrayRef) -> Choice {
    let sample = values.slice(0, values.len().min(MAX_SAMPLE));
    if sample.len() - sample.null_count() < MIN_SAMPLE {
        return Choice::Dictionary;
    }
    match sample.data_type() {
        DataType::Utf8 => {
            let texts: Vec<&str> = sample.as_string::<i32>().iter().flatten().collect();
            by_repetition(texts.len(), texts.iter().collect::<HashSet<_>>().len())
        }
        DataType::Float32 | DataType::Float64 => {
            let Ok(bits) = cast(&sample, &DataType::Float64) else { return Choice::Dictionary };
            let bits: Vec<u64> = bits
                .as_primitive::<arrow::datatypes::Float64Type>()
                .iter()
                .flatten()
                .map(f64::to_bits)
                .collect();
            by_repetition(bits.len(), bits.iter().collect::<HashSet<_>>().len())
        }
        _ => integers(&sample).map_or(Choice::Dictionary, |integers| by_width(&integers)),
    }
}

fn by_repetition(count: usize, distinct: usize) -> Choice {
    if distinct * 2 > count { Choice::Plain } else { Choice::Dictionary }
}

/// The values of a column that Parquet keeps as 32 or 64 bit integers.
fn integers(values: &ArrayRef) -> Option<Vec<i64>> {
    match values.data_type() {
        DataType::Decimal128(precision, _) if *precision <= 18 => {
            let values = values.as_primitive::<Decimal128Type>();
            values.iter().flatten().map(|value| i64::try_from(value).ok()).collect()
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => whole(values),
        DataType::Timestamp(_, _) => whole(values),
        DataType::Date32 => whole(&cast(values, &DataType::Int32).ok()?),
        _ => None,
    }
}

fn whole(values: &ArrayRef) -> Option<Vec<i64>> {
    let values = cast(values, &DataType::Int64).ok()?;
    Some(values.as_primitive::<Int64Type>().iter().flatten().collect())
}

/// Compares the bits a value takes: as an index into a dictionary, with its share of that, or as a difference.
fn by_width(values: &[i64]) -> Choice {
    let distinct = values.iter().collect::<HashSet<_>>().len();
    let dictionary = width(distinct as u64 - 1) as f64 + 64.0 * distinct as f64 / values.len() as f64;
    // As the encoding does it: blocks of differences, each less the smallest of the block.
    let blocks: Vec<f64> = values
        .chunks(128)
        .map(|block| {
            let differences = || block.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
            let (low, high) = (differences().min().unwrap_or(0), differences().max().unwrap_or(0));
            f64::from(width(high.wrapping_sub(low) as u64))
        })
        .collect();
    // Each block has a head of its own.
    let delta = 1.0 + blocks.iter().sum::<f64>() / blocks.len() as f64;
    if delta < dictionary { Choice::Delta } else { Choice::Dictionary }
}

fn width(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}
