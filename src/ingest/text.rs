//! Texts into typed values. A text that is no value of the type becomes null here; the caller compares nulls before and after.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, BooleanBufferBuilder, Date32Array,
    PrimitiveArray, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, Schema, TimeUnit};
use arrow::json::ReaderBuilder;
use arrow::util::display::FormatOptions;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::error::Result;
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
        DataType::Decimal128(_, scale) => decimal(texts, data_type, usize::try_from(*scale).unwrap_or(0)),
        DataType::Date32 => iso_dates(texts),
        _ => cast(texts, data_type),
    }
}

fn cast(texts: &StringArray, data_type: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, format_options: FormatOptions::default() };
    Ok(cast_with_options(texts, data_type, &options)?)
}

/// Plain digits are read here, which is many times faster; Arrow reads whatever else there may be.
fn decimal(texts: &StringArray, data_type: &DataType, scale: usize) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, _) = data_type else { return cast(texts, data_type) };
    let limit = 10i128.pow(u32::from(*precision).min(38));
    let quick = |text: &[u8]| match plain_decimal(text, scale) {
        Plain::Value(value) if i128::from(value).abs() < limit => Quick::Value(i128::from(value)),
        // A digit too many is not rounded away: the text is not a value of the type.
        Plain::Value(_) | Plain::TooFine => Quick::Null,
        Plain::No => Quick::Unknown,
    };
    let thorough = |odd: &StringArray| {
        let kept: StringArray = odd.iter().map(|t| t.filter(|text| decimals(text) <= scale)).collect();
        cast(&kept, data_type)
    };
    Ok(Arc::new(read::<Decimal128Type>(texts, quick, thorough)?.with_data_type(data_type.clone())))
}

/// `2024-02-29` is read here, all other forms by Arrow.
fn iso_dates(texts: &StringArray) -> Result<ArrayRef> {
    let quick = |text: &[u8]| iso_date(text).map_or(Quick::Unknown, Quick::Value);
    Ok(Arc::new(read::<Date32Type>(texts, quick, |odd| cast(odd, &DataType::Date32))?))
}

/// What the quick way makes of a text.
enum Quick<T> {
    Value(T),
    Null,
    /// The thorough way may know.
    Unknown,
}

/// Texts as values: one by one the quick way, and those it does not know together the thorough one.
fn read<T: ArrowPrimitiveType>(
    texts: &StringArray,
    quick: impl Fn(&[u8]) -> Quick<T::Native>,
    thorough: impl FnOnce(&StringArray) -> Result<ArrayRef>,
) -> Result<PrimitiveArray<T>> {
    let mut values = Vec::with_capacity(texts.len());
    let mut nulls: Vec<usize> = Vec::new();
    let mut unknown: Vec<usize> = Vec::new();
    let bytes = texts.value_data();
    for (row, ends) in texts.value_offsets().windows(2).enumerate() {
        values.push(match quick(&bytes[ends[0] as usize..ends[1] as usize]) {
            Quick::Value(value) => value,
            _ if texts.is_null(row) => T::Native::default(),
            Quick::Null => {
                nulls.push(row);
                T::Native::default()
            }
            Quick::Unknown => {
                unknown.push(row);
                T::Native::default()
            }
        });
    }
    if !unknown.is_empty() {
        let odd: StringArray = unknown.iter().map(|row| Some(texts.value(*row))).collect();
        let found = thorough(&odd)?;
        for (row, value) in unknown.into_iter().zip(found.as_primitive::<T>()) {
            match value {
                Some(value) => values[row] = value,
                None => nulls.push(row),
            }
        }
    }
    let valid = match nulls.is_empty() {
        true => texts.nulls().cloned(),
        false => {
            let mut valid = BooleanBufferBuilder::new(texts.len());
            valid.append_n(texts.len(), true);
            nulls.into_iter().for_each(|row| valid.set_bit(row, false));
            NullBuffer::union(texts.nulls(), Some(&NullBuffer::new(valid.finish())))
        }
    };
    Ok(PrimitiveArray::new(values.into(), valid))
}

enum Plain {
    Value(i64),
    TooFine,
    No,
}

