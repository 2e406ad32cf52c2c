//! `pipelines/models/*.toml`: what to learn, from which query, and the table the predictions land in.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::CheckDecl;

/// One file of `pipelines/models/`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelDecl {
    /// The relation the predictions land in: `schema.table`.
    pub name: String,
    /// What is predicted, for whom.
    #[serde(default)]
    pub description: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// The seed of everything random in it.
    #[serde(default)]
    pub seed: u64,
    /// `forecast` or `reorder`; the table of the same name holds the settings.
    pub kind: ModelKind,
    /// Settings of a forecast.
    pub forecast: Option<ForecastDecl>,
    /// Settings of a reorder recommendation.
    pub reorder: Option<ReorderDecl>,
    /// Checks on the predictions.
    #[serde(default)]
    pub checks: Vec<CheckDecl>,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// One row per series and future step, with intervals.
    Forecast,
    /// One row per item: how much to order now, and the numbers behind it.
    Reorder,
}

/// A forecast of many series by one global model, against a seasonal-naive baseline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForecastDecl {
    /// The SELECT of the history: one row per series and period (several are summed, missing periods are `fill`).
    pub sql: String,
    /// The columns that tell series apart.
    pub series: Vec<String>,
    /// The column with the period: a date or timestamp anywhere inside the period.
    pub time: String,
    /// The column to forecast.
    pub value: String,
    /// The length of a period.
    pub frequency: Frequency,
    /// How many periods ahead.
    pub horizon: usize,
    /// Periods in a season; 12 for months, 52 for weeks, 7 for days unless given.
    pub season: Option<usize>,
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
}

fn three() -> usize {
    3
}

/// The length of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    /// One day.
    Day,
    /// Seven days, from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
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

/// Reorder quantities from forecast demand, stock and lead time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorderDecl {
    /// The SELECT of the items: the `item` columns, then `on_hand`, `on_order`, `lead_time_days`, `daily_demand` and
    /// `daily_demand_sd`; and, where known, `lead_time_sd_days`, `min_order`, `max_order`, `order_multiple`, `unit_cost`,
    /// `safety_stock_floor`, `supplier`.
    pub sql: String,
    /// The columns that identify an item.
    pub item: Vec<String>,
    /// The probability of not running out before what is ordered at the next review arrives.
    pub service_level: f64,
    /// Days between two reviews: stock must last over these and the lead time.
    #[serde(default = "seven")]
    pub review_days: f64,
}

fn seven() -> f64 {
    7.0
}
