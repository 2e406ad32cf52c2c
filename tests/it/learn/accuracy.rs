//! Accuracy on real series: monthly series of the M3 competition and Australian retail turnover.

use std::collections::BTreeMap;
use std::path::PathBuf;

use twinlake::learn::forecast;

use super::{assert_ordered, decl, floats, monthly};

fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TWINLAKE_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let path = root.join(path);
    if !path.exists() {
        eprintln!("NOT RUN: accuracy on real series, {} is missing", path.display());
        return None;
    }
    Some(path)
}

/// The records of a CSV file without escaped quotes.
fn records(path: PathBuf) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let fields = |line: &str| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    };
    text.lines().skip(1).map(fields).collect()
}

/// MASE over the test sets of what was published and of the seasonal naive, and the share of the tests inside the 80 %
/// and 95 % intervals.
fn measure(
    train: &BTreeMap<String, Vec<f64>>,
    test: &BTreeMap<String, Vec<f64>>,
    horizon: usize,
) -> [f64; 4] {
    let series: Vec<(&str, Vec<f64>)> =
        train.iter().map(|(id, values)| (id.as_str(), values.clone())).collect();
    let started = std::time::Instant::now();
    let found = forecast(&[monthly(&series)], &decl(horizon), 0).unwrap();
    let took = started.elapsed();
    assert_ordered(&found);
    let column = |name: &str| floats(&found.predictions, name).values().to_vec();
    let (mean, lo80, hi80) = (column("mean"), column("lo80"), column("hi80"));
    let (lo95, hi95) = (column("lo95"), column("hi95"));
    let mut sums = [0.0; 4];
    let (mut scored, mut cells) = (0.0, 0.0);
    for (index, (id, history)) in train.iter().enumerate() {
        let actual = &test[id];
        let changes = history.iter().zip(&history[12..]).map(|(a, b)| (a - b).abs());
        let scale = changes.sum::<f64>() / (history.len() - 12) as f64;
        if scale == 0.0 {
            continue;
        }
        scored += 1.0;
        let last = &history[history.len() - 12..];
        for (step, y) in actual.iter().enumerate() {
            let row = index * horizon + step;
            sums[0] += (mean[row] - y).abs() / scale / actual.len() as f64;
            sums[1] += (last[step % 12] - y).abs() / scale / actual.len() as f64;
            sums[2] += f64::from(u8::from((lo80[row]..=hi80[row]).contains(y)));
            sums[3] += f64::from(u8::from((lo95[row]..=hi95[row]).contains(y)));
            cells += 1.0;
        }
    }
    let result = [sums[0] / scored, sums[1] / scored, sums[2] / cells, sums[3] / cells];
    eprintln!(
        "{} series in {took:.1?}: MASE {:.3}, seasonal naive {:.3}; inside 80 %: {:.3}, inside 95 %: {:.3}",
        train.len(),
        result[0],
        result[1],
        result[2],
        result[3]
    );
    for row in found.metrics.iter().filter(|row| row.series == "*") {
        eprintln!(
            "  backtest of {}: MASE {:?}; inside 80 %: {:?}, inside 95 %: {:?}",
            row.candidate, row.mase, row.coverage80, row.coverage95
        );
    }
    result
}

#[test]
fn better_than_the_seasonal_naive_on_m3_months() {
    let Some(folder) = data("m3_m1") else { return };
    let read = |file: &str| {
        let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for record in records(folder.join(file)) {
            // N1402 to N2829 are the monthly series
            if ("N1402".."N2830").contains(&record[0].as_str()) {
                series.entry(record[0].clone()).or_default().push(record[2].parse().unwrap());
            }
        }
        series
    };
    let (train, test) = (read("m3_train.csv"), read("m3_test.csv"));
    assert_eq!(train.len(), 1_428);
    let [mase, naive, inside80, inside95] = measure(&train, &test, 18);
    assert!(mase < 0.84 && (naive - 1.146).abs() < 0.001, "{mase} {naive}");
    assert!((inside80 - 0.8).abs() < 0.02 && (inside95 - 0.95).abs() < 0.02, "{inside80} {inside95}");
}

#[test]
fn better_than_the_seasonal_naive_on_australian_retail() {
    let Some(file) = data("fpp3_dev/aus_retail.csv") else { return };
    let mut train: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for record in records(file) {
        train.entry(record[2].clone()).or_default().push(record[4].parse().unwrap());
    }
    let test =
        train.iter_mut().map(|(id, values)| (id.clone(), values.split_off(values.len() - 12))).collect();
    let [mase, naive, inside80, inside95] = measure(&train, &test, 12);
    assert!(mase < 0.85 * naive, "{mase} {naive}");
    assert!((0.78..0.9).contains(&inside80) && (0.93..0.99).contains(&inside95), "{inside80} {inside95}");
}
