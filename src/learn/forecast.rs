//! From history to published forecasts and the scores that decided between them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns::RUN_ID;
use crate::project::ForecastDecl;

use super::backtest::{self, Backtest, Candidate};
use super::baseline::{self, Baseline};
use super::calendar;
use super::columns;
use super::intervals::{self, Calibration, HalfWidths, Residuals};
use super::metrics;
use super::panel::{self, Panel};

/// The columns of a prediction that are not those of the series.
const OUTPUT: [&str; 8] = ["period_start", "step", "mean", "lo80", "hi80", "lo95", "hi95", "model"];
/// More steps or windows than this is a mistyped number.
const MAX_STEPS: usize = 10_000;
const MAX_WINDOWS: usize = 100;
const CANDIDATES: [Candidate; 2] = [Candidate::Baseline, Candidate::Global];

/// What a forecast gives.
#[derive(Clone, Debug)]
pub struct Forecasts {
    /// One row per series and step, sorted by both: the series columns, `period_start` (Date32), `step` (Int32, from 1),
    /// `mean`, `lo80`, `hi80`, `lo95`, `hi95` (Float64, in the unit of the value), `model` (Utf8).
    ///
    /// `model` is `elastic_net` or `seasonal_naive`; `naive` for a series with less than a season of history; `none`,
    /// with null numbers, for one without any value. The bounds are null where nothing tells how a series varies.
    pub predictions: RecordBatch,
    /// One row per series and candidate, then three for `series = "*"`: `series`, `candidate` (Utf8), `windows` (Int32),
    /// `mase`, `smape` (percent), `rmse`, `bias` (forecast less actual), `coverage80`, `coverage95` (shares of actual
    /// values inside intervals calibrated on the other windows; Float64, null where undefined), `chosen` (Boolean).
    ///
    /// The rows of `*` are means over the series that have the number, with all windows counted: of either candidate
    /// (not over the same series: some are too short for the elastic net) and of `published`, the chosen mix. The mix looks a little
    /// better than it is, because the windows that score it also chose it.
    pub metrics: RecordBatch,
}

/// Forecasts every series of `history`: batches of the declaration's SELECT, rows and batches in any order.
///
/// One elastic net over all series competes with the seasonal naive on rolling origins; the one with the smaller MASE
/// is published for each series (the mean absolute error decides where MASE is undefined, the seasonal naive wins a
/// draw). Null values count as missing periods.
///
/// Nothing here draws random numbers, so `_seed` changes nothing yet; it is taken so that a candidate that does draw
/// can come without changing anybody's call.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings or columns that cannot be, [`ErrorKind::Model`] for values nothing can be
/// learned from; both name the column and the remedy.
pub fn forecast(history: &[RecordBatch], decl: &ForecastDecl, _seed: u64) -> Result<Forecasts> {
    if let Some(first) = history.first() {
        schema(first.schema_ref(), decl)?;
    }
    let panel = Panel::read(history, decl)?;
    let backtest = Backtest::run(&panel, decl.horizon, decl.windows, decl.nonnegative)?;
    let scored = Scored::new(&panel, &backtest, decl);
    let published: Vec<Published> = (0..panel.series.len()).map(|series| scored.publish(series)).collect();
    Ok(Forecasts { predictions: predictions(&panel, &published, decl)?, metrics: scored.table(&published)? })
}

/// The columns of the predictions, from those of the history.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings or columns that cannot be.
pub(super) fn schema(history: &Schema, decl: &ForecastDecl) -> Result<SchemaRef> {
    validate(decl)?;
    let keys =
        decl.series.iter().map(|name| columns::required_type(history, name)).collect::<Result<Vec<_>>>()?;
    panel::check_time(&columns::required_type(history, &decl.time)?, &decl.time)?;
    columns::check_number(&columns::required_type(history, &decl.value)?, &decl.value)?;
    Ok(prediction_schema(decl, keys))
}

fn prediction_schema(decl: &ForecastDecl, keys: Vec<DataType>) -> SchemaRef {
    let keys = decl.series.iter().zip(keys).map(|(name, key)| Field::new(name, key, true));
    let types = [DataType::Date32, DataType::Int32].into_iter();
    let types = types.chain(std::iter::repeat_n(DataType::Float64, 5)).chain([DataType::Utf8]);
    let computed = OUTPUT.iter().zip(types).map(|(name, data_type)| {
        let nullable = data_type == DataType::Float64;
        Field::new(*name, data_type, nullable)
    });
    Arc::new(Schema::new(keys.chain(computed).collect::<Vec<_>>()))
}

