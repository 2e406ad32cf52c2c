//! Settings of models that learn from rows: classification, regression, recommendation, segments, anomalies, and the watching of
//! models that are not ours.

use schemars::JsonSchema;
use serde::Deserialize;

/// A classification or regression: rows with a target teach, rows without (null) are predicted too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TabularDecl {
    /// The SELECT of the rows.
    pub sql: String,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The column to predict: a boolean, 0 and 1, or `positive` and others; a number for a regression. Null where it is not known yet.
    pub target: String,
    /// The value of a text target that is a yes.
    pub positive: Option<String>,
    /// The columns to learn from; all others unless given.
    #[serde(default)]
    pub features: Vec<String>,
    /// Columns not to learn from.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// A date or timestamp of the row: later rows then test what earlier ones teach.
    pub time: Option<String>,
    /// What may be tried: `linear` (logistic regression or elastic net), `boosting`, `bayes`, `svm`, `blend` (the mean of the two
    /// best); `["auto"]` tries all that suit.
    #[serde(default = "auto")]
    pub candidates: Vec<String>,
    /// What wrong decisions cost.
    #[serde(default)]
    pub costs: Costs,
    /// How many reasons each row is given.
    #[serde(default = "three")]
    pub reasons: usize,
}

fn auto() -> Vec<String> {
    vec!["auto".into()]
}

fn three() -> usize {
    3
}

/// What wrong decisions cost, in any unit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// A yes that turns out a no.
    #[serde(default = "one")]
    pub false_positive: f64,
    /// A no that turns out a yes.
    #[serde(default = "one")]
    pub false_negative: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for Costs {
    fn default() -> Self {
        Costs { false_positive: 1.0, false_negative: 1.0 }
    }
}

/// Recommendations from what users took before.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendDecl {
    /// The SELECT: one row per time a user took an item.
    pub sql: String,
    /// The column with the user, such as the customer.
    pub user: String,
    /// The column with the item, such as the product.
    pub item: String,
    /// The column with the day or instant.
    pub time: String,
    /// The column with how much; 1 unless given.
    pub weight: Option<String>,
    /// A column with the user's segment: newcomers are recommended what is popular there.
    pub segment: Option<String>,
    /// How many items.
    #[serde(default = "ten")]
    pub top: usize,
    /// For users, or for items: those most like them.
    #[serde(default, rename = "for")]
    pub whom: RecommendFor,
    /// Whether what a user took before may be recommended again.
    #[serde(default)]
    pub repeats: bool,
}

fn ten() -> usize {
    10
}

/// Whom recommendations are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecommendFor {
    /// The next best items of each user.
    #[default]
    Users,
    /// The items most like each item.
    Items,
}

/// Segments of similar rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterDecl {
    /// The SELECT of the rows.
    pub sql: String,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The columns to compare; all others unless given.
    #[serde(default)]
    pub features: Vec<String>,
    /// How segments are found.
    #[serde(default)]
    pub method: ClusterMethod,
    /// So many segments; chosen from the rows unless given.
    pub segments: Option<usize>,
    /// At most so many are tried.
    #[serde(default = "ten")]
    pub most: usize,
}

/// How segments are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClusterMethod {
    /// Around centres.
    #[default]
    Kmeans,
    /// Overlapping normal distributions.
    Gmm,
    /// Dense regions; rows in none are of segment -1.
    Dbscan,
}

/// Rows that are unlike the others; with a `value`, values of series that season and trend do not explain.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnomalyDecl {
    /// The SELECT of the rows.
    pub sql: String,
    /// The columns that identify a row; with a `value`, those that tell series apart.
    #[serde(default)]
    pub key: Vec<String>,
    /// The columns to compare; all others unless given.
    #[serde(default)]
    pub features: Vec<String>,
    /// The share of rows that is unusual; without it a robust score above 3.5 is.
    pub share: Option<f64>,
    /// The column with the period of a value.
    pub time: Option<String>,
    /// The column with the values of series, in place of `features`.
    pub value: Option<String>,
    /// Periods in a season of the series; none unless given.
    pub season: Option<usize>,
    /// How many robust standard deviations away from season and trend a value of a series is unusual; 3.5 unless given.
    pub limit: Option<f64>,
}

/// A table of predictions and actual values of models that are not Twinlake's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutsideDecl {
    /// The SELECT: one row per prediction.
    pub sql: String,
    /// The column with the model's name.
    pub model: String,
    /// The column with the day or instant of the prediction.
    pub time: String,
    /// The column with what was predicted: a number, or a probability between 0 and 1.
    pub prediction: String,
    /// The column with what happened; null where that is not known yet.
    pub actual: String,
    /// Columns with the bounds of an interval.
    pub lower: Option<String>,
    /// The upper of them.
    pub upper: Option<String>,
    /// The level of that interval.
    #[serde(default = "nine_tenths")]
    pub level: f64,
    /// Whether predictions are probabilities of a yes.
    #[serde(default)]
    pub probability: bool,
    /// Days in a window.
    #[serde(default = "seven")]
    pub window_days: u32,
    /// Windows at the beginning that say what is usual.
    #[serde(default = "four")]
    pub reference_windows: usize,
    /// The error, relative to the usual one, at which a model must be retrained.
    #[serde(default = "limit")]
    pub limit: f64,
}

fn nine_tenths() -> f64 {
    0.9
}
fn seven() -> u32 {
    7
}
fn four() -> usize {
    4
}
fn limit() -> f64 {
    1.2
}
