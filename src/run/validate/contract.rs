//! Contracts of landed tables: expressions over raw columns, values in rules, references.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{Expr, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::Validation;
use super::checks::comparable;
use super::place::Place;
use crate::engine::{Flaw, type_name};
use crate::ids::RelationName;
use crate::ingest::{raw_type, unfit_values};
use crate::project::source::ColumnDecl;
use crate::project::{Table, parse_type, suggest};

impl Validation<'_> {
    /// Looks at the columns of all landed tables.
    pub fn contracts(&mut self) {
        let project = self.project;
        let session = self.session();
        for table in &project.tables {
            for (key, error) in unfit_values(table, &session).unwrap_or_default() {
                let mut diagnostic = project.diagnose("invalid-rule", &table.origin, &key, error.message());
                diagnostic.hint = error.hint().map(str::to_string);
                self.found.push(diagnostic);
            }
            for (name, column) in &table.decl.columns {
                let Ok(data_type) = parse_type(&column.data_type) else { continue };
                if let Some(sql) = &column.sql {
                    self.expression(table, name, sql, &data_type);
                }
                self.reference(table, name, column, &data_type);
            }
        }
    }

    /// An expression over raw columns, which are not declared: all that it names are taken to be there.
    fn expression(&mut self, table: &Table, name: &str, sql: &str, wanted: &DataType) {
        let raw = raw_type(table);
        let typed = raw.is_some();
        let raw = raw.unwrap_or(DataType::Null);
        let fields: Vec<Field> =
            raw_names(sql).into_iter().map(|name| Field::new(name, raw.clone(), true)).collect();
        let place = Place::Value(table.origin.clone(), format!("columns.{name}.sql"));
        match self.session().examine_expression(sql, &Schema::new(fields)) {
            Ok(given) => {
                // A text is parsed, as those of files are.
                if typed && !can_cast_types(&given, wanted) {
                    let message = format!(
                        "this is of type {}, which is never {}",
                        type_name(&given),
                        type_name(wanted)
                    );
                    let hint = "Change the expression, or the column's type.".to_string();
                    let flaw = Flaw { code: "type-error", range: 0..sql.len(), message, hint: Some(hint) };
                    self.report(&place, vec![flaw], false);
                }
            }
            Err(mut flaws) => {
                // Without knowing the types in the files, only names can be judged.
                flaws.retain(|flaw| typed || flaw.code == Flaw::UNKNOWN_FUNCTION);
                self.report(&place, flaws, false);
            }
        }
    }

    fn reference(&mut self, table: &Table, name: &str, column: &ColumnDecl, data_type: &DataType) {
        let Some((relation, referred)) =
            column.references.as_deref().and_then(|target| target.rsplit_once('.'))
        else {
            return;
        };
        let Ok(target) = relation.parse::<RelationName>() else { return };
        let Some(known) = self.known.get(&target) else { return };
        let key = format!("columns.{name}.references");
        let diagnostic = match known.schema.field_with_name(referred) {
            Ok(field) if comparable(field.data_type(), data_type) => return,
            Ok(field) => {
                let message = format!(
                    "{name:?} is of type {}, which cannot be compared with {} of {relation}.{referred}",
                    type_name(data_type),
                    type_name(field.data_type())
                );
                let hint = "Give both the same type.";
                self.project.diagnose("type-error", &table.origin, &key, message).with_hint(hint)
            }
            Err(_) if known.open => return,
            Err(_) => {
                let names: Vec<&str> =
                    known.schema.fields().iter().map(|field| field.name().as_str()).collect();
                let message = format!("{relation:?} has no column {referred:?}");
                let hint = suggest::hint(referred, names, "columns");
                self.project.diagnose(Flaw::UNKNOWN_COLUMN, &table.origin, &key, message).with_hint(hint)
            }
        };
        self.found.push(diagnostic);
    }
}

/// The raw columns that an expression names.
fn raw_names(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_expr());
    if let Ok(expression) = parsed {
        let _ = visit_expressions(&expression, |expression| {
            let ident = match expression {
                Expr::Identifier(ident) => Some(ident),
                Expr::CompoundIdentifier(idents) => idents.first(),
                _ => None,
            };
            names.extend(ident.map(|ident| match ident.quote_style {
                Some(_) => ident.value.clone(),
                None => ident.value.to_lowercase(),
            }));
            ControlFlow::<()>::Continue(())
        });
    }
    names
}
