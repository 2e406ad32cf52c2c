//! What explains the values besides their own past, as it was known at the time.
//!
//! A regressor becomes one column per series over the periods of its history and of the forecast. A known one stands at
//! its own period. A past-only one stands `lag` periods later, the lag being the horizon (and, where there is a season,
//! the shortest whole number of seasons that is longer), so that the value beside a period was known before any forecast
//! that reaches it: a row of period `p` counts from the start of period `p + 1`, or from `available_at` where that is
//! later, and the column never looks different from an earlier origin. So a backtest sees what it would have seen.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::learn::learner::Data;
use crate::project::{ForecastDecl, model::Regressors};

use super::panel::Panel;
use super::rows::{self, Groups};
use super::{calendar, instants};

/// A column that explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Regressor {
    /// The column.
    pub name: String,
    /// Periods by which it stands later than it was; none for what is known ahead.
    pub lag: Option<usize>,
}

impl Regressor {
    /// How people read it: `price`, or `price 12 before`.
    pub fn label(&self) -> String {
        match self.lag {
            None => self.name.clone(),
            Some(lag) => format!("{} {lag} before", self.name),
        }
    }
}

/// A value as it became known.
#[derive(Clone, Copy, Debug)]
struct Known {
    period: i64,
    available: i64,
    value: f64,
}

/// Adds the regressors of a declaration to the series of its query, of which `groups` and `periods` tell the rows.
///
/// # Errors
/// [`ErrorKind::Model`] where a known one has no value in a period that is forecast, with the column and the count.
pub(super) fn attach(
    panel: &mut Panel,
    data: &Data,
    decl: &ForecastDecl,
    groups: &Groups,
    periods: &[i64],
) -> Result<()> {
    for name in decl.known.iter().chain(&decl.past) {
        let values = rows::numbers(&data.rows, name, true)?;
        let mut known = vec![Vec::new(); panel.series.len()];
        for ((&series, &period), &value) in groups.of_row.iter().zip(periods).zip(&values) {
            if !value.is_nan() {
                known[series as usize].push(Known { period, available: i64::MIN, value });
            }
        }
        let of_series: Vec<usize> = (0..known.len()).collect();
        place(panel, decl, name, "sql", decl.known.contains(name), known, &of_series)?;
    }
    for (index, other) in decl.regressors.iter().enumerate() {
        let name = format!("regressors[{}].sql", index + 1);
        let Some(found) = data.others.get(index) else {
            return Err(Error::new(ErrorKind::Bug, format!("the rows of `{name}` were not read")));
        };
        join(panel, decl, other, found, &name)?;
    }
    Ok(())
}

/// Joins another query's columns by key and period.
fn join(
    panel: &mut Panel,
    decl: &ForecastDecl,
    other: &Regressors,
    found: &[RecordBatch],
    query: &str,
) -> Result<()> {
    let context = |error: Error| error.context(format!("`{query}`"));
    if found.iter().all(|batch| batch.num_rows() == 0) {
        return Err(Error::new(ErrorKind::NoHistory, format!("`{query}` has no rows"))
            .with_hint("Run it by itself: its tables may be empty, or its WHERE too strict."));
    }
    let instants = rows::times(found, &other.time).map_err(context)?;
    let periods = rows::periods(&instants, panel.frequency, &other.time).map_err(context)?;
    let available = match &other.available_at {
        Some(name) => {
            let column = columns::required(found, name).map_err(context)?;
            instants::read(&column, name).map_err(context)?
        }
        None => vec![i64::MIN; periods.len()],
    };
    let theirs = other
        .on
        .iter()
        .map(|name| columns::required(found, name))
        .collect::<Result<Vec<_>>>()
        .map_err(context)?;
    let of_row = texts(&theirs, periods.len())?;
    let place_of = |name: &String| decl.series.iter().position(|own| own == name);
    let ours: Vec<ArrayRef> =
        other.on.iter().filter_map(place_of).map(|index| panel.keys[index].clone()).collect();
    let of_series = texts(&ours, panel.series.len())?;
    let keys: BTreeMap<&String, usize> = {
        let mut all: Vec<&String> = of_row.iter().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().enumerate().map(|(index, key)| (key, index)).collect()
    };
    let of_series: Vec<usize> =
        of_series.iter().map(|key| keys.get(key).copied().unwrap_or(usize::MAX)).collect();
    for name in &other.columns {
        let values = rows::numbers(found, name, true).map_err(context)?;
        let mut known = vec![Vec::new(); keys.len()];
        for (row, &value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let point = Known { period: periods[row], available: available[row], value };
            known[keys[&of_row[row]]].push(point);
        }
        place(panel, decl, name, query, other.known, known, &of_series)?;
    }
    Ok(())
}

