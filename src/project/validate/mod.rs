//! Whether what is declared makes sense, as far as that can be said without data and without planning a query.

mod checks;
mod columns;
mod csv;
mod literal;
mod models;
mod names;
mod relations;
mod tables;
mod views;

use super::report::Report;
use super::resolve::Declared;
use super::twin::TwinDecl;
use relations::Relations;

/// Reports everything that is wrong.
pub(super) fn all(twin: Option<&TwinDecl>, declared: &Declared, report: &mut Report) {
    if let Some(twin) = twin {
        names::twin(twin, report);
    }
    names::unique(declared, report);
    let relations = Relations::of(declared);
    for table in &declared.tables {
        tables::validate(table, report);
        columns::validate(table, &relations, report);
        checks::validate(&table.name, &table.decl.checks, &table.origin, &relations, report);
    }
    for view in &declared.views {
        views::validate(view, &relations, report);
        checks::validate(&view.name, &view.decl.checks, &view.origin, &relations, report);
    }
    for model in &declared.models {
        models::validate(model, report);
        checks::validate(&model.name, &model.decl.checks, &model.origin, &relations, report);
    }
}
