//! Models on real companies: recommendations against popularity, intermittent demand against Croston's method, electricity
//! with the weather against electricity without.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use twinlake::learn::forecast;
use twinlake::project::ForecastDecl;

use super::{batch, floats, texts};
use crate::twin::{Twin, data};

/// Shares of what users took after `cut` that is in the ten recommended, and in the ten that most users took before it; of users
/// who took something before, and new to them. `rows` is user, item, day as text.
fn recall(rows: &[Vec<String>], recommended: &[Vec<String>], cut: &str) -> (f64, f64, usize) {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        let side = if row[2].as_str() < cut { &mut before } else { &mut after };
        side.entry(row[0].as_str()).or_insert_with(BTreeSet::new).insert(row[1].as_str());
    }
    let mut takers: BTreeMap<&str, usize> = BTreeMap::new();
    before.values().flatten().for_each(|item| *takers.entry(item).or_default() += 1);
    let mut popular: Vec<(&str, usize)> = takers.into_iter().collect();
    popular.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut lists: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in recommended {
        lists.entry(&row[0]).or_default().insert(&row[1]);
    }
    let (mut ours, mut theirs, mut users) = (0.0, 0.0, 0);
    for (user, taken) in &after {
        let Some(known) = before.get(user) else { continue };
        let new: BTreeSet<&str> = taken.difference(known).copied().collect();
        if new.is_empty() {
            continue;
        }
        users += 1;
        let most: BTreeSet<&str> =
            popular.iter().map(|(item, _)| *item).filter(|item| !known.contains(item)).take(10).collect();
        let share = |list: &BTreeSet<&str>| list.intersection(&new).count() as f64 / new.len() as f64;
        ours += lists.get(user).map_or(0.0, share);
        theirs += share(&most);
    }
    (ours / users as f64, theirs / users as f64, users)
}

/// Recommendations from what was there before `cut`.
fn recommended(twin: &Twin, time: &str, item: &str, condition: &str, source: &str, cut: &str) -> (f64, f64) {
    twin.edit(
        "pipelines/models/next_products.toml",
        condition,
        &format!("{condition} AND {time} < DATE '{cut}'"),
    );
    twin.run();
    let lists = twin.ask(&format!("SELECT customer_id, {item} FROM mart.next_products"));
    let rows = twin.ask(&format!(
        "SELECT DISTINCT customer_id, {item}, CAST({time} AS VARCHAR) FROM {source} WHERE {condition}"
    ));
    let (ours, popularity, users) = recall(&rows, &lists, cut);
    eprintln!(
        "{source}: recall at 10 of new products {ours:.4}, popularity {popularity:.4}, {users} customers"
    );
    assert!(users > 300, "{users}");
    (ours, popularity)
}

#[test]
fn recommendations_beat_popularity_at_a_wholesaler_and_at_resellers() {
    let Some(twin) = Twin::example("online_retail") else { return };
    twin.edit("pipelines/sources/shop.toml", "max_files_per_run = 1", "max_files_per_run = 0");
    let condition = "kind = 'sale' AND is_product AND customer_id IS NOT NULL";
    let (ours, popularity) = recommended(&twin, "invoiced_on", "sku", condition, "core.sales", "2011-07-08");
    assert!(ours > 1.5 * popularity, "{ours} {popularity}");

    let Some(twin) = Twin::example("adventureworks") else { return };
    let condition = "channel = 'reseller'";
    let (ours, popularity) =
        recommended(&twin, "sales_month", "product_id", condition, "core.sales_lines", "2013-10-01");
    assert!(ours > 1.5 * popularity, "{ours} {popularity}");
}

const LEVELS: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975];

