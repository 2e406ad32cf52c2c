//! From rows in any order to series: one value per period, no gaps, all ending together.
//!
//! All series end at the last period in which any of them has a value, because a forecast answers "what happens after
//! now" for all of them. A series begins at its first value. Values of one period are sorted before they are summed, so
//! that the sum does not depend on the order in which rows arrive.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::project::ForecastDecl;
use crate::project::model::{Fill, Frequency};

use super::{calendar, columns};

/// More periods than this in one series is a wrong date, not a history.
const MAX_SPAN: i64 = 1_000_000;
/// More periods than this in all series together would not fit in memory.
const MAX_PERIODS: i64 = 200_000_000;

/// Many series over the same calendar.
#[derive(Debug)]
pub(super) struct Panel {
    /// The series columns: one row per series, in the order of `series`.
    pub keys: Vec<ArrayRef>,
    /// The series, sorted by their keys.
    pub series: Vec<Series>,
    /// The last period, which all series share.
    pub end: i64,
    /// Periods in a season, at least 1.
    pub season: usize,
    /// The length of a period.
    pub frequency: Frequency,
}

/// One series, its last value at the panel's end.
#[derive(Debug)]
pub(super) struct Series {
    /// How people read its key: `territory_id=1, line=road`.
    pub label: String,
    /// One value per period, oldest first; empty where there was none.
    pub values: Vec<f64>,
    /// Whether the value was in the data; a zero put in by `fill = "zero"` counts as data.
    pub observed: Vec<bool>,
}

impl Panel {
    /// The period of a series' first value; one past the end for a series without any.
    pub fn start(&self, series: usize) -> i64 {
        self.end + 1 - self.series[series].values.len() as i64
    }

    /// The values of a series before a period.
    pub fn before(&self, series: usize, period: i64) -> &[f64] {
        let length = (period - self.start(series)).clamp(0, self.series[series].values.len() as i64);
        &self.series[series].values[..length as usize]
    }

    /// Reads the rows.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] for a missing or unsuitable column, [`ErrorKind::Model`] for values nothing can be
    /// learned from.
    pub fn read(history: &[RecordBatch], decl: &ForecastDecl) -> Result<Panel> {
        if history.iter().all(|batch| batch.num_rows() == 0) {
            return Err(Error::new(ErrorKind::NoHistory, "the history has no rows")
                .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
        }
        let time = columns::required(history, &decl.time)?;
        let values = columns::numbers(&columns::required(history, &decl.value)?, &decl.value)?;
        let keys =
            decl.series.iter().map(|name| columns::required(history, name)).collect::<Result<Vec<_>>>()?;
        if values.iter().flatten().any(|value| !value.is_finite()) {
            return Err(Error::new(
                ErrorKind::Model,
                format!("column {:?} holds NaN or infinite values", decl.value),
            )
            .with_hint("Leave those rows out in `sql`, or turn them into NULL, which counts as missing."));
        }
        let days = days(&time, &decl.time)?;
        let groups = Groups::of(&keys, time.len())?;

        let mut points = Vec::with_capacity(time.len());
        for (row, day) in days.into_iter().enumerate() {
            let period = calendar::period(decl.frequency, day).ok_or_else(|| beyond(&decl.time))?;
            if values.is_valid(row) {
                points.push((groups.of_row[row], period, values.value(row)));
            }
        }
        let end = points.iter().map(|point| point.1).max().ok_or_else(|| {
            Error::new(ErrorKind::NoHistory, format!("column {:?} is null in every row", decl.value))
                .with_hint("Select the amounts, or leave out the rows that have none.")
        })?;
        let end = if decl.drop_last { end - 1 } else { end };
        points.retain(|point| point.1 <= end);
        if points.is_empty() {
            return Err(Error::new(ErrorKind::NoHistory, "`drop_last` leaves out the only period there is")
                .with_hint("Wait for a second period, or set `drop_last = false`."));
        }
        points.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));

        let labels = labels(&decl.series, &keys, &groups.first_row)?;
        let mut series: Vec<Series> = labels
            .into_iter()
            .map(|label| Series { label, values: Vec::new(), observed: Vec::new() })
            .collect();
        let mut budget = MAX_PERIODS;
        for rows in points.chunk_by(|a, b| a.0 == b.0) {
            let span = end - rows[0].1 + 1;
            budget -= span;
            if span > MAX_SPAN || budget < 0 {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("column {:?} spans {span} periods in one series: too many", decl.time),
                )
                .with_hint("Look for dates far in the past or future, or choose a longer `frequency`."));
            }
            fill(&mut series[rows[0].0], rows, end, decl)?;
        }
        let first = UInt32Array::from(groups.first_row);
        let keys = keys.iter().map(|key| Ok(take(key, &first, None)?)).collect::<Result<Vec<_>>>()?;
        let season = decl.season.unwrap_or_else(|| calendar::default_season(decl.frequency));
        Ok(Panel { keys, series, end, season, frequency: decl.frequency })
    }
}

