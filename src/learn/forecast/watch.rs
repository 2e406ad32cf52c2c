//! What has become of earlier predictions, and whether the values still behave as they did.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type};

use crate::error::Result;
use crate::learn::columns;
use crate::learn::learner::{Data, Past};
use crate::learn::metrics;
use crate::learn::monitor::{Arrived, Coverage, Drift, ForecastAccuracy, Reference, forecast_accuracy};
use crate::learn::watch::Measure;
use crate::project::ForecastDecl;
use crate::project::model::MonitorDecl;

use super::panel::{Panel, Reading};
use super::parameters::Parameters;
use super::{instants, rows, settings};

/// A drift that chance makes as often as this is none.
const CHANCE: f64 = 0.01;
/// Half the width of an 80 % interval of a normal distribution over its mean absolute deviation.
const HALF_WIDTH: f64 = 1.606_142_5;

/// Looks at the rows as they are now.
///
/// # Errors
/// As [`Parameters::read`] and [`Panel::read`].
pub(super) fn watch(
    parameters: &str,
    data: &Data,
    past: &[Past],
    decl: &ForecastDecl,
    monitor: &MonitorDecl,
) -> Result<Vec<Measure>> {
    let learned = Parameters::read(parameters)?;
    let panel = Panel::read(data, decl, Reading { frequency: Some(learned.frequency), bare: true })?;
    let lookback = monitor.lookback.unwrap_or(decl.horizon);
    let pairs = Pairs::of(&panel, &learned, past, decl, lookback)?;
    let mut measures = pairs.accuracy(&learned, monitor, decl)?;
    measures.push(pairs.expected(&learned));
    measures.extend(drift(&panel, &learned, decl, lookback));
    Ok(measures)
}

/// Predictions beside what came.
struct Pairs {
    found: Vec<Pair>,
    /// Expected absolute errors of the newest predictions, in units of the scale of their series.
    expected: Vec<f64>,
}

/// One prediction that has its actual value.
struct Pair {
    step: u32,
    actual: f64,
    mean: f64,
    scale: Option<f64>,
    at80: Option<(f64, f64)>,
    at95: Option<(f64, f64)>,
    quantiles: Vec<(f64, f64)>,
    /// The values of the segment columns.
    segments: Vec<String>,
}

impl Pairs {
    fn of(
        panel: &Panel,
        learned: &Parameters,
        past: &[Past],
        decl: &ForecastDecl,
        lookback: usize,
    ) -> Result<Pairs> {
        let index: BTreeMap<&str, usize> =
            panel.series.iter().enumerate().map(|(place, series)| (series.label.as_str(), place)).collect();
        let scales: Vec<Option<f64>> = (0..panel.series.len())
            .map(|series| {
                let known = learned.series.get(&panel.series[series].label);
                if let Some(scale) = known.and_then(|known| known.scale) {
                    return Some(scale);
                }
                let before = panel.before(series, learned.origin);
                let history = if before.is_empty() { &panel.series[series].values } else { before };
                metrics::seasonal_error(history, panel.season)
            })
            .collect();
        let mut seen: BTreeSet<(usize, i64, i32)> = BTreeSet::new();
        let mut pairs = Pairs { found: Vec::new(), expected: Vec::new() };
        for (age, past) in past.iter().enumerate() {
            for batch in &past.rows {
                let Some(read) = Predictions::read(batch, panel, decl)? else { continue };
                for row in 0..batch.num_rows() {
                    let Some(&series) = index.get(read.labels[row].as_str()) else { continue };
                    let Some(mean) = read.at(&read.mean, row) else { continue };
                    if age == 0
                        && let (Some((low, high)), Some(scale)) = (read.pair(0, row), scales[series])
                    {
                        pairs.expected.push((high - low) / 2.0 / HALF_WIDTH / scale);
                    }
                    let period = read.periods[row];
                    let place = (period - panel.start(series)) as usize;
                    let own = &panel.series[series];
                    let arrived = period <= panel.end
                        && period > panel.end - lookback as i64
                        && period >= panel.start(series)
                        && own.observed.get(place).copied().unwrap_or(false);
                    if !arrived || !seen.insert((series, period, read.steps[row])) {
                        continue;
                    }
                    pairs.found.push(Pair {
                        step: u32::try_from(read.steps[row]).unwrap_or(0),
                        actual: own.values[place],
                        mean,
                        scale: scales[series],
                        at80: read.pair(0, row),
                        at95: read.pair(2, row),
                        quantiles: read.quantiles(decl, row),
                        segments: read.keys.iter().map(|key| key[row].clone()).collect(),
                    });
                }
            }
        }
        Ok(pairs)
    }