/// Mean pinball loss over the levels of the four weeks after each origin.
fn pinball(series: &BTreeMap<String, Vec<f64>>, candidate: &str, origins: &[usize]) -> f64 {
    let least = "sql = ''\nseries = ['id']\ntime = 'day'\nvalue = 'amount'\nfrequency = 'week'\nseason = 4\nhorizon = 4\nnonnegative = true";
    let mut decl: ForecastDecl = toml::from_str(least).unwrap();
    decl.candidates = vec![candidate.to_string()];
    decl.quantiles = LEVELS.to_vec();
    let (mut loss, mut count) = (0.0, 0.0);
    for origin in origins {
        let (mut ids, mut days, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (id, weeks) in series {
            for (week, value) in weeks[..*origin].iter().enumerate() {
                ids.push(id.as_str());
                days.push(14_942 + 7 * week as i32);
                values.push(*value);
            }
        }
        let history = batch(vec![
            ("id", Arc::new(StringArray::from(ids)) as ArrayRef),
            ("day", Arc::new(arrow::array::Date32Array::from(days))),
            ("amount", Arc::new(Float64Array::from(values))),
        ]);
        let found = forecast(&[history], &decl, 1).unwrap().predictions;
        let ids = texts(&found, "id");
        for level in LEVELS {
            let name = format!("q{}", (1000.0 * level).round() / 10.0).replace('.', "_");
            let quantiles = floats(&found, &name);
            for (row, id) in ids.iter().enumerate() {
                let error = series[*id][origin + row % 4] - quantiles.value(row);
                loss += if error >= 0.0 { level * error } else { (level - 1.0) * error };
                count += 1.0;
            }
        }
    }
    loss / count
}

#[test]
fn demand_for_a_wholesalers_products_beats_croston_and_the_seasonal_naive() {
    let Some(twin) = Twin::example("online_retail") else { return };
    twin.edit("pipelines/sources/shop.toml", "max_files_per_run = 1", "max_files_per_run = 0");
    for model in ["next_products", "weekly_sales_forecast"] {
        let file = twin.root.join(format!("pipelines/models/{model}.toml"));
        std::fs::remove_file(file).unwrap();
    }
    twin.run();
    let rows = twin.ask(
        "SELECT sku, CAST((CAST(week AS INT) - 14942) / 7 AS INT), quantity FROM mart.sku_demand_by_week ORDER BY 1, 2",
    );
    let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows {
        let week: usize = row[1].parse().unwrap();
        let weeks = series.entry(row[0].clone()).or_insert_with(|| vec![0.0; 39]);
        if week < 39 {
            weeks[week] = row[2].parse().unwrap();
        }
    }
    series.retain(|_, weeks| weeks.iter().filter(|quantity| **quantity > 0.0).count() >= 10);
    // Every fourth product: the others take as long again and say the same.
    let series: BTreeMap<_, _> = series.into_iter().step_by(4).collect();
    let origins = [27, 31, 35];
    let [ours, croston, naive] =
        ["auto", "croston", "seasonal_naive"].map(|candidate| pinball(&series, candidate, &origins));
    eprintln!(
        "{} products: pinball {ours:.3}, croston {croston:.3}, seasonal naive {naive:.3}",
        series.len()
    );
    assert!(ours < croston && ours < naive, "{ours} {croston} {naive}");
}

#[test]
fn weather_and_holidays_improve_the_forecast_of_electricity() {
    let Some(file) = data("fpp3_dev").map(|folder| folder.join("fpp3_dev/vic_elec.csv")) else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let demand: Vec<f64> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    let decl = |known: &str| -> ForecastDecl {
        let least = "sql = ''\ntime = 'at'\nvalue = 'demand'\nfrequency = 'half_hour'\nseason = 48\nseasons = [336]\nhorizon = 48";
        toml::from_str(&format!("{least}\n{known}")).unwrap()
    };
    let (plain, explained) = (decl(""), decl("known = ['temperature', 'holiday']"));
    // Half a year of half-hours before each of six days, a fortnight apart, of the Australian summer.
    let length = 48 * 182;
    let (mut sums, mut scale) = ([0.0; 2], 0.0);
    for day in 0..6 {
        let origin = 52_608 - 48 * (20 + 14 * day);
        let from = origin - length;
        let part = &rows[from..origin + 48];
        let at =
            part.iter().map(|row| chrono::DateTime::parse_from_rfc3339(row[0]).unwrap().timestamp_micros());
        let values = (0..length + 48).map(|t| (t < length).then(|| demand[from + t]));
        let history: RecordBatch = batch(vec![
            ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(at)) as ArrayRef),
            ("demand", Arc::new(Float64Array::from_iter(values))),
            (
                "temperature",
                Arc::new(Float64Array::from_iter(part.iter().map(|row| row[2].parse::<f64>().ok()))),
            ),
            ("holiday", Arc::new(BooleanArray::from_iter(part.iter().map(|row| Some(row[4] == "TRUE"))))),
        ]);
        let history = with_numbers(&history, "holiday");
        for (sum, decl) in sums.iter_mut().zip([&plain, &explained]) {
            let found = forecast(std::slice::from_ref(&history), decl, 0).unwrap().predictions;
            let mean = floats(&found, "mean");
            assert_eq!(mean.len(), 48);
            *sum += (0..48).map(|step| (mean.value(step) - demand[origin + step]).abs()).sum::<f64>() / 48.0;
        }
        let changes = (from + 48..origin).map(|t| (demand[t] - demand[t - 48]).abs()).sum::<f64>();
        scale += changes / (length - 48) as f64;
    }
    let [without, with] = sums.map(|sum| sum / scale);
    eprintln!(
        "48 half-hours ahead, six days: MASE {without:.3} without weather and holidays, {with:.3} with them"
    );
    assert!(with < without, "{with} {without}");
}

/// The same rows with a truth value as 0 and 1.
fn with_numbers(rows: &RecordBatch, name: &str) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let column = if field.name() == name {
            arrow::compute::cast(column, &arrow::datatypes::DataType::Float64).unwrap()
        } else {
            column.clone()
        };
        (field.name().clone(), column)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}
