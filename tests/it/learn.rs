//! Forecasts over whole tables: shapes, promises, bad input. Accuracy and recommendations have files of their own.

// Clippy spares tests, but not the helpers they share.
#![allow(clippy::unwrap_used)]

mod accuracy;
mod node;
mod orders;
mod real;
mod service;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type};
use chrono::{Months, NaiveDate};
use twinlake::error::ErrorKind;
use twinlake::learn::{Forecasts, forecast};
use twinlake::project::ForecastDecl;
use twinlake::project::model::{Fill, Frequency};

fn decl(horizon: usize) -> ForecastDecl {
    let least = "sql = ''\nseries = ['id']\ntime = 'day'\nvalue = 'amount'\nfrequency = 'month'\nhorizon = 1";
    ForecastDecl { horizon, ..toml::from_str(least).unwrap() }
}

fn date(text: &str) -> i32 {
    days(text.parse().unwrap())
}

fn days(date: NaiveDate) -> i32 {
    date.signed_duration_since(NaiveDate::default()).num_days() as i32
}

/// The day `months` after January 2015.
fn month(months: usize) -> i32 {
    days(NaiveDate::from_ymd_opt(2015, 1, 1).unwrap() + Months::new(months as u32))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn rows(rows: &[(&str, i32, Option<f64>)]) -> RecordBatch {
    batch(vec![
        ("id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("day", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("amount", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2)))),
    ])
}

/// Monthly series that end together, the last value in December 2019 or later.
fn monthly(series: &[(&str, Vec<f64>)]) -> RecordBatch {
    let longest = series.iter().map(|(_, values)| values.len()).max().unwrap();
    let mut all = Vec::new();
    for (id, values) in series {
        let skip = longest - values.len();
        all.extend(values.iter().enumerate().map(|(t, value)| (*id, month(skip + t), Some(*value))));
    }
    rows(&all)
}

/// A trend, a season and repeatable noise.
fn seasonal(length: usize, size: f64, seed: usize) -> Vec<f64> {
    let value = |t: usize| {
        let noise = ((t * 7919 + seed * 104_729) % 1000) as f64 / 1000.0 - 0.5;
        size * (10.0 + 0.05 * t as f64 + [0.0, 1.0, 3.0, 5.0, 2.0, -1.0][t % 12 / 2] + noise)
    };
    (0..length).map(value).collect()
}

fn floats<'a>(batch: &'a RecordBatch, name: &str) -> &'a Float64Array {
    batch.column_by_name(name).unwrap().as_primitive::<Float64Type>()
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<&'a str> {
    batch.column_by_name(name).unwrap().as_string::<i32>().iter().map(|text| text.unwrap()).collect()
}

fn starts(batch: &RecordBatch) -> Vec<String> {
    let column = batch.column_by_name("period_start").unwrap().as_primitive::<Date32Type>();
    (0..column.len()).map(|row| column.value_as_date(row).unwrap().to_string()).collect()
}

fn model_of(found: &Forecasts, id: &str) -> String {
    let row = texts(&found.predictions, "id").iter().position(|found| *found == id).unwrap();
    texts(&found.predictions, "model")[row].to_string()
}

fn assert_ordered(found: &Forecasts) {
    let bounds = ["lo95", "lo80", "mean", "hi80", "hi95"].map(|name| floats(&found.predictions, name));
    for row in 0..found.predictions.num_rows() {
        let known: Vec<f64> =
            bounds.iter().filter(|bound| bound.is_valid(row)).map(|bound| bound.value(row)).collect();
        assert!(known.iter().all(|value| value.is_finite()), "row {row}: {known:?}");
        assert!(known.is_sorted(), "row {row}: {known:?}");
    }
}

