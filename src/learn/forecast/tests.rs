//! The promises of the whole: information sets, levels, kept parameters, watching.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type};
use chrono::{DateTime, Months, NaiveDate};

use crate::error::ErrorKind;
use crate::learn::learner::{Data, Heard, Learner, Past, Trained};
use crate::project::ForecastDecl;
use crate::project::model::MonitorDecl;

use super::ForecastLearner;

fn decl(settings: serde_json::Value) -> ForecastDecl {
    let mut all = serde_json::json!({
        "sql": "", "series": ["id"], "time": "day", "value": "amount", "frequency": "month", "horizon": 6,
    });
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn learner(settings: serde_json::Value) -> ForecastLearner {
    ForecastLearner { decl: decl(settings), monitor: MonitorDecl::default() }
}

fn month(months: usize) -> i32 {
    let date = NaiveDate::from_ymd_opt(2010, 1, 1).unwrap() + Months::new(months as u32);
    date.signed_duration_since(NaiveDate::default()).num_days() as i32
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn data(columns: Vec<(&str, ArrayRef)>, others: Vec<Vec<RecordBatch>>) -> Data {
    Data { rows: vec![batch(columns)], others, as_of: DateTime::UNIX_EPOCH, seed: 0, heard: Heard::default() }
}

fn noise(t: usize, seed: usize) -> f64 {
    let mixed = (t as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = mixed.wrapping_add((seed as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03)).rotate_left(31);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// Columns `id`, `day`, `amount` of series that end together.
fn panel(series: &[(&str, Vec<f64>)]) -> Vec<(&'static str, ArrayRef)> {
    let longest = series.iter().map(|(_, values)| values.len()).max().unwrap();
    let rows: Vec<(&str, i32, f64)> = series
        .iter()
        .flat_map(|(id, values)| {
            let skip = longest - values.len();
            values.iter().enumerate().map(move |(t, value)| (*id, month(skip + t), *value))
        })
        .collect();
    vec![
        ("id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("day", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2)))),
    ]
}

fn seasonal(length: usize, size: f64, seed: usize) -> Vec<f64> {
    let value = |t: usize| {
        size * (10.0 + 0.03 * t as f64 + [0.0, 1.0, 3.0, 5.0, 2.0, -1.0][t % 12 / 2] + noise(t, seed))
    };
    (0..length).map(value).collect()
}

fn floats(batch: &RecordBatch, name: &str) -> Vec<f64> {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    column.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|text| text.map(str::to_string)).collect()
}

fn mase(trained: &Trained) -> f64 {
    trained.headline.value.unwrap()
}

/// A history that depends on a price, its known future, and a column that says what it will be.
fn explained() -> (Vec<f64>, Vec<f64>) {
    let price: Vec<f64> = (0..126).map(|t| 5.0 + 2.0 * noise(t, 7)).collect();
    let amount = seasonal(126, 1.0, 1).iter().zip(&price).map(|(value, price)| value - 4.0 * price).collect();
    (amount, price)
}

fn column(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// 120 months with an amount, six more without.
fn with_future(amount: &[f64], beside: (&'static str, &[f64])) -> Vec<(&'static str, ArrayRef)> {
    let known = (0..126).map(|t| (t < 120).then_some(amount[t]));
    vec![
        ("id", Arc::new(StringArray::from(vec!["a"; 126]))),
        ("day", Arc::new(Date32Array::from_iter_values((0..126).map(month)))),
        ("amount", Arc::new(known.collect::<Float64Array>())),
        (beside.0, column(beside.1)),
    ]
}

#[test]
fn a_known_regressor_helps_and_its_future_must_be_there() {
    let (amount, price) = explained();
    let rows = with_future(&amount, ("price", &price));
    let plain = learner(serde_json::json!({})).train(&data(rows.clone(), vec![]), None).unwrap();
    let with = learner(serde_json::json!({"known": ["price"]}));
    let found = with.train(&data(rows.clone(), vec![]), None).unwrap();
    assert!(mase(&found) < 0.6 * mase(&plain), "{} {}", mase(&found), mase(&plain));
    let predicted = with.predict(&found.parameters, &data(rows.clone(), vec![])).unwrap().rows;
    let error: f64 = floats(&predicted, "mean").iter().zip(&amount[120..]).map(|(f, y)| (f - y).abs()).sum();
    assert!(error / 6.0 < 1.0, "{error}");
    assert!(texts(&predicted, "drivers").iter().flatten().any(|text| text.contains("price ")));
    assert!(!found.notes.iter().any(|note| note.contains("leak")), "{:?}", found.notes);

    let short: Vec<_> = rows.iter().map(|(name, column)| (*name, column.slice(0, 124))).collect();
    let error = with.train(&data(short, vec![]), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.message().contains("\"price\" of `sql` has no value in 2 of 6 periods ahead"), "{error}");
}

#[test]
fn a_known_regressor_that_is_the_value_itself_is_suspected() {
    let (amount, _) = explained();
    let rows = with_future(&amount, ("copy", &amount));
    let found = learner(serde_json::json!({"known": ["copy"]})).train(&data(rows, vec![]), None).unwrap();
    assert!(found.notes.iter().any(|note| note.contains("\"copy\"") && note.contains("leak")));
}

/// What is known only afterwards cannot help, however well it tells: the value itself as a past-only column, and the
/// value six months ahead that is published once it has come true.
#[test]
fn a_planted_leak_does_not_help() {
    let amount: Vec<f64> = (0..126).map(|t| 50.0 + 10.0 * noise(t, 3)).collect();
    let plain = learner(serde_json::json!({}));
    let rows = with_future(&amount, ("copy", &amount));
    let before = mase(&plain.train(&data(rows.clone(), vec![]), None).unwrap());
    let past =
        learner(serde_json::json!({"past": ["copy"]})).train(&data(rows.clone(), vec![]), None).unwrap();
    assert!(mase(&past) > 0.85 * before, "{} {before}", mase(&past));

    let told = |available: fn(usize) -> i32| {
        let rows: Vec<usize> = (0..120).collect();
        vec![batch(vec![
            ("at", Arc::new(Date32Array::from_iter_values(rows.iter().map(|&t| month(t))))),
            ("told", column(&rows.iter().map(|&t| amount[t + 6]).collect::<Vec<_>>())),
            ("seen", Arc::new(Date32Array::from_iter_values(rows.iter().map(|&t| available(t))))),
        ])]
    };
    let regressors = serde_json::json!({"regressors": [
        {"sql": "", "time": "at", "columns": ["told"], "available_at": "seen"},
    ]});
    let honest = learner(regressors.clone());
    let leaking = mase(&honest.train(&data(rows.clone(), vec![told(|t| month(t + 1))]), None).unwrap());
    let sealed = mase(&honest.train(&data(rows, vec![told(|t| month(t + 7))]), None).unwrap());
    assert!(leaking < 0.5 * before, "known in time it tells everything: {leaking} {before}");
    assert!(sealed > 0.85 * before, "{sealed} {before}");
}

#[test]
fn regressors_of_other_queries_are_joined_by_key_and_period() {
    let price: Vec<f64> = (0..126).map(|t| 5.0 + 2.0 * noise(t, 9)).collect();
    let of = |sign: f64| -> Vec<f64> {
        seasonal(120, 1.0, 2).iter().zip(&price).map(|(value, price)| value + sign * 3.0 * price).collect()
    };
    let rows = panel(&[("a", of(1.0)), ("b", of(-1.0))]);
    let both: Vec<(&str, usize)> = ["b", "a"].iter().flat_map(|id| (0..126).map(move |t| (*id, t))).collect();
    let other = |upto: usize| {
        let both: Vec<_> = both.iter().filter(|(_, t)| *t < upto).collect();
        vec![batch(vec![
            ("id", Arc::new(StringArray::from_iter_values(both.iter().map(|row| row.0)))),
            ("at", Arc::new(Date32Array::from_iter_values(both.iter().map(|row| month(row.1) + 3)))),
            ("price", column(&both.iter().map(|row| price[row.1]).collect::<Vec<_>>())),
        ])]
    };
    let regressors = serde_json::json!({"regressors": [
        {"sql": "", "on": ["id"], "time": "at", "columns": ["price"], "known": true},
    ]});
    let learner = learner(regressors);
    let found = learner.train(&data(rows.clone(), vec![other(126)]), None).unwrap();
    assert!(found.metrics.iter().any(|row| row.candidate.ends_with("+regressors") && row.chosen));
    let error = learner.train(&data(rows, vec![other(120)]), None).unwrap_err();
    assert!(error.message().contains("`regressors[1].sql` has no value in 12 of 12"), "{error}");
}

fn hierarchy(how: &str) -> (ForecastLearner, Data) {
    let mut rows: Vec<(&str, &str, i32, f64)> = Vec::new();
    let keys = [("n", "x"), ("n", "y"), ("s", "x"), ("s", "y"), ("s", "z")];
    for (place, (region, line)) in keys.into_iter().enumerate() {
        let values = seasonal(72, 3.0 + place as f64 / 7.0, place);
        rows.extend(values.into_iter().enumerate().map(|(t, value)| (region, line, month(t), value)));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("region", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)))),
        ("line", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
        ("day", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.2)))),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3)))),
    ];
    let settings = serde_json::json!({"series": ["region", "line"], "reconcile": how, "quantiles": [0.5]});
    (learner(settings), data(columns, vec![]))
}

