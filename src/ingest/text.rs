//! Texts into typed values. A text that is no value of the type becomes null here; the caller compares nulls before and after.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::json::ReaderBuilder;
use arrow::util::display::FormatOptions;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::error::Result;
use crate::ingest::quick::{self, Read};
use crate::lake::columns::instant_type;

/// How one column's texts are written.
#[derive(Clone, Debug, Default)]
pub struct TextFormat {
    /// chrono's pattern for dates and timestamps; ISO 8601 unless given.
    pub pattern: Option<String>,
    /// The offset of timestamps that name none.
    pub timezone: Option<String>,
    /// Whether the decimal separator is a comma.
    pub decimal_comma: bool,
    /// Whether the values are times of day, which land as text.
    pub is_time: bool,
}

/// Without spaces around, and with the texts in `nulls` (and the empty one, if so asked) made null.
pub fn clean(texts: &StringArray, trim: bool, nulls: &[String], empty_is_null: bool) -> StringArray {
    let untouched =
        |text: &str| (!trim || !begins_or_ends_with_space(text)) && (!empty_is_null || !text.is_empty());
    if nulls.is_empty() && texts.iter().flatten().all(untouched) {
        return texts.clone();
    }
    let mut cleaned = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    for text in texts {
        let text = if trim { text.map(str::trim) } else { text };
        match text {
            Some(text) if (empty_is_null && text.is_empty()) || nulls.iter().any(|null| null == text) => {
                cleaned.append_null();
            }
            other => cleaned.append_option(other),
        }
    }
    cleaned.finish()
}

/// Asked of every text of every column: the first and the last byte answer for nearly all.
#[inline]
fn begins_or_ends_with_space(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    !(plain(bytes.first()) && plain(bytes.last())) && text.trim().len() != text.len()
}

/// Texts as values of `data_type`; null where they are none.
///
/// # Errors
/// Only when there is no way at all from text to the type.
pub fn parse(texts: &StringArray, data_type: &DataType, format: &TextFormat) -> Result<ArrayRef> {
    match data_type {
        DataType::Utf8 if format.is_time => Ok(Arc::new(times(texts, format))),
        DataType::Utf8 => Ok(Arc::new(texts.clone())),
        DataType::Boolean => Ok(Arc::new(booleans(texts))),
        DataType::Date32 if format.pattern.is_some() => Ok(Arc::new(dates(texts, format))),
        DataType::Timestamp(_, _) => timestamps(texts, format),
        DataType::List(_) | DataType::Struct(_) => nested(texts, data_type),
        DataType::Binary => {
            let values = arrow::array::BinaryArray::from_iter(texts.iter().map(|t| t.map(str::as_bytes)));
            Ok(Arc::new(values))
        }
        _ if format.decimal_comma && is_fractional(data_type) => {
            let plain: StringArray = texts.iter().map(|t| pointed(t?)).collect();
            parse(&plain, data_type, &TextFormat::default())
        }
        _ => match quick::read(texts, data_type) {
            Some(Read::All(values)) => Ok(values),
            Some(Read::But(odd)) => odd.with(|odd| thoroughly(odd, data_type)),
            None => cast(texts, data_type),
        },
    }
}

/// Texts that are not plain numbers or dates, in whatever way Arrow knows.
fn thoroughly(texts: &StringArray, data_type: &DataType) -> Result<ArrayRef> {
    let DataType::Decimal128(_, scale) = data_type else { return cast(texts, data_type) };
    // A digit too many is not rounded away: the text is not a value of the type.
    let scale = usize::try_from(*scale).unwrap_or(0);
    let kept: StringArray = texts.iter().map(|t| t.filter(|text| decimals(text) <= scale)).collect();
    cast(&kept, data_type)
}

/// By Arrow alone.
pub(super) fn cast(texts: &StringArray, data_type: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, format_options: FormatOptions::default() };
    Ok(cast_with_options(texts, data_type, &options)?)
}

/// `1.234,56` as `1234.56`: points group digits by three, the comma separates. None where points are anywhere else.
fn pointed(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default().trim_start_matches(['-', '+']);
    let grouped = groups.clone().next().is_some();
    let sound = groups.all(|group| group.len() == 3) && (!grouped || (1..=3).contains(&first.len()));
    let sound = sound && fraction.is_none_or(|fraction| !fraction.contains(['.', ',']));
    let whole = sound.then(|| whole.replace('.', ""))?;
    Some(fraction.map_or(whole.clone(), |fraction| format!("{whole}.{fraction}")))
}

/// Digits after the point, without the zeros at the end. Exponents are not values of a decimal type.
fn decimals(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, digits)| digits.trim_end().trim_end_matches('0').len())
}

fn is_fractional(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, _))
}

fn booleans(texts: &StringArray) -> BooleanArray {
    texts
        .iter()
        .map(|text| match text?.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        })
        .collect()
}

