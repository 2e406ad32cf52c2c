//! What a model's predictions look like, without data: their columns and what these mean.

use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::node::ColumnDoc;
use crate::project::{ForecastDecl, ModelDecl, ModelKind, ReorderDecl};

use super::{forecast, reorder};

/// The settings of the kind a model has.
#[derive(Clone, Copy)]
pub(super) enum Settings<'a> {
    Forecast(&'a ForecastDecl),
    Reorder(&'a ReorderDecl),
}

impl<'a> Settings<'a> {
    /// The settings of a declaration.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] where the table of its kind is missing.
    pub fn of(decl: &'a ModelDecl) -> Result<Settings<'a>> {
        let (found, table) = match decl.kind {
            ModelKind::Forecast => (decl.forecast.as_ref().map(Settings::Forecast), "forecast"),
            ModelKind::Reorder => (decl.reorder.as_ref().map(Settings::Reorder), "reorder"),
        };
        found.ok_or_else(|| {
            Error::new(ErrorKind::Declaration, format!("`kind` is \"{table}\", but there is no [{table}]"))
                .with_hint(format!("Add a table [{table}] with its settings."))
        })
    }

    /// The query of the rows to learn from.
    pub fn sql(self) -> &'a str {
        match self {
            Settings::Forecast(settings) => &settings.sql,
            Settings::Reorder(settings) => &settings.sql,
        }
    }
}

/// The columns of a model's predictions (without `_run_id`), from those of its query.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings that cannot be, and for a column that is missing or of an unsuitable type.
pub fn output_schema(input: &Schema, decl: &ModelDecl) -> Result<SchemaRef> {
    match Settings::of(decl)? {
        Settings::Forecast(settings) => forecast::schema(input, settings),
        Settings::Reorder(settings) => reorder::schema(input, settings),
    }
}

/// What the columns of a model's predictions mean.
pub fn column_docs(decl: &ModelDecl) -> Vec<ColumnDoc> {
    let (keys, key, columns): (&[String], _, &[(&str, &str)]) = match Settings::of(decl) {
        Ok(Settings::Forecast(settings)) => (&settings.series, "Tells series apart.", &FORECAST),
        Ok(Settings::Reorder(settings)) => (&settings.item, "Identifies the item.", &REORDER),
        Err(_) => return Vec::new(),
    };
    let keys = keys.iter().map(|name| (name.as_str(), key));
    let known = columns.iter().copied();
    keys.chain(known)
        .map(|(name, text)| ColumnDoc { name: name.to_string(), text: text.to_string(), tags: Vec::new() })
        .collect()
}

const FORECAST: [(&str, &str); 8] = [
    ("period_start", "The first day of the period that is forecast."),
    ("step", "How many periods after the last of the history, from 1."),
    ("mean", "The forecast."),
    ("lo80", "Lower bound of the interval in which 80 % of the actual values should lie."),
    ("hi80", "Upper bound of the interval in which 80 % of the actual values should lie."),
    ("lo95", "Lower bound of the interval in which 95 % of the actual values should lie."),
    ("hi95", "Upper bound of the interval in which 95 % of the actual values should lie."),
    (
        "model",
        "What made the forecast: elastic_net, seasonal_naive, naive, or none for a series without a value.",
    ),
];

const REORDER: [(&str, &str); 17] = [
    ("supplier", "Who supplies the item, as selected."),
    ("on_hand", "Stock there is."),
    ("on_order", "Stock that was ordered and has not arrived."),
    ("lead_time_days", "Mean days from order to arrival."),
    ("daily_demand", "Mean demand a day."),
    ("daily_demand_sd", "Standard deviation of the demand of a day."),
    ("lead_time_demand", "Mean demand over the lead time."),
    (
        "protected_demand",
        "Mean demand over the lead time and one review interval: what must be met before the next order can arrive.",
    ),
    ("safety_stock", "Stock held against demand and lead times that differ from their means."),
    ("reorder_point", "Protected demand and safety stock: the position at or below which an order is due."),
    (
        "order_up_to",
        "The position an order fills up to: one review's demand above the reorder point, before lots and limits.",
    ),
    ("position", "Stock on hand and on order."),
    (
        "order_quantity",
        "How much to order now: 0 where nothing is needed, null where the inputs do not tell.",
    ),
    ("days_of_cover", "Days for which the position lasts at mean demand; null without demand."),
    ("unit_cost", "What one unit costs, as selected."),
    ("order_cost", "What the order costs: quantity by unit cost."),
    ("reason", "Why this quantity, or what is wrong with the inputs."),
];