#[test]
fn one_row_per_series_and_step_in_order() {
    let history = monthly(&[("b", seasonal(60, 1.0, 1)), ("a", seasonal(60, 100.0, 2))]);
    let found = forecast(&[history], &decl(4), 0).unwrap();
    assert_eq!(texts(&found.predictions, "id"), ["a", "a", "a", "a", "b", "b", "b", "b"]);
    assert_eq!(starts(&found.predictions)[..4], ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]);
    let steps = found.predictions.column_by_name("step").unwrap().as_primitive::<Int32Type>();
    assert_eq!(steps.values()[..5], [1, 2, 3, 4, 1]);
    let names: Vec<_> =
        found.predictions.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected =
        ["id", "period_start", "step", "mean", "lo80", "hi80", "lo95", "hi95", "model", "members", "drivers"];
    assert_eq!(names, expected);
    assert_ordered(&found);

    for id in ["id=a", "id=b", "*"] {
        let rows: Vec<_> = found.metrics.iter().filter(|row| row.series == id).collect();
        assert!(
            rows.iter().any(|row| row.chosen) && rows.iter().any(|row| row.candidate == "seasonal_naive")
        );
        assert!(rows.iter().all(|row| row.mase.is_none_or(|mase| mase > 0.0)), "{rows:?}");
        assert!(rows.iter().all(|row| row.coverage95.is_none_or(|share| share <= 1.0)), "{rows:?}");
    }
    let last = found.metrics.last().unwrap();
    assert_eq!((last.series.as_str(), last.candidate.as_str()), ("*", "published"));
    assert_eq!((last.windows, last.chosen), (Some(6), true));
}

/// A trend is what the seasonal naive cannot follow.
#[test]
fn the_elastic_net_wins_where_there_is_a_trend() {
    let series: Vec<(String, Vec<f64>)> =
        (0..20).map(|i| (format!("s{i:02}"), seasonal(72, 10f64.powi(i % 5), i as usize))).collect();
    let series: Vec<(&str, Vec<f64>)> =
        series.iter().map(|(id, values)| (id.as_str(), values.clone())).collect();
    let candidates = vec!["elastic_net".into(), "seasonal_naive".into()];
    let found = forecast(&[monthly(&series)], &ForecastDecl { candidates, ..decl(6) }, 0).unwrap();
    assert!(texts(&found.predictions, "model").iter().filter(|model| **model == "elastic_net").count() > 60);
    let mase = |candidate: &str| {
        let mut all = found.metrics.iter().filter(|row| row.series == "*");
        all.find(|row| row.candidate == candidate).unwrap().mase.unwrap()
    };
    let (ours, naive) = (mase("elastic_net"), mase("seasonal_naive"));
    assert!(ours < 0.7 * naive, "{ours} {naive}");
    // the truth without noise, 72..78
    let truth = seasonal(78, 1.0, 0);
    for step in 0..6 {
        let mean = floats(&found.predictions, "mean").value(step);
        assert!((mean - truth[72 + step]).abs() < 1.2, "step {step}: {mean} {}", truth[72 + step]);
    }
}

/// The same rows in another order, in one batch or many, give the same bits.
#[test]
fn the_order_of_rows_and_batches_changes_nothing() {
    let mut all = Vec::new();
    for (id, seed) in [("a", 1), ("b", 2), ("c", 3)] {
        for (t, value) in seasonal(60, 0.1, seed).into_iter().enumerate() {
            // several rows a period, whose sum depends on the order of adding
            all.extend([0.1, 0.7, 1e9, -1e9, 0.3].map(|part| (id, month(t) + 3, Some(part * value))));
        }
    }
    let expected = forecast(&[rows(&all)], &decl(5), 7).unwrap();
    let count = all.len();
    for stride in [7, 11, 23] {
        assert_ne!(count % stride, 0);
        let shuffled: Vec<_> = (0..count).map(|i| all[i * stride % count]).collect();
        let batches: Vec<RecordBatch> = shuffled.chunks(stride * 10).map(rows).collect();
        let found = forecast(&batches, &decl(5), 7).unwrap();
        assert_eq!(found.predictions, expected.predictions);
        assert_eq!(found.metrics, expected.metrics);
    }
}

