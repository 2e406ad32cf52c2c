//! From rows in any order to series: one value per period, no gaps, all ending together.
//!
//! All series end at the last period in which any of them has a value, because a forecast answers "what happens after
//! now" for all of them. A series begins at its first value. Values of one period are sorted before they are summed, so
//! that the sum does not depend on the order in which rows arrive.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::learn::learner::Data;
use crate::project::ForecastDecl;
use crate::project::model::{Fill, Frequency};

use super::regressors::{self, Regressor};
use super::rows::{self, Groups};
use super::{calendar, detect, levels, settings};

/// More periods than this in one series is a wrong date, not a history.
const MAX_SPAN: i64 = 1_000_000;
/// More periods than this in all series together would not fit in memory.
const MAX_PERIODS: i64 = 200_000_000;

/// Many series over the same calendar.
#[derive(Debug)]
pub(super) struct Panel {
    /// The series columns: one row per series, in the order of `series`; null above the level of a series.
    pub keys: Vec<ArrayRef>,
    /// The series: upper levels first, each level sorted by its keys.
    pub series: Vec<Series>,
    /// Per series, the series it is the sum of; empty for the lowest.
    pub children: Vec<std::ops::Range<usize>>,
    /// The last period, which all series share.
    pub end: i64,
    /// Periods in a season, at least 1.
    pub season: usize,
    /// Longer seasons, ascending.
    pub seasons: Vec<usize>,
    /// The length of a period.
    pub frequency: Frequency,
    /// What explains the values, one for each column of [`Series::outside`].
    pub regressors: Vec<Regressor>,
    /// Whether `period_start` is a timestamp.
    pub timestamped: bool,
    /// Rows that were read.
    pub rows: u64,
    /// What was noticed.
    pub notes: Vec<String>,
}

/// One series, its last value at the panel's end.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// How people read its key: `territory_id=1, line=road`.
    pub label: String,
    /// Its level in a hierarchy, 0 at the top.
    pub level: i32,
    /// One value per period, oldest first; empty where there was none.
    pub values: Vec<f64>,
    /// Whether the value was in the data; a zero put in by `fill = "zero"` counts as data.
    pub observed: Vec<bool>,
    /// Regressors, each from the first value to the last period that is forecast.
    pub outside: Vec<Vec<f64>>,
}

/// What a caller knows of the rows before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// The length of a period, found earlier; from the declaration or the rows where none is given.
    pub frequency: Option<Frequency>,
    /// Regressors are not needed.
    pub bare: bool,
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
    /// [`ErrorKind::Declaration`] for a missing or unsuitable column, [`ErrorKind::NoHistory`] where there is too little,
    /// [`ErrorKind::Model`] for values nothing can be learned from.
    pub fn read(data: &Data, decl: &ForecastDecl, reading: Reading) -> Result<Panel> {
        let history = &data.rows[..];
        if let Some(first) = history.first() {
            settings::schema(first.schema_ref(), decl)?;
        }
        if history.iter().all(|batch| batch.num_rows() == 0) {
            return Err(Error::new(ErrorKind::NoHistory, "the history has no rows")
                .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
        }
        let values = rows::numbers(history, &decl.value, false)?;
        let keys =
            decl.series.iter().map(|name| columns::required(history, name)).collect::<Result<Vec<_>>>()?;
        let instants = rows::times(history, &decl.time)?;
        let frequency = match reading.frequency.or(decl.frequency) {
            Some(frequency) => frequency,
            None => detect::frequency(&instants, &decl.time)?,
        };
        let timestamped =
            settings::timestamped(decl, &columns::required_type(&history[0].schema(), &decl.time)?);
        if calendar::below_day(frequency) && !timestamped {
            return Err(Error::new(
                ErrorKind::Declaration,
                format!("the periods of column {:?} are shorter than a day", decl.time),
            )
            .with_hint(format!("Declare `frequency = \"{}\"`.", calendar::name(frequency))));
        }
        let periods = rows::periods(&instants, frequency, &decl.time)?;
        drop(instants);
        let groups = Groups::of(&keys, periods.len())?;
        let mut points = points(&groups, &periods, &values);
        let end = end(&points, decl)?;
        points.retain(|point| point.period <= end);
        if points.is_empty() {
            return Err(Error::new(ErrorKind::NoHistory, "`drop_last` leaves out the only period there is")
                .with_hint("Wait for a second period, or set `drop_last = false`."));
        }
        points.sort_unstable_by(|a, b| {
            (a.series, a.period).cmp(&(b.series, b.period)).then(a.value.total_cmp(&b.value))
        });
        let labels = rows::labels(&decl.series, &keys, &groups.first_row)?;
        let level = if settings::hierarchical(decl) { decl.series.len() as i32 } else { 0 };
        let series = labels.into_iter().map(|label| Series { label, level, ..Series::default() }).collect();
        let first = UInt32Array::from(groups.first_row.clone());
        let keys = keys.iter().map(|key| Ok(take(key, &first, None)?)).collect::<Result<Vec<_>>>()?;
        let season = decl.season.unwrap_or_else(|| calendar::default_season(frequency));
        let mut seasons: Vec<usize> =
            decl.seasons.iter().copied().filter(|longer| *longer > season).collect();
        seasons.sort_unstable();
        seasons.dedup();
        let mut panel = Panel {
            keys,
            children: Vec::new(),
            series,
            end,
            season,
            seasons,
            frequency,
            regressors: Vec::new(),
            timestamped,
            rows: values.len() as u64,
            notes: Vec::new(),
        };
        panel.fill(&points, decl)?;
        drop((points, values));
        panel.children = vec![0..0; panel.series.len()];
        if !reading.bare {
            regressors::attach(&mut panel, data, decl, &groups, &periods)?;
        }
        if settings::hierarchical(decl) {
            levels::add(&mut panel, decl)?;
        }
        Ok(panel)
    }

    /// Sums the sorted rows of each series by period and fills the gaps up to the end.
    fn fill(&mut self, points: &[Point], decl: &ForecastDecl) -> Result<()> {
        let mut budget = MAX_PERIODS;
        let mut found = Found { season: self.season as i64, ..Found::default() };
        for points in points.chunk_by(|a, b| a.series == b.series) {
            let span = self.end - points[0].period + 1;
            budget -= span;
            if span > MAX_SPAN || budget < 0 {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("column {:?} spans {span} periods in one series: too many", decl.time),
                )
                .with_hint("Look for dates far in the past or future, or choose a longer `frequency`."));
            }
            self.series[points[0].series as usize].fill(points, self.end, decl, &mut found)?;
        }
        found.note(self, decl);
        Ok(())
    }
}

