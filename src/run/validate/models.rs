//! Models: whether the query can be planned, and has the columns of the types that the model learns from.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema};

use super::Validation;
use super::place::Place;
use crate::engine::{Flaw, output_columns, type_name};
use crate::ids::RelationName;
use crate::lake::columns::derived_schema;
use crate::learn::output_schema;
use crate::project::{Model, suggest};

/// What a recommendation computes with, where the query has it.
const REORDER_NUMBERS: [&str; 11] = [
    "on_hand",
    "on_order",
    "lead_time_days",
    "daily_demand",
    "daily_demand_sd",
    "lead_time_sd_days",
    "min_order",
    "max_order",
    "order_multiple",
    "unit_cost",
    "safety_stock_floor",
];
/// How many of them it must have.
const REORDER_REQUIRED: usize = 5;

/// The query of a model and the key it stands under.
pub(super) fn query_of(model: &Model) -> Option<(String, &str)> {
    match (&model.decl.forecast, &model.decl.reorder) {
        (Some(forecast), _) => Some(("forecast.sql".into(), &forecast.sql)),
        (None, Some(reorder)) => Some(("reorder.sql".into(), &reorder.sql)),
        (None, None) => None,
    }
}

impl Validation<'_> {
    /// Plans a model's query and binds its predictions. `open` are the tables it reads whose files may add columns.
    pub async fn model(&mut self, model: &Model, open: BTreeSet<RelationName>) {
        let Some((key, sql)) = query_of(model) else { return };
        let place = Place::Value(model.origin.clone(), key);
        let plan = match self.session().examine(sql).await {
            Ok(plan) => plan,
            Err(flaws) => {
                if !self.report(&place, flaws, !open.is_empty()) {
                    self.unknown.insert(model.name.clone(), open);
                }
                return;
            }
        };
        let rows = plan.schema().as_arrow();
        let before = self.found.len();
        if let Some(forecast) = &model.decl.forecast {
            for (position, column) in forecast.series.iter().enumerate() {
                self.model_column(model, &format!("forecast.series.{position}"), column, rows);
            }
            if let Some(field) = self.model_column(model, "forecast.time", &forecast.time, rows) {
                self.expect(
                    model,
                    "forecast.time",
                    field,
                    is_time(field.data_type()),
                    "a date, a timestamp or a text with a date",
                );
            }
            if let Some(field) = self.model_column(model, "forecast.value", &forecast.value, rows) {
                self.expect(model, "forecast.value", field, is_number(field.data_type()), "a number");
            }
        } else if let Some(reorder) = &model.decl.reorder {
            for (position, column) in reorder.item.iter().enumerate() {
                self.model_column(model, &format!("reorder.item.{position}"), column, rows);
            }
            for (position, column) in REORDER_NUMBERS.iter().enumerate() {
                if position >= REORDER_REQUIRED && rows.field_with_name(column).is_err() {
                    continue;
                }
                if let Some(field) = self.model_column(model, "reorder.sql", column, rows) {
                    self.expect(model, "reorder.sql", field, is_number(field.data_type()), "a number");
                }
            }
        }
        if self.found.len() > before {
            return;
        }
        match output_schema(rows, &model.decl) {
            Ok(schema) => self.bind_table(&model.name, derived_schema(&schema), false),
            Err(error) => {
                let key = query_of(model).map_or(String::new(), |(key, _)| key);
                let mut diagnostic =
                    self.project.diagnose("invalid-model", &model.origin, &key, error.message());
                diagnostic.hint = error.hint().map(str::to_string);
                self.found.push(diagnostic);
            }
        }
    }

    /// The column of a model's query that `key` names.
    fn model_column<'s>(
        &mut self,
        model: &Model,
        key: &str,
        column: &str,
        rows: &'s Schema,
    ) -> Option<&'s Field> {
        let found = rows.field_with_name(column).ok();
        if found.is_none() {
            let names: Vec<&str> = rows.fields().iter().map(|field| field.name().as_str()).collect();
            let message = format!("the query has no column {column:?}");
            let diagnostic = self.project.diagnose(Flaw::UNKNOWN_COLUMN, &model.origin, key, message);
            self.found.push(diagnostic.with_hint(suggest::hint(column, names, "columns")));
        }
        found
    }

    fn expect(&mut self, model: &Model, key: &str, field: &Field, is: bool, wanted: &str) {
        if is {
            return;
        }
        let name = field.name();
        let message =
            format!("the column {name:?} is of type {}, not {wanted}", type_name(field.data_type()));
        let item = query_of(model).filter(|(query, _)| query == key).and_then(|(_, sql)| {
            output_columns(sql)?.into_iter().find(|item| item.name.as_ref() == Some(name))
        });
        let place = Place::Value(model.origin.clone(), key.to_string());
        let diagnostic = match item {
            Some(item) => place.diagnose(self.project, "type-error", item.range, message),
            None => self.project.diagnose("type-error", &model.origin, key, message),
        };
        self.found.push(diagnostic.with_hint("Cast it in the query, or name another column."));
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Null
}

fn is_time(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(data_type, T::Date32 | T::Date64 | T::Timestamp(..) | T::Utf8 | T::LargeUtf8 | T::Utf8View)
}