fn validate(decl: &ForecastDecl) -> Result<()> {
    let wrong =
        |message: String, hint: &str| Err(Error::new(ErrorKind::Declaration, message).with_hint(hint));
    if !(1..=MAX_STEPS).contains(&decl.horizon) {
        return wrong(
            format!("`horizon` is {}, not between 1 and {MAX_STEPS}", decl.horizon),
            "Give the number of periods to forecast.",
        );
    }
    if !(1..=MAX_WINDOWS).contains(&decl.windows) {
        return wrong(
            format!("`windows` is {}, not between 1 and {MAX_WINDOWS}", decl.windows),
            "Three rolling origins are a good start.",
        );
    }
    if decl.season.is_some_and(|season| !(1..=MAX_STEPS).contains(&season)) {
        return wrong(
            format!("`season` is not between 1 and {MAX_STEPS}"),
            "Give the periods in a season, 1 where there is none, or leave it out.",
        );
    }
    let mut names: BTreeSet<&str> = OUTPUT.into_iter().chain([RUN_ID]).collect();
    for name in &decl.series {
        if !names.insert(name) {
            return wrong(
                format!("series column {name:?} is named twice, or as a column of the predictions"),
                "Rename it in `sql` with AS.",
            );
        }
        if *name == decl.time || *name == decl.value {
            return wrong(
                format!("column {name:?} is both a series column and the time or value"),
                "Take it out of `series`.",
            );
        }
    }
    Ok(())
}

/// One published forecast.
struct Published {
    model: &'static str,
    candidate: Candidate,
    mean: Vec<f64>,
    half_widths: Vec<Option<HalfWidths>>,
}

/// The scores of one candidate for one series.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    windows: usize,
    mase: Option<f64>,
    absolute: Option<f64>,
    smape: Option<f64>,
    rmse: Option<f64>,
    bias: Option<f64>,
    coverage80: Option<f64>,
    coverage95: Option<f64>,
}

/// A backtest with its intervals and scores.
struct Scored<'a> {
    panel: &'a Panel,
    backtest: &'a Backtest,
    decl: &'a ForecastDecl,
    /// Per candidate: from all windows.
    calibrations: [Option<Calibration>; 2],
    /// Per series, per candidate.
    scores: Vec<[Score; 2]>,
    /// What a typical series changes by, over its mean size: for series too short to tell.
    relative_scale: Option<f64>,
}