#[test]
fn all_levels_add_up_to_the_bit() {
    for how in ["bottom_up", "wls", "mint"] {
        let (learner, data) = hierarchy(how);
        let trained = learner.train(&data, None).unwrap();
        let rows = learner.predict(&trained.parameters, &data).unwrap().rows;
        assert_eq!(rows.schema(), learner.schema(data.rows[0].schema_ref()).unwrap());
        assert_eq!(rows.num_rows(), (1 + 2 + 5) * 6);
        let levels = rows.column_by_name("level").unwrap().as_primitive::<Int32Type>().values().to_vec();
        assert!(levels.is_sorted());
        let (regions, mean) = (texts(&rows, "region"), floats(&rows, "mean"));
        let steps = rows.column_by_name("step").unwrap().as_primitive::<Int32Type>().values().to_vec();
        let sum = |level: i32, step: i32, region: Option<&String>| -> f64 {
            let below = (0..rows.num_rows()).filter(|&row| levels[row] == level && steps[row] == step);
            below
                .filter(|&row| region.is_none() || regions[row].as_ref() == region)
                .map(|row| mean[row])
                .sum()
        };
        for row in 0..rows.num_rows() {
            let expected = match levels[row] {
                0 => sum(1, steps[row], None),
                1 => sum(2, steps[row], regions[row].as_ref()),
                _ => continue,
            };
            assert_eq!(mean[row].to_bits(), expected.to_bits(), "{how} row {row}");
        }
        let bounds = ["lo95", "lo80", "mean", "hi80", "hi95"].map(|name| floats(&rows, name));
        assert!((0..rows.num_rows()).all(|row| bounds.iter().map(|bound| bound[row]).is_sorted()));
    }
}

