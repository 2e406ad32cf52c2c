//! What a fitted model says about new rows.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::encode::Encoder;
use super::explain::{self, Reason};
use super::model::{Model, Sources, Task};
use super::report::Report;
use crate::error::Result;
use crate::learn::frame::Frame;

/// Half the width of intervals around a mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct HalfWidths {
    /// Of the 80 % interval.
    pub at80: f64,
    /// Of the 95 % interval.
    pub at95: f64,
}

impl HalfWidths {
    /// From predictions of held-out rows: the `ceil((n + 1) * coverage)`-th smallest absolute residual, or the largest
    /// where there are too few (J. Lei et al., Journal of the American Statistical Association 113 (2018), 1094-1111,
    /// section 2.2).
    pub fn conformal(actual: &[f64], predicted: &[f64]) -> HalfWidths {
        let mut residuals: Vec<f64> =
            actual.iter().zip(predicted).map(|(actual, predicted)| (actual - predicted).abs()).collect();
        residuals.sort_unstable_by(f64::total_cmp);
        let at = |coverage: f64| {
            let rank = ((residuals.len() as f64 + 1.0) * coverage).ceil() as usize;
            residuals.get(rank.min(residuals.len()).saturating_sub(1)).copied().unwrap_or(0.0)
        };
        HalfWidths { at80: at(0.80), at95: at(0.95) }
    }
}

/// A fitted model: all it takes to predict, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Fitted {
    pub(super) task: Task,
    pub(super) encoder: Encoder,
    pub(super) model: Model,
    pub(super) calibration: Calibration,
    pub(super) threshold: f64,
    pub(super) half_widths: Option<HalfWidths>,
    /// How it came about.
    pub report: Report,
}

/// What is said about one row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Prediction {
    /// The calibrated probability, or the mean; absent where there is `why_absent`.
    pub value: Option<f64>,
    /// The 80 % interval; only of numbers.
    pub at80: Option<(f64, f64)>,
    /// The 95 % interval; only of numbers.
    pub at95: Option<(f64, f64)>,
    /// Whether to act: the probability reaches the threshold; only of probabilities.
    pub decision: Option<bool>,
    /// The features that moved the value most, the strongest first.
    pub reasons: Vec<Reason>,
    /// Why nothing can be said.
    pub why_absent: Option<String>,
}

impl Fitted {
    /// One prediction for each row, with at most so many reasons.
    ///
    /// # Errors
    /// [`Model`](crate::error::ErrorKind::Model) where a column is missing or holds another type than in training.
    pub fn predict(&self, features: &Frame, reasons: usize) -> Result<Vec<Prediction>> {
        let design = self.encoder.encode(features)?;
        let values = self.model.predict(&design);
        let names = self.encoder.features();
        let sources = Sources { linear: self.encoder.linear_sources(), trees: self.encoder.tree_sources() };
        let one = |row: usize| {
            if self.encoder.is_blank(features, row) {
                return Prediction::absent("every feature is missing");
            }
            if !values[row].is_finite() {
                return Prediction::absent("the features are too far from anything learnt from");
            }
            let value = self.calibration.apply(values[row]);
            let around = |half: fn(HalfWidths) -> f64| {
                self.half_widths.map(|widths| (value - half(widths), value + half(widths)))
            };
            Prediction {
                value: Some(value),
                at80: around(|widths| widths.at80),
                at95: around(|widths| widths.at95),
                decision: (self.task == Task::Classify).then_some(value >= self.threshold),
                reasons: match reasons {
                    0 => Vec::new(),
                    most => explain::reasons(&names, &self.model, &design, row, &sources, self.task, most),
                },
                why_absent: None,
            }
        };
        Ok((0..features.rows()).into_par_iter().map(one).collect())
    }

    /// The probability at which to act.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// How probabilities were calibrated: `none`, `platt` or `isotonic`.
    pub fn calibration(&self) -> &'static str {
        self.calibration.name()
    }
}

impl Prediction {
    fn absent(why: &str) -> Prediction {
        Prediction {
            value: None,
            at80: None,
            at95: None,
            decision: None,
            reasons: Vec::new(),
            why_absent: Some(why.to_owned()),
        }
    }
}
