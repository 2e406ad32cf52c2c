//! `kind = "classify"` and `kind = "regress"`: rows whose target is known teach, and all rows are predicted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::keyed::{self, Keyed};
use super::{read, write};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::system::ModelMetricRow;
use crate::learn::columns;
use crate::learn::learner::{Data, Feature, Headline, Learner, Past, Predicted, Trained};
use crate::learn::monitor::{Reference, References};
use crate::learn::tabular::{self, Candidate, Costs, Fitted, Leaks, Options, Outcome, Scores, Task};
use crate::learn::watch::Measure;
use crate::project::model::{MonitorDecl, TabularDecl};

/// A classification or regression, as declared.
pub(in crate::learn) struct TabularLearner {
    pub decl: TabularDecl,
    pub task: Task,
    pub monitor: MonitorDecl,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Parameters {
    pub features: Vec<String>,
    pub fitted: Fitted,
    /// Of the features, as they were.
    pub references: References,
    /// Of the predictions, as they were.
    pub predictions: Reference,
    /// The latest time it learned from, in days since 1970-01-01.
    pub until: Option<f64>,
}

/// The rows of the query, in the order of their keys.
pub(super) struct Rows {
    pub keyed: Keyed,
    /// NaN where it is not known.
    pub target: Vec<f64>,
    pub time: Option<Vec<f64>>,
    /// Columns that split what is watched: name, values.
    pub groups: Vec<(String, Vec<Option<String>>)>,
    notes: Vec<String>,
}

/// The columns the predictions have after the key.
fn computed(task: Task) -> Vec<Field> {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![Field::new("known", DataType::Boolean, false)];
    match task {
        Task::Classify => fields.extend([
            number("probability"),
            Field::new("decision", DataType::Boolean, true),
            number("threshold"),
        ]),
        Task::Regress => fields.extend(["mean", "lo80", "hi80", "lo95", "hi95"].map(number)),
    }
    fields.push(Field::new("reasons", DataType::Utf8, true));
    fields
}

impl TabularLearner {
    fn features(&self, rows: &Schema) -> Vec<String> {
        let decl = &self.decl;
        let own: Vec<String> = std::iter::once(&decl.target).chain(&decl.time).cloned().collect();
        keyed::features(rows, &decl.features, &[&decl.key, &decl.leave_out, &own])
    }

    pub(super) fn rows(&self, data: &Data) -> Result<Rows> {
        let keyed = Keyed::read(data, &self.decl.key)?;
        let (target, mut notes) = self.target(data)?;
        let time = match &self.decl.time {
            Some(name) => Some(columns::days(&columns::required(&data.rows, name)?, name)?),
            None => None,
        };
        let mut groups = Vec::new();
        for name in self.monitor.segments.iter().chain(&self.monitor.fairness) {
            let texts = columns::texts(&columns::required(&data.rows, name)?)?;
            groups.push((name.clone(), keyed.sorted(&texts)));
        }
        let unknown = target.iter().filter(|value| value.is_nan()).count();
        if unknown > 0 {
            notes.push(format!("{unknown} rows whose {} is not known are predicted only", self.decl.target));
        }
        let (target, time) = (keyed.sorted(&target), time.map(|time| keyed.sorted(&time)));
        Ok(Rows { keyed, target, time, groups, notes })
    }

    /// The target as numbers, NaN where it is not known.
    fn target(&self, data: &Data) -> Result<(Vec<f64>, Vec<String>)> {
        let name = &self.decl.target;
        let column = columns::required(&data.rows, name)?;
        let wrong =
            |message: String, hint: String| Err(Error::new(ErrorKind::Model, message).with_hint(hint));
        let target: Vec<f64> = match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => {
                let texts = columns::texts(&column)?;
                let Some(positive) = &self.decl.positive else {
                    return wrong(
                        format!("target {name:?} is text, and nothing says which value is a yes"),
                        "Name the value with `positive = \"Yes\"`.".into(),
                    );
                };
                texts
                    .iter()
                    .map(|text| text.as_ref().map_or(f64::NAN, |text| f64::from(u8::from(text == positive))))
                    .collect()
            }
            _ => {
                let numbers = cast(&column, &DataType::Float64)?;
                numbers.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
            }
        };
        let infinite = target.iter().filter(|value| value.is_infinite()).count();
        if infinite > 0 {
            return wrong(
                format!("target {name:?} is infinite in {infinite} of {} rows", target.len()),
                "Leave those rows out in `sql`, or turn the target into NULL: then they are predicted."
                    .into(),
            );
        }
        if self.task == Task::Classify {
            let odd =
                target.iter().filter(|value| !value.is_nan() && **value != 0.0 && **value != 1.0).count();
            if odd > 0 {
                return wrong(
                    format!("target {name:?} is neither 0 nor 1 in {odd} of {} rows", target.len()),
                    "Select a boolean, 0 and 1, or a text with `positive`; for numbers use kind = \"regress\"."
                        .into(),
                );
            }
        }
        Ok((target, Vec::new()))
    }

