//! What is watched of a classification or regression: how earlier predictions turned out, whether new rows are like those it
//! learned from, what is to be expected of rows whose outcome is open, and whether groups are treated alike.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::drifted;
use super::tabular::{Parameters, Rows, TabularLearner};
use crate::error::Result;
use crate::lake::columns::MODEL_VERSION;
use crate::learn::columns;
use crate::learn::learner::Past;
use crate::learn::monitor::{
    Arrived, FairnessOptions, Interval, Judged, Labelled, class_accuracy, estimate, fairness,
    forecast_accuracy,
};
use crate::learn::tabular::Task;
use crate::learn::watch::Measure;

/// Everything that can be measured now.
pub(super) fn measures(
    learner: &TabularLearner,
    parameters: &Parameters,
    rows: &Rows,
    past: &[Past],
) -> Result<Vec<Measure>> {
    let mut found = arrived(learner, parameters, rows, past)?;
    let values = learner.values(parameters, rows)?;
    found.extend(drift(learner, parameters, rows, &values, past)?);
    if learner.task == Task::Classify {
        found.extend(expected(parameters, rows, &values));
        found.extend(groups(learner, parameters, rows, &values));
    }
    Ok(found)
}

/// Rows that the version has not learned from: later ones. Without a time, those whose outcome is open, and those whose outcome
/// was not known when the version predicted first.
fn new_rows(
    learner: &TabularLearner,
    parameters: &Parameters,
    rows: &Rows,
    past: &[Past],
) -> Result<Vec<usize>> {
    let all = 0..rows.target.len();
    if let (Some(time), Some(until)) = (&rows.time, parameters.until) {
        return Ok(all.filter(|row| time[*row] > until).collect());
    }
    let taught = taught(learner, past)?;
    let is_new = |row: &usize| {
        rows.target[*row].is_nan()
            || taught.as_ref().is_some_and(|taught| !taught.contains(&rows.keyed.labels[*row]))
    };
    Ok(all.filter(is_new).collect())
}

/// The keys whose outcome was known in the first predictions of the version that predicts now; none where these are not at hand.
fn taught(learner: &TabularLearner, past: &[Past]) -> Result<Option<BTreeSet<String>>> {
    let version = |past: &Past| {
        let column = columns::optional(&past.rows, MODEL_VERSION).ok()??;
        let column = cast(&column, &DataType::Int64).ok()?;
        column.as_primitive::<Int64Type>().iter().flatten().next()
    };
    let Some(now) = past.first().and_then(version) else { return Ok(None) };
    let Some(first) = past.iter().take_while(|past| version(past) == Some(now)).last() else {
        return Ok(None);
    };
    let has = |name: &str| first.rows.iter().all(|batch| batch.column_by_name(name).is_some());
    if !learner.decl.key.iter().map(String::as_str).chain(["known"]).all(has) {
        return Ok(None);
    }
    let known = cast(&columns::required(&first.rows, "known")?, &DataType::Boolean)?;
    let labels = columns::labels(&first.rows, &learner.decl.key)?;
    let known = known.as_boolean();
    let of_known =
        labels.into_iter().enumerate().filter(|(row, _)| known.is_valid(*row) && known.value(*row));
    Ok(Some(of_known.map(|(_, label)| label).collect()))
}

fn drift(
    learner: &TabularLearner,
    parameters: &Parameters,
    rows: &Rows,
    values: &[Option<f64>],
    past: &[Past],
) -> Result<Vec<Measure>> {
    let new = new_rows(learner, parameters, rows, past)?;
    let (frame, _) = rows.keyed.frame(&parameters.features)?;
    let mut found = Vec::new();
    for drift in parameters.references.compare(&frame.take(&new)) {
        found.extend(drifted::measures(&drift, false));
    }
    let predicted: Vec<f64> = new.iter().map(|row| values[*row].unwrap_or(f64::NAN)).collect();
    let drift = parameters.predictions.compare_numbers("*", &predicted);
    found.extend(drifted::measures(&drift, true));
    Ok(found)
}

