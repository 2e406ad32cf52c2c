//! Whether the numbers and texts in a rule fit the type of the column they are about.

use std::cmp::Ordering;

use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::project::source::Literal;

/// What kind of values a type has, as far as rules care.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Number,
    Text,
    Truth,
    Date,
    Timestamp,
    Time,
    Other,
}

impl Kind {
    pub fn of(data_type: &DataType, is_time: bool) -> Kind {
        match data_type {
            _ if is_time => Kind::Time,
            DataType::Boolean => Kind::Truth,
            DataType::Utf8 => Kind::Text,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(..) => Kind::Timestamp,
            number if number.is_numeric() => Kind::Number,
            _ => Kind::Other,
        }
    }

    /// Whether its values have an order that a range can cut.
    pub fn has_order(self) -> bool {
        !matches!(self, Kind::Truth | Kind::Other)
    }

    /// What a literal of this kind looks like, where `literal` is none.
    pub fn misfit(self, literal: &Literal) -> Option<&'static str> {
        let fits = match (self, literal) {
            (Kind::Number, Literal::Int(_)) | (Kind::Truth, Literal::Bool(_)) => true,
            (Kind::Number, Literal::Float(number)) => !number.is_nan(),
            (Kind::Text, Literal::Text(_)) => true,
            (Kind::Date, Literal::Text(text)) => date(text),
            (Kind::Timestamp, Literal::Text(text)) => timestamp(text),
            (Kind::Time, Literal::Text(text)) => time(text),
            _ => false,
        };
        (!fits).then_some(match self {
            Kind::Number => "a number",
            Kind::Text => "a text, in quotes",
            Kind::Truth => "true or false",
            Kind::Date => "a date such as \"2020-01-31\"",
            Kind::Timestamp => "a timestamp such as \"2020-01-31T12:00:00Z\"",
            Kind::Time => "a time such as \"15:04:05\"",
            Kind::Other => "nothing",
        })
    }
}

/// The order of two bounds, where they can be compared. Dates compare as they are written.
pub(super) fn compare(left: &Literal, right: &Literal) -> Option<Ordering> {
    match (left, right) {
        (Literal::Int(left), Literal::Int(right)) => Some(left.cmp(right)),
        (Literal::Text(left), Literal::Text(right)) => Some(left.cmp(right)),
        (left, right) => number(left)?.partial_cmp(&number(right)?),
    }
}

fn number(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Int(number) => Some(*number as f64),
        Literal::Float(number) => Some(*number),
        _ => None,
    }
}

fn date(text: &str) -> bool {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn timestamp(text: &str) -> bool {
    date(text)
        || DateTime::parse_from_rfc3339(text).is_ok()
        || ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
}

fn time(text: &str) -> bool {
    ["%H:%M:%S%.f", "%H:%M"].iter().any(|format| NaiveTime::parse_from_str(text, format).is_ok())
}
