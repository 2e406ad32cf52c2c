//! Columns of landed tables: types, where they come from, the rules of the contract.

use std::cmp::Ordering;
use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use super::literal::{Kind, compare};
use super::relations::Relations;
use crate::ids::is_identifier;
use crate::project::relations::Table;
use crate::project::report::Report;
use crate::project::source::{ColumnDecl, Literal};
use crate::project::{Origin, is_time, parse_type, query};

pub(super) fn validate(table: &Table, relations: &Relations<'_>, report: &mut Report) {
    for (name, column) in &table.decl.columns {
        let at = table.origin.at(&format!("columns.{name}"));
        if name.starts_with('_') {
            report
                .error_in_key(
                    "reserved-name",
                    &at,
                    "",
                    format!("{name:?} is a reserved name: columns beginning with _ are ours"),
                )
                .hint(format!(
                    "Rename it: {} = {{ type = \"...\", from = {name:?} }}.",
                    name.trim_start_matches('_')
                ));
        } else if !is_identifier(name) {
            let plain: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            report.error("invalid-name", &at, "", format!("{name:?} is not a valid name of a column")).hint(
                format!("Rename it: {} = {{ type = \"...\", from = {name:?} }}.", plain.to_lowercase()),
            );
        }
        origin_of(column, &at, report);
        if let Some(kind) = kind(name, column, &at, report) {
            format(column, kind, &at, report);
            rules(name, column, kind, &at, report);
        }
        if let Some(target) = &column.references {
            reference(target, &at, relations, report);
        }
    }
}

/// The kind of the column's type, where it has one.
fn kind(name: &str, column: &ColumnDecl, at: &Origin, report: &mut Report) -> Option<Kind> {
    if column.data_type.trim().is_empty() {
        report
            .error("missing-type", at, "type", format!("the column {name:?} has no type"))
            .hint(format!("Write {name} = \"text\", or {name} = {{ type = \"text\", ... }}."));
        return None;
    }
    match parse_type(&column.data_type) {
        Ok(data_type) => Some(Kind::of(&data_type, is_time(&column.data_type))),
        Err(error) => {
            report.refused("unknown-type", at, "type", error);
            None
        }
    }
}

fn origin_of(column: &ColumnDecl, at: &Origin, report: &mut Report) {
    if let Some(sql) = &column.sql {
        if !column.from.is_empty() {
            report
                .error("two-origins", at, "sql", "the column has both \"from\" and \"sql\"")
                .hint("Keep one: \"sql\" may name the raw column itself.");
        }
        if let Err(flaws) = query::expression(sql) {
            report.flaws(at, "sql", flaws);
        }
    }
    if let Some(default) = &column.default {
        match query::expression(default) {
            Ok(expression) if query::is_literal(&expression) => {}
            _ => report
                .error("invalid-default", at, "default", format!("{default:?} is not a SQL literal"))
                .hint("Write a number, true, or a text in single quotes: default = \"'unknown'\"."),
        }
    }
}

fn format(column: &ColumnDecl, kind: Kind, at: &Origin, report: &mut Report) {
    let dated = matches!(kind, Kind::Date | Kind::Timestamp | Kind::Time);
    if let Some(format) = &column.format {
        if !dated {
            report
                .error("useless-setting", at, "format", "\"format\" is for dates, times and timestamps")
                .hint("Leave it out, or give the column another type.");
        } else if let Some((message, hint)) = unreadable(format, kind) {
            report.error("invalid-format", at, "format", message).hint(hint);
        }
    }
    if let Some(timezone) = &column.timezone {
        if kind != Kind::Timestamp {
            report
                .error("useless-setting", at, "timezone", "\"timezone\" is for timestamps")
                .hint("Leave it out, or give the column the type timestamp.");
        } else if !matches!(timezone.as_str(), "UTC" | "Z") && timezone.parse::<FixedOffset>().is_err() {
            report
                .error("invalid-timezone", at, "timezone", format!("{timezone:?} is not an offset from UTC"))
                .hint("Write it as \"+02:00\".");
        }
    }
}