/// Kept parameters, other orders of rows and other numbers of threads give the same bits.
#[test]
fn predictions_are_the_same_bits_however_they_are_made() {
    let (learner, data) = hierarchy("mint");
    let mut shuffled = data.clone();
    let all = &data.rows[0];
    let order: Vec<u32> = (0..all.num_rows() as u32).map(|row| row * 77 % all.num_rows() as u32).collect();
    let order = arrow::array::UInt32Array::from(order);
    let columns = all.columns().iter().map(|column| arrow::compute::take(column, &order, None).unwrap());
    shuffled.rows = vec![RecordBatch::try_new(all.schema(), columns.collect()).unwrap()];
    let expected = learner.train(&data, None).unwrap();
    let rows = learner.predict(&expected.parameters, &data).unwrap().rows;
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| learner.train(&shuffled, None).unwrap());
        assert_eq!(found.parameters, expected.parameters);
        assert_eq!(found.metrics, expected.metrics);
        assert_eq!(pool.install(|| learner.predict(&found.parameters, &shuffled).unwrap().rows), rows);
    }
    let warm = learner.train(&data, Some(&expected.parameters)).unwrap();
    let warm = learner.predict(&warm.parameters, &data).unwrap().rows;
    for (warm, cold) in floats(&warm, "mean").iter().zip(floats(&rows, "mean")) {
        assert!((warm - cold).abs() < 0.05 * cold.abs(), "{warm} {cold}");
    }
    assert_eq!(learner.predict("{}", &data).unwrap_err().kind(), ErrorKind::Lake);
}