/// The keys of rows as text; empty text where there are no key columns.
fn texts(keys: &[ArrayRef], rows: usize) -> Result<Vec<String>> {
    let options = FormatOptions::new().with_null("\u{0}");
    let formatters =
        keys.iter().map(|key| Ok(ArrayFormatter::try_new(key, &options)?)).collect::<Result<Vec<_>>>()?;
    let text = |row: usize| {
        let parts: Vec<String> = formatters.iter().map(|value| value.value(row).to_string()).collect();
        parts.join("\u{1}")
    };
    Ok((0..rows).map(text).collect())
}

/// Adds one regressor to every series; `of_series` tells whose values are whose.
fn place(
    panel: &mut Panel,
    decl: &ForecastDecl,
    name: &str,
    query: &str,
    ahead: bool,
    mut known: Vec<Vec<Known>>,
    of_series: &[usize],
) -> Result<()> {
    for points in &mut known {
        points.sort_unstable_by(|a, b| {
            (a.period, a.available).cmp(&(b.period, b.available)).then(a.value.total_cmp(&b.value))
        });
        merge(points);
    }
    let horizon = decl.horizon as i64;
    let lags: Vec<Option<usize>> = if ahead {
        vec![None]
    } else {
        let season = decl.horizon.next_multiple_of(panel.season);
        let more = (panel.season > 1 && season > decl.horizon).then_some(Some(season));
        [Some(decl.horizon)].into_iter().chain(more).collect()
    };
    let (mut missing, mut without, mut carried) = (0_usize, 0_usize, 0_usize);
    for lag in lags {
        for (series, of) in of_series.iter().enumerate().take(panel.series.len()) {
            let start = panel.start(series);
            if panel.series[series].values.is_empty() {
                panel.series[series].outside.push(Vec::new());
                continue;
            }
            let points = known.get(*of).map_or(&[][..], Vec::as_slice);
            let shift = lag.map_or(0, |lag| lag as i64);
            let mut column = Vec::with_capacity((panel.end + horizon + 1 - start) as usize);
            for period in start..=panel.end + horizon {
                let cutoff = match lag {
                    Some(_) => calendar::start(panel.frequency, period - shift + 1).unwrap_or(i64::MIN),
                    None => i64::MAX,
                };
                let upto = points.partition_point(|point| point.period <= period - shift);
                let found = points[..upto].iter().rev().find(|point| point.available <= cutoff);
                let exact = found.is_some_and(|point| point.period == period - shift);
                if lag.is_none() && !exact && period > panel.end {
                    missing += 1;
                }
                carried += usize::from(!exact && period <= panel.end);
                column.push(found.map_or(f64::NAN, |point| point.value));
            }
            // Before the first value there was nothing to know: the first stands in, which says nothing new.
            match column.iter().position(|value| value.is_finite()) {
                Some(first) => {
                    let value = column[first];
                    column[..first].fill(value);
                }
                None => {
                    without += 1;
                    column.fill(0.0);
                }
            }
            panel.series[series].outside.push(column);
        }
        panel.regressors.push(Regressor { name: name.to_string(), lag });
    }
    if missing > 0 {
        let asked = panel.series.iter().filter(|series| !series.values.is_empty()).count() * decl.horizon;
        return Err(Error::new(
            ErrorKind::Model,
            format!(
                "known regressor {name:?} of `{query}` has no value in {missing} of {asked} periods ahead"
            ),
        )
        .with_hint(
            "Give rows for all periods of the horizon (in `sql` with a null value), or name it in `past`.",
        ));
    }
    if carried > 0 {
        panel.notes.push(format!("Regressor {name:?} was carried forward over {carried} periods."));
    }
    if without > 0 {
        panel.notes.push(format!("Regressor {name:?} has no value for {without} series."));
    }
    Ok(())
}

/// One point per period and availability: the mean of those that became known together.
fn merge(points: &mut Vec<Known>) {
    let merged = points.chunk_by(|a, b| (a.period, a.available) == (b.period, b.available)).map(|same| {
        let sum: f64 = same.iter().map(|point| point.value).sum();
        Known { value: sum / same.len() as f64, ..same[0] }
    });
    *points = merged.collect();
}