/// Digits, with a sign before and a point between, if at all; as a number of units of 10^-scale.
fn plain_decimal(text: &[u8], scale: usize) -> Plain {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    // So many digits and zeros fit an i64 without a check each.
    if digits.len() + scale > 18 {
        return Plain::No;
    }
    let mut value = 0i64;
    let mut after_point = None;
    for byte in digits {
        match (byte, &mut after_point) {
            (b'0'..=b'9', None) => value = value * 10 + i64::from(byte - b'0'),
            (b'0'..=b'9', Some(places)) if *places < scale => {
                *places += 1;
                value = value * 10 + i64::from(byte - b'0');
            }
            (b'0', Some(_)) => {}
            (b'1'..=b'9', Some(_)) => return if is_plain(digits) { Plain::TooFine } else { Plain::No },
            (b'.', None) => after_point = Some(0),
            _ => return Plain::No,
        }
    }
    if !digits.first().is_some_and(u8::is_ascii_digit) || digits.last() == Some(&b'.') {
        return Plain::No;
    }
    for _ in after_point.unwrap_or(0)..scale {
        value *= 10;
    }
    Plain::Value(if negative { -value } else { value })
}

fn is_plain(digits: &[u8]) -> bool {
    digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && digits.iter().filter(|byte| **byte == b'.').count() == 1
        && digits.first() != Some(&b'.')
}

/// The days since 1970-01-01 of a date of the form `2024-02-29`; none for any other text, and for no day of the calendar.
fn iso_date(text: &[u8]) -> Option<i32> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let digits = [y0, y1, y2, y3, m0, m1, d0, d1].map(|byte| byte.wrapping_sub(b'0'));
    if digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let [y0, y1, y2, y3, m0, m1, d0, d1] = digits.map(u32::from);
    let (year, month, day) = (y0 * 1000 + y1 * 100 + y2 * 10 + y3, m0 * 10 + m1, d0 * 10 + d1);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > last {
        return None;
    }
    // Years begin in March here, so that the leap day is the last (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, month) = (year.div_euclid(400), i64::from((month + 9) % 12));
    let year = year.rem_euclid(400);
    let days =
        era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + i64::from(day) - 1;
    i32::try_from(days - 719_468).ok()
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

    #[test]
    fn the_quick_way_reads_decimals_as_arrow_does() {
        let texts = [
            "0",
            "-0",
            "7",
            "+7",
            "-7.5",
            "7.50",
            "007.5",
            "12.3",
            "123456789.12",
            "99999999.99",
            "100000000.00",
            "7.",
            ".5",
            "-.5",
            "-",
            "+",
            "",
            ".",
            "1.2.3",
            "1e3",
            "1.5e1",
            "--1",
            "1-",
            " 1",
            "x",
            "1.x",
            "0.500",
            "12345678901234567890",
            "0.000000000000000000000",
            "1_0",
            "٣",
        ];
        let texts = StringArray::from(texts.to_vec());
        let data_type = DataType::Decimal128(10, 2);
        let quick = parse(&texts, &data_type, &TextFormat::default()).unwrap();
        assert_eq!(&quick, &cast(&texts, &data_type).unwrap());
        let too_fine = StringArray::from(vec!["1.555", "-1.001", "1.5551", "0.001x", "1.001.1"]);
        assert_eq!(parse(&too_fine, &data_type, &TextFormat::default()).unwrap().null_count(), 5);
    }

    #[test]
    fn the_quick_way_reads_dates_as_arrow_does() {
        let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let mut texts: Vec<String> =
            first.iter_days().step_by(17).take(200_000).map(|d| d.to_string()).collect();
        for odd in [
            "2023-02-29",
            "2024-02-29",
            "1900-02-29",
            "2000-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "2024-1-1",
            "20240101",
            "2024-01-01T10:00:00",
            "2024/01/01",
            "0000-01-01",
            "9999-12-31",
            "",
            "x",
            "202a-01-01",
        ] {
            texts.push(odd.into());
        }
        let texts = StringArray::from(texts);
        let quick = parse(&texts, &DataType::Date32, &TextFormat::default()).unwrap();
        assert_eq!(&quick, &cast(&texts, &DataType::Date32).unwrap());
    }
}