    fn accuracy(
        &self,
        learned: &Parameters,
        monitor: &MonitorDecl,
        decl: &ForecastDecl,
    ) -> Result<Vec<Measure>> {
        let arrived = |segment: Option<usize>| -> Vec<Arrived<'_>> {
            let of = |pair: &'_ Pair| -> usize { pair.segments.len() };
            debug_assert!(self.found.iter().all(|pair| of(pair) == decl.series.len()));
            self.found
                .iter()
                .map(|pair| Arrived {
                    segment: segment.map(|column| pair.segments[column].as_str()),
                    step: Some(pair.step),
                    actual: pair.actual,
                    mean: pair.mean,
                    scale: pair.scale,
                    at80: pair.at80,
                    at95: pair.at95,
                    quantiles: &pair.quantiles,
                })
                .collect()
        };
        let mut measures = Vec::new();
        for accuracy in forecast_accuracy(&arrived(None)) {
            report(&accuracy, "*", learned, &mut measures);
        }
        for name in &monitor.segments {
            let Some(column) = decl.series.iter().position(|own| own == name) else {
                measures.push(Measure {
                    family: "accuracy",
                    metric: "mase".to_string(),
                    feature: "*".to_string(),
                    segment: format!("{name}=?"),
                    note: Some(format!("column {name:?} is not a series column")),
                    ..Measure::default()
                });
                continue;
            };
            for accuracy in forecast_accuracy(&arrived(Some(column))) {
                if let (Some(segment), None) = (&accuracy.slice.segment, accuracy.slice.step) {
                    report(&accuracy, &format!("{name}={segment}"), learned, &mut measures);
                }
            }
        }
        Ok(measures)
    }

    /// The error to expect of the newest predictions, from the width of their intervals.
    fn expected(&self, learned: &Parameters) -> Measure {
        let mut errors = self.expected.clone();
        errors.sort_unstable_by(f64::total_cmp);
        let count = errors.len();
        let value = errors.iter().sum::<f64>() / count.max(1) as f64;
        Measure {
            family: "estimate",
            metric: "expected_mase".to_string(),
            feature: "*".to_string(),
            segment: "*".to_string(),
            value: (count > 0 && value.is_finite()).then_some(value),
            reference: learned.reference.mase,
            rows: count as i64,
            note: (count == 0).then(|| "there are no earlier predictions with intervals".to_string()),
            ..Measure::default()
        }
    }
}

/// Adds the numbers of a part.
fn report(accuracy: &ForecastAccuracy, segment: &str, learned: &Parameters, measures: &mut Vec<Measure>) {
    let step = accuracy.slice.step.map(i64::from);
    let rows = accuracy.count as i64;
    let none = (rows == 0).then(|| "no predicted period has arrived".to_string());
    let reference = &learned.reference;
    let mut add = |family: &'static str, metric: &str, value: Option<f64>, reference: Option<f64>| {
        measures.push(Measure {
            family,
            metric: metric.to_string(),
            feature: "*".to_string(),
            segment: segment.to_string(),
            step,
            value: value.filter(|value| value.is_finite()),
            reference,
            rows,
            note: none.clone(),
            ..Measure::default()
        });
    };
    add("accuracy", "mase", accuracy.mase, reference.mase);
    let ratio = accuracy.mase.zip(reference.mase.filter(|mase| *mase > 0.0)).map(|(now, then)| now / then);
    add("accuracy", "mase_ratio", ratio, Some(1.0));
    add("accuracy", "mae", accuracy.mae, None);
    add("accuracy", "rmse", accuracy.rmse, None);
    add("accuracy", "smape", accuracy.smape, None);
    add("accuracy", "bias", accuracy.relative_bias, None);
    add("accuracy", "pinball", accuracy.pinball, None);
    let mut cover = |metric: &str, found: Option<Coverage>, reference: Option<f64>| {
        measures.push(Measure {
            family: "coverage",
            metric: metric.to_string(),
            feature: "*".to_string(),
            segment: segment.to_string(),
            step,
            value: found.map(|found| found.share),
            lower: found.map(|found| found.low),
            upper: found.map(|found| found.high),
            reference,
            rows: found.map_or(0, |found| found.count as i64),
            note: found.is_none().then(|| "no predicted period with an interval has arrived".to_string()),
        });
    };
    cover("coverage80", accuracy.coverage80, reference.coverage80);
    cover("coverage95", accuracy.coverage95, reference.coverage95);
}

/// Published predictions as columns.
struct Predictions {
    labels: Vec<String>,
    keys: Vec<Vec<String>>,
    periods: Vec<i64>,
    steps: Vec<i32>,
    mean: Option<Float64Array>,
    /// `lo80`, `hi80`, `lo95`, `hi95`, then the quantiles of the declaration.
    bounds: Vec<Option<Float64Array>>,
}