    /// Those that are asked for; none for all that suit.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] for a name that is none.
    pub(in crate::learn) fn candidates(&self) -> Result<Option<Vec<Candidate>>> {
        if self.decl.candidates.iter().any(|name| name == "auto") {
            return Ok(None);
        }
        let known =
            [Candidate::Linear, Candidate::Boosting, Candidate::Bayes, Candidate::Svm, Candidate::Blend];
        let found = self.decl.candidates.iter().map(|name| {
            known.into_iter().find(|candidate| candidate.name() == name).ok_or_else(|| {
                Error::new(ErrorKind::Declaration, format!("there is no candidate {name:?}"))
                    .with_hint("Candidates are auto, linear, boosting, bayes, svm and blend.")
            })
        });
        found.collect::<Result<Vec<_>>>().map(Some)
    }

    pub(super) fn values(&self, parameters: &Parameters, rows: &Rows) -> Result<Vec<Option<f64>>> {
        let (frame, _) = rows.keyed.frame(&parameters.features)?;
        Ok(parameters.fitted.predict(&frame, 0)?.into_iter().map(|one| one.value).collect())
    }
}

impl Learner for TabularLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        self.candidates()?;
        columns::required_type(rows, &self.decl.target)?;
        for name in self.features(rows).iter().chain(&self.monitor.segments).chain(&self.monitor.fairness) {
            columns::required_type(rows, name)?;
        }
        if let Some(time) = &self.decl.time {
            columns::check_time(&columns::required_type(rows, time)?, time)?;
        }
        Ok(Arc::new(Schema::new(keyed::schema(rows, &self.decl.key, computed(self.task))?)))
    }

    fn train(&self, data: &Data, _start: Option<&str>) -> Result<Trained> {
        let schema = data.rows[0].schema();
        self.schema(&schema)?;
        let rows = self.rows(data)?;
        if rows.target.iter().all(|value| value.is_nan()) {
            return Err(Error::new(
                ErrorKind::NoHistory,
                format!("target {:?} is not known in any of {} rows", self.decl.target, rows.target.len()),
            )
            .with_hint("Run `sql` by itself: nothing can be learned before there are outcomes."));
        }
        if let Some(positive) = self.decl.positive.as_ref().filter(|_| !rows.target.contains(&1.0)) {
            let message = format!(
                "target {:?} is {positive:?}, the value of `positive`, in none of {} rows",
                self.decl.target,
                rows.target.len()
            );
            return Err(Error::new(ErrorKind::Model, message).with_hint("Check how the value is written."));
        }
        let features = self.features(&schema);
        let (frame, infinite) = rows.keyed.frame(&features)?;
        let mut options = Options::new(self.task, &self.decl.target, data.seed);
        if let Some(candidates) = self.candidates()? {
            options.candidates = candidates;
        }
        options.costs = Some(Costs {
            false_positive: self.decl.costs.false_positive,
            false_negative: self.decl.costs.false_negative,
        });
        options.leaks = Leaks::Drop;
        options.time = rows.time.as_deref();
        let fitted = tabular::fit(&frame, &rows.target, &options)?;

        let known: Vec<usize> = (0..rows.target.len()).filter(|row| !rows.target[*row].is_nan()).collect();
        let taught = frame.take(&known);
        let predicted: Vec<f64> =
            fitted.predict(&taught, 0)?.iter().map(|one| one.value.unwrap_or(f64::NAN)).collect();
        let until = rows.time.as_ref().map(|time| {
            known.iter().map(|row| time[*row]).filter(|at| at.is_finite()).fold(f64::NEG_INFINITY, f64::max)
        });
        let (headline, metrics) = self.scores(&fitted);
        let report = &fitted.report;
        let mut notes = rows.notes.clone();
        notes.extend(infinite);
        notes.extend(
            report.dropped.iter().map(|one| format!("feature {:?} {} (left out)", one.feature, one.reason)),
        );
        if self.task == Task::Classify {
            notes.push(format!("calibration of probabilities: {}", fitted.calibration()));
        }
        let trained = Trained {
            metrics,
            headline,
            features: report
                .importances
                .iter()
                .map(|one| Feature {
                    name: one.feature.clone(),
                    importance: Some(one.increase),
                    tags: String::new(),
                })
                .collect(),
            rows: known.len() as u64,
            notes,
            parameters: String::new(),
        };
        let parameters = Parameters {
            features,
            references: References::of(&taught),
            predictions: Reference::numbers(&predicted),
            until: until.filter(|until| until.is_finite()),
            fitted,
        };
        Ok(Trained { parameters: write(&parameters)?, ..trained })
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        let schema = self.schema(data.rows[0].schema_ref())?;
        let parameters: Parameters = read(parameters)?;
        let rows = self.rows(data)?;
        let (frame, _) = rows.keyed.frame(&parameters.features)?;
        let predictions = parameters.fitted.predict(&frame, self.decl.reasons)?;
        let mut absent = Vec::new();
        let mut kept = Vec::new();
        for (row, one) in predictions.iter().enumerate() {
            match (&one.why_absent, one.value) {
                (None, Some(_)) => kept.push(row),
                (why, _) => {
                    let why = why.clone().unwrap_or_else(|| "no number came out".into());
                    absent.push((rows.keyed.labels[row].clone(), why));
                }
            }
        }
        let mut columns = rows.keyed.keys_of(&kept)?;
        let kept = || kept.iter().map(|row| (&predictions[*row], *row));
        let known = kept().map(|(_, row)| Some(!rows.target[row].is_nan()));
        columns.push(Arc::new(BooleanArray::from_iter(known)));
        let number = |of: &dyn Fn(&tabular::Prediction) -> Option<f64>| -> ArrayRef {
            Arc::new(Float64Array::from_iter(
                kept().map(|(one, _)| of(one).filter(|value| value.is_finite())),
            ))
        };
        match self.task {
            Task::Classify => {
                columns.push(number(&|one| one.value));
                columns.push(Arc::new(BooleanArray::from_iter(kept().map(|(one, _)| one.decision))));
                let threshold = parameters.fitted.threshold();
                columns.push(number(&|_| Some(threshold)));
            }
            Task::Regress => {
                columns.push(number(&|one| one.value));
                columns.push(number(&|one| one.at80.map(|bounds| bounds.0)));
                columns.push(number(&|one| one.at80.map(|bounds| bounds.1)));
                columns.push(number(&|one| one.at95.map(|bounds| bounds.0)));
                columns.push(number(&|one| one.at95.map(|bounds| bounds.1)));
            }
        }
        let reasons =
            kept().map(|(one, _)| one.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        columns.push(Arc::new(StringArray::from_iter_values(reasons)));
        Ok(Predicted { rows: RecordBatch::try_new(schema, columns)?, absent })
    }

    fn watch(&self, parameters: &str, data: &Data, past: &[Past]) -> Result<Vec<Measure>> {
        let parameters: Parameters = read(parameters)?;
        let rows = self.rows(data)?;
        super::tabular_watch::measures(self, &parameters, &rows, past)
    }
}