#[test]
fn short_new_constant_and_empty_series_have_sound_forecasts() {
    let mut history = monthly(&[
        ("constant", vec![5.0; 60]),
        ("normal", seasonal(60, 3.0, 1)),
        ("one", vec![7.0]),
        ("season", seasonal(14, 1.0, 4)),
        ("short", vec![1.0, 2.0, 4.0]),
        ("zero", vec![0.0; 60]),
    ]);
    let empty = rows(&[("empty", month(3), None)]);
    history = concat_batches(&history.schema(), &[history.clone(), empty]).unwrap();
    let found = forecast(&[history], &decl(3), 0).unwrap();
    assert_ordered(&found);
    for (id, model) in [
        ("constant", "seasonal_naive"),
        ("empty", "none"),
        ("one", "naive"),
        ("season", "seasonal_naive"),
        ("short", "naive"),
        ("zero", "seasonal_naive"),
    ] {
        assert_eq!(model_of(&found, id), model, "{id}");
    }
    let of = |id: &str, name: &str| -> Vec<Option<f64>> {
        let ids = texts(&found.predictions, "id");
        floats(&found.predictions, name)
            .iter()
            .zip(ids)
            .filter(|(_, of)| *of == id)
            .map(|(value, _)| value)
            .collect()
    };
    assert_eq!(of("constant", "mean"), [Some(5.0); 3]);
    assert_eq!(of("constant", "hi95"), [Some(5.0); 3]);
    assert_eq!(of("zero", "lo95"), [Some(0.0); 3]);
    assert_eq!(of("one", "mean"), [Some(7.0); 3]);
    assert_eq!(of("short", "mean"), [Some(4.0); 3]);
    assert_eq!(of("empty", "mean"), [None; 3]);
    assert_eq!(of("empty", "hi80"), [None; 3]);
    let widths: Vec<f64> = of("short", "hi80").iter().map(|high| high.unwrap() - 4.0).collect();
    assert!(widths[0] > 0.5 && widths.is_sorted(), "{widths:?}");
    assert!(of("one", "hi80")[0].unwrap() > 7.0, "one observation borrows the variation of the others");
}

#[test]
fn one_observation_alone_has_no_bounds() {
    let found = forecast(&[rows(&[("a", month(0), Some(3.0))])], &decl(2), 0).unwrap();
    assert_eq!(floats(&found.predictions, "mean").values(), &[3.0, 3.0]);
    assert_eq!(floats(&found.predictions, "lo80").null_count(), 2);
}

#[test]
fn gaps_are_zero_or_the_value_before() {
    let history =
        || rows(&[("a", month(0), Some(4.0)), ("a", month(3), Some(6.0)), ("b", month(0), Some(2.0))]);
    let last = |fill| {
        let decl = ForecastDecl { fill, season: Some(2), ..decl(2) };
        floats(&forecast(&[history()], &decl, 0).unwrap().predictions, "mean").values().to_vec()
    };
    assert_eq!(last(Fill::Zero), [0.0, 6.0, 0.0, 0.0]);
    assert_eq!(last(Fill::Previous), [4.0, 6.0, 2.0, 2.0]);
}

#[test]
fn the_last_period_can_be_left_out_and_duplicates_are_summed() {
    let history = rows(&[
        ("a", date("2024-01-31"), Some(4.0)),
        ("a", date("2024-01-01"), Some(1.0)),
        ("a", date("2024-02-02"), Some(1.0)),
        ("b", date("2024-01-09"), Some(2.0)),
    ]);
    let found = forecast(&[history], &ForecastDecl { drop_last: true, ..decl(1) }, 0).unwrap();
    assert_eq!(floats(&found.predictions, "mean").values(), &[5.0, 2.0]);
    assert_eq!(starts(&found.predictions), ["2024-02-01", "2024-02-01"]);
}