fn dates(texts: &StringArray, format: &TextFormat) -> Date32Array {
    let pattern = format.pattern.as_deref().unwrap_or("%Y-%m-%d");
    texts
        .iter()
        .map(|text| {
            let text = text?;
            let date = NaiveDate::parse_from_str(text, pattern)
                .ok()
                .or_else(|| NaiveDateTime::parse_from_str(text, pattern).ok().map(|at| at.date()))?;
            i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
        })
        .collect()
}

/// Times of day as `15:04:05`, with a fraction where there is one.
fn times(texts: &StringArray, format: &TextFormat) -> StringArray {
    let patterns =
        format.pattern.as_deref().map_or_else(|| vec!["%H:%M:%S%.f", "%H:%M"], |pattern| vec![pattern]);
    let read = |text: &str| patterns.iter().find_map(|pattern| NaiveTime::parse_from_str(text, pattern).ok());
    texts.iter().map(|text| read(text?).map(|time| time.format("%H:%M:%S%.f").to_string())).collect()
}

fn timestamps(texts: &StringArray, format: &TextFormat) -> Result<ArrayRef> {
    let offset = format.timezone.clone().unwrap_or_else(|| "+00:00".into());
    let Some(pattern) = &format.pattern else {
        let local = cast(texts, &DataType::Timestamp(TimeUnit::Microsecond, Some(offset.into())))?;
        return Ok(cast_with_options(&local, &instant_type(), &CastOptions::default())?);
    };
    let shift = offset
        .parse::<chrono::FixedOffset>()
        .map_or(0, |offset| i64::from(offset.local_minus_utc()) * 1_000_000);
    let values: TimestampMicrosecondArray = texts
        .iter()
        .map(|text| {
            let text = text?;
            if let Ok(zoned) = chrono::DateTime::parse_from_str(text, pattern) {
                return Some(zoned.timestamp_micros());
            }
            let naive = NaiveDateTime::parse_from_str(text, pattern).ok().or_else(|| {
                NaiveDate::parse_from_str(text, pattern).ok().map(|d| d.and_time(NaiveTime::MIN))
            })?;
            Some(naive.and_utc().timestamp_micros() - shift)
        })
        .collect();
    Ok(Arc::new(values.with_timezone("UTC")))
}

/// JSON texts as lists and structs.
fn nested(texts: &StringArray, data_type: &DataType) -> Result<ArrayRef> {
    let schema = Arc::new(Schema::new(vec![Field::new("v", data_type.clone(), true)]));
    let decode = |texts: &[Option<&str>]| -> Option<ArrayRef> {
        let mut lines = Vec::new();
        for text in texts {
            let text = text.unwrap_or("null");
            // One document a line: a line break inside is white space between tokens.
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            lines.extend_from_slice(b"{\"v\":");
            lines.extend(text.bytes().map(|b| if b == b'\n' || b == b'\r' { b' ' } else { b }));
            lines.extend_from_slice(b"}\n");
        }
        let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
            .with_batch_size(texts.len().max(1))
            .build_decoder()
            .ok()?;
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let read = decoder.decode(rest).ok()?;
            if read == 0 {
                break;
            }
            rest = &rest[read..];
        }
        let batch = decoder.flush().ok()??;
        (batch.num_rows() == texts.len()).then(|| Arc::clone(batch.column(0)))
    };
    let all: Vec<Option<&str>> = texts.iter().collect();
    if all.is_empty() {
        return Ok(arrow::array::new_empty_array(data_type));
    }
    if let Some(array) = decode(&all) {
        return Ok(array);
    }
    // Some row is wrong: find out which, one by one.
    let rows: Vec<ArrayRef> = all
        .iter()
        .map(|text| decode(&[*text]).unwrap_or_else(|| arrow::array::new_null_array(data_type, 1)))
        .collect();
    let rows: Vec<&dyn Array> = rows.iter().map(|row| row.as_ref()).collect();
    Ok(arrow::compute::concat(&rows)?)
}

/// A text column as plain UTF-8, whatever form the file gave it.
pub fn as_text(array: &ArrayRef) -> Result<StringArray> {
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        _ => {
            Ok(cast_with_options(array, &DataType::Utf8, &CastOptions::default())?.as_string::<i32>().clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Decimal128Type;

    use super::*;

    #[test]
    fn a_digit_too_many_is_not_rounded_away_whatever_separates_them() {
        for (texts, decimal_comma) in [(["1234.50", "2.555"], false), (["1.234,50", "2,555"], true)] {
            let texts = StringArray::from(texts.to_vec());
            let format = TextFormat { decimal_comma, ..TextFormat::default() };
            let values = parse(&texts, &DataType::Decimal128(12, 2), &format).unwrap();
            let values: Vec<Option<i128>> = values.as_primitive::<Decimal128Type>().iter().collect();
            assert_eq!(values, [Some(123_450), None]);
        }
    }
}
