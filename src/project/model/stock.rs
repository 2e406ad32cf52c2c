//! Settings of what is computed about stock and price.

use schemars::JsonSchema;
use serde::Deserialize;

/// Reorder quantities from forecast demand, stock and lead time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorderDecl {
    /// The SELECT of the items: the `item` columns, then `on_hand`, `on_order`, `lead_time_days`, `daily_demand` and
    /// `daily_demand_sd`; and, where known, `lead_time_sd_days`, `min_order`, `max_order`, `order_multiple`, `unit_cost`,
    /// `price`, `salvage`, `goodwill`, `safety_stock_floor`, `supplier`.
    pub sql: String,
    /// The columns that identify an item.
    pub item: Vec<String>,
    /// The probability of not running out before what is ordered at the next review arrives. Without it and
    /// `fill_rate`, each item gets the one of most profit, from its `price` and `unit_cost`.
    pub service_level: Option<f64>,
    /// The part of demand that is to be met from stock, instead of a `service_level`.
    pub fill_rate: Option<f64>,
    /// The form of the demand over lead time and review.
    #[serde(default)]
    pub distribution: DemandForm,
    /// Days between two reviews: stock must last over these and the lead time.
    #[serde(default = "seven")]
    pub review_days: f64,
}

/// The form of a demand whose mean and deviation are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DemandForm {
    /// Bell-shaped: many customers, or a long time.
    #[default]
    Normal,
    /// Skewed and never negative: demand that varies much.
    Gamma,
    /// Whole numbers, negative binomial: slow movers and spare parts.
    Counts,
}

fn seven() -> f64 {
    7.0
}

/// How demand answers to price, by item.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticityDecl {
    /// The SELECT: one row per item and period with the price that was asked and the quantity that was sold.
    pub sql: String,
    /// The columns that identify an item.
    pub item: Vec<String>,
    /// The column with the period, whose month controls for the season.
    pub time: String,
    /// The column with the price.
    pub price: String,
    /// The column with the quantity.
    pub quantity: String,
    /// The column with what a unit costs; with it, the price of most profit is computed.
    pub unit_cost: Option<String>,
}
