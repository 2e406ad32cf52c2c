//! The weather service: one JSON document a month with the observations of every region.

use std::fmt::Write;

use chrono::Datelike;
use rand::Rng;

use super::calendar::{DAYS, MONTHS, date, days_of, month_start};
use super::chance::{normal, stream};
use super::company::REGIONS;
use super::flaw::{Flaw, Schedule};
use super::sink::Sink;
use crate::error::Result;

/// A day's weather in a region, in the tenths that the service reports.
#[derive(Clone, Copy)]
pub(super) struct Weather {
    pub temperature_tenths: i32,
    pub rain_tenths: i32,
    pub sun_tenths: i32,
}

/// The weather of every region and day of history.
pub(super) struct Climate {
    days: Vec<[Weather; REGIONS.len()]>,
}

impl Climate {
    /// A yearly wave with autocorrelated departures from it.
    pub(super) fn draw(seed: u64) -> Self {
        let mut rng = stream(seed, "weather", 0);
        let mut departure = [0.0; REGIONS.len()];
        let days = (0..DAYS).map(|day| {
            std::array::from_fn(|region| {
                departure[region] = 0.8 * departure[region] + 1.7 * normal(&mut rng);
                let rainy = rng.gen_bool(0.42);
                let rain: f64 = if rainy { -4.5 * (1.0 - rng.r#gen::<f64>()).ln() } else { 0.0 };
                let height = 1.0 + (usual(region, day) - REGIONS[region].temperature.0) / 14.0;
                let sun =
                    (rng.gen_range(2.0..9.5) * height.max(0.3) * if rainy { 0.4 } else { 1.0 }).min(16.0);
                Weather {
                    temperature_tenths: ((usual(region, day) + departure[region]) * 10.0).round() as i32,
                    rain_tenths: (rain * 10.0).round() as i32,
                    sun_tenths: (sun * 10.0).round() as i32,
                }
            })
        });
        Self { days: days.collect() }
    }

    pub(super) fn on(&self, region: usize, day: usize) -> Weather {
        self.days[day][region]
    }

    /// Degrees above what is usual for the day of the year.
    pub(super) fn anomaly(&self, region: usize, day: usize) -> f64 {
        f64::from(self.on(region, day).temperature_tenths) / 10.0 - usual(region, day)
    }
}

/// The usual temperature of a day: coldest in mid-January.
fn usual(region: usize, day: usize) -> f64 {
    let (mean, half_span) = REGIONS[region].temperature;
    let of_year = f64::from(date(day).ordinal());
    mean - half_span * (std::f64::consts::TAU * (of_year - 16.0) / 365.25).cos()
}

const RELATION: &str = "weather.observations";

/// Writes `weather/2025/weather_2025-01.json` and so on.
pub(super) fn write(climate: &Climate, sink: &mut Sink<'_>) -> Result<()> {
    for month in 0..MONTHS {
        let start = month_start(month).format("%Y-%m").to_string();
        let mut rows = sink.create(RELATION, &format!("weather/{}/weather_{start}.json", &start[..4]))?;
        let mut document =
            format!("{{\"provider\":\"Skylark Weather\",\"month\":\"{start}\",\"observations\":[\n");
        let days = days_of(month);
        let mut schedule = Schedule::of(RELATION, 1.0, days.len());
        for (slot, day) in days.enumerate() {
            for (region, details) in REGIONS.iter().enumerate() {
                push(&mut document, details.code, day, climate.on(region, day), None);
                rows.count(1);
            }
            while let Some(flaw) = schedule.due(slot) {
                let weather = climate.on(0, day);
                match flaw {
                    Flaw::OutOfRange => push(&mut document, "central", day, weather, Some(999)),
                    _ => push(&mut document, "atlantis", day, weather, None),
                }
                rows.count_flaw(flaw);
            }
        }
        document.truncate(document.len() - ",\n".len());
        document.push_str("\n]}\n");
        rows.text(&document)?;
        sink.close(rows)?;
    }
    Ok(())
}

fn push(document: &mut String, region: &str, day: usize, weather: Weather, broken_sensor: Option<i32>) {
    let tenths = broken_sensor.unwrap_or(weather.temperature_tenths);
    // No rain gauge reports at midwinter frost: the key is simply absent.
    let rain = match weather.temperature_tenths {
        ..-80 => String::new(),
        _ => format!("\"rain_mm\":{:.1},", f64::from(weather.rain_tenths) / 10.0),
    };
    let line = writeln!(
        document,
        "{{\"region\":\"{region}\",\"date\":\"{}\",\"temperature\":{{\"mean_c\":{:.1}}},{rain}\"sunshine_h\":{:.1}}},",
        date(day),
        f64::from(tenths) / 10.0,
        f64::from(weather.sun_tenths) / 10.0,
    );
    line.expect("a String takes all text");
}