#[test]
fn nothing_falls_below_zero_where_that_makes_no_sense() {
    let falling: Vec<f64> = (0..60).map(|t| (60.0 - t as f64 * 1.2).max(0.0) + f64::from(t % 3)).collect();
    let found = forecast(
        &[monthly(&[("a", falling.clone()), ("b", falling)])],
        &ForecastDecl { nonnegative: true, ..decl(12) },
        0,
    )
    .unwrap();
    assert_ordered(&found);
    assert!(floats(&found.predictions, "lo95").iter().flatten().all(|low| low >= 0.0));
}

#[test]
fn any_time_type_and_any_number_type_will_do() {
    let values = seasonal(40, 100.0, 1);
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a"; 40]));
    let dates: Vec<i32> = (0..40).map(|t| month(t) + 14).collect();
    let micros = dates.iter().map(|day| i64::from(*day) * 86_400_000_000 + 1);
    let text = dates.iter().map(|day| NaiveDate::default() + chrono::Days::new(*day as u64));
    let times: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(dates.clone())),
        cast(&Date32Array::from(dates.clone()), &DataType::Date64).unwrap(),
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros.clone())),
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC")),
        Arc::new(StringArray::from_iter_values(text.clone().map(|date| date.to_string()))),
        Arc::new(StringArray::from_iter_values(text.clone().map(|date| date.format("%Y-%m").to_string()))),
        cast(
            &StringArray::from_iter_values(text.map(|date| format!("{date}T10:00:00Z"))),
            &DataType::Utf8View,
        )
        .unwrap(),
    ];
    let cents: Vec<i64> = values.iter().map(|value| value.round() as i64).collect();
    let whole: ArrayRef = Arc::new(Int64Array::from(cents.clone()));
    let decimal = Decimal128Array::from_iter_values(cents.iter().map(|cents| i128::from(*cents) * 100));
    let numbers: Vec<ArrayRef> = vec![
        Arc::new(decimal.with_precision_and_scale(20, 2).unwrap()),
        cast(&whole, &DataType::Float64).unwrap(),
        cast(&whole, &DataType::Float32).unwrap(),
        cast(&whole, &DataType::UInt16).unwrap(),
    ];
    let table = |time: &ArrayRef, number: &ArrayRef| {
        batch(vec![("id", ids.clone()), ("day", time.clone()), ("amount", number.clone())])
    };
    let expected = forecast(&[table(&times[0], &whole)], &decl(3), 0).unwrap().predictions;
    for time in &times {
        assert_eq!(
            forecast(&[table(time, &whole)], &decl(3), 0).unwrap().predictions,
            expected,
            "{}",
            time.data_type()
        );
    }
    for number in &numbers {
        assert_eq!(forecast(&[table(&times[0], number)], &decl(3), 0).unwrap().predictions, expected);
    }
}

#[test]
fn key_types_are_kept_and_views_become_plain() {
    let territory: ArrayRef = Arc::new(Int32Array::from(vec![Some(10), Some(9), None]));
    let line = cast(&StringArray::from(vec!["x", "y", "z"]), &DataType::Utf8View).unwrap();
    let kind = cast(
        &StringArray::from(vec!["k", "k", "l"]),
        &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    )
    .unwrap();
    let history = batch(vec![
        ("territory_id", territory),
        ("line", line),
        ("kind", kind),
        ("day", Arc::new(Date32Array::from(vec![1, 2, 3]))),
        ("amount", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
    ]);
    let series = ["territory_id", "line", "kind"].map(str::to_string).to_vec();
    let found = forecast(std::slice::from_ref(&history), &ForecastDecl { series, ..decl(1) }, 0).unwrap();
    let types: Vec<_> =
        found.predictions.schema().fields().iter().take(3).map(|f| f.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int32, DataType::Utf8, DataType::Utf8]);
    assert_eq!(floats(&found.predictions, "mean").values(), &[3.0, 2.0, 1.0]);
    for label in ["territory_id=9, line=y, kind=k", "territory_id=null, line=z, kind=l"] {
        assert!(found.metrics.iter().any(|row| row.series == label), "{label}");
    }

    let found = forecast(&[history], &ForecastDecl { series: vec![], ..decl(1) }, 0).unwrap();
    assert_eq!(floats(&found.predictions, "mean").values(), &[6.0]);
}

