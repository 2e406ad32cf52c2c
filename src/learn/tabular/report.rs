//! What is known about a fitted model besides its parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibrate;
use super::encode::Dropped;
use super::explain::Importance;
use super::metrics::{self, Confusion, Reliability};
use super::model::{Candidate, Task};

/// How good predictions of held-out rows were. Those that make no sense for the task are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Scores {
    /// Held-out rows.
    pub rows: usize,
    /// Area under the receiver operating characteristic.
    pub roc_auc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Log loss.
    pub log_loss: Option<f64>,
    /// Brier score.
    pub brier: Option<f64>,
    /// Expected calibration error.
    pub calibration_error: Option<f64>,
    /// Share of right decisions at the threshold.
    pub accuracy: Option<f64>,
    /// F1 at the threshold.
    pub f1: Option<f64>,
    /// Root mean squared error.
    pub rmse: Option<f64>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Share of variance explained.
    pub r_squared: Option<f64>,
    /// Mean of predicted minus actual.
    pub bias: Option<f64>,
}

impl Scores {
    /// Of these predictions.
    pub fn of(task: Task, actual: &[f64], predicted: &[f64], threshold: f64) -> Scores {
        let bias = metrics::bias(actual, predicted);
        let rows = actual.len();
        match task {
            Task::Classify => {
                let confusion = Confusion::at(actual, predicted, threshold);
                Scores {
                    rows,
                    roc_auc: metrics::roc_auc(actual, predicted),
                    average_precision: metrics::average_precision(actual, predicted),
                    log_loss: metrics::log_loss(actual, predicted),
                    brier: metrics::mean_squared_error(actual, predicted),
                    calibration_error: metrics::calibration_error(actual, predicted),
                    accuracy: confusion.accuracy(),
                    f1: confusion.f1(),
                    bias,
                    ..Scores::default()
                }
            }
            Task::Regress => Scores {
                rows,
                rmse: metrics::mean_squared_error(actual, predicted).map(f64::sqrt),
                mae: metrics::mean_absolute_error(actual, predicted),
                r_squared: metrics::r_squared(actual, predicted),
                bias,
                ..Scores::default()
            },
        }
    }
}

impl Scores {
    /// The same with log loss and AUC within each part of the rows, which are told by their numbers: those of folds in time. The
    /// share of positives moves with time, and no feature tells by how much: a candidate that ranks well would lose to one that
    /// says nothing. So each part's own share, and how sure it is, are taken to be known, at the price of as many parameters (H.
    /// Akaike, "A New Look at the Statistical Model Identification", IEEE Transactions on Automatic Control 19 (1974), 716-723).
    pub fn within(self, actual: &[f64], predicted: &[f64], parts: &[usize]) -> Scores {
        let mut by_part: BTreeMap<usize, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        for ((actual, predicted), part) in actual.iter().zip(predicted).zip(parts) {
            let of_part = by_part.entry(*part).or_default();
            of_part.0.push(*actual);
            of_part.1.push(*predicted);
        }
        let rows = actual.len() as f64;
        let (mut lost, mut areas, mut pairs) = (0.0, 0.0, 0.0);
        for (actual, predicted) in by_part.values() {
            let calibration = calibrate::platt(actual, predicted);
            let calibrated: Vec<f64> = predicted.iter().map(|p| calibration.apply(*p)).collect();
            let says = calibrated.windows(2).any(|pair| pair[0] != pair[1]);
            let parameters = if says { 2.0 } else { 1.0 };
            lost += metrics::log_loss(actual, &calibrated).unwrap_or(0.0) * actual.len() as f64 + parameters;
            if let Some(area) = metrics::roc_auc(actual, predicted) {
                let positives = actual.iter().sum::<f64>();
                let weight = positives * (actual.len() as f64 - positives);
                areas += weight * area;
                pairs += weight;
            }
        }
        Scores {
            log_loss: (rows > 0.0).then(|| lost / rows).filter(|_| self.log_loss.is_some()),
            roc_auc: (pairs > 0.0).then(|| areas / pairs),
            ..self
        }
    }
}

/// How one candidate did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Tried {
    /// Which.
    pub candidate: Candidate,
    /// On held-out rows, before calibration; or why it was left out.
    pub outcome: Outcome,
}

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Outcome {
    /// It was fitted in every fold.
    Scored(Scores),
    /// It was not, for this reason.
    LeftOut(String),
}

/// What is known about a fitted model besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Report {
    /// The candidate with the lowest loss on held-out rows.
    pub chosen: Candidate,
    /// All candidates.
    pub tried: Vec<Tried>,
    /// The chosen one after calibration, each fold calibrated by the others.
    pub scores: Scores,
    /// Predicted against observed shares; empty for numbers.
    pub reliability: Vec<Reliability>,
    /// Decisions at the threshold; absent for numbers.
    pub confusion: Option<Confusion>,
    /// The threshold that would have cost least on the held-out rows; absent for numbers.
    pub cheapest_threshold: Option<f64>,
    /// The most important feature first.
    pub importances: Vec<Importance>,
    /// Features that were not used, and why.
    pub dropped: Vec<Dropped>,
    /// Features that know the answer, whether used or not.
    pub suspects: Vec<Dropped>,
    /// Rows learnt from.
    pub rows: usize,
    /// Rows without a target.
    pub without_target: usize,
    /// Rows with target 1; absent for numbers.
    pub positives: Option<usize>,
}