impl TabularLearner {
    fn scores(&self, fitted: &Fitted) -> (Headline, Vec<ModelMetricRow>) {
        let report = &fitted.report;
        let row = |candidate: &str, scores: &Scores, chosen: bool| ModelMetricRow {
            series: "*".into(),
            candidate: candidate.into(),
            evaluated: i64::try_from(scores.rows).ok(),
            rmse: scores.rmse,
            mae: scores.mae,
            bias: scores.bias,
            auc: scores.roc_auc,
            log_loss: scores.log_loss,
            brier: scores.brier,
            ece: scores.calibration_error,
            chosen,
            ..ModelMetricRow::default()
        };
        let mut metrics = Vec::new();
        let mut baseline = None;
        for tried in &report.tried {
            let name = tried.candidate.name();
            match &tried.outcome {
                Outcome::Scored(scores) => {
                    if tried.candidate == Candidate::Baseline {
                        baseline = Some(scores.clone());
                    }
                    metrics.push(row(name, scores, tried.candidate == report.chosen));
                }
                Outcome::LeftOut(reason) => metrics.push(ModelMetricRow {
                    series: "*".into(),
                    candidate: name.into(),
                    reason: Some(reason.clone()),
                    ..ModelMetricRow::default()
                }),
            }
        }
        metrics.push(row("published", &report.scores, true));
        let scores = &report.scores;
        let (metric, of): (&str, fn(&Scores) -> Option<f64>) = match self.task {
            Task::Classify => ("log_loss", |scores| scores.log_loss),
            Task::Regress => ("rmse", |scores| scores.rmse),
        };
        let others: BTreeMap<String, f64> = [
            ("auc", scores.roc_auc),
            ("average_precision", scores.average_precision),
            ("brier", scores.brier),
            ("ece", scores.calibration_error),
            ("accuracy", scores.accuracy),
            ("f1", scores.f1),
            ("mae", scores.mae),
            ("r2", scores.r_squared),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value?)))
        .collect();
        let headline = Headline {
            metric: metric.into(),
            less_is_better: true,
            value: of(scores),
            baseline: baseline.as_ref().and_then(of),
            bias: scores.bias,
            others,
            ..Headline::default()
        };
        (headline, metrics)
    }
}
