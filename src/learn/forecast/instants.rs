//! The time column of rows, in any type, as seconds from the start of 1970-01-01, in UTC.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};

use super::calendar::DAY;

/// The instant of every row.
///
/// # Errors
/// [`ErrorKind::Model`] for nulls and for text that is no instant, with the count of rows; otherwise as [`check_time`](crate::learn::columns::check_time).
pub(super) fn read(time: &ArrayRef, name: &str) -> Result<Vec<i64>> {
    if time.null_count() > 0 {
        return Err(Error::new(
            ErrorKind::Model,
            format!("column {name:?} is null in {} of {} rows", time.null_count(), time.len()),
        )
        .with_hint("Leave rows without a time out in `sql`."));
    }
    fn each<T>(time: &ArrayRef, per_second: i64) -> Vec<i64>
    where
        T: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
    {
        time.as_primitive::<T>().values().iter().map(|instant| instant.div_euclid(per_second)).collect()
    }
    Ok(match time.data_type() {
        DataType::Date32 => {
            time.as_primitive::<Date32Type>().values().iter().map(|&day| i64::from(day) * DAY).collect()
        }
        DataType::Date64 => each::<Date64Type>(time, 1_000),
        DataType::Timestamp(TimeUnit::Second, _) => each::<TimestampSecondType>(time, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => each::<TimestampMillisecondType>(time, 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => each::<TimestampMicrosecondType>(time, 1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => each::<TimestampNanosecondType>(time, 1_000_000_000),
        DataType::Utf8 | DataType::LargeUtf8 => {
            let text = cast(time, &DataType::Utf8)?;
            let text: &StringArray = text.as_string();
            let read: Vec<Option<i64>> = text.iter().map(|text| text.and_then(iso)).collect();
            let odd = read.iter().filter(|instant| instant.is_none()).count();
            if odd > 0 {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!(
                        "column {name:?} holds text that is not an ISO date in {odd} of {} rows",
                        read.len()
                    ),
                )
                .with_hint("Write dates as 2026-03-01, or turn them into dates in `sql` with `to_date`."));
            }
            read.into_iter().flatten().collect()
        }
        other => return Err(crate::learn::columns::timeless(other, name)),
    })
}

/// The instant of `2026-03-01`, `2026-03` or `2026-03-01T12:00:00+02:00`.
fn iso(text: &str) -> Option<i64> {
    let text = text.trim();
    let instant = if text.len() == 7 { clock::parse(&format!("{text}-01")) } else { clock::parse(text) };
    instant.ok().map(|instant| instant.timestamp())
}
