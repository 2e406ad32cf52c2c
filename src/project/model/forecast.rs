//! Settings of a forecast.

use schemars::JsonSchema;
use serde::Deserialize;

/// A forecast of many series.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForecastDecl {
    /// The SELECT of the history: one row per series and period (several are summed, missing periods are `fill`).
    pub sql: String,
    /// The columns that tell series apart.
    #[serde(default)]
    pub series: Vec<String>,
    /// The column with the period: a date or timestamp anywhere inside the period.
    pub time: String,
    /// The column to forecast.
    pub value: String,
    /// The length of a period; found in the data unless given.
    pub frequency: Option<Frequency>,
    /// How many periods ahead.
    pub horizon: usize,
    /// Periods in a season; what the frequency suggests (12 for months, 52 for weeks, 7 for days) unless given.
    pub season: Option<usize>,
    /// Longer seasons besides: 336 for the week of a half-hourly series whose `season` is the day.
    #[serde(default)]
    pub seasons: Vec<usize>,
    /// Rolling origins of the backtest.
    #[serde(default = "three")]
    pub windows: usize,
    /// What a missing period is.
    #[serde(default)]
    pub fill: Fill,
    /// The last period may be incomplete: leave it out.
    #[serde(default)]
    pub drop_last: bool,
    /// Whether a forecast below zero makes no sense.
    #[serde(default)]
    pub nonnegative: bool,
    /// What may be tried, such as `["ets", "theta", "seasonal_naive"]`; `["auto"]` takes what suits the series.
    #[serde(default = "auto")]
    pub candidates: Vec<String>,
    /// Probabilities of quantiles to publish besides the intervals: 0.9 becomes the column `q90`.
    #[serde(default)]
    pub quantiles: Vec<f64>,
    /// Columns of `sql` whose future is known, such as price, promotion or holiday: rows after the last value (where `value`
    /// is null) give it.
    #[serde(default)]
    pub known: Vec<String>,
    /// Columns of `sql` that are known for the past only; their lags are used.
    #[serde(default)]
    pub past: Vec<String>,
    /// Regressors from other relations.
    #[serde(default)]
    pub regressors: Vec<Regressors>,
    /// How the forecasts of a hierarchy are made to add up. Its levels are the columns of `series`, from the top.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// How series too short to learn from borrow from others.
    pub analogue: Option<Analogue>,
}

fn three() -> usize {
    3
}

fn auto() -> Vec<String> {
    vec!["auto".into()]
}

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    /// Half an hour.
    #[serde(rename = "half_hour")]
    HalfHour,
    /// One hour.
    Hour,
    /// One day.
    Day,
    /// Seven days, from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// A calendar year.
    Year,
}

/// What a missing period is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Nothing was sold: zero.
    #[default]
    Zero,
    /// Not observed: the last value before.
    Previous,
}

/// Columns of another relation that explain the value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regressors {
    /// The SELECT: one row per period (and per value of `on`).
    pub sql: String,
    /// Columns it shares with `series`; none where it is the same for all series.
    #[serde(default)]
    pub on: Vec<String>,
    /// Its column with the period.
    pub time: String,
    /// Its columns to use.
    pub columns: Vec<String>,
    /// Whether they are known ahead, as holidays are. Otherwise only what lies before the forecast's origin is used.
    #[serde(default)]
    pub known: bool,
    /// A column with the instant at which a row became known: a backtest does not see rows before that. Without it a past-only row
    /// is taken to be known once its period is over.
    pub available_at: Option<String>,
}

/// How forecasts of a hierarchy are made to add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    /// They are not: there are only the series of the query.
    #[default]
    None,
    /// Upper levels are sums of the lowest.
    BottomUp,
    /// All levels are forecast and drawn together by the covariances of their errors (minimum trace, shrunk).
    Mint,
    /// As `mint`, with variances only: for very many series.
    Wls,
    /// As `mint`, all errors taken to be alike: where histories are too short for more.
    Ols,
}

/// How series too short to learn from borrow the shape of others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Analogue {
    /// Series with fewer periods than this are new.
    pub below: usize,
    /// Columns of `series` that an analogue shares, such as the category.
    #[serde(default)]
    pub same: Vec<String>,
}
