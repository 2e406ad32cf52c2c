//! How long a period is, where the declaration does not say: the smallest common step of the observed times.

use chrono::Datelike;

use crate::error::{Error, ErrorKind, Result};
use crate::project::model::Frequency;

use super::calendar::{self, DAY};

/// The frequency of instants in any order, of the column of that name.
///
/// # Errors
/// [`ErrorKind::NoHistory`] where there are fewer than two different times; [`ErrorKind::Model`] where their steps fit no
/// frequency or more than one.
pub(super) fn frequency(instants: &[i64], name: &str) -> Result<Frequency> {
    let mut times = instants.to_vec();
    times.sort_unstable();
    times.dedup();
    if times.len() < 2 {
        return Err(Error::new(
            ErrorKind::NoHistory,
            format!("column {name:?} holds one time only, which does not tell how long a period is"),
        )
        .with_hint("Give `frequency`, such as \"month\", or wait for more periods."));
    }
    let step = common_step(&times);
    let found = if step % DAY == 0 {
        let days: Vec<i64> = times.iter().map(|time| time.div_euclid(DAY)).collect();
        of_days(&days, step / DAY)
    } else if step % 3_600 == 0 {
        Some(Frequency::Hour)
    } else if step % 1_800 == 0 {
        Some(Frequency::HalfHour)
    } else {
        None
    };
    found.ok_or_else(|| {
        Error::new(
            ErrorKind::Model,
            format!(
                "the times of column {name:?} do not tell how long a period is: their common step is {}",
                { if step % DAY == 0 { format!("{} days", step / DAY) } else { format!("{step} seconds") } }
            ),
        )
        .with_hint("Give `frequency`: half_hour, hour, day, week, month, quarter or year.")
    })
}

/// The greatest common divisor of the differences of ascending times.
fn common_step(times: &[i64]) -> i64 {
    times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).fold(0, gcd)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The frequency of ascending days.
fn of_days(days: &[i64], step: i64) -> Option<Frequency> {
    if let Some(step) = months(days) {
        return Some(match step {
            step if step % 12 == 0 => Frequency::Year,
            step if step % 3 == 0 => Frequency::Quarter,
            _ => Frequency::Month,
        });
    }
    match step {
        step if step % 7 == 0 => Some(Frequency::Week),
        // Other steps are days with gaps only where some are next to each other.
        1 => Some(Frequency::Day),
        _ => None,
    }
}

/// The common step in months where all days are the same day of a month, or the last of it; `None` otherwise.
fn months(days: &[i64]) -> Option<i64> {
    let dates = days.iter().map(|day| calendar::date(day * DAY)).collect::<Option<Vec<_>>>()?;
    let first = dates.first()?.day();
    let same = dates.iter().all(|date| date.day() == first);
    let last = days.iter().all(|day| calendar::date((day + 1) * DAY).is_some_and(|next| next.day() == 1));
    if !(same || last) {
        return None;
    }
    let of = |date: &chrono::NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
    let step = dates.windows(2).map(|pair| of(&pair[1]) - of(&pair[0])).fold(0, gcd);
    (step > 0).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let date: chrono::NaiveDate = text.parse().unwrap();
        date.signed_duration_since(chrono::NaiveDate::default()).num_days() * DAY
    }

    fn of(texts: &[&str]) -> Option<Frequency> {
        frequency(&texts.iter().map(|text| at(text)).collect::<Vec<_>>(), "day").ok()
    }

    #[test]
    fn the_common_step_tells() {
        assert_eq!(of(&["2024-03-01", "2024-01-01", "2024-02-01"]), Some(Frequency::Month));
        assert_eq!(of(&["2024-01-31", "2024-02-29", "2024-04-30"]), Some(Frequency::Month));
        assert_eq!(of(&["2024-01-15", "2024-04-15", "2025-01-15"]), Some(Frequency::Quarter));
        assert_eq!(of(&["2024-06-01", "2022-06-01"]), Some(Frequency::Year));
        assert_eq!(of(&["2024-01-01", "2024-01-08", "2024-01-29"]), Some(Frequency::Week));
        assert_eq!(of(&["2024-01-01", "2024-01-04", "2024-01-05"]), Some(Frequency::Day));
        let day = at("2024-01-01");
        assert_eq!(frequency(&[day, day + 7_200, day + 10_800], "t").unwrap(), Frequency::Hour);
        assert_eq!(frequency(&[day, day + 7_200, day + 9_000], "t").unwrap(), Frequency::HalfHour);
    }

    #[test]
    fn what_is_ambiguous_is_refused_with_a_hint() {
        for times in [&[0, 60, 180][..], &[0, 2 * DAY, 6 * DAY][..], &[5][..], &[][..]] {
            let error = frequency(times, "t").unwrap_err();
            assert!(error.hint().is_some() && error.message().contains("\"t\""), "{error}");
        }
    }
}