/// Sums the rows of one series by period and fills the gaps up to the end.
fn fill(series: &mut Series, rows: &[(usize, i64, f64)], end: i64, decl: &ForecastDecl) -> Result<()> {
    let span = usize::try_from(end - rows[0].1 + 1).expect("a span was checked to be small and positive");
    series.values.reserve_exact(span);
    series.observed.reserve_exact(span);
    let gap_until = |period: i64, series: &mut Series| {
        while rows[0].1 + (series.values.len() as i64) < period {
            let (value, observed) = match decl.fill {
                Fill::Zero => (0.0, true),
                Fill::Previous => (*series.values.last().expect("a series begins with a value"), false),
            };
            series.values.push(value);
            series.observed.push(observed);
        }
    };
    for same in rows.chunk_by(|a, b| a.1 == b.1) {
        gap_until(same[0].1, series);
        let sum: f64 = same.iter().map(|point| point.2).sum();
        if !sum.is_finite() {
            return Err(Error::new(
                ErrorKind::Model,
                format!("column {:?} sums to infinity within a period", decl.value),
            )
            .with_hint("Leave out the absurd amounts, or divide the column by a constant."));
        }
        series.values.push(sum);
        series.observed.push(true);
    }
    gap_until(end + 1, series);
    Ok(())
}

/// Which rows belong together.
struct Groups {
    /// For every row, its series.
    of_row: Vec<usize>,
    /// For every series, a row of it. Series are sorted by key.
    first_row: Vec<u32>,
}

impl Groups {
    fn of(keys: &[ArrayRef], rows: usize) -> Result<Groups> {
        if keys.is_empty() {
            return Ok(Groups { of_row: vec![0; rows], first_row: vec![0] });
        }
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let encoded = RowConverter::new(fields)?.convert_columns(keys)?;
        let mut order: Vec<u32> = (0..rows)
            .map(|row| {
                u32::try_from(row).map_err(|_| {
                    Error::new(ErrorKind::Model, "the history has more than 4 billion rows")
                        .with_hint("Sum by period in `sql`.")
                })
            })
            .collect::<Result<_>>()?;
        order.sort_unstable_by(|&a, &b| encoded.row(a as usize).cmp(&encoded.row(b as usize)));
        let mut of_row = vec![0; rows];
        let mut first_row: Vec<u32> = Vec::new();
        for &row in &order {
            let new =
                first_row.last().is_none_or(|&last| encoded.row(last as usize) != encoded.row(row as usize));
            if new {
                first_row.push(row);
            }
            of_row[row as usize] = first_row.len() - 1;
        }
        Ok(Groups { of_row, first_row })
    }
}

fn labels(names: &[String], keys: &[ArrayRef], rows: &[u32]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(vec!["all rows".to_string()]);
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

/// The day of every row, counted from 1970-01-01; instants are taken in UTC, as everywhere in the lake.
fn days(time: &ArrayRef, name: &str) -> Result<Vec<i64>> {
    const SECONDS: i64 = 86_400;
    if time.null_count() > 0 {
        return Err(Error::new(
            ErrorKind::Model,
            format!("column {name:?} is null in {} of {} rows", time.null_count(), time.len()),
        )
        .with_hint("Leave rows without a time out in `sql`."));
    }
    fn each<T>(time: &ArrayRef, per_day: i64) -> Vec<i64>
    where
        T: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
    {
        time.as_primitive::<T>().values().iter().map(|instant| instant.div_euclid(per_day)).collect()
    }
    Ok(match time.data_type() {
        DataType::Date32 => {
            time.as_primitive::<Date32Type>().values().iter().map(|&day| i64::from(day)).collect()
        }
        DataType::Date64 => each::<Date64Type>(time, SECONDS * 1_000),
        DataType::Timestamp(TimeUnit::Second, _) => each::<TimestampSecondType>(time, SECONDS),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            each::<TimestampMillisecondType>(time, SECONDS * 1_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            each::<TimestampMicrosecondType>(time, SECONDS * 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            each::<TimestampNanosecondType>(time, SECONDS * 1_000_000_000)
        }
        DataType::Utf8 | DataType::LargeUtf8 => {
            let text = cast(time, &DataType::Utf8)?;
            let text: &StringArray = text.as_string();
            text.iter().flatten().map(|text| iso_day(text, name)).collect::<Result<_>>()?
        }
        other => return Err(timeless(other, name)),
    })
}

/// Whether a column can be read as days.
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

fn timeless(data_type: &DataType, name: &str) -> Error {
    Error::new(
        ErrorKind::Declaration,
        format!("column {name:?} is {data_type}, not a date, timestamp or ISO text"),
    )
    .with_hint("Cast it in `sql`, as in `CAST(ordered AS DATE)`.")
}

/// The day of `2026-03-01`, `2026-03` or an instant as in `2026-03-01T12:00:00+02:00`.
fn iso_day(text: &str, name: &str) -> Result<i64> {
    let text = text.trim();
    let instant = if text.len() == 7 { clock::parse(&format!("{text}-01")) } else { clock::parse(text) };
    match instant {
        Ok(instant) => Ok(instant.timestamp().div_euclid(86_400)),
        Err(_) => {
            Err(Error::new(ErrorKind::Model, format!("column {name:?} holds text that is not an ISO date"))
                .with_hint("Write dates as 2026-03-01, or turn them into dates in `sql` with `to_date`."))
        }
    }
}

fn beyond(name: &str) -> Error {
    Error::new(ErrorKind::Model, format!("column {name:?} holds dates beyond the calendar"))
        .with_hint("Leave out absurd dates in `sql`, or read them in their true unit.")
}
