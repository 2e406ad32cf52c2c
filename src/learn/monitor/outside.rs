//! Watching models that are not ours, from a table of their predictions and of what came.
//!
//! Nothing is known of such a model but what it says. Time is cut into windows; the first rows are the reference, and each
//! later window is compared with it: how wrong the predictions were (or, where actual values are missing, probably are),
//! whether they have drifted, and how the error grows. From that follow the day the model will have to be trained again
//! and what can be corrected until then. The error is the mean absolute one for numbers and the Brier score for classes;
//! its ratio to that of the reference is the ratio of the two MASE, whatever the scale.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::accuracy::{Arrived, ForecastAccuracy, forecast_accuracy};
use super::adjust::{Adjustment, adjust_classes, adjust_numbers};
use super::classification::{ClassAccuracy, Labelled, class_accuracy};
use super::drift::{Drift, Reference};
use super::estimate::{Calibrator, Estimated, ExpectedError, Outcome, estimate, expected_brier};
use super::outlook::{Outlook, Point, outlook};
use crate::error::{Error, ErrorKind, Result};

/// A prediction of somebody's model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Observed<'a> {
    /// The model's name.
    pub model: &'a str,
    /// When it was made, or what it was made for, in microseconds since 1970.
    pub at: i64,
    /// The number, or the probability of the positive class.
    pub prediction: f64,
    /// What came; of classes 1 and 0.
    pub actual: Option<f64>,
    /// The lower end of its interval.
    pub lower: Option<f64>,
    /// The upper end of its interval.
    pub upper: Option<f64>,
    /// A part of the rows that is to be watched for itself too.
    pub segment: Option<&'a str>,
    /// What is predicted; where no row of the model says so, classes if all actual values are 0 or 1 and all predictions
    /// are between.
    pub label: Option<Label>,
}

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::learn) enum Label {
    /// A number.
    Number,
    /// The probability of the positive of two classes.
    Class,
}

/// How to watch.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Watch {
    /// The length of a window, in microseconds.
    pub window: i64,
    /// How long from a model's first row on is the reference, in microseconds; where absent, whole windows that hold the first
    /// 30 percent of the time.
    pub reference: Option<i64>,
    /// The error ratio that calls for training.
    pub limit: f64,
    /// From which probability on a row counts as selected.
    pub threshold: f64,
    /// The level of the intervals.
    pub level: f64,
    /// An error of fewer rows does not count.
    pub least_rows: usize,
}

impl Default for Watch {
    fn default() -> Watch {
        let week = 7 * 24 * 3_600_000_000;
        Watch { window: week, reference: None, limit: 1.2, threshold: 0.5, level: 0.8, least_rows: 30 }
    }
}

/// A window beside the reference. What cannot be told is absent.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Window {
    /// Its start, in microseconds since 1970.
    pub from: i64,
    /// Its end, exclusive.
    pub until: i64,
    /// Whether it is the reference itself.
    pub reference: bool,
    /// Rows with a prediction.
    pub rows: u64,
    /// Rows whose actual value has arrived.
    pub actuals: u64,
    /// Rows that do not count, since the prediction is no number (or, of classes, no probability).
    pub skipped: u64,
    /// The mean absolute error, or the Brier score, of the rows with actual values.
    pub error: Option<f64>,
    /// What is expected of the rows without.
    pub estimated_error: Option<f64>,
    /// The error in units of the reference's; of all rows, and partly expected, where few actual values have arrived.
    pub error_ratio: Option<f64>,
    /// Whether the ratio is partly expected.
    pub ratio_is_estimated: bool,
    /// All measures of the rows with actual values; of numbers.
    pub numbers: Option<ForecastAccuracy>,
    /// All measures of the rows with actual values; of classes.
    pub classes: Option<ClassAccuracy>,
    /// What is expected of the rows without actual values; of classes.
    pub estimated: Option<Estimated>,
    /// How far the predictions are from the reference's; not for the reference.
    pub drift: Option<Drift>,
}

/// What is to be said about a model, or a segment of its rows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Watched {
    /// The model.
    pub model: String,
    /// The segment, or all rows.
    pub segment: Option<String>,
    /// What it predicts.
    pub label: Label,
    /// The reference, then the later windows that have rows, in the order of time.
    pub windows: Vec<Window>,
    /// When it will have to be trained again.
    pub outlook: Outlook,
    /// What can be corrected until then; from the latest rows with actual values, as many as the reference has or 1000,
    /// whichever is less.
    pub adjustment: Adjustment,
    /// Why there is little to say.
    pub reason: Option<String>,
}