#[test]
fn newer_rows_roll_forward_and_new_series_fall_back() {
    let learner = learner(serde_json::json!({}));
    let (a, b) = (seasonal(84, 1.0, 1), seasonal(84, 5.0, 2));
    let old = panel(&[("a", a[..72].to_vec()), ("b", b[..72].to_vec())]);
    let trained = learner.train(&data(old, vec![]), None).unwrap();
    let newer = panel(&[("a", a.clone()), ("b", b), ("c", seasonal(20, 2.0, 3)), ("d", vec![4.0])]);
    let predicted = learner.predict(&trained.parameters, &data(newer, vec![])).unwrap();
    let starts = predicted.rows.column_by_name("period_start").unwrap().as_primitive::<Date32Type>();
    assert_eq!(starts.value(0), month(84));
    let models = texts(&predicted.rows, "model");
    assert_eq!(models[12].as_deref(), Some("seasonal_naive"));
    assert_eq!(models[18].as_deref(), Some("naive"));
    let truth = seasonal(90, 1.0, 1);
    for (step, mean) in floats(&predicted.rows, "mean")[..6].iter().enumerate() {
        assert!((mean - truth[84 + step]).abs() < 1.5, "{mean} {}", truth[84 + step]);
    }
    assert!(floats(&predicted.rows, "hi95").iter().all(|high| high.is_finite()));
}

#[test]
fn a_series_without_a_value_is_absent_with_a_reason() {
    let columns = vec![
        ("id", Arc::new(StringArray::from(vec!["a", "a", "b"])) as ArrayRef),
        ("day", Arc::new(Date32Array::from(vec![month(0), month(1), month(1)]))),
        ("amount", Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None]))),
    ];
    let learner = learner(serde_json::json!({}));
    let data = data(columns, vec![]);
    let trained = learner.train(&data, None).unwrap();
    let predicted = learner.predict(&trained.parameters, &data).unwrap();
    assert_eq!(predicted.absent.len(), 1);
    assert_eq!(predicted.absent[0].0, "id=b");
    assert!(trained.metrics.iter().any(|row| row.series == "id=b" && row.reason.is_some()));
}

#[test]
fn the_frequency_is_found_and_gaps_are_said() {
    let at: Vec<usize> = (0..60).filter(|t| t % 7 != 3).collect();
    let columns = vec![
        ("id", Arc::new(Int32Array::from(vec![1; at.len()])) as ArrayRef),
        ("day", Arc::new(Date32Array::from_iter_values(at.iter().map(|&t| month(t))))),
        ("amount", Arc::new(Float64Array::from_iter_values(at.iter().map(|&t| t as f64)))),
    ];
    let mut decl = decl(serde_json::json!({"fill": "previous"}));
    decl.frequency = None;
    let found = super::forecast(&data(columns, vec![]).rows, &decl, 0).unwrap();
    assert_eq!(found.predictions.column_by_name("period_start").unwrap().data_type(), &DataType::Date32);
    assert!(found.notes.iter().any(|note| note.contains("one month")), "{:?}", found.notes);
    assert!(
        found.notes.iter().any(|note| note.starts_with("8 missing periods in 1 series")),
        "{:?}",
        found.notes
    );
}

