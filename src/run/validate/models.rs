//! Models: whether the query can be planned, and has the columns of the types that the model learns from.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema};

use super::Validation;
use super::place::Place;
use crate::engine::{Flaw, output_columns, type_name};
use crate::ids::RelationName;
use crate::lake::columns::derived_schema;
use crate::learn::{broken_rules, output_schema};
use crate::project::model::REORDER_OPTIONAL;
use crate::project::{Model, ModelKind, Role, suggest};

/// A query of a model and the key it stands under.
pub(super) fn query_of(model: &Model) -> Option<(String, &str)> {
    model.decl.queries().into_iter().next()
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
        for (key, column, role) in model.decl.columns() {
            if let Some(field) = self.model_column(model, &key, column, rows) {
                let (is, wanted) = suits(field.data_type(), role);
                self.expect(model, &key, field, is, wanted);
            }
        }
        if model.decl.kind == ModelKind::Reorder {
            for column in REORDER_OPTIONAL {
                if let Ok(field) = rows.field_with_name(column) {
                    self.expect(model, "reorder.sql", field, is_number(field.data_type()), "a number");
                }
            }
        }
        self.regressors(model).await;
        self.rules(model);
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

    /// Plans the queries of a forecast's regressors.
    async fn regressors(&mut self, model: &Model) {
        let Some(forecast) = model.decl.forecast.as_ref().filter(|_| model.decl.kind == ModelKind::Forecast)
        else {
            return;
        };
        for (place, other) in forecast.regressors.iter().enumerate() {
            let under = format!("forecast.regressors.{place}");
            let sql = Place::Value(model.origin.clone(), format!("{under}.sql"));
            let plan = match self.session().examine(&other.sql).await {
                Ok(plan) => plan,
                Err(flaws) => {
                    self.report(&sql, flaws, false);
                    continue;
                }
            };
            let rows = plan.schema().as_arrow();
            let times = [Some(&other.time), other.available_at.as_ref()].into_iter().flatten();
            let keys = ["time", "available_at"].map(|key| format!("{under}.{key}"));
            for (key, column) in keys.iter().zip(times) {
                if let Some(field) = self.model_column(model, key, column, rows) {
                    let (is, wanted) = suits(field.data_type(), Role::Time);
                    self.expect(model, key, field, is, wanted);
                }
            }
            for (place, column) in other.columns.iter().enumerate() {
                let key = format!("{under}.columns.{place}");
                if let Some(field) = self.model_column(model, &key, column, rows) {
                    let (is, wanted) = suits(field.data_type(), Role::Number);
                    self.expect(model, &key, field, is || *field.data_type() == DataType::Boolean, wanted);
                }
            }
            for (place, column) in other.on.iter().enumerate() {
                self.model_column(model, &format!("{under}.on.{place}"), column, rows);
            }
        }
    }

    /// Whether the rules about a model's life can be read.
    fn rules(&mut self, model: &Model) {
        self.found.extend(broken_rules(self.project, model));
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

/// Whether a type suits a role, and what would.
fn suits(data_type: &DataType, role: Role) -> (bool, &'static str) {
    match role {
        Role::Any => (true, "anything"),
        Role::Time => (is_time(data_type), "a date, a timestamp or a text with a date"),
        Role::Number => (is_number(data_type), "a number"),
        Role::Target => {
            let is = is_number(data_type)
                || matches!(
                    data_type,
                    DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                );
            (is, "a number, a boolean or a text")
        }
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Null
}

fn is_time(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(data_type, T::Date32 | T::Date64 | T::Timestamp(..) | T::Utf8 | T::LargeUtf8 | T::Utf8View)
}