/// A row with a value.
#[derive(Clone, Copy, Debug)]
struct Point {
    series: u32,
    period: i64,
    value: f64,
}

fn points(groups: &Groups, periods: &[i64], values: &[f64]) -> Vec<Point> {
    let all = groups.of_row.iter().zip(periods).zip(values).filter(|(_, value)| !value.is_nan());
    all.map(|((&series, &period), &value)| Point { series, period, value }).collect()
}

/// The last period with a value.
fn end(points: &[Point], decl: &ForecastDecl) -> Result<i64> {
    let end = points.iter().map(|point| point.period).max().ok_or_else(|| {
        Error::new(ErrorKind::NoHistory, format!("column {:?} is null in every row", decl.value))
            .with_hint("Select the amounts, or leave out the rows that have none.")
    })?;
    Ok(if decl.drop_last { end - 1 } else { end })
}

/// What was noticed while filling.
#[derive(Debug, Default)]
struct Found {
    gaps: u64,
    series_with_gaps: u64,
    summed: u64,
    ended: u64,
    negatives: u64,
    season: i64,
}

impl Found {
    fn note(&self, panel: &mut Panel, decl: &ForecastDecl) {
        let mut note = |count: u64, text: String| {
            if count > 0 {
                panel.notes.push(text);
            }
        };
        let filled = match decl.fill {
            Fill::Zero => "filled with zero",
            Fill::Previous => "filled with the value before",
        };
        note(
            self.gaps,
            format!("{} missing periods in {} series were {filled}.", self.gaps, self.series_with_gaps),
        );
        note(
            self.summed,
            format!("{} rows were summed with others of their series and period.", self.summed),
        );
        note(self.ended, format!("{} series have no value in the last season.", self.ended));
        if decl.nonnegative {
            note(self.negatives, format!("{} values are below zero.", self.negatives));
        }
        let empty = panel.series.iter().filter(|series| series.values.is_empty()).count();
        if empty > 0 {
            panel.notes.push(format!("{empty} series have no value at all."));
        }
        if decl.frequency.is_none() {
            let name = calendar::name(panel.frequency);
            panel
                .notes
                .push(format!("The length of a period was found to be one {}.", name.replace('_', " ")));
        }
    }
}

impl Series {
    /// Sums sorted rows by period and fills the gaps up to the end.
    fn fill(&mut self, points: &[Point], end: i64, decl: &ForecastDecl, found: &mut Found) -> Result<()> {
        let first = points[0].period;
        let span = usize::try_from(end - first + 1).expect("a span was checked to be small and positive");
        self.values.reserve_exact(span);
        self.observed.reserve_exact(span);
        let mut gaps = 0;
        let mut gap_until = |period: i64, series: &mut Series| {
            while first + (series.values.len() as i64) < period {
                let (value, observed) = match decl.fill {
                    Fill::Zero => (0.0, true),
                    Fill::Previous => (*series.values.last().expect("a series begins with a value"), false),
                };
                series.values.push(value);
                series.observed.push(observed);
                gaps += 1;
            }
        };
        for same in points.chunk_by(|a, b| a.period == b.period) {
            gap_until(same[0].period, self);
            let sum: f64 = same.iter().map(|point| point.value).sum();
            if !sum.is_finite() {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!(
                        "column {:?} sums to infinity within a period, from {} rows",
                        decl.value,
                        same.len()
                    ),
                )
                .with_hint("Leave out the absurd amounts, or divide the column by a constant."));
            }
            self.values.push(sum);
            self.observed.push(true);
            found.summed += same.len() as u64 - 1;
            found.negatives += u64::from(sum < 0.0);
        }
        gap_until(end + 1, self);
        found.gaps += gaps;
        found.series_with_gaps += u64::from(gaps > 0);
        let last = points[points.len() - 1].period;
        found.ended += u64::from(end - last >= found.season.max(1));
        Ok(())
    }
}
