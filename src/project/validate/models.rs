//! Models: the settings of their kind, and the columns of their query.

use super::relations::expect;
use crate::project::column_docs;
use crate::project::model::{ForecastDecl, ModelKind, ReorderDecl};
use crate::project::query::{self, Use};
use crate::project::relations::Model;
use crate::project::report::Report;

/// What the query of a reorder recommendation must have besides the item's columns.
const REORDER_COLUMNS: [&str; 5] =
    ["on_hand", "on_order", "lead_time_days", "daily_demand", "daily_demand_sd"];

pub(super) fn validate(model: &Model, report: &mut Report) {
    let decl = &model.decl;
    let (own, other) = match decl.kind {
        ModelKind::Forecast => ("forecast", "reorder"),
        ModelKind::Reorder => ("reorder", "forecast"),
    };
    let given = |key: &str| match key {
        "forecast" => decl.forecast.is_some(),
        _ => decl.reorder.is_some(),
    };
    if !given(own) {
        report
            .error(
                "missing-settings",
                &model.origin,
                own,
                format!("the model is of kind {own:?}, but has no [{own}]"),
            )
            .hint(format!("Add a table [{own}] with its settings."));
    }
    if given(other) {
        report
            .error(
                "useless-setting",
                &model.origin,
                other,
                format!("[{other}] means nothing in a model of kind {own:?}"),
            )
            .hint("Make a model of each kind, in files of their own.");
    }
    if let Some(forecast) = &decl.forecast {
        validate_forecast(forecast, model, report);
    }
    if let Some(reorder) = &decl.reorder {
        validate_reorder(reorder, model, report);
    }
}

fn validate_forecast(forecast: &ForecastDecl, model: &Model, report: &mut Report) {
    let at = model.origin.at("forecast");
    let numbers = [
        ("horizon", Some(forecast.horizon), "A horizon of 3 forecasts three periods."),
        ("windows", Some(forecast.windows), "Without a backtest, nobody knows how good the forecast is."),
        ("season", forecast.season, "Leave it out, or give the periods of a season: 12 for months."),
    ];
    for (key, number, hint) in numbers {
        if number == Some(0) {
            report.error("invalid-value", &at, key, format!("{key:?} must be at least 1")).hint(hint);
        }
    }
    let mut columns: Vec<(String, &str)> = Vec::new();
    let series = report.items(&at, "series", forecast.series.len());
    columns.extend(series.into_iter().zip(forecast.series.iter().map(String::as_str)));
    columns.push(("time".into(), &forecast.time));
    columns.push(("value".into(), &forecast.value));
    for (position, (key, column)) in columns.iter().enumerate() {
        if columns[..position].iter().any(|(_, earlier)| earlier == column) {
            report
                .error("duplicate-name", &at, key, format!("the column {column:?} is used twice"))
                .hint("Series, time and value are columns of their own.");
        }
    }
    query_has(&forecast.sql, &columns, model, "forecast", report);
}

fn validate_reorder(reorder: &ReorderDecl, model: &Model, report: &mut Report) {
    let at = model.origin.at("reorder");
    if !(reorder.service_level > 0.0 && reorder.service_level < 1.0) {
        report
            .error(
                "invalid-value",
                &at,
                "service_level",
                "\"service_level\" must be between 0 and 1, both excluded",
            )
            .hint("It is a probability: 0.95 runs out in one lead time of twenty.");
    }
    if !(reorder.review_days > 0.0 && reorder.review_days.is_finite()) {
        report
            .error("invalid-value", &at, "review_days", "\"review_days\" must be greater than 0")
            .hint("Whoever orders daily reviews every 1 day.");
    }
    if reorder.item.is_empty() {
        report
            .error("invalid-value", &at, "item", "\"item\" names no column")
            .hint("Name the columns that identify an item: item = [\"product_id\"].");
    }
    let items = report.items(&at, "item", reorder.item.len());
    let columns: Vec<(String, &str)> =
        items.into_iter().zip(reorder.item.iter().map(String::as_str)).collect();
    let Some(known) = query_has(&reorder.sql, &columns, model, "reorder", report) else { return };
    for column in REORDER_COLUMNS.iter().filter(|column| !known.iter().any(|known| known == *column)) {
        report
            .error("unknown-column", &at, "sql", format!("the query lacks the column {column:?}"))
            .hint(format!("It needs the item's columns and {}.", REORDER_COLUMNS.join(", ")));
    }
}

/// Reports flaws of the model's query, and columns it does not have. Returns its columns, where the text shows them.
fn query_has(
    sql: &str,
    columns: &[(String, &str)],
    model: &Model,
    table: &str,
    report: &mut Report,
) -> Option<Vec<String>> {
    let at = model.origin.at(table);
    let query = match query::query(sql, Use::Model) {
        Ok(query) => query,
        Err(flaws) => {
            report.flaws(&at, "sql", flaws);
            return None;
        }
    };
    let known = column_docs::columns(&query)?;
    for (key, column) in columns {
        expect(&known, column, "the query", &at, key, report);
    }
    Some(known)
}
