//! Market data: exchange rates as delimited text, a price index as Parquet.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use chrono::Datelike;
use parquet::arrow::ArrowWriter;

use super::calendar::{DAYS, MONTHS, date, days_of, month_start};
use super::chance::{normal, stream};
use super::company::REGIONS;
use super::flaw::{Flaw, Schedule};
use super::sink::{Sink, split};
use crate::error::Result;

/// Units of each region's currency for a euro, day by day.
pub(super) struct Rates {
    days: Vec<[f64; REGIONS.len()]>,
}

impl Rates {
    /// A random walk of a third of a per cent a day, pulled back to where it began.
    pub(super) fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "rates", 0);
        let mut walk = [0.0; REGIONS.len()];
        let days = (0..DAYS).map(|_| {
            std::array::from_fn(|region| {
                walk[region] = 0.995 * walk[region] + 0.003 * normal(&mut rng);
                let own = REGIONS[region].currency != "EUR";
                if own { (REGIONS[region].rate * (1.0 + walk[region]) * 1e4).round() / 1e4 } else { 1.0 }
            })
        });
        Self { days: days.collect() }
    }

    /// The mean of a month's quoted rates.
    pub(super) fn monthly(&self, region: usize, month: usize) -> f64 {
        let quoted: Vec<f64> =
            days_of(month).filter(|day| is_quoted(*day)).map(|day| self.days[day][region]).collect();
        quoted.iter().sum::<f64>() / quoted.len() as f64
    }
}

/// Rates are quoted from Monday to Friday, but not on New Year's Day, on 1 May and at Christmas.
fn is_quoted(day: usize) -> bool {
    let date = date(day);
    let closed = matches!((date.month(), date.day()), (1, 1) | (5, 1) | (12, 25) | (12, 26));
    date.weekday().num_days_from_monday() < 5 && !closed
}

const RATES: &str = "market.exchange_rates";

/// Writes `market/exchange_rates.csv` and `market/price_index.parquet`.
pub(super) fn write(rates: &Rates, seed: u64, sink: &mut Sink<'_>) -> Result<()> {
    exchange_rates(rates, sink)?;
    price_index(seed, sink)
}

/// Days without a quote say `N/A`, as central banks do.
fn exchange_rates(rates: &Rates, sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create(RATES, "market/exchange_rates.csv")?;
    rows.text("# Reference rates: units of the currency for one euro\nDate,Currency,Rate\n")?;
    let mut schedule = Schedule::of(RATES, 1.0, DAYS);
    for day in 0..DAYS {
        let mut last = String::new();
        for (region, details) in REGIONS.iter().enumerate() {
            if details.currency == "EUR" || date(day).weekday().num_days_from_monday() > 4 {
                continue;
            }
            let rate = if is_quoted(day) { format!("{:.4}", rates.days[day][region]) } else { "N/A".into() };
            last = format!("{},{},{rate}", date(day), details.currency);
            rows.row(&last)?;
        }
        if !last.is_empty() && is_quoted(day) {
            while let Some(flaw) = schedule.due(day) {
                let mut fields = split(&last, ',');
                if flaw == Flaw::NegativeQuantity {
                    fields[2] = format!("-{}", fields[2]);
                }
                rows.flawed(flaw, &fields.join(","))?;
            }
        }
    }
    sink.close(rows)
}

/// Consumer prices by month and country, January 2023 being 100.
fn price_index(seed: u64, sink: &mut Sink<'_>) -> Result<()> {
    let mut rng = stream(seed, "prices", 0);
    let mut level = [100.0; REGIONS.len()];
    let (mut months, mut countries, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for month in 0..MONTHS {
        for (region, details) in REGIONS.iter().enumerate() {
            // Days since 1970, as Arrow counts them.
            months.push(month_start(month).num_days_from_ce() - 719_163);
            countries.push(details.country);
            values.push((level[region] * 100.0_f64).round() / 100.0);
            level[region] *= 1.0 + 0.0024 + 0.002 * normal(&mut rng);
        }
    }
    let schema = Arc::new(Schema::new(vec![
        Field::new("Month", DataType::Date32, false),
        Field::new("Country", DataType::Utf8, false),
        Field::new("Index", DataType::Float64, false),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(months)),
        Arc::new(StringArray::from(countries)),
        Arc::new(Float64Array::from(values)),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None)?;
    writer.write(&batch)?;
    writer.close()?;

    let mut rows = sink.create("market.price_index", "market/price_index.parquet")?;
    rows.count(batch.num_rows() as u64);
    rows.bytes(&bytes)?;
    sink.close(rows)
}