/// Why nothing written this way could be read as a value of this kind.
fn unreadable(format: &str, kind: Kind) -> Option<(String, &'static str)> {
    let manual = "Formats are strftime's: %Y year, %m month, %d day, %H hour, %M minute, %S second.";
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Some((format!("{format:?} is not a date format"), manual));
    }
    // A sample, written and read back: what gets lost on the way cannot be read from a file either.
    let sample = DateTime::from_timestamp(981_173_106, 0).unwrap_or_default();
    let mut text = String::new();
    if write!(text, "{}", sample.format(format)).is_err() {
        return Some((format!("{format:?} is not a date format"), manual));
    }
    let date = NaiveDate::parse_from_str(&text, format).is_ok();
    let instant = NaiveDateTime::parse_from_str(&text, format).is_ok()
        || DateTime::parse_from_str(&text, format).is_ok();
    match kind {
        Kind::Date if !date && !instant => {
            Some((format!("{format:?} does not tell a date"), "A date needs year, month and day: %Y-%m-%d."))
        }
        Kind::Timestamp if !date && !instant => Some((
            format!("{format:?} does not tell a timestamp"),
            "A timestamp needs a date and a time: %Y-%m-%d %H:%M:%S.",
        )),
        Kind::Time if NaiveTime::parse_from_str(&text, format).is_err() => {
            Some((format!("{format:?} does not tell a time"), "A time needs hour and minute: %H:%M."))
        }
        _ => None,
    }
}

fn rules(name: &str, column: &ColumnDecl, kind: Kind, at: &Origin, report: &mut Report) {
    for (key, bound) in [("min", &column.min), ("max", &column.max)] {
        let Some(bound) = bound else { continue };
        if !kind.has_order() {
            report
                .error(
                    "invalid-rule",
                    at,
                    key,
                    format!("a column of type {:?} has no {key}", column.data_type),
                )
                .hint("Ranges are for numbers, texts, dates and times.");
        } else {
            fits(name, key, bound, kind, at, report);
        }
    }
    if let (Some(min), Some(max)) = (&column.min, &column.max)
        && compare(min, max) == Some(Ordering::Greater)
    {
        report
            .error(
                "invalid-rule",
                at,
                "max",
                format!("no value of {name:?} can pass: min is greater than max"),
            )
            .hint("Swap the two.");
    }
    if let Some(pattern) = &column.pattern {
        if kind != Kind::Text {
            report
                .error(
                    "invalid-rule",
                    at,
                    "pattern",
                    format!("a column of type {:?} has no pattern", column.data_type),
                )
                .hint("Patterns are for texts.");
        } else if let Err(error) = regex::Regex::new(pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            report
                .error(
                    "invalid-pattern",
                    at,
                    "pattern",
                    format!("the pattern is not a regular expression: {reason}"),
                )
                .hint("In TOML, write patterns in single quotes, so that a backslash stays one: '^\\d+$'.");
        }
    }
    let keys = report.items(at, "accepted", column.accepted.len());
    for (key, value) in keys.iter().zip(&column.accepted) {
        fits(name, key, value, kind, at, report);
    }
}

fn fits(name: &str, key: &str, literal: &Literal, kind: Kind, at: &Origin, report: &mut Report) {
    if let Some(wanted) = kind.misfit(literal) {
        let message = format!("{:?} of {name:?} does not fit its type", key.split('.').next().unwrap_or(key));
        report.error("invalid-rule", at, key, message).hint(format!("It must be {wanted}."));
    }
}

fn reference(target: &str, at: &Origin, relations: &Relations<'_>, report: &mut Report) {
    let Some((relation, column)) = target.rsplit_once('.').filter(|(relation, _)| relation.contains('.'))
    else {
        report
            .error(
                "unknown-relation",
                at,
                "references",
                format!("{target:?} does not name a column of a relation"),
            )
            .hint("Write schema.table.column, such as erp.orders.order_id.");
        return;
    };
    if let Some(name) = relations.find(relation, at, "references", report) {
        relations.expect_column(&name, column, at, "references", report);
    }
}
