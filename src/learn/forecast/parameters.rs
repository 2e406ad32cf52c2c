//! What was learned, as it is kept: everything predictions need.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::auto::{self, Studied};
use crate::learn::monitor::Reference;
use crate::project::model::Frequency;

use super::intervals::Calibration;
use super::member::Member;
use super::pooled::Lasting;
use super::regression::Regression;
use super::trial::Candidate;

/// The layout of parameters this version writes and reads.
const LAYOUT: u32 = 1;

/// What was learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    layout: u32,
    /// The length of a period.
    pub frequency: Frequency,
    /// The first period after the training.
    pub origin: i64,
    /// Periods ahead that were learned for.
    pub horizon: usize,
    /// The regressors, in the order of the columns the effects name.
    pub regressors: Vec<String>,
    /// Of all series together.
    pub shared: Lasting,
    /// Of the automatic strategy.
    pub automatic: Option<auto::Shared>,
    /// Per group of series (its level, and how values come): what intervals are made from, and how well
    /// they held.
    pub groups: BTreeMap<String, Group>,
    /// The probabilities the calibrations have quantiles of.
    pub probabilities: Vec<f64>,
    /// What a typical series changes by, over its mean size: for series too short to tell.
    pub relative_scale: Option<f64>,
    /// Per label.
    pub series: BTreeMap<String, Learned>,
    /// The shapes of series at their start, for new ones: per value of the shared columns.
    pub analogues: BTreeMap<String, Vec<f64>>,
    /// What the values and their changes looked like.
    pub reference: Training,
}

/// A group of series with one calibration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// None where nothing could be tried.
    pub calibration: Option<Calibration>,
    /// How much the distribution of counts weighs beside the calibration.
    pub counts: f64,
}

/// What was learned of one series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Learned {
    /// The models and their weights, which sum to 1.
    pub members: Vec<Weighed>,
    /// The models and weights of the automatic strategy, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Studied>,
    /// The effect of regressors on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regression: Option<Regression>,
    /// The scale that the elastic net sees it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<f64>,
    /// Its difficulty, beside the usual one of its group; none where nothing could be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// What its errors are measured in: the seasonal error of its history, brought to the level it had in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Its group.
    pub group: String,
    /// The MASE of what is published, in the backtest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mase: Option<f64>,
    /// Its errors in the backtest, for reconciliation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Option<f64>>,
}

/// A model with its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weighed {
    /// Which one.
    pub candidate: Candidate,
    /// Its weight.
    pub weight: f64,
    /// Its parameters; none for what is shared by all series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

/// What drift is measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Training {
    /// Of changes to the season before, in units of a typical change of each series.
    pub values: Reference,
    /// The mean of the absolute errors in the backtest over the scale: MASE.
    pub mase: Option<f64>,
    /// Shares of actual values inside the intervals, in the backtest.
    pub coverage80: Option<f64>,
    /// As above.
    pub coverage95: Option<f64>,
}

impl Parameters {
    /// Of nothing yet.
    pub fn new(frequency: Frequency, origin: i64, horizon: usize, probabilities: Vec<f64>) -> Parameters {
        Parameters {
            layout: LAYOUT,
            frequency,
            origin,
            horizon,
            regressors: Vec::new(),
            shared: Lasting::default(),
            automatic: None,
            groups: BTreeMap::new(),
            probabilities,
            relative_scale: None,
            series: BTreeMap::new(),
            analogues: BTreeMap::new(),
            reference: Training {
                values: Reference::numbers(&[]),
                mase: None,
                coverage80: None,
                coverage95: None,
            },
        }
    }

    /// Reads parameters that were kept.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] for text that is not what this version writes.
    pub fn read(text: &str) -> Result<Parameters> {
        let unreadable = |error: serde_json::Error| {
            Error::new(ErrorKind::Lake, "the parameters of the forecast cannot be read")
                .with_hint("Learn a new version: the one kept was written by another version of Twinlake.")
                .with_source(error)
        };
        let found: Parameters = serde_json::from_str(text).map_err(unreadable)?;
        if found.layout != LAYOUT {
            return Err(Error::new(
                ErrorKind::Lake,
                format!("the parameters of the forecast have layout {}, not {LAYOUT}", found.layout),
            )
            .with_hint("Learn a new version."));
        }
        Ok(found)
    }

    /// As they are kept.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] where a number is not finite.
    pub fn write(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| {
            Error::new(ErrorKind::Bug, "the parameters of a forecast cannot be written").with_source(error)
        })
    }
}
