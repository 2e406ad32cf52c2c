//! Which columns a model's query must have, and for what.

use super::{ModelDecl, ModelKind};

/// What a column of the query is for, and so of which types it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Anything that tells rows apart or describes them.
    Any,
    /// A date, a timestamp or a text with a date.
    Time,
    /// A number.
    Number,
    /// A number, a boolean, or a text of which one value is a yes.
    Target,
}

/// What the query of a reorder recommendation must have besides the item's columns.
pub const REORDER_COLUMNS: [&str; 5] =
    ["on_hand", "on_order", "lead_time_days", "daily_demand", "daily_demand_sd"];
/// What it computes with besides, where the query has it; null is as good as no column.
pub const REORDER_OPTIONAL: [&str; 9] = [
    "lead_time_sd_days",
    "min_order",
    "max_order",
    "order_multiple",
    "unit_cost",
    "safety_stock_floor",
    "price",
    "salvage",
    "goodwill",
];

impl ModelDecl {
    /// The columns that settings name: the key of the setting, the column, its role. Of the settings of its own kind only.
    pub fn columns(&self) -> Vec<(String, &str, Role)> {
        let mut found: Vec<(String, &str, Role)> = Vec::new();
        let kind = self.kind.as_str();
        match self.kind {
            ModelKind::Forecast => {
                if let Some(settings) = &self.forecast {
                    list(&mut found, "forecast.series", &settings.series, Role::Any);
                    found.push(("forecast.time".into(), &settings.time, Role::Time));
                    found.push(("forecast.value".into(), &settings.value, Role::Number));
                    list(&mut found, "forecast.known", &settings.known, Role::Number);
                    list(&mut found, "forecast.past", &settings.past, Role::Number);
                }
            }
            ModelKind::Classify | ModelKind::Regress => {
                let settings = match self.kind {
                    ModelKind::Classify => &self.classify,
                    _ => &self.regress,
                };
                if let Some(settings) = settings {
                    let role = if self.kind == ModelKind::Classify { Role::Target } else { Role::Number };
                    list(&mut found, &format!("{kind}.key"), &settings.key, Role::Any);
                    found.push((format!("{kind}.target"), &settings.target, role));
                    list(&mut found, &format!("{kind}.features"), &settings.features, Role::Any);
                    list(&mut found, &format!("{kind}.leave_out"), &settings.leave_out, Role::Any);
                    option(&mut found, &format!("{kind}.time"), settings.time.as_deref(), Role::Time);
                }
            }
            ModelKind::Recommend => {
                if let Some(settings) = &self.recommend {
                    found.push(("recommend.user".into(), &settings.user, Role::Any));
                    found.push(("recommend.item".into(), &settings.item, Role::Any));
                    found.push(("recommend.time".into(), &settings.time, Role::Time));
                    option(&mut found, "recommend.weight", settings.weight.as_deref(), Role::Number);
                    option(&mut found, "recommend.segment", settings.segment.as_deref(), Role::Any);
                }
            }
            ModelKind::Cluster => {
                if let Some(settings) = &self.cluster {
                    list(&mut found, "cluster.key", &settings.key, Role::Any);
                    list(&mut found, "cluster.features", &settings.features, Role::Any);
                }
            }
            ModelKind::Anomaly => {
                if let Some(settings) = &self.anomaly {
                    list(&mut found, "anomaly.key", &settings.key, Role::Any);
                    list(&mut found, "anomaly.features", &settings.features, Role::Any);
                    option(&mut found, "anomaly.time", settings.time.as_deref(), Role::Time);
                    option(&mut found, "anomaly.value", settings.value.as_deref(), Role::Number);
                }
            }
            ModelKind::Reorder => {
                if let Some(settings) = &self.reorder {
                    list(&mut found, "reorder.item", &settings.item, Role::Any);
                    found.extend(
                        REORDER_COLUMNS.map(|column| ("reorder.sql".to_string(), column, Role::Number)),
                    );
                }
            }
            ModelKind::Elasticity => {
                if let Some(settings) = &self.elasticity {
                    list(&mut found, "elasticity.item", &settings.item, Role::Any);
                    found.push(("elasticity.time".into(), &settings.time, Role::Time));
                    found.push(("elasticity.price".into(), &settings.price, Role::Number));
                    found.push(("elasticity.quantity".into(), &settings.quantity, Role::Number));
                    option(&mut found, "elasticity.unit_cost", settings.unit_cost.as_deref(), Role::Number);
                }
            }
            ModelKind::Outside => {
                if let Some(settings) = &self.outside {
                    found.push(("outside.model".into(), &settings.model, Role::Any));
                    found.push(("outside.time".into(), &settings.time, Role::Time));
                    found.push(("outside.prediction".into(), &settings.prediction, Role::Number));
                    found.push(("outside.actual".into(), &settings.actual, Role::Target));
                    option(&mut found, "outside.lower", settings.lower.as_deref(), Role::Number);
                    option(&mut found, "outside.upper", settings.upper.as_deref(), Role::Number);
                }
            }
        }
        list(&mut found, "monitor.segments", &self.monitor.segments, Role::Any);
        list(&mut found, "monitor.fairness", &self.monitor.fairness, Role::Any);
        found
    }

    /// Keys whose columns must differ from each other: what identifies a row, its time and its value.
    pub fn is_exclusive(key: &str) -> bool {
        let setting = key.split('.').nth(1).unwrap_or_default();
        matches!(
            setting,
            "series"
                | "time"
                | "value"
                | "key"
                | "target"
                | "user"
                | "item"
                | "price"
                | "quantity"
                | "model"
                | "prediction"
                | "actual"
        )
    }
}

fn list<'a>(found: &mut Vec<(String, &'a str, Role)>, key: &str, columns: &'a [String], role: Role) {
    found.extend(
        columns.iter().enumerate().map(|(place, column)| (format!("{key}.{place}"), column.as_str(), role)),
    );
}

fn option<'a>(found: &mut Vec<(String, &'a str, Role)>, key: &str, column: Option<&'a str>, role: Role) {
    found.extend(column.map(|column| (key.to_string(), column, role)));
}
