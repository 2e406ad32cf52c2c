//! What a model's predictions look like, without data: their columns and what these mean.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::Result;
use crate::lake::columns::MODEL_VERSION;
use crate::node::ColumnDoc;
use crate::project::{ModelDecl, ModelKind};

use super::kinds;

/// The columns of a model's predictions (without `_run_id`), from those of its query.
///
/// # Errors
/// [`ErrorKind::Declaration`](crate::error::ErrorKind::Declaration) for settings that cannot be, and for a column that is missing
/// or of an unsuitable type.
pub fn output_schema(input: &Schema, decl: &ModelDecl) -> Result<SchemaRef> {
    let schema = kinds::schema(input, decl)?;
    Ok(if decl.kind.has_versions() { with_version(&schema) } else { schema })
}

/// The columns, and that of the version.
pub(super) fn with_version(schema: &SchemaRef) -> SchemaRef {
    let version = Arc::new(Field::new(MODEL_VERSION, DataType::Int64, true));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([version]).collect::<Vec<_>>()))
}

/// What the columns of a model's predictions mean.
pub fn column_docs(decl: &ModelDecl) -> Vec<ColumnDoc> {
    let none: &[String] = &[];
    let keys_of = |found: Option<&Vec<String>>| found.cloned().unwrap_or_else(|| none.to_vec());
    let (keys, key, columns): (Vec<String>, &str, &[(&str, &str)]) = match decl.kind {
        ModelKind::Forecast => {
            (keys_of(decl.forecast.as_ref().map(|s| &s.series)), "Tells series apart.", &FORECAST)
        }
        ModelKind::Classify => {
            (keys_of(decl.classify.as_ref().map(|s| &s.key)), "Identifies the row.", &CLASSIFY)
        }
        ModelKind::Regress => {
            (keys_of(decl.regress.as_ref().map(|s| &s.key)), "Identifies the row.", &REGRESS)
        }
        ModelKind::Recommend => (Vec::new(), "", &RECOMMEND),
        ModelKind::Cluster => {
            (keys_of(decl.cluster.as_ref().map(|s| &s.key)), "Identifies the row.", &CLUSTER)
        }
        ModelKind::Anomaly => {
            let in_series = decl.anomaly.as_ref().is_some_and(|settings| settings.value.is_some());
            let columns: &[_] = if in_series { &ODD_SERIES } else { &ANOMALY };
            let mut keys = keys_of(decl.anomaly.as_ref().map(|s| &s.key));
            keys.extend(decl.anomaly.as_ref().and_then(|s| s.time.clone()).filter(|_| in_series));
            (keys, "Identifies the row.", columns)
        }
        ModelKind::Reorder => {
            (keys_of(decl.reorder.as_ref().map(|s| &s.item)), "Identifies the item.", &REORDER)
        }
        ModelKind::Elasticity => {
            (keys_of(decl.elasticity.as_ref().map(|s| &s.item)), "Identifies the item.", &ELASTICITY)
        }
        ModelKind::Outside => (Vec::new(), "", &OUTSIDE),
    };
    let mut docs: Vec<ColumnDoc> = Vec::new();
    let mut add = |name: &str, text: &str| {
        docs.push(ColumnDoc { name: name.to_string(), text: text.to_string(), tags: Vec::new() });
    };
    keys.iter().for_each(|name| add(name, key));
    if let (ModelKind::Recommend, Some(settings)) = (decl.kind, &decl.recommend) {
        add(&settings.user, "Whom the recommendation is for.");
        add(&settings.item, "For whom or what it is, or what is recommended.");
    }
    if let (ModelKind::Forecast, Some(settings)) = (decl.kind, &decl.forecast) {
        for quantile in &settings.quantiles {
            let (name, text) = quantile_doc(*quantile);
            add(&name, &text);
        }
    }
    columns.iter().for_each(|(name, text)| add(name, text));
    if decl.kind.has_versions() {
        add(MODEL_VERSION, "The version of the model that made the prediction; `twin.models` has it.");
    }
    docs
}

/// The column of a quantile, and what it means.
fn quantile_doc(quantile: f64) -> (String, String) {
    let percent = format!("{}", (quantile * 1e6).round() / 1e4);
    (
        format!("q{}", percent.replace('.', "_")),
        format!("What {percent} % of the actual values should stay below."),
    )
}

const FORECAST: [(&str, &str); 11] = [
    ("level", "The level of the hierarchy: 0 is the total of everything."),
    ("period_start", "The beginning of the period that is forecast."),
    ("step", "How many periods after the last of the history, from 1."),
    ("mean", "The forecast."),
    ("lo80", "Lower bound of the interval in which 80 % of the actual values should lie."),
    ("hi80", "Upper bound of the interval in which 80 % of the actual values should lie."),
    ("lo95", "Lower bound of the interval in which 95 % of the actual values should lie."),
    ("hi95", "Upper bound of the interval in which 95 % of the actual values should lie."),
    (
        "model",
        "What made the forecast: a member such as ets, a combination, or none for a series without a value.",
    ),
    ("members", "The members of a combination with their weights."),
    ("drivers", "What the forecast is made of: level, trend, season, and what regressors add."),
];