#[test]
fn days_weeks_and_quarters() {
    for (frequency, step, first) in [
        (Frequency::Day, 1, "2016-01-01"),
        (Frequency::Week, 7, "2016-01-04"),
        (Frequency::Quarter, 91, "2016-01-01"),
    ] {
        let last = date("2015-12-31");
        let all: Vec<_> =
            (0..300).map(|t| ("a", last - t * step, Some(f64::from(t % 7) + f64::from(t % 4)))).collect();
        let found =
            forecast(&[rows(&all)], &ForecastDecl { frequency: Some(frequency), ..decl(8) }, 0).unwrap();
        assert_eq!(starts(&found.predictions)[0], first, "{frequency:?}");
        assert_ordered(&found);
    }
}

#[test]
fn bad_histories_are_refused_with_the_column_and_the_remedy() {
    let good = rows(&[("a", month(0), Some(1.0))]);
    let with = |name: &str, column: ArrayRef| {
        let others = ["id", "day", "amount"].map(|of| (of, good.column_by_name(of).unwrap().clone()));
        batch(
            others.into_iter().map(|(of, old)| (of, if of == name { column.clone() } else { old })).collect(),
        )
    };
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let day = |day: Option<i32>| -> ArrayRef { Arc::new(Date32Array::from(vec![day])) };
    let number = |number: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![number])) };
    let far = rows(&[("a", date("0001-01-01"), Some(1.0)), ("a", date("9999-01-01"), Some(1.0))]);
    let two = [rows(&[("a", month(0), Some(1.0))]), with("id", Arc::new(Int32Array::from(vec![1])))];
    let daily = ForecastDecl { frequency: Some(Frequency::Day), ..decl(1) };
    for (history, decl, kind, expected) in [
        (vec![], decl(1), ErrorKind::NoHistory, "the history has no rows"),
        (vec![good.slice(0, 0)], decl(1), ErrorKind::NoHistory, "the history has no rows"),
        (
            vec![with("amount", number(None))],
            decl(1),
            ErrorKind::NoHistory,
            "column \"amount\" is null in every row",
        ),
        (
            vec![with("amount", number(Some(f64::NAN)))],
            decl(1),
            ErrorKind::Model,
            "column \"amount\" holds NaN",
        ),
        (
            vec![with("amount", number(Some(f64::INFINITY)))],
            decl(1),
            ErrorKind::Model,
            "column \"amount\" holds NaN",
        ),
        (
            vec![with("amount", text("1"))],
            decl(1),
            ErrorKind::Declaration,
            "column \"amount\" is Utf8, not a number",
        ),
        (
            vec![with("day", number(Some(1.0)))],
            decl(1),
            ErrorKind::Declaration,
            "column \"day\" is Float64, not a date",
        ),
        (
            vec![with("day", text("31.12.2024"))],
            decl(1),
            ErrorKind::Model,
            "column \"day\" holds text that is not",
        ),
        (vec![with("day", day(None))], decl(1), ErrorKind::Model, "column \"day\" is null in 1 of 1 rows"),
        (
            vec![with("day", day(Some(i32::MAX)))],
            decl(1),
            ErrorKind::Model,
            "column \"day\" holds dates beyond",
        ),
        (vec![far], daily, ErrorKind::Model, "column \"day\" spans 3651695 periods"),
        (
            two.to_vec(),
            decl(1),
            ErrorKind::Declaration,
            "column \"id\" is Utf8 in one batch and Int32 in another",
        ),
        (
            vec![good.clone()],
            ForecastDecl { series: vec!["shop".into()], ..decl(1) },
            ErrorKind::Declaration,
            "column \"shop\" is not in",
        ),
        (
            vec![good.clone()],
            ForecastDecl { drop_last: true, ..decl(1) },
            ErrorKind::NoHistory,
            "`drop_last` leaves out the only",
        ),
        (
            vec![rows(&[("a", month(0), Some(f64::MAX)), ("a", month(0), Some(f64::MAX))])],
            decl(1),
            ErrorKind::Model,
            "column \"amount\" sums to infinity",
        ),
        (vec![good.clone()], decl(0), ErrorKind::Declaration, "`horizon` is 0"),
        (vec![good.clone()], decl(1_000_000), ErrorKind::Declaration, "`horizon` is 1000000"),
        (
            vec![good.clone()],
            ForecastDecl { windows: 0, ..decl(1) },
            ErrorKind::Declaration,
            "`windows` is 0",
        ),
        (
            vec![good.clone()],
            ForecastDecl { season: Some(0), ..decl(1) },
            ErrorKind::Declaration,
            "`season` is",
        ),
        (
            vec![good.clone()],
            ForecastDecl { series: vec!["mean".into()], ..decl(1) },
            ErrorKind::Declaration,
            "series column \"mean\" is named twice, or as",
        ),
        (
            vec![good.clone()],
            ForecastDecl { series: vec!["day".into()], ..decl(1) },
            ErrorKind::Declaration,
            "column \"day\" is both",
        ),
    ] {
        let error = forecast(&history, &decl, 0).unwrap_err();
        assert!(error.message().starts_with(expected), "{error} does not begin with {expected}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

/// Ordinary but extreme numbers never give NaN, infinity or a crossing.
/// Ten million rows of one series: summed where they share periods, refused where each is a period of its own.
#[test]
fn ten_million_rows_in_one_series() {
    const ROWS: usize = 10_000_000;
    const BATCH: usize = 1_000_000;
    let part = |from: usize, day: &dyn Fn(usize) -> i32| {
        batch(vec![
            ("id", Arc::new(StringArray::from_iter_values((0..BATCH).map(|_| "a")))),
            ("day", Arc::new(Date32Array::from_iter_values((from..from + BATCH).map(day)))),
            ("amount", Arc::new(Float64Array::from(vec![1.0; BATCH]))),
        ])
    };
    let months: Vec<i32> = (0..80).map(month).collect();
    let history: Vec<RecordBatch> =
        (0..ROWS).step_by(BATCH).map(|from| part(from, &|row| months[row % 80])).collect();
    let found = forecast(&history, &decl(3), 0).unwrap();
    let mean = floats(&found.predictions, "mean");
    assert_eq!(mean.iter().flatten().collect::<Vec<_>>(), [125_000.0; 3]);

    let daily = ForecastDecl { frequency: Some(Frequency::Day), ..decl(3) };
    let history: Vec<RecordBatch> =
        (0..ROWS).step_by(BATCH).map(|from| part(from, &|row| row as i32 - 9_000_000)).collect();
    let error = forecast(&history, &daily, 0).unwrap_err();
    assert!(error.to_string().contains("spans 10000000 periods in one series"), "{error}");
}

#[test]
fn extreme_numbers_stay_sound() {
    let spiky: Vec<f64> = (0..60).map(|t| if t == 40 { 1e12 } else { f64::from(t % 5) * 1e-9 }).collect();
    let growing: Vec<f64> = (0..60).map(|t| 1.5f64.powi(t)).collect();
    let sparse: Vec<f64> = (0..60).map(|t| if t % 17 == 3 { 1.0 } else { 0.0 }).collect();
    let late: Vec<f64> = (0..60).map(|t| if t > 57 { 1e6 } else { 0.0 }).collect();
    let huge: Vec<f64> = (0..60).map(|t| 1e150 * f64::from(t % 12 + t / 12)).collect();
    let negative: Vec<f64> = seasonal(60, -5.0, 3);
    let history = monthly(&[
        ("spiky", spiky),
        ("growing", growing),
        ("sparse", sparse),
        ("late", late),
        ("huge", huge),
        ("negative", negative),
    ]);
    let found = forecast(&[history], &decl(12), 0).unwrap();
    assert_ordered(&found);
}
