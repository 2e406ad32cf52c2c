//! How good models are, and how fast they are learned: the M3 and M1 competitions beside `statsforecast`, and two risks
//! beside scikit-learn, each on the same rows in the same run.
//!
//! Everything goes through the library as a twin would use it. `benches/README.md` says how to read the figures.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use chrono::NaiveDate;
use clap::{Parser, ValueEnum};
use serde::Deserialize;
use twinlake::app::App;
use twinlake::lake::When;
use twinlake::learn::forecast;
use twinlake::project::ForecastDecl;
use twinlake::run::{Options, Outcome, Silent};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The peers' packages, pinned so that figures of different days can be compared.
const PEER: [&str; 2] = ["statsforecast==2.1.0", "scikit-learn==1.9.1"];

/// Learn from public data, and compare.
#[derive(Parser)]
struct Args {
    /// What to measure; all of it unless given.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Leave the peers out; no Python is needed then.
    #[arg(long)]
    no_peer: bool,
    /// What `cargo bench` says.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// 3,003 series of the M3 competition.
    M3,
    /// 1,001 series of the M1 competition.
    M1,
    /// Late shipments and leaving employees.
    Risk,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let data = std::env::var_os("TWINLAKE_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-data");
    fs::create_dir_all(&folder)?;
    let python = if args.no_peer { None } else { common::python(&folder.join("venv-models"), &PEER) };
    let wanted = |part: Part| args.only.is_empty() || args.only.contains(&part);
    for (part, name) in [(Part::M3, "m3"), (Part::M1, "m1")] {
        if wanted(part) {
            competition(name, &data, python.as_deref())?;
        }
    }
    if wanted(Part::Risk) {
        risks(&data, &folder, python.as_deref())?;
    }
    Ok(())
}

/// A kind of series in a competition.
struct Period {
    name: &'static str,
    frequency: &'static str,
    season: usize,
    horizon: usize,
}

const PERIODS: [Period; 4] = [
    Period { name: "YEARLY", frequency: "year", season: 1, horizon: 6 },
    Period { name: "QUARTERLY", frequency: "quarter", season: 4, horizon: 8 },
    Period { name: "MONTHLY", frequency: "month", season: 12, horizon: 18 },
    Period { name: "OTHER", frequency: "year", season: 1, horizon: 8 },
];

/// The sums over series that a row of the table is made from.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Sums {
    series: f64,
    smape: f64,
    mase: f64,
    seconds: f64,
    #[serde(default)]
    inside80: f64,
    #[serde(default)]
    inside95: f64,
}

impl Sums {
    fn plus(self, other: Sums) -> Sums {
        Sums {
            series: self.series + other.series,
            smape: self.smape + other.smape,
            mase: self.mase + other.mase,
            seconds: self.seconds + other.seconds,
            inside80: self.inside80 + other.inside80,
            inside95: self.inside95 + other.inside95,
        }
    }
    fn cell(self) -> String {
        format!("{:.2} / {:.3}", self.smape / self.series, self.mase / self.series)
    }
}

type Series = BTreeMap<String, Vec<f64>>;