const KNOWN: (&str, &str) =
    ("known", "Whether the outcome was known when this was predicted: the version may have learned from it.");

const CLASSIFY: [(&str, &str); 5] = [
    KNOWN,
    ("probability", "The calibrated probability of a yes."),
    ("decision", "Whether the probability is at or above the threshold at which wrong decisions cost least."),
    ("threshold", "That threshold."),
    ("reasons", "The features that moved the probability most, the strongest first."),
];

const REGRESS: [(&str, &str); 7] = [
    KNOWN,
    ("mean", "The predicted number."),
    ("lo80", "Lower bound of the interval in which 80 % of the actual values should lie."),
    ("hi80", "Upper bound of the interval in which 80 % of the actual values should lie."),
    ("lo95", "Lower bound of the interval in which 95 % of the actual values should lie."),
    ("hi95", "Upper bound of the interval in which 95 % of the actual values should lie."),
    ("reasons", "The features that moved the number most, the strongest first."),
];

const RECOMMEND: [(&str, &str); 5] = [
    ("rank", "The place of the recommendation, from 1."),
    ("recommended", "The recommended item."),
    ("score", "How strongly it is recommended; comparable within one user or item only."),
    ("reason", "What led to it."),
    ("model", "What made it."),
];

const CLUSTER: [(&str, &str); 3] = [
    ("segment", "The segment, from 1, the largest first; -1 for rows in none."),
    ("distance", "How far the row is from the middle of its segment."),
    ("profile", "What is unusual about the segment."),
];

const ODD_SERIES: [(&str, &str); 6] = [
    ("value", "The value."),
    ("expected", "What season and trend explain."),
    ("score", "How far the value is from that, in robust standard deviations."),
    ("threshold", "The score from which on a value is unusual."),
    ("is_anomaly", "Whether it is."),
    ("reason", "On which side, and by how much."),
];

const ANOMALY: [(&str, &str); 4] = [
    ("score", "How unusual the row is: 0.5 is usual, near 1 is not."),
    ("threshold", "The score from which on a row is unusual."),
    ("is_anomaly", "Whether it is."),
    ("reason", "What is unusual about it."),
];

const ELASTICITY: [(&str, &str); 10] = [
    ("periods", "Periods that were used."),
    (
        "elasticity",
        "Percent of demand for one percent of price, drawn towards the mean of all items where the item alone says little.",
    ),
    ("standard_error", "Its standard error."),
    ("lo95", "Lower bound of its 95 % interval."),
    ("hi95", "Upper bound of its 95 % interval."),
    ("own_elasticity", "What the item alone says."),
    ("mean_price", "Mean price over the periods."),
    ("unit_cost", "What one unit costs, as selected."),
    (
        "best_price",
        "The price of most profit, within the prices that were asked; null where demand is not elastic.",
    ),
    ("reason", "Why there is no estimate, or what to know about it."),
];

const OUTSIDE: [(&str, &str); 21] = [
    ("model", "The model that is watched."),
    ("window_start", "The first day of the window."),
    ("window_end", "The last day of the window."),
    ("is_reference", "Whether the window says what is usual."),
    ("predictions", "Predictions in the window."),
    ("actuals", "Those whose outcome is known."),
    ("mae", "Mean absolute error."),
    ("rmse", "Root mean squared error."),
    ("bias", "Mean error: positive is predicted too much."),
    ("auc", "Area under the receiver operating characteristic, of probabilities."),
    ("log_loss", "Mean negative log likelihood, of probabilities."),
    ("brier", "Mean squared error of the probability."),
    ("ece", "Expected calibration error, of probabilities."),
    ("coverage", "Share of outcomes inside the interval."),
    ("error_ratio", "The error over the usual one."),
    ("estimated_error", "The error that is to be expected before outcomes are known."),
    ("psi", "Population stability index of the predictions against the usual ones."),
    ("ks", "Kolmogorov-Smirnov distance of the predictions to the usual ones."),
    (
        "wasserstein",
        "Wasserstein distance of the predictions to the usual ones, in their interquartile range.",
    ),
    (
        "retrain_by",
        "The day on which the error is expected to reach the limit; null where it is not growing.",
    ),
    ("reason", "What the numbers say, in a sentence."),
];

const REORDER: [(&str, &str); 20] = [
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
    ("service_level", "The probability that a stock of the reorder point lasts."),
    ("expected_shortage", "The mean of the demand that such a stock leaves unmet."),
    ("expected_profit", "The mean profit of such a stock over lead time and review."),
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
