//! Logs of two models that other systems run: what they predicted in 2025, and what happened.
//!
//! `delivery_days` tells customers when a parcel comes; since July its errors grow, because the carrier changed. `basket_fraud`
//! stays as good as it was. Outcomes of the last weeks are not known yet.

use chrono::Datelike;
use rand::Rng;

use super::calendar::{DAYS, MONTHS, date, days_of, month_start};
use super::chance::{normal, stream};
use super::company::Company;
use super::sink::Sink;
use crate::error::Result;

const RELATION: &str = "scoring.predictions";
/// The first month that was logged.
const FROM: usize = MONTHS - 12;
/// Predictions of each model on a day.
const A_DAY: usize = 12;
/// The month from which on `delivery_days` gets worse.
const WORSE_FROM: usize = MONTHS - 6;
/// Days until it is known what happened.
const KNOWN_AFTER: usize = 21;

/// Writes `scoring/predictions_2025-01.csv` and so on.
pub(super) fn write(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    for month in FROM..MONTHS {
        let path = format!("scoring/predictions_{}.csv", month_start(month).format("%Y-%m"));
        let mut rows = sink.create(RELATION, &path)?;
        rows.text("PredictionId,Model,PredictedOn,Region,Prediction,Lower,Upper,Outcome\n")?;
        for day in days_of(month) {
            let mut rng = stream(company.seed, "scoring", day);
            let known = day + KNOWN_AFTER < DAYS;
            let on = date(day);
            for number in 0..A_DAY {
                let region = super::company::REGIONS[number % super::company::REGIONS.len()].code;
                let id = format!("{:03}{number:02}", on.ordinal());
                let expected = rng.gen_range(1.5..7.0);
                let decline = (day as f64 - days_of(WORSE_FROM).start as f64).max(0.0) / (30.4 * 6.0);
                let happened: f64 =
                    (expected + (0.8 + 1.0 * decline) * normal(&mut rng) + 1.2 * decline).max(0.5);
                let outcome = if known { format!("{happened:.1}") } else { String::new() };
                rows.row(&format!(
                    "D{id},delivery_days,{on},{region},{expected:.2},{:.2},{:.2},{outcome}",
                    (expected - 1.3_f64).max(0.0),
                    expected + 1.3,
                ))?;
                let risk: f64 = 1.0 / (1.0 + (-(-2.2 + 1.3 * normal(&mut rng))).exp());
                let fraud = rng.gen_bool(risk);
                let outcome = if known { if fraud { "1" } else { "0" } } else { "" };
                rows.row(&format!("F{id},basket_fraud,{on},{region},{risk:.4},,,{outcome}"))?;
            }
        }
        sink.close(rows)?;
    }
    Ok(())
}
