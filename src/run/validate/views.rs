//! Views: whether the query can be planned, and whether a table can have the columns it gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};

use super::place::Place;
use super::{Known, Validation};
use crate::engine::{Flaw, OutputColumn, output_columns, type_name};
use crate::ids::{RelationName, is_identifier};
use crate::lake::Bound;
use crate::lake::columns::derived_schema;
use crate::project::{Materialize, View};

impl Validation<'_> {
    /// Plans a view and binds what it gives. `open` are the tables it reads whose files may add columns.
    pub async fn view(&mut self, view: &View, open: BTreeSet<RelationName>) {
        let place = Place::File(view.origin.clone());
        let written = output_columns(&view.sql);
        let plan = match self.session().examine(&view.sql).await {
            Ok(plan) => plan,
            Err(mut flaws) => {
                let twice = twice(written.as_deref().unwrap_or_default());
                if !twice.is_empty() {
                    flaws.retain(|flaw| flaw.code != "duplicate-name");
                    flaws.extend(twice);
                }
                if !self.report(&place, flaws, !open.is_empty()) {
                    self.unknown.insert(view.name.clone(), open);
                }
                return;
            }
        };
        let schema = plan.schema().as_arrow();
        let columns = named(schema, written, &view.sql);
        let mut flaws = twice(&columns);
        flaws.extend(columns.iter().enumerate().filter_map(misnamed));
        if view.decl.materialize == Materialize::Table {
            flaws.extend(
                columns
                    .iter()
                    .zip(schema.fields())
                    .filter_map(|(column, field)| unstorable(column, field.data_type())),
            );
        }
        if self.report(&place, flaws, false) {
            return;
        }
        match view.decl.materialize {
            Materialize::Table => self.bind_table(&view.name, derived_schema(schema), false),
            Materialize::View => {
                self.binding.overlay(view.name.clone(), Bound::View(Arc::from(view.sql.trim())));
                let schema = Arc::new(schema.clone());
                self.known.insert(view.name.clone(), Known { schema, open: false });
            }
        }
    }
}

/// The columns of a plan, with the places where the text names them.
fn named(schema: &Schema, written: Option<Vec<OutputColumn>>, sql: &str) -> Vec<OutputColumn> {
    let names = schema.fields().iter().map(|field| field.name().clone());
    match written.filter(|written| written.len() == schema.fields().len()) {
        Some(written) => names
            .zip(written)
            .map(|(name, written)| match written.name {
                // The planner makes up a name that may do: that of a column that is only cast.
                None if !is_identifier(&name) => written,
                _ => OutputColumn { name: Some(name), range: written.range },
            })
            .collect(),
        None => names.map(|name| OutputColumn { name: Some(name), range: 0..sql.len() }).collect(),
    }
}

/// Columns whose name an earlier one has.
fn twice(columns: &[OutputColumn]) -> Vec<Flaw> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut flaws = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        let Some(name) = &column.name else { continue };
        if let Some(first) = seen.get(name.as_str()) {
            flaws.push(Flaw {
                code: "duplicate-name",
                range: column.range.clone(),
                message: format!("columns {} and {} are both named {name:?}", first + 1, position + 1),
                hint: Some("Give one of them another name with AS, or leave it out.".into()),
            });
        } else {
            seen.insert(name, position);
        }
    }
    flaws
}

fn misnamed((position, column): (usize, &OutputColumn)) -> Option<Flaw> {
    let (message, hint) = match &column.name {
        None => (format!("column {} has no name", position + 1), "Name it with AS.".to_string()),
        Some(name) if is_identifier(name) => return None,
        Some(name) => (
            format!("{name:?} is not a valid name of a column"),
            "Use lowercase letters, digits and _, beginning with a letter.".to_string(),
        ),
    };
    Some(Flaw { code: "invalid-name", range: column.range.clone(), message, hint: Some(hint) })
}

fn unstorable(column: &OutputColumn, data_type: &DataType) -> Option<Flaw> {
    use DataType as T;
    if !matches!(data_type, T::Time32(_) | T::Time64(_) | T::Duration(_) | T::Interval(_) | T::Union(..)) {
        return None;
    }
    let name = column.name.as_deref().unwrap_or_default();
    Some(Flaw {
        code: "type-error",
        range: column.range.clone(),
        message: format!("{name:?} is of type {}, which a Delta table cannot hold", type_name(data_type)),
        hint: Some("Turn it into a number or text, or let the view be computed when it is read.".into()),
    })
}