/// At most so many recent rows teach the corrections.
const RECENT: usize = 1_000;
/// The part of the time that is the reference where its end is not given.
const REFERENCE: f64 = 0.3;

/// Watches every model, and every segment of each, in alphabetical order. The order of the rows makes no difference.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the options make no sense.
pub(in crate::learn) fn watch(rows: &[Observed<'_>], options: &Watch) -> Result<Vec<Watched>> {
    let sound = options.window > 0
        && options.limit.is_finite()
        && options.limit > 0.0
        && (0.0..=1.0).contains(&options.threshold)
        && options.level > 0.0
        && options.level < 1.0;
    if !sound {
        return Err(Error::new(ErrorKind::Declaration, "monitoring: an option is out of range").with_hint(
            "The window and the limit are above 0, the threshold is between 0 and 1, the level strictly so.",
        ));
    }
    let mut models: BTreeMap<&str, Vec<Observed<'_>>> = BTreeMap::new();
    for row in rows {
        models.entry(row.model).or_default().push(*row);
    }
    let mut parts = Vec::new();
    for (model, mut rows) in models {
        rows.sort_unstable_by(order);
        let (label, until) = (label(&rows), reference_until(&rows, options));
        let mut segments: BTreeMap<Option<&str>, Vec<Observed<'_>>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.segment.is_some()) {
            segments.entry(row.segment).or_default().push(*row);
        }
        segments.insert(None, rows);
        parts.extend(segments.into_iter().map(|(segment, rows)| (model, segment, label, until, rows)));
    }
    let watch = |(model, segment, label, until, rows): (&str, Option<&str>, _, _, Vec<Observed<'_>>)| {
        let (windows, outlook, adjustment, reason) = part(&rows, label, until, options);
        let segment = segment.map(str::to_owned);
        Watched { model: model.to_owned(), segment, label, windows, outlook, adjustment, reason }
    };
    Ok(parts.into_par_iter().map(watch).collect())
}

/// By time, and then by everything else, so that sums have one order.
fn order(a: &Observed<'_>, b: &Observed<'_>) -> Ordering {
    let numbers = |row: &Observed<'_>| {
        let [actual, lower, upper] =
            [row.actual, row.lower, row.upper].map(|value| value.unwrap_or(f64::NAN));
        [row.prediction, actual, lower, upper]
    };
    let mut pairs = numbers(a).into_iter().zip(numbers(b)).map(|(a, b)| a.total_cmp(&b));
    let by_numbers = pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
    a.at.cmp(&b.at).then(by_numbers).then(a.segment.cmp(&b.segment)).then(a.label.cmp(&b.label))
}