fn competition(name: &str, data: &Path, python: Option<&Path>) -> Result<()> {
    let folder = data.join("m3_m1");
    if !folder.exists() {
        println!("NOT RUN: {name}, {} is missing", folder.display());
        return Ok(());
    }
    let read = |file: &str| records(&folder.join(format!("{name}_{file}.csv")));
    let period_of: BTreeMap<String, String> =
        read("info")?.into_iter().map(|record| (record[0].clone(), record[2].clone())).collect();
    let values = |file: &str, period: &Period| -> Result<Series> {
        let mut series = Series::new();
        for record in read(file)?.into_iter().filter(|record| period_of[&record[0]] == period.name) {
            series.entry(record[0].clone()).or_default().push(record[2].parse()?);
        }
        Ok(series)
    };
    let mut rows: BTreeMap<String, BTreeMap<&str, Sums>> = BTreeMap::new();
    for period in &PERIODS {
        let (train, test) = (values("train", period)?, values("test", period)?);
        if train.is_empty() {
            continue;
        }
        rows.entry("Twinlake: auto".into()).or_default().insert(period.name, ours(&train, &test, period)?);
        if let Some(python) = python {
            for (model, sums) in theirs(python, &train, &test, period)? {
                rows.entry(format!("statsforecast: {model}")).or_default().insert(period.name, sums);
            }
        }
    }
    println!("\n{name}: sMAPE / MASE, means over series\n");
    println!("| model | yearly | quarterly | monthly | other | all | seconds |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (model, periods) in &rows {
        let all = periods.values().fold(Sums::default(), |sum, more| sum.plus(*more));
        let cells = PERIODS.map(|period| periods.get(period.name).map_or("-".into(), |sums| sums.cell()));
        println!("| {model} | {} | {} | {:.1} |", cells.join(" | "), all.cell(), all.seconds);
    }
    println!("\n| inside the interval of | yearly | quarterly | monthly | other |\n|---|--:|--:|--:|--:|");
    for (level, of) in [("80 %", (|sums| sums.inside80) as fn(&Sums) -> f64), ("95 %", |sums| sums.inside95)]
    {
        let ours = &rows["Twinlake: auto"];
        let cells = PERIODS.map(|period| {
            ours.get(period.name)
                .map_or("-".into(), |sums| format!("{:.1} %", 100.0 * of(sums) / sums.series))
        });
        println!("| {level} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn ours(train: &Series, test: &Series, period: &Period) -> Result<Sums> {
    let least = format!(
        "sql = ''\nseries = ['id']\ntime = 'day'\nvalue = 'amount'\nfrequency = '{}'\nseason = {}\nhorizon = {}",
        period.frequency, period.season, period.horizon
    );
    let decl: ForecastDecl = toml::from_str(&least)?;
    let rows = panel(train, period)?;
    let timer = Instant::now();
    let found = forecast(&[rows], &decl, 0)?.predictions;
    let mut sums = Sums { seconds: timer.elapsed().as_secs_f64(), ..Sums::default() };
    let column = |name: &str| -> &Float64Array {
        found.column_by_name(name).expect("a documented column").as_primitive::<Float64Type>()
    };
    let (mean, lo80, hi80) = (column("mean"), column("lo80"), column("hi80"));
    let (lo95, hi95) = (column("lo95"), column("hi95"));
    for (place, (id, history)) in train.iter().enumerate() {
        let actual = &test[id];
        let steps = actual.len() as f64;
        let changes = history.iter().zip(&history[period.season..]);
        let scale = changes.map(|(a, b)| (b - a).abs()).sum::<f64>() / (history.len() - period.season) as f64;
        sums.series += 1.0;
        for (step, y) in actual.iter().enumerate() {
            let row = place * period.horizon + step;
            let f = mean.value(row);
            sums.smape += 200.0 * (y - f).abs() / (y.abs() + f.abs()) / steps;
            sums.mase += (y - f).abs() / scale / steps;
            let inside = |low: &Float64Array, high: &Float64Array| {
                f64::from(u8::from(low.is_valid(row) && (low.value(row)..=high.value(row)).contains(y)))
                    / steps
            };
            sums.inside80 += inside(lo80, hi80);
            sums.inside95 += inside(lo95, hi95);
        }
    }
    Ok(sums)
}

/// Series that end together.
fn panel(series: &Series, period: &Period) -> Result<RecordBatch> {
    let longest = series.values().map(Vec::len).max().unwrap_or(0);
    let months = match period.frequency {
        "month" => 1,
        "quarter" => 3,
        _ => 12,
    };
    let first = NaiveDate::from_ymd_opt(1800, 1, 1).ok_or("a date")?;
    let (mut ids, mut days, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (id, history) in series {
        for (place, value) in history.iter().enumerate() {
            let later = (longest - history.len() + place) * months;
            let day = first + chrono::Months::new(u32::try_from(later)?);
            ids.push(id.as_str());
            days.push(i32::try_from((day - NaiveDate::default()).num_days())?);
            values.push(*value);
        }
    }
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(StringArray::from(ids))),
        ("day", Arc::new(Date32Array::from(days))),
        ("amount", Arc::new(Float64Array::from(values))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn theirs(python: &Path, train: &Series, test: &Series, period: &Period) -> Result<BTreeMap<String, Sums>> {
    let task = serde_json::json!({ "train": train, "test": test, "season": period.season, "horizon": period.horizon });
    answer(python, "forecast", &task)
}

/// Two risks of `examples/risk`, each learned from a part of the rows and judged by the rest, whose outcome is hidden.
fn risks(data: &Path, folder: &Path, python: Option<&Path>) -> Result<()> {
    if !data.join("scms_shipments").exists() || !data.join("hr_attrition").exists() {
        println!("NOT RUN: risks, {} lacks their data", data.display());
        return Ok(());
    }
    let root = folder.join("risk");
    let _ = fs::remove_dir_all(&root);
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/risk"), &root)?;
    let hide = |file: &str, from: &str, to: &str| -> Result<()> {
        let path = root.join("pipelines/models").join(file);
        let text = fs::read_to_string(&path)?;
        if text.matches(from).count() != 1 {
            return Err(format!("{file} has not one {from:?}").into());
        }
        Ok(fs::write(&path, text.replace(from, to))?)
    };
    // The last 30 % of shipments by the day they were due; three in ten employees by their number.
    hide(
        "late_delivery.toml",
        "scheduled_month, scheduled_year, late\n",
        "scheduled_month, scheduled_year, CASE WHEN scheduled_on < DATE '2013-08-07' THEN late END AS late\n",
    )?;
    hide(
        "attrition.toml",
        "years_with_manager, attrition\n",
        "years_with_manager, CASE WHEN employee_id % 10 < 7 THEN attrition END AS attrition\n",
    )?;
    let env = BTreeMap::from([("TWINLAKE_DATA".to_string(), data.to_string_lossy().into_owned())]);
    let app = App::open(&root, &env)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_stack_size(8 << 20).enable_all().build()?;
    let timer = Instant::now();
    let summary = runtime.block_on(app.run(Options::default(), Arc::new(Silent)))?;
    if summary.outcome != Outcome::Published {
        return Err(format!("the run failed: {:?}", summary.nodes).into());
    }
    println!("\nrisks: both learned by one run in {:.1} s\n", timer.elapsed().as_secs_f64());
    println!(
        "| risk | model | rows judged | AUC | log loss | calibration error |\n|---|---|--:|--:|--:|--:|"
    );
    let late = "SELECT d.*, p.probability FROM mart.late_delivery AS p \
                JOIN (SELECT * EXCLUDE (scheduled_on, late), scheduled_on < DATE '2013-08-07' AS teaches, CAST(late AS INT) AS outcome \
                FROM core.deliveries) AS d ON d.shipment_id = p.shipment_id WHERE d.outcome IS NOT NULL ORDER BY d.shipment_id";
    let left = "SELECT d.*, p.probability FROM mart.attrition AS p \
                JOIN (SELECT * EXCLUDE (attrition, gender, _source, _source_uri, _source_position, _run_id, _ingested_at), \
                employee_id % 10 < 7 AS teaches, CASE attrition WHEN 'Yes' THEN 1 ELSE 0 END AS outcome FROM hr.employees) AS d \
                ON d.employee_id = p.employee_id ORDER BY d.employee_id";
    for (risk, sql, key) in [("late delivery", late, "shipment_id"), ("attrition", left, "employee_id")] {
        let rows = runtime.block_on(async {
            let session = app.session(&When::Now).await?;
            session.collect(sql).await
        })?;
        let csv = folder.join(format!("{key}.csv"));
        let mut writer = arrow::csv::Writer::new(fs::File::create(&csv)?);
        for batch in &rows {
            writer.write(batch)?;
        }
        drop(writer);
        // Our probabilities are judged by the same code as theirs.
        let Some(python) = python else { continue };
        let task = serde_json::json!({ "csv": csv, "key": key });
        let found: BTreeMap<String, [f64; 4]> = answer(python, "risk", &task)?;
        for (model, [judged, auc, loss, calibration]) in found {
            println!("| {risk} | {model} | {judged} | {auc:.4} | {loss:.4} | {calibration:.4} |");
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    // What a run of the example itself left behind is not part of it.
    let without: BTreeSet<&str> = BTreeSet::from(["lake", "data"]);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if without.contains(name.to_string_lossy().as_ref()) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to.join(name))?,
            false => drop(fs::copy(entry.path(), to.join(name))?),
        }
    }
    Ok(())
}

/// The records of a CSV file without escaped quotes, the header left out.
fn records(path: &Path) -> Result<Vec<Vec<String>>> {
    let mut reader = csv_core::ReaderBuilder::new().build();
    let bytes = fs::read(path)?;
    let (mut rest, mut output, mut ends) = (&bytes[..], vec![0; 1 << 16], vec![0; 256]);
    let mut found = Vec::new();
    loop {
        let (result, read, _, fields) = reader.read_record(rest, &mut output, &mut ends);
        rest = &rest[read..];
        match result {
            csv_core::ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends[..fields].iter().copied());
                let field = |(start, end): (usize, &usize)| {
                    String::from_utf8_lossy(&output[start..*end]).into_owned()
                };
                found.push(starts.zip(&ends[..fields]).map(field).collect());
            }
            csv_core::ReadRecordResult::End => break,
            csv_core::ReadRecordResult::InputEmpty => {}
            other => return Err(format!("{}: {other:?}", path.display()).into()),
        }
    }
    found.remove(0);
    Ok(found)
}

/// Asks the peer: a task as JSON on its standard input, an answer as JSON on its standard output.
fn answer<T: for<'de> Deserialize<'de>>(python: &Path, what: &str, task: &serde_json::Value) -> Result<T> {
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/models_peer.py"))
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("no standard input")?, task)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("the peer failed".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