impl<'a> Scored<'a> {
    fn new(panel: &'a Panel, backtest: &'a Backtest, decl: &'a ForecastDecl) -> Scored<'a> {
        let residuals = CANDIDATES.map(|candidate| residuals(backtest, candidate));
        let learn =
            |candidate: usize, without| Calibration::learn(&residuals[candidate], decl.horizon, without);
        let held_out: [Vec<Option<Calibration>>; 2] =
            [0, 1].map(|candidate| (0..decl.windows).map(|window| learn(candidate, Some(window))).collect());
        let scores = (0..panel.series.len())
            .map(|series| {
                let windows = backtest.compared(series);
                [0, 1].map(|candidate| {
                    score(
                        backtest,
                        series,
                        CANDIDATES[candidate],
                        &windows,
                        &held_out[candidate],
                        decl.nonnegative,
                    )
                })
            })
            .collect();
        let relative_scale = relative_scale(panel);
        Scored {
            panel,
            backtest,
            decl,
            calibrations: [learn(0, None), learn(1, None)],
            scores,
            relative_scale,
        }
    }

    fn publish(&self, series: usize) -> Published {
        let values = &self.panel.series[series].values;
        let (season, horizon) = (self.panel.season, self.decl.horizon);
        let [naive, global] = &self.scores[series];
        let better = match (naive.mase, global.mase) {
            (Some(naive), Some(global)) => global < naive,
            _ => naive.absolute.zip(global.absolute).is_some_and(|(naive, global)| global < naive),
        };
        let future = if better { self.backtest.future(self.panel, series, horizon) } else { None };
        let baseline = Baseline::for_length(values.len(), season);
        let (candidate, model, mut mean) = match future {
            Some(mean) => (Candidate::Global, "elastic_net", mean),
            None => (Candidate::Baseline, baseline.name(), baseline::forecast(values, season, horizon)),
        };
        backtest::clip(&mut mean, self.decl.nonnegative);
        let scale = self.scale(values);
        let calibration = match (candidate, baseline) {
            (Candidate::Global, _) => self.calibrations[1].as_ref(),
            (Candidate::Baseline, Baseline::SeasonalNaive) => self.calibrations[0].as_ref(),
            // The backtest tried the seasonal naive only.
            (Candidate::Baseline, _) => None,
        };
        let half_width = |step: usize| match calibration {
            Some(calibration) => calibration.half_widths(series, step, scale?).into(),
            None => Some(intervals::random_walk(scale?, baseline.reach(step + 1, season))),
        };
        let half_widths = (0..horizon).map(half_width).collect();
        Published { model, candidate, mean, half_widths }
    }

    /// A typical change; 0 for what never changed in a season or more; borrowed from the others for what is shorter.
    fn scale(&self, values: &[f64]) -> Option<f64> {
        metrics::scale(values, self.panel.season).or_else(|| {
            if values.len() > self.panel.season.max(2) {
                return Some(0.0);
            }
            let size = values.iter().map(|value| value.abs()).sum::<f64>() / values.len() as f64;
            self.relative_scale.map(|relative| relative * size).filter(|scale| scale.is_finite())
        })
    }

    fn table(&self, published: &[Published]) -> Result<RecordBatch> {
        let mut rows: Vec<(&str, &str, Score, bool)> = Vec::new();
        for (series, chosen) in published.iter().enumerate() {
            let label = self.panel.series[series].label.as_str();
            let baseline = Baseline::for_length(self.panel.series[series].values.len(), self.panel.season);
            let [naive, global] = self.scores[series];
            rows.push((label, "elastic_net", global, chosen.candidate == Candidate::Global));
            rows.push((label, baseline.name(), naive, chosen.candidate == Candidate::Baseline));
        }
        let of = |candidate: usize| self.scores.iter().map(move |scores| scores[candidate]);
        let mix = self.scores.iter().zip(published).map(|(scores, chosen)| scores[chosen.candidate as usize]);
        rows.push(("*", "elastic_net", mean_score(of(1).collect()), false));
        rows.push(("*", "seasonal_naive", mean_score(of(0).collect()), false));
        rows.push(("*", "published", mean_score(mix.collect()), true));

        let numbers = |of: fn(&Score) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(&row.2)).collect::<Float64Array>())
        };
        let windows = |score: &Score| i32::try_from(score.windows).unwrap_or(i32::MAX);
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        let schema = Schema::new(vec![
            Field::new("series", DataType::Utf8, false),
            Field::new("candidate", DataType::Utf8, false),
            Field::new("windows", DataType::Int32, false),
            number("mase"),
            number("smape"),
            number("rmse"),
            number("bias"),
            number("coverage80"),
            number("coverage95"),
            Field::new("chosen", DataType::Boolean, false),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| windows(&row.2)))),
            numbers(|score| score.mase),
            numbers(|score| score.smape),
            numbers(|score| score.rmse),
            numbers(|score| score.bias),
            numbers(|score| score.coverage80),
            numbers(|score| score.coverage95),
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.3)))),
        ];
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }
}

fn residuals(backtest: &Backtest, candidate: Candidate) -> Residuals {
    let of = |trial: &Option<backtest::Trial>| {
        let trial = trial.as_ref()?;
        let (scale, forecast) = (trial.scale?, trial.forecast(candidate)?);
        Some(trial.actual.iter().zip(forecast).map(|(y, f)| (y - f).abs() / scale).collect())
    };
    backtest.trials.iter().map(|windows| windows.iter().map(of).collect()).collect()
}