fn label(rows: &[Observed<'_>]) -> Label {
    let stated = rows.iter().filter_map(|row| row.label).min();
    let actuals = || rows.iter().filter_map(actual);
    let classes = actuals().next().is_some()
        && actuals().all(|actual| actual == 0.0 || actual == 1.0)
        && rows.iter().all(|row| !row.prediction.is_finite() || (0.0..=1.0).contains(&row.prediction));
    stated.unwrap_or(if classes { Label::Class } else { Label::Number })
}

fn actual(row: &Observed<'_>) -> Option<f64> {
    row.actual.filter(|actual| actual.is_finite())
}

fn interval(row: &Observed<'_>) -> Option<(f64, f64)> {
    row.lower.zip(row.upper).filter(|(lower, upper)| lower.is_finite() && upper.is_finite() && lower <= upper)
}

fn outcome(row: &Observed<'_>, actual: f64) -> Outcome {
    Outcome { prediction: row.prediction, interval: interval(row), actual }
}

fn reference_until(rows: &[Observed<'_>], options: &Watch) -> i64 {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return 0 };
    if let Some(length) = options.reference {
        return first.at.saturating_add(length);
    }
    let span = (i128::from(last.at) - i128::from(first.at)) as f64 * REFERENCE;
    let windows = (span / options.window as f64).ceil().max(1.0) as i64;
    first.at.saturating_add(windows.saturating_mul(options.window))
}

/// What the reference teaches.
struct Learnt {
    /// Rows that taught the error.
    actuals: usize,
    error: Option<f64>,
    predictions: Reference,
    calibrator: Option<Calibrator>,
    expected: Option<ExpectedError>,
}

type Part = (Vec<Window>, Outlook, Adjustment, Option<String>);

/// Watches rows in the order of time.
fn part(rows: &[Observed<'_>], label: Label, until: i64, options: &Watch) -> Part {
    let (reference, later) = rows.split_at(rows.partition_point(|row| row.at < until));
    let number = |row: &Observed<'_>| (i128::from(row.at) - i128::from(until)) / i128::from(options.window);
    let learnt = learn(reference, label, options);
    let mut windows = Vec::new();
    if let Some(first) = reference.first() {
        windows.push(Window {
            reference: true,
            drift: None,
            ..window(reference, (first.at, until), label, &learnt, options)
        });
    }
    for rows in later.chunk_by(|a, b| number(a) == number(b)) {
        let from = i128::from(until) + number(&rows[0]) * i128::from(options.window);
        let ends = [from, from + i128::from(options.window)];
        // An instant near the end of time: its window is cut there.
        let [from, end] = ends.map(|end| i64::try_from(end).unwrap_or(i64::MAX));
        windows.push(window(rows, (from, end), label, &learnt, options));
    }
    let middle = |window: &Window| window.from / 2 + window.until / 2;
    let points: Vec<Point> = windows
        .iter()
        .filter(|window| !window.reference)
        .filter_map(|window| Some(Point { at: middle(window), ratio: window.error_ratio? }))
        .collect();
    let outlook = outlook(&points, rows.last().map_or(0, |row| row.at), options.limit);
    let recent = reference.len().clamp(options.least_rows, RECENT.max(options.least_rows));
    let reason = match learnt.error {
        _ if reference.is_empty() => Some("no row is old enough for the reference".to_owned()),
        None if learnt.actuals < options.least_rows.max(1) => {
            Some(format!("the reference has fewer than {} actual values", options.least_rows.max(1)))
        }
        None => Some("the errors of the reference are beyond what a number can hold".to_owned()),
        Some(error) if error <= 0.0 => Some("the predictions of the reference are all exact".to_owned()),
        Some(_) if later.is_empty() => Some("no row is later than the reference".to_owned()),
        Some(_) => None,
    };
    (windows, outlook, adjustment(rows, label, recent, options), reason)
}

fn learn(rows: &[Observed<'_>], label: Label, options: &Watch) -> Learnt {
    let rows: Vec<&Observed<'_>> = rows.iter().filter(|row| counts(row, label)).collect();
    let predictions = Reference::numbers(&rows.iter().map(|row| row.prediction).collect::<Vec<_>>());
    let known = || rows.iter().filter_map(|row| Some((*row, actual(row)?)));
    let (mut sum, mut count) = (0.0, 0_usize);
    known().for_each(|(row, actual)| {
        sum += loss(row.prediction, actual, label);
        count += 1;
    });
    let enough = count > 0 && count >= options.least_rows;
    let error = enough.then(|| sum / count as f64).filter(|error| error.is_finite());
    let outcomes = || known().map(|(row, actual)| (row.prediction, actual >= 0.5)).collect::<Vec<_>>();
    let errors = || known().map(|(row, actual)| outcome(row, actual)).collect::<Vec<_>>();
    let (calibrator, expected) = match label {
        _ if !enough => (None, None),
        Label::Class => (Calibrator::learn(&outcomes()), None),
        Label::Number => (None, ExpectedError::learn(&errors(), options.level)),
    };
    Learnt { actuals: count, error, predictions, calibrator, expected }
}

fn counts(row: &Observed<'_>, label: Label) -> bool {
    match label {
        Label::Number => row.prediction.is_finite(),
        Label::Class => (0.0..=1.0).contains(&row.prediction),
    }
}

fn loss(prediction: f64, actual: f64, label: Label) -> f64 {
    match label {
        Label::Number => (prediction - actual).abs(),
        Label::Class => (prediction - f64::from(u8::from(actual >= 0.5))).powi(2),
    }
}

fn window(
    rows: &[Observed<'_>],
    (from, until): (i64, i64),
    label: Label,
    learnt: &Learnt,
    options: &Watch,
) -> Window {
    let all = rows.len();
    let rows: Vec<&Observed<'_>> = rows.iter().filter(|row| counts(row, label)).collect();
    let (known, open): (Vec<&Observed<'_>>, Vec<_>) =
        rows.iter().copied().partition(|row| actual(row).is_some());
    let losses: f64 = known.iter().filter_map(|row| Some(loss(row.prediction, actual(row)?, label))).sum();
    let expected = |row: &&Observed<'_>| match label {
        Label::Number => learnt.expected.as_ref()?.of(row.prediction, interval(row)),
        Label::Class => {
            let calibrator = learnt.calibrator.as_ref()?;
            Some(expected_brier(row.prediction, calibrator.apply(row.prediction)))
        }
    };
    let guesses: Vec<f64> = open.iter().filter_map(expected).collect();
    let guessed: f64 = guesses.iter().sum();
    let mean =
        |sum: f64, count: usize| (count > 0).then(|| sum / count as f64).filter(|mean| mean.is_finite());
    let enough = |count: usize| count > 0 && count >= options.least_rows;
    let ratio_is_estimated = !enough(known.len()) && !guesses.is_empty();
    let judged = if enough(known.len()) {
        mean(losses, known.len())
    } else {
        let count = known.len() + guesses.len();
        mean(losses + guessed, count).filter(|_| enough(count) && !guesses.is_empty())
    };
    let error_ratio =
        learnt.error.zip(judged).map(|(usual, error)| error / usual).filter(|ratio| ratio.is_finite());
    let predictions: Vec<f64> = rows.iter().map(|row| row.prediction).collect();
    let calibrated =
        |row: &&Observed<'_>| Some((row.prediction, learnt.calibrator.as_ref()?.apply(row.prediction)));
    let pairs: Vec<(f64, f64)> = open.iter().filter_map(calibrated).collect();
    Window {
        from,
        until,
        reference: false,
        rows: rows.len() as u64,
        actuals: known.len() as u64,
        skipped: (all - rows.len()) as u64,
        error: mean(losses, known.len()),
        estimated_error: mean(guessed, guesses.len()),
        error_ratio,
        ratio_is_estimated: ratio_is_estimated && error_ratio.is_some(),
        numbers: (label == Label::Number).then(|| numbers(&known, options.level)).flatten(),
        classes: (label == Label::Class).then(|| classes(&known, options.threshold)).flatten(),
        estimated: (!pairs.is_empty()).then(|| estimate(&pairs, options.threshold)),
        drift: Some(learnt.predictions.compare_numbers("prediction", &predictions)),
    }
}

/// The measures over all rows; the coverage is told where the level is that of an interval we measure.
fn numbers(rows: &[&Observed<'_>], level: f64) -> Option<ForecastAccuracy> {
    let arrived = |row: &&Observed<'_>| {
        let at = |wanted: f64| interval(row).filter(|_| (level - wanted).abs() < 1e-9);
        Some(Arrived {
            segment: None,
            step: None,
            actual: actual(row)?,
            mean: row.prediction,
            scale: None,
            at80: at(0.80),
            at95: at(0.95),
            quantiles: &[],
        })
    };
    let rows: Vec<Arrived<'_>> = rows.iter().filter_map(arrived).collect();
    forecast_accuracy(&rows).into_iter().next()
}

fn classes(rows: &[&Observed<'_>], threshold: f64) -> Option<ClassAccuracy> {
    let labelled = |row: &&Observed<'_>| {
        let actual = actual(row)? >= 0.5;
        Some(Labelled { segment: None, step: None, probability: row.prediction, actual })
    };
    let rows: Vec<Labelled<'_>> = rows.iter().filter_map(labelled).collect();
    class_accuracy(&rows, threshold).into_iter().next()
}

fn adjustment(rows: &[Observed<'_>], label: Label, recent: usize, options: &Watch) -> Adjustment {
    let known = rows.iter().filter(|row| counts(row, label)).filter_map(|row| Some((row, actual(row)?)));
    let known: Vec<_> = known.collect();
    if known.len() < options.least_rows.max(1) {
        return Adjustment::default();
    }
    let known = known[known.len().saturating_sub(recent)..].iter();
    match label {
        Label::Number => {
            let rows: Vec<_> = known.map(|(row, actual)| outcome(row, *actual)).collect();
            adjust_numbers(&rows, options.level)
        }
        Label::Class => {
            let rows: Vec<_> = known.map(|(row, actual)| (row.prediction, *actual >= 0.5)).collect();
            adjust_classes(&rows, options.threshold)
        }
    }
}

#[cfg(test)]
mod tests;
