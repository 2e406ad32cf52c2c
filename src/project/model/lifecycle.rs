//! When a model is learned anew, what a new version must show, and what is watched.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a new version must show before it takes the place of the champion. What is not given is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptDecl {
    /// By how much its error must be below the baseline's: 0.05 is five percent.
    pub beats_baseline: Option<f64>,
    /// By how much the shares of actual values inside its 80 and 95 % intervals may differ from 0.8 and 0.95.
    pub coverage_within: Option<f64>,
    /// How large its mean error may be, relative to the mean size of the actual values.
    pub bias_within: Option<f64>,
    /// By how much its error may exceed the champion's: 0 must be no worse.
    pub worse_than_champion: Option<f64>,
    /// A rule over its metrics, such as `auc >= 0.7 and ece < 0.1`.
    pub require: Option<String>,
}

/// When a new version is learned.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainDecl {
    /// A rule over what is watched, such as `psi > 0.2 or mase_ratio > 1.2`. `true` learns at every refresh, `false` only when asked.
    pub when: String,
    /// At most so often, such as `1/week`.
    pub at_most: Option<String>,
    /// Whether learning starts from the champion's parameters.
    #[serde(default)]
    pub start: Start,
}

/// From what learning starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// From nothing.
    #[default]
    Cold,
    /// From the parameters of the version before.
    Warm,
}

/// What is watched on every run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorDecl {
    /// Columns whose values split accuracy, such as region.
    #[serde(default)]
    pub segments: Vec<String>,
    /// Columns whose values are groups that must be treated alike.
    #[serde(default)]
    pub fairness: Vec<String>,
    /// Periods of arrived values that accuracy looks back over; the horizon unless given.
    pub lookback: Option<usize>,
    /// Raises a check in `twin.checks` when it holds, such as `psi > 0.25`.
    pub alert: Option<String>,
}
