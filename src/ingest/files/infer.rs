//! The types of columns nobody declared.

use std::path::Path;

use arrow::array::{Array, StringArray};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDate, Utc};

use super::read::{FileReader, Layout};
use crate::error::Result;

/// The columns of a file and the types that hold all of its values without loss. Text formats are read from front to back;
/// Parquet and Arrow say so themselves (timestamps without a zone are taken as UTC).
///
/// A text column becomes `bool` (`true`, `false`), `int64`, `float64`, `date` or `timestamp` (ISO 8601) when all its values
/// have that form, and stays text otherwise: also with leading zeros (`007`), a plus sign, spaces alone, more digits than
/// the type keeps, or no value at all. JSON strings count by what they say, as CSV fields do.
///
/// # Errors
/// Those of reading the file; malformed records are skipped.
pub fn infer(path: &Path, layout: &Layout) -> Result<Vec<(String, DataType)>> {
    let mut reader = FileReader::open(path, layout)?;
    let schema = reader.schema();
    let mut found: Vec<Found> = vec![Found::default(); schema.fields().len()];
    let is_text =
        schema.fields().iter().map(|field| field.data_type() == &DataType::Utf8).collect::<Vec<_>>();
    let own_types = reader.has_own_types();
    while !own_types && let Some(block) = reader.next_block()? {
        let chunk = block.parse()?;
        for (at, column) in chunk.rows.columns().iter().enumerate().filter(|(at, _)| is_text[*at]) {
            if let Some(values) = column.as_any().downcast_ref::<StringArray>() {
                found[at].see_all(values, layout);
            }
        }
    }
    let types = schema.fields().iter().zip(found).map(|(field, found)| {
        let data_type = if own_types { in_utc(field.data_type()) } else { found.data_type() };
        (field.name().clone(), data_type)
    });
    Ok(types.collect())
}

fn in_utc(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(unit, None) => DataType::Timestamp(*unit, Some("UTC".into())),
        other => other.clone(),
    }
}

/// What the values of a column so far have in common.
#[derive(Clone, Copy, Default)]
struct Found {
    form: Option<Form>,
    /// An integer that a float64 would not keep.
    has_long_integer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bool,
    Integer,
    Float,
    Date,
    Timestamp,
    Text,
}

impl Found {
    fn see_all(&mut self, values: &StringArray, layout: &Layout) {
        let comma = layout.csv.decimal == ",";
        for value in values.iter().flatten() {
            if self.form == Some(Form::Text) {
                return;
            }
            self.see(value, comma);
        }
    }

    fn see(&mut self, value: &str, decimal_comma: bool) {
        let form = form(value.trim(), decimal_comma);
        self.has_long_integer |= form == Form::Integer && digits(value) > MAX_EXACT_INTEGER_DIGITS;
        self.form = Some(match (self.form, form) {
            (None, form) => form,
            (Some(before), form) if before == form => form,
            (Some(Form::Integer | Form::Float), Form::Integer | Form::Float) => Form::Float,
            (Some(Form::Date | Form::Timestamp), Form::Date | Form::Timestamp) => Form::Timestamp,
            _ => Form::Text,
        });
    }

    fn data_type(self) -> DataType {
        match self.form {
            Some(Form::Bool) => DataType::Boolean,
            Some(Form::Integer) => DataType::Int64,
            Some(Form::Float) if !self.has_long_integer => DataType::Float64,
            Some(Form::Date) => DataType::Date32,
            Some(Form::Timestamp) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Some(Form::Float | Form::Text) | None => DataType::Utf8,
        }
    }
}

/// A float64 keeps every integer of so many digits.
const MAX_EXACT_INTEGER_DIGITS: usize = 15;
/// What a shortest representation of a float64 needs at most.
const MAX_FLOAT_DIGITS: usize = 17;

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn form(text: &str, decimal_comma: bool) -> Form {
    match text.as_bytes() {
        [] => Form::Text,
        [b't' | b'T' | b'f' | b'F', ..]
            if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") =>
        {
            Form::Bool
        }
        [b'0'..=b'9', _, _, _, b'-', _, _, b'-', ..] => date_or_timestamp(text),
        [b'-' | b'.' | b',' | b'0'..=b'9', ..] => number(text, decimal_comma),
        _ => Form::Text,
    }
}

fn number(text: &str, decimal_comma: bool) -> Form {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if let [b'0', b'0'..=b'9', ..] = unsigned.as_bytes() {
        return Form::Text;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let keeps_all = text != "-0" && text.parse::<i64>().is_ok();
        return if keeps_all { Form::Integer } else { Form::Text };
    }
    let pointed = match decimal_comma {
        true if text.contains('.') => return Form::Text,
        true => text.replacen(',', ".", 1),
        false => text.to_owned(),
    };
    let has_float_form =
        pointed.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    let mantissa = pointed.split(['e', 'E']).next().unwrap_or_default();
    if has_float_form
        && digits(mantissa) <= MAX_FLOAT_DIGITS
        && pointed.parse::<f64>().is_ok_and(f64::is_finite)
    {
        Form::Float
    } else {
        Form::Text
    }
}

fn date_or_timestamp(text: &str) -> Form {
    if text.len() == 10 {
        let is_date = NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
        return if is_date { Form::Date } else { Form::Text };
    }
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let beyond_micros = fraction.bytes().take_while(u8::is_ascii_digit).skip(6).any(|digit| digit != b'0');
    // What cannot be read here could not be read when it lands either.
    if !beyond_micros && text.contains(':') && string_to_datetime(&Utc, text).is_ok() {
        Form::Timestamp
    } else {
        Form::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let cases = [
            (Form::Bool, "true False TRUE"),
            (Form::Integer, "0 7 -12 9223372036854775807"),
            (Form::Float, "0.5 -1.25 1e3 .5 123456789.12345678"),
            (Form::Date, "2024-02-29"),
            (Form::Timestamp, "2024-02-29T12:00:00Z 2024-02-29T12:00:00.123456+02:00"),
            (
                Form::Text,
                "007 00.5 +5 9223372036854775808 -0 1e999 2023-02-29 2024-1-1 NaN inf 1.2.3 12a yes 1,5 0x1F - .",
            ),
            (Form::Text, "2024-02-29T12:00:00.123456789Z 0.12345678901234567890"),
        ];
        for (expected, texts) in cases {
            for text in texts.split(' ') {
                assert_eq!(form(text, false), expected, "{text}");
            }
        }
        assert_eq!(form("2024-02-29 12:00:00", false), Form::Timestamp);
        assert_eq!(form("1,5", true), Form::Float);
        assert_eq!(form("1.5", true), Form::Text);
        assert_eq!(form("", false), Form::Text);
    }

    #[test]
    fn a_column_takes_the_type_that_keeps_all_its_values() {
        let of = |values: &[&str]| {
            let mut found = Found::default();
            found.see_all(&StringArray::from(values.to_vec()), &Layout::default());
            found.data_type()
        };
        assert_eq!(of(&["1", "2.5"]), DataType::Float64);
        assert_eq!(of(&["12345678901234567", "2.5"]), DataType::Utf8);
        assert_eq!(of(&["1", "x"]), DataType::Utf8);
        assert_eq!(
            of(&["2024-01-01", "2024-01-01 10:00:00"]),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        );
        assert_eq!(of(&["true", "1"]), DataType::Utf8);
        assert_eq!(of(&[" 5 ", "6"]), DataType::Int64);
        assert_eq!(of(&[]), DataType::Utf8);
    }
}
