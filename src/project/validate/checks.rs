//! Checks: exactly one kind each, over columns that are there.

use std::cmp::Ordering;

use super::literal::compare;
use super::relations::Relations;
use crate::ids::RelationName;
use crate::project::Origin;
use crate::project::check::CheckDecl;
use crate::project::query::{self, Use};
use crate::project::report::Report;

pub(super) fn validate(
    of: &RelationName,
    checks: &[CheckDecl],
    origin: &Origin,
    relations: &Relations<'_>,
    report: &mut Report,
) {
    let keys = report.items(origin, "checks", checks.len());
    for (key, check) in keys.iter().zip(checks) {
        let at = origin.at(key);
        if !one_kind(check, &at, report) {
            continue;
        }
        useless(check, &at, report);
        for (key, columns) in [("unique", &check.unique), ("not_null", &check.not_null)] {
            let Some(columns) = columns else { continue };
            some(columns, &at, key, report);
            every(of, columns, &at, key, relations, report);
        }
        if let Some(accepted) = &check.accepted {
            some(accepted, &at, "accepted", report);
            one_column(of, check, "accepted", &at, relations, report);
        }
        if let Some(range) = &check.range {
            match (&range.min, &range.max) {
                (None, None) => report
                    .error("invalid-check", &at, "range", "the range has neither \"min\" nor \"max\"")
                    .hint("Write range = { min = 0 }."),
                (Some(min), Some(max)) if compare(min, max) == Some(Ordering::Greater) => report
                    .error("invalid-check", &at, "range.max", "no value can pass: min is greater than max")
                    .hint("Swap the two."),
                (Some(min), Some(max)) if compare(min, max).is_none() => report
                    .error("invalid-check", &at, "range.max", "\"min\" and \"max\" are of different types")
                    .hint("Both are numbers, or both are texts."),
                _ => {}
            }
            one_column(of, check, "range", &at, relations, report);
        }
        if let Some(target) = &check.references {
            reference(of, check, target, &at, relations, report);
        }
        if let Some(sql) = &check.sql
            && let Err(flaws) = query::query(sql, Use::Check)
        {
            report.flaws(&at, "sql", flaws);
        }
    }
}

fn one_kind(check: &CheckDecl, at: &Origin, report: &mut Report) -> bool {
    let kinds = [
        ("unique", check.unique.is_some()),
        ("not_null", check.not_null.is_some()),
        ("accepted", check.accepted.is_some()),
        ("range", check.range.is_some()),
        ("references", check.references.is_some()),
        ("sql", check.sql.is_some()),
    ];
    // A kind that is written wrongly is there all the same.
    let given =
        |(key, is_some): &(&'static str, bool)| (*is_some || report.files.has(at, key)).then_some(*key);
    let given: Vec<&str> = kinds.iter().filter_map(given).collect();
    match given.as_slice() {
        [_] => true,
        [] => {
            report
                .error("invalid-check", at, "", "the check checks nothing")
                .hint("Give one of unique, not_null, accepted, range, references and sql.");
            false
        }
        [first, second, ..] => {
            report
                .error("invalid-check", at, second, format!("the check has both {first:?} and {second:?}"))
                .hint("Make a check of each, so that each is reported on its own.");
            false
        }
    }
}

fn useless(check: &CheckDecl, at: &Origin, report: &mut Report) {
    if check.column.is_some() && check.accepted.is_none() && check.range.is_none() {
        report
            .error("useless-setting", at, "column", "\"column\" belongs to \"accepted\" and \"range\"")
            .hint("Leave it out.");
    }
    for (key, columns) in [("via", &check.via), ("to", &check.to)] {
        if !columns.is_empty() && check.references.is_none() {
            report
                .error("useless-setting", at, key, format!("{key:?} belongs to \"references\""))
                .hint("Leave it out.");
        }
    }
}

fn some<T>(list: &[T], at: &Origin, key: &str, report: &mut Report) {
    if list.is_empty() {
        report.error("invalid-check", at, key, format!("{key:?} is empty")).hint("Name at least one.");
    }
}

fn every(
    of: &RelationName,
    columns: &[String],
    at: &Origin,
    key: &str,
    relations: &Relations<'_>,
    report: &mut Report,
) {
    let keys = report.items(at, key, columns.len());
    for (key, column) in keys.iter().zip(columns) {
        relations.expect_column(of, column, at, key, report);
    }
}

fn one_column(
    of: &RelationName,
    check: &CheckDecl,
    kind: &str,
    at: &Origin,
    relations: &Relations<'_>,
    report: &mut Report,
) {
    match &check.column {
        Some(column) => relations.expect_column(of, column, at, "column", report),
        None => report
            .error("invalid-check", at, "column", format!("{kind:?} does not say which column"))
            .hint("Add column = \"...\"."),
    }
}

fn reference(
    of: &RelationName,
    check: &CheckDecl,
    target: &str,
    at: &Origin,
    relations: &Relations<'_>,
    report: &mut Report,
) {
    if check.via.is_empty() {
        report
            .error("invalid-check", at, "via", "\"references\" does not say which columns refer")
            .hint("Add via = [\"...\"], the columns here.");
    }
    if !check.to.is_empty() && check.to.len() != check.via.len() {
        let message = format!("\"to\" names {} columns, \"via\" names {}", check.to.len(), check.via.len());
        report.error("invalid-check", at, "to", message).hint("Name them in pairs, in the same order.");
    }
    every(of, &check.via, at, "via", relations, report);
    if let Some(name) = relations.find(target, at, "references", report) {
        match check.to.is_empty() {
            true => every(&name, &check.via, at, "via", relations, report),
            false => every(&name, &check.to, at, "to", relations, report),
        }
    }
}
