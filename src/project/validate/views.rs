//! The front matter of views.

use super::relations::Relations;
use crate::project::relations::View;
use crate::project::report::Report;

pub(super) fn validate(view: &View, relations: &Relations<'_>, report: &mut Report) {
    let (decl, origin) = (&view.decl, &view.origin);
    let keys = report.items(origin, "grain", decl.grain.len());
    for (position, (key, column)) in keys.iter().zip(&decl.grain).enumerate() {
        relations.expect_column(&view.name, column, origin, key, report);
        if decl.grain[..position].contains(column) {
            report
                .error("duplicate-name", origin, key, format!("the grain names {column:?} twice"))
                .hint("Leave one of them out.");
        }
    }
    for column in decl.columns.keys() {
        relations.expect_column(&view.name, column, origin, &format!("columns.{column}"), report);
    }
    if let Some(edge) = &decl.edge {
        for (key, end) in [("edge.from", &edge.from), ("edge.to", &edge.to)] {
            match end.split_once(':') {
                Some((kind, column)) if !kind.is_empty() && !column.is_empty() => {
                    relations.expect_column(&view.name, column, origin, key, report);
                }
                _ => report
                    .error("invalid-edge", origin, key, format!("{end:?} does not name an end of an edge"))
                    .hint("Write kind:column, such as \"supplier:supplier_id\"."),
            }
        }
    }
}