/// The newest prediction of each key that was made before its outcome was known.
fn predicted_before(learner: &TabularLearner, past: &[Past]) -> Result<BTreeMap<String, (f64, Bounds)>> {
    let value = if learner.task == Task::Classify { "probability" } else { "mean" };
    let mut found = BTreeMap::new();
    for then in past {
        // A table of another declaration says nothing about these rows.
        let needed = learner.decl.key.iter().map(String::as_str).chain(["known", value]);
        let has = |name: &str| then.rows.iter().all(|batch| batch.column_by_name(name).is_some());
        if then.rows.iter().all(|batch| batch.num_rows() == 0) || !needed.into_iter().all(has) {
            continue;
        }
        let labels = columns::labels(&then.rows, &learner.decl.key)?;
        let known = columns::required(&then.rows, "known")?;
        let known = cast(&known, &DataType::Boolean)?;
        let number = |name: &str| -> Result<Vec<Option<f64>>> {
            Ok(match columns::optional(&then.rows, name)? {
                Some(column) => {
                    cast(&column, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect()
                }
                None => vec![None; labels.len()],
            })
        };
        let (values, lo80, hi80) = (number(value)?, number("lo80")?, number("hi80")?);
        let (lo95, hi95) = (number("lo95")?, number("hi95")?);
        for (row, label) in labels.into_iter().enumerate() {
            let was_known = known.as_boolean().is_valid(row) && known.as_boolean().value(row);
            if let (false, Some(value)) = (was_known, values[row]) {
                let bounds = Bounds { at80: lo80[row].zip(hi80[row]), at95: lo95[row].zip(hi95[row]) };
                found.entry(label).or_insert((value, bounds));
            }
        }
    }
    Ok(found)
}

/// Fewer outcomes than this tell chance, not an error.
const LEAST: u64 = 30;

#[derive(Clone, Copy)]
struct Bounds {
    at80: Option<(f64, f64)>,
    at95: Option<(f64, f64)>,
}

/// How predictions turned out whose outcome has arrived since.
fn arrived(
    learner: &TabularLearner,
    parameters: &Parameters,
    rows: &Rows,
    past: &[Past],
) -> Result<Vec<Measure>> {
    let before = predicted_before(learner, past)?;
    let now: Vec<(usize, f64, Bounds)> = rows
        .keyed
        .labels
        .iter()
        .enumerate()
        .filter(|(row, _)| !rows.target[*row].is_nan())
        .filter_map(|(row, label)| before.get(label).map(|(value, bounds)| (row, *value, *bounds)))
        .collect();
    if now.is_empty() {
        return Ok(Vec::new());
    }
    let segments = segments(learner, rows);
    let segment_of = |row: usize| segments.get(row).and_then(|text| text.as_deref());
    let mut found = Vec::new();
    let scores = &parameters.fitted.report.scores;
    match learner.task {
        Task::Classify => {
            let labelled: Vec<Labelled<'_>> = now
                .iter()
                .map(|(row, probability, _)| Labelled {
                    segment: segment_of(*row),
                    step: None,
                    probability: *probability,
                    actual: rows.target[*row] == 1.0,
                })
                .collect();
            for part in class_accuracy(&labelled, parameters.fitted.threshold()) {
                let of = accuracy_of(part.slice.segment.as_deref(), part.count);
                let ratio = part.log_loss.zip(scores.log_loss).map(|(now, then)| now / then);
                found.push(of("auc", part.auc, scores.roc_auc));
                found.push(of("log_loss", part.log_loss, scores.log_loss));
                found.push(of("log_loss_ratio", ratio, Some(1.0)));
                found.push(of("brier", part.brier, scores.brier));
                found.push(of("ece", part.ece, scores.calibration_error));
                found.push(of("precision", part.precision, None));
                found.push(of("recall", part.recall, None));
            }
        }
        Task::Regress => {
            let arrived: Vec<Arrived<'_>> = now
                .iter()
                .map(|(row, mean, bounds)| Arrived {
                    segment: segment_of(*row),
                    step: None,
                    actual: rows.target[*row],
                    mean: *mean,
                    scale: None,
                    at80: bounds.at80,
                    at95: bounds.at95,
                    quantiles: &[],
                })
                .collect();
            for part in forecast_accuracy(&arrived) {
                let of = accuracy_of(part.slice.segment.as_deref(), part.count);
                let ratio = part.rmse.zip(scores.rmse).map(|(now, then)| now / then);
                found.push(of("rmse", part.rmse, scores.rmse));
                found.push(of("rmse_ratio", ratio, Some(1.0)));
                found.push(of("mae", part.mae, scores.mae));
                found.push(of("bias", part.bias, scores.bias));
                for (name, coverage, level) in
                    [("coverage80", &part.coverage80, 0.8), ("coverage95", &part.coverage95, 0.95)]
                {
                    found.extend(coverage.as_ref().map(|coverage| Measure {
                        family: "coverage",
                        lower: Some(coverage.low),
                        upper: Some(coverage.high),
                        ..of(name, Some(coverage.share), Some(level))
                    }));
                }
            }
        }
    }
    Ok(found)
}

/// Measures of accuracy in a segment, from a metric, its value and the value when the version was learned.
fn accuracy_of(
    segment: Option<&str>,
    count: u64,
) -> impl Fn(&str, Option<f64>, Option<f64>) -> Measure + use<> {
    let segment = segment.unwrap_or("*").to_string();
    let rows = i64::try_from(count).unwrap_or(i64::MAX);
    let few = count < LEAST;
    move |metric, value, reference| Measure {
        family: "accuracy",
        metric: metric.into(),
        segment: segment.clone(),
        value: value.filter(|_| !few),
        reference,
        rows,
        note: few.then(|| format!("{rows} outcomes are too few to tell an error from chance")),
        ..Measure::everywhere()
    }
}

/// The values of the declared segments of every row, as `region=north, size=big`.
fn segments(learner: &TabularLearner, rows: &Rows) -> Vec<Option<String>> {
    let names = &learner.monitor.segments;
    if names.is_empty() {
        return Vec::new();
    }
    let columns: Vec<&(String, Vec<Option<String>>)> =
        rows.groups.iter().filter(|(name, _)| names.contains(name)).collect();
    let of = |row: usize| {
        let part = |(name, values): &&(String, Vec<Option<String>>)| {
            format!("{name}={}", values[row].as_deref().unwrap_or("null"))
        };
        Some(columns.iter().map(part).collect::<Vec<_>>().join(", "))
    };
    (0..rows.target.len()).map(of).collect()
}

/// What is to be expected of the rows whose outcome is open.
fn expected(parameters: &Parameters, rows: &Rows, values: &[Option<f64>]) -> Vec<Measure> {
    let open: Vec<(f64, f64)> = (0..values.len())
        .filter(|row| rows.target[*row].is_nan())
        .filter_map(|row| values[row].map(|value| (value, value)))
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    let found = estimate(&open, parameters.fitted.threshold());
    let scores = &parameters.fitted.report.scores;
    let of = |metric: &str, value: Option<f64>, reference: Option<f64>| Measure {
        family: "estimate",
        metric: format!("expected_{metric}"),
        value,
        reference,
        rows: i64::try_from(found.count).unwrap_or(i64::MAX),
        ..Measure::everywhere()
    };
    vec![
        Measure {
            lower: found.accuracy_low,
            upper: found.accuracy_high,
            ..of("accuracy", found.accuracy, scores.accuracy)
        },
        of("auc", found.auc, scores.roc_auc),
        of("log_loss", found.log_loss, scores.log_loss),
        of("brier", found.brier, scores.brier),
        of("precision", found.precision, None),
        of("recall", found.recall, None),
    ]
}

/// Whether the declared groups are treated alike.
fn groups(
    learner: &TabularLearner,
    parameters: &Parameters,
    rows: &Rows,
    values: &[Option<f64>],
) -> Vec<Measure> {
    let threshold = parameters.fitted.threshold();
    let mut found = Vec::new();
    for (name, texts) in rows.groups.iter().filter(|(name, _)| learner.monitor.fairness.contains(name)) {
        let judged: Vec<Judged<'_>> = (0..values.len())
            .filter_map(|row| {
                let probability = values[row]?;
                let target = rows.target[row];
                Some(Judged {
                    group: texts[row].as_deref(),
                    selected: probability >= threshold,
                    probability: Some(probability),
                    actual: (!target.is_nan()).then_some(target == 1.0),
                })
            })
            .collect();
        for group in fairness(&judged, &FairnessOptions::default()) {
            let of = |metric: String, interval: Option<&Interval>| Measure {
                family: "fairness",
                metric,
                segment: format!("{name}={}", group.group.as_deref().unwrap_or("null")),
                value: interval.map(|interval| interval.value),
                lower: interval.and_then(|interval| interval.low),
                upper: interval.and_then(|interval| interval.high),
                rows: i64::try_from(group.count).unwrap_or(i64::MAX),
                note: group.reason.clone().or_else(|| match &group.reference {
                    Some(reference) => Some(format!("compared with {name}={reference}")),
                    None => Some("over all rows, those it learned from included".into()),
                }),
                ..Measure::everywhere()
            };
            let measure = group.measure.as_str();
            found.push(of(measure.into(), group.value.as_ref()));
            if group.difference.is_some() {
                found.push(of(format!("{measure}_difference"), group.difference.as_ref()));
            }
            if group.ratio.is_some() {
                found.push(of(format!("{measure}_ratio"), group.ratio.as_ref()));
            }
        }
    }
    found
}