#[test]
fn unknown_candidates_and_odd_quantiles_are_refused() {
    let rows = panel(&[("a", seasonal(40, 1.0, 1))]);
    for (settings, expected) in [
        (serde_json::json!({"candidates": ["prophet"]}), "candidate \"prophet\" is not known"),
        (serde_json::json!({"quantiles": [1.0]}), "`quantiles` holds a probability"),
        (serde_json::json!({"quantiles": [0.9, 0.9]}), "quantile 0.9 is given twice"),
        (serde_json::json!({"reconcile": "mint", "series": []}), "`reconcile` needs levels"),
        (serde_json::json!({"known": ["amount"]}), "column \"amount\" is a regressor and something else"),
    ] {
        let error = learner(settings).train(&data(rows.clone(), vec![]), None).unwrap_err();
        assert!(error.message().starts_with(expected), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_new_series_follows_the_shape_of_older_ones() {
    let shape = |size: f64, length: usize| -> Vec<f64> {
        (0..length).map(|t| size * [1.0, 4.0, 9.0, 16.0, 20.0, 22.0][t.min(5)]).collect()
    };
    let rows = panel(&[
        ("a", shape(1.0, 30)),
        ("b", shape(3.0, 28)),
        ("c", shape(0.5, 26)),
        ("d", seasonal(40, 1.0, 1)),
        ("new", shape(2.0, 2)),
    ]);
    let learner = learner(serde_json::json!({"analogue": {"below": 4}, "horizon": 3}));
    let data = data(rows, vec![]);
    let trained = learner.train(&data, None).unwrap();
    let predicted = learner.predict(&trained.parameters, &data).unwrap().rows;
    assert_eq!(texts(&predicted, "model")[12].as_deref(), Some("analogue"));
    let mean = &floats(&predicted, "mean")[12..];
    for (mean, expected) in mean.iter().zip([18.0, 32.0, 40.0]) {
        assert!((mean - expected).abs() < 1e-9, "{mean} {expected}");
    }
}

/// A shift of the level is seen in the accuracy and in the drift; without one neither moves.
#[test]
fn watching_sees_a_shift_and_nothing_where_there_is_none() {
    let names: Vec<String> = (0..30).map(|i| format!("s{i:02}")).collect();
    let series = |length: usize, shift: f64| -> Vec<(&str, Vec<f64>)> {
        names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let mut values = seasonal(length, 1.0 + i as f64, i);
                values.iter_mut().skip(72).for_each(|value| *value += shift * (1.0 + i as f64));
                (name.as_str(), values)
            })
            .collect()
    };
    let mut learner = learner(serde_json::json!({}));
    learner.monitor.segments = vec!["id".to_string()];
    let old = data(panel(&series(72, 0.0)), vec![]);
    let trained = learner.train(&old, None).unwrap();
    let rows = learner.predict(&trained.parameters, &old).unwrap().rows;
    let past = [Past { published_at: DateTime::UNIX_EPOCH, rows: vec![rows] }];
    let watch = |shift: f64| {
        let now = data(panel(&series(78, shift)), vec![]);
        let measures = learner.watch(&trained.parameters, &now, &past).unwrap();
        let of = |metric: &str| {
            let found = measures.iter().find(|m| {
                m.metric == metric && m.segment == "*" && m.step.is_none() && m.family != "estimate"
            });
            found.and_then(|m| m.value).unwrap()
        };
        assert!(measures.iter().any(|m| m.segment == "id=s03" && m.metric == "mase" && m.rows == 6));
        assert!(measures.iter().any(|m| m.step == Some(6) && m.metric == "coverage80" && m.rows == 30));
        assert!(measures.iter().any(|m| m.family == "estimate" && m.value.is_some()));
        (of("mase_ratio"), of("psi"), of("coverage80"))
    };
    let (ratio, psi, coverage) = watch(0.0);
    assert!(ratio < 1.3 && psi < 0.1 && coverage > 0.65, "{ratio} {psi} {coverage}");
    let (ratio, psi, coverage) = watch(6.0);
    assert!(ratio > 3.0 && psi > 0.5 && coverage < 0.2, "{ratio} {psi} {coverage}");
    let nothing = learner.watch(&trained.parameters, &old, &[]).unwrap();
    assert!(nothing.iter().filter(|m| m.family == "accuracy").all(|m| m.value.is_none() && m.note.is_some()));
}