/// The scores of a candidate over some windows; `held_out` are calibrations that did not see the window.
fn score(
    backtest: &Backtest,
    series: usize,
    candidate: Candidate,
    windows: &[usize],
    held_out: &[Option<Calibration>],
    nonnegative: bool,
) -> Score {
    let trials: Vec<_> = windows
        .iter()
        .filter_map(|&window| Some((window, backtest.trials[series][window].as_ref()?)))
        .collect();
    let found: Vec<_> = trials.iter().filter_map(|(_, trial)| trial.accuracy(candidate)).collect();
    let (mut inside80, mut inside95, mut tried) = (0.0, 0.0, 0.0);
    for (window, trial) in &trials {
        let (Some(calibration), Some(forecast)) = (&held_out[*window], trial.forecast(candidate)) else {
            continue;
        };
        for (step, (y, f)) in trial.actual.iter().zip(forecast).enumerate().filter(|(_, (y, _))| !y.is_nan())
        {
            let widths = calibration.half_widths(series, step, trial.scale.unwrap_or(0.0));
            let inside = |width: f64| {
                let low = if nonnegative { (f - width).max(0.0) } else { f - width };
                f64::from(u8::from((low..=f + width).contains(y)))
            };
            inside80 += inside(widths.at80);
            inside95 += inside(widths.at95);
            tried += 1.0;
        }
    }
    let share = |inside: f64| (tried > 0.0).then(|| inside / tried);
    Score {
        windows: found.len(),
        mase: metrics::mean(found.iter().map(|accuracy| accuracy.mase)),
        absolute: metrics::mean(found.iter().map(|accuracy| Some(accuracy.absolute))),
        smape: metrics::mean(found.iter().map(|accuracy| Some(accuracy.smape))),
        rmse: metrics::mean(found.iter().map(|accuracy| Some(accuracy.squared))).map(f64::sqrt),
        bias: metrics::mean(found.iter().map(|accuracy| Some(accuracy.bias))),
        coverage80: share(inside80),
        coverage95: share(inside95),
    }
}

fn mean_score(scores: Vec<Score>) -> Score {
    let mean = |of: fn(&Score) -> Option<f64>| metrics::mean(scores.iter().map(of));
    Score {
        windows: scores.iter().map(|score| score.windows).sum(),
        mase: mean(|score| score.mase),
        absolute: mean(|score| score.absolute),
        smape: mean(|score| score.smape),
        rmse: mean(|score| score.rmse),
        bias: mean(|score| score.bias),
        coverage80: mean(|score| score.coverage80),
        coverage95: mean(|score| score.coverage95),
    }
}

/// The median over all series of their scale relative to their mean size.
fn relative_scale(panel: &Panel) -> Option<f64> {
    let relative = |values: &Vec<f64>| {
        let size = values.iter().map(|value| value.abs()).sum::<f64>() / values.len() as f64;
        Some(metrics::scale(values, panel.season)? / size).filter(|relative| relative.is_finite())
    };
    let mut all: Vec<f64> = panel.series.iter().filter_map(|series| relative(&series.values)).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

fn predictions(panel: &Panel, published: &[Published], decl: &ForecastDecl) -> Result<RecordBatch> {
    let rows = published.len() * decl.horizon;
    let of_row: Vec<u32> =
        (0..published.len() as u32).flat_map(|series| std::iter::repeat_n(series, decl.horizon)).collect();
    let of_row = UInt32Array::from(of_row);
    let starts = (1..=decl.horizon)
        .map(|step| {
            calendar::first_day(panel.frequency, panel.end + step as i64).ok_or_else(|| {
                Error::new(
                    ErrorKind::Model,
                    format!("column {:?} ends at the end of the calendar", decl.time),
                )
                .with_hint("Leave out dates in the far future in `sql`.")
            })
        })
        .collect::<Result<Vec<i32>>>()?;
    let steps = || 0..decl.horizon;
    let cells = || published.iter().flat_map(|one| steps().map(move |step| (one, step)));
    let bound = |of: fn(&HalfWidths) -> f64| -> ArrayRef {
        let low = |(one, step): (&Published, usize)| {
            let bound = one.mean.get(step)? + of(one.half_widths[step].as_ref()?);
            Some(if decl.nonnegative { bound.max(0.0) } else { bound })
        };
        Arc::new(cells().map(low).collect::<Float64Array>())
    };
    let keys = panel.keys.iter().map(|key| key.data_type().clone()).collect();
    let mut columns =
        panel.keys.iter().map(|key| Ok(take(key, &of_row, None)?)).collect::<Result<Vec<ArrayRef>>>()?;
    columns.push(Arc::new(Date32Array::from_iter_values(cells().map(|(_, step)| starts[step]))));
    columns.push(Arc::new(Int32Array::from_iter_values(cells().map(|(_, step)| step as i32 + 1))));
    columns.push(Arc::new(cells().map(|(one, step)| one.mean.get(step).copied()).collect::<Float64Array>()));
    columns.push(bound(|width| -width.at80));
    columns.push(bound(|width| width.at80));
    columns.push(bound(|width| -width.at95));
    columns.push(bound(|width| width.at95));
    let models: Vec<&str> = cells().map(|(one, _)| one.model).collect();
    columns.push(Arc::new(StringArray::from(models)));
    debug_assert!(columns.iter().all(|column| column.len() == rows));
    Ok(RecordBatch::try_new(prediction_schema(decl, keys), columns)?)
}