impl Predictions {
    /// `None` where the batch has other columns: it was published under another declaration.
    fn read(batch: &RecordBatch, panel: &Panel, decl: &ForecastDecl) -> Result<Option<Predictions>> {
        let batches = std::slice::from_ref(batch);
        let mut keys: Vec<ArrayRef> = Vec::with_capacity(decl.series.len());
        for name in &decl.series {
            let Some(key) = columns::optional(batches, name)? else { return Ok(None) };
            keys.push(key);
        }
        let (Some(start), Some(steps)) =
            (columns::optional(batches, "period_start")?, columns::optional(batches, "step")?)
        else {
            return Ok(None);
        };
        let Some(steps) = steps.as_primitive_opt::<Int32Type>() else { return Ok(None) };
        let instants = instants::read(&start, "period_start")?;
        let levels = columns::optional(batches, "level")?;
        let levels = levels.as_ref().and_then(|levels| levels.as_primitive_opt::<Int32Type>());
        if settings::hierarchical(decl) && levels.is_none() {
            return Ok(None);
        }
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let whole = rows::labels(&decl.series, &keys, &all)?;
        let mut labels = Vec::with_capacity(all.len());
        for (row, label) in whole.iter().enumerate() {
            let level = levels.map_or(decl.series.len(), |levels| levels.value(row) as usize);
            labels.push(match level {
                0 if settings::hierarchical(decl) => "total".to_string(),
                level if level < decl.series.len() => {
                    rows::labels(&decl.series[..level], &keys[..level], &[row as u32])?.remove(0)
                }
                _ => label.clone(),
            });
        }
        let texts = |key: &ArrayRef| -> Result<Vec<String>> {
            rows::labels(&[String::new()], std::slice::from_ref(key), &all)
        };
        let trim = |texts: Vec<String>| texts.into_iter().map(|text| text[1..].to_string()).collect();
        let keys = keys.iter().map(|key| Ok(trim(texts(key)?))).collect::<Result<_>>()?;
        let number = |name: &str| -> Result<Option<Float64Array>> {
            let column = columns::optional(batches, name)?;
            Ok(column.and_then(|column| column.as_primitive_opt::<Float64Type>().cloned()))
        };
        let mut names: Vec<String> = ["lo80", "hi80", "lo95", "hi95"].map(str::to_string).to_vec();
        names.extend(decl.quantiles.iter().map(|p| settings::quantile_name(*p)));
        Ok(Some(Predictions {
            labels,
            keys,
            periods: rows::periods(&instants, panel.frequency, "period_start")?,
            steps: steps.values().to_vec(),
            mean: number("mean")?,
            bounds: names.iter().map(|name| number(name)).collect::<Result<_>>()?,
        }))
    }

    fn at(&self, column: &Option<Float64Array>, row: usize) -> Option<f64> {
        let column = column.as_ref()?;
        column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite())
    }

    fn pair(&self, first: usize, row: usize) -> Option<(f64, f64)> {
        Some((self.at(&self.bounds[first], row)?, self.at(&self.bounds[first + 1], row)?))
    }

    fn quantiles(&self, decl: &ForecastDecl, row: usize) -> Vec<(f64, f64)> {
        let levels = [0.1, 0.9, 0.025, 0.975].iter().chain(&decl.quantiles);
        levels.zip(&self.bounds).filter_map(|(p, column)| Some((*p, self.at(column, row)?))).collect()
    }
}

/// What is compared with the training: changes to the season before, in units of a typical change, of all periods before
/// `upto` (or from `from` on) of the lowest series.
fn changes(panel: &Panel, decl: &ForecastDecl, origin: i64, from: i64, upto: i64) -> Vec<f64> {
    let lowest = if settings::hierarchical(decl) { decl.series.len() as i32 } else { 0 };
    let mut all = Vec::new();
    for (series, own) in panel.series.iter().enumerate().filter(|(_, own)| own.level == lowest) {
        let before = panel.before(series, origin);
        let lag = if before.len() > 2 * panel.season { panel.season } else { 1 };
        let Some(scale) = metrics::scale(before, panel.season) else { continue };
        let start = panel.start(series);
        for at in lag..own.values.len() {
            let period = start + at as i64;
            if period >= from && period < upto && own.observed[at] {
                all.push((own.values[at] - own.values[at - lag]) / scale);
            }
        }
    }
    all
}

/// The reference that later values are compared with.
pub(super) fn reference(panel: &Panel, decl: &ForecastDecl) -> Reference {
    Reference::numbers(&changes(panel, decl, panel.end + 1, i64::MIN, i64::MAX))
}

fn drift(panel: &Panel, learned: &Parameters, decl: &ForecastDecl, lookback: usize) -> Vec<Measure> {
    let from = panel.end + 1 - lookback as i64;
    let now = changes(panel, decl, learned.origin, from, i64::MAX);
    let Drift { psi, psi_p, ks, ks_p, wasserstein, rows_now, reason, .. } =
        learned.reference.values.compare_numbers(&decl.value, &now);
    let measure = |metric: &str, value: Option<f64>, p: Option<f64>| {
        let explained = value.zip(p).filter(|(value, p)| *p > CHANCE && *value > 0.0);
        let note = match explained {
            Some((value, p)) => Some(format!("{value:.3} is what chance makes of so few rows (p = {p:.2})")),
            None => reason.clone(),
        };
        Measure {
            family: "drift",
            metric: metric.to_string(),
            feature: decl.value.clone(),
            segment: "*".to_string(),
            value: if explained.is_some() { Some(0.0) } else { value.filter(|value| value.is_finite()) },
            rows: rows_now as i64,
            note,
            ..Measure::default()
        }
    };
    vec![
        measure("psi", psi, psi_p),
        measure("psi_p", psi_p, None),
        measure("ks", ks, ks_p),
        measure("ks_p", ks_p, None),
        measure("wasserstein", wasserstein, None),
    ]
}
